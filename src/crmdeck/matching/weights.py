"""Weights of the signals. Written by `python -m tests.bench.matching.fit --write`."""

from __future__ import annotations

from crmdeck.matching.confidence import Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 3.203,
        "closest": 4.763,
        "type": 2.996,
        "values": 2.14,
        "owner": 2.149,
        "cosine": 4.634,
    },
    against={"other_owner": 2.008, "shell": 6.0, "twin": 2.46, "secondary": 2.533, "locked": 1.478},
    curve={"any": -3.554, "score": 0.7303, "column": 1.1096, "conflict": -0.9862, "record_id": 1.9},
)

WITHOUT_ENCODER = Profile(
    signals={"concept": 3.616, "closest": 6.647, "type": 3.169, "values": 2.341, "owner": 2.421},
    against={
        "other_owner": 2.009,
        "shell": 6.0,
        "twin": 2.289,
        "secondary": 2.286,
        "locked": 1.396,
    },
    curve={
        "any": -3.3047,
        "score": 0.8123,
        "column": 1.1485,
        "conflict": -0.7424,
        "record_id": 1.9,
    },
)
