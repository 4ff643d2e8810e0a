"""Weights of the signals. Written by `python -m tests.bench.matching.fit --write`."""

from __future__ import annotations

from crmdeck.matching.confidence import Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 2.911,
        "closest": 3.176,
        "type": 3.283,
        "owner": 1.998,
        "cosine": 2.986,
        "csls": 4.454,
    },
    against={
        "other_owner": 2.028,
        "shell": 6.0,
        "twin": 2.428,
        "secondary": 1.817,
        "locked": 1.622,
    },
    curve={"any": -2.474, "score": 0.7141, "column": 0.878, "conflict": -1.8048, "record_id": 1.9},
)

WITHOUT_ENCODER = Profile(
    signals={"concept": 3.633, "closest": 6.652, "type": 3.193, "owner": 2.423},
    against={
        "other_owner": 2.009,
        "shell": 6.0,
        "twin": 2.289,
        "secondary": 2.287,
        "locked": 1.398,
    },
    curve={"any": -3.318, "score": 0.8133, "column": 1.138, "conflict": -0.7392, "record_id": 1.9},
)
