"""What each signal weighs. Written by `python -m tests.bench.matching.fit --write`."""

from __future__ import annotations

from crmdeck.matching.confidence import Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 2.889,
        "closest": 2.886,
        "label": 1.746,
        "words": 2.462,
        "type": 3.642,
        "values": 2.087,
        "owner": 2.276,
        "short_cosine": 3.155,
        "long_cosine": 2.292,
    },
    against={
        "other_owner": 2.151,
        "shell": 6.0,
        "twin": 2.713,
        "secondary": 2.629,
        "locked": 1.504,
    },
    curve={
        "any": -3.7416,
        "score": 0.5689,
        "column": 0.9919,
        "concept": 0.3756,
        "conflict": -0.946,
        "record_id": 2.31,
    },
)

WITHOUT_ENCODER = Profile(
    signals={
        "concept": 3.161,
        "closest": 3.823,
        "label": 2.751,
        "words": 3.612,
        "type": 3.938,
        "values": 2.236,
        "owner": 2.53,
    },
    against={
        "other_owner": 2.155,
        "shell": 6.0,
        "twin": 2.522,
        "secondary": 2.558,
        "locked": 1.612,
    },
    curve={
        "any": -3.6934,
        "score": 0.5862,
        "column": 1.0123,
        "concept": 0.4307,
        "conflict": -0.871,
        "record_id": 2.2149,
    },
)
