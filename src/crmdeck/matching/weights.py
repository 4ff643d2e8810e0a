"""Weights of the signals. Written by `python -m tests.bench.matching.fit --write`."""

from __future__ import annotations

from crmdeck.matching.confidence import Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 2.918,
        "closest": 3.163,
        "type": 3.305,
        "owner": 1.998,
        "cosine": 2.968,
        "csls": 4.453,
    },
    against={
        "other_owner": 2.028,
        "shell": 6.0,
        "twin": 2.423,
        "secondary": 1.817,
        "locked": 1.624,
    },
    curve={
        "any": -2.4871,
        "score": 0.7166,
        "column": 0.8796,
        "conflict": -1.7911,
        "record_id": 1.9,
        "foreign": 0.4505,
        "foreign_score": 0.1711,
    },
)

WITHOUT_ENCODER = Profile(
    signals={"concept": 3.615, "closest": 6.641, "type": 3.236, "owner": 2.419},
    against={
        "other_owner": 2.009,
        "shell": 6.0,
        "twin": 2.284,
        "secondary": 2.284,
        "locked": 1.402,
    },
    curve={
        "any": -3.3985,
        "score": 0.8234,
        "column": 1.1074,
        "conflict": -0.7589,
        "record_id": 1.9,
        "foreign": 0.0,
        "foreign_score": 0.0,
    },
)
