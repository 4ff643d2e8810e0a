"""Weights of the signals. Written by `python -m tests.bench.matching.fit --write`."""

from __future__ import annotations

from crmdeck.matching.confidence import Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 2.915,
        "closest": 3.16,
        "type": 3.303,
        "owner": 1.998,
        "cosine": 2.973,
        "csls": 4.457,
    },
    against={
        "other_owner": 2.028,
        "shell": 6.0,
        "twin": 2.423,
        "secondary": 1.817,
        "locked": 1.624,
    },
    curve={
        "any": -2.4731,
        "score": 0.7125,
        "column": 0.878,
        "conflict": -1.792,
        "record_id": 1.9,
        "foreign": 0.4415,
        "foreign_score": 0.1738,
    },
)

WITHOUT_ENCODER = Profile(
    signals={"concept": 3.615, "closest": 6.643, "type": 3.237, "owner": 2.42},
    against={
        "other_owner": 2.009,
        "shell": 6.0,
        "twin": 2.284,
        "secondary": 2.284,
        "locked": 1.402,
    },
    curve={
        "any": -3.414,
        "score": 0.8218,
        "column": 1.0998,
        "conflict": -0.7545,
        "record_id": 1.9,
        "foreign": 0.0,
        "foreign_score": 0.0,
    },
)
