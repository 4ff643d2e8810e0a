"""What each signal weighs. Written by `python -m tests.bench.matching.fit --write`."""

from __future__ import annotations

from crmdeck.matching.confidence import Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 3.166,
        "closest": 4.303,
        "type": 3.007,
        "values": 2.082,
        "owner": 2.093,
        "short_cosine": 3.698,
        "long_cosine": 2.893,
    },
    against={
        "other_owner": 2.026,
        "shell": 6.0,
        "twin": 2.686,
        "secondary": 2.638,
        "locked": 1.467,
    },
    curve={
        "any": -3.7196,
        "score": 0.7144,
        "column": 1.0633,
        "conflict": -1.0089,
        "record_id": 1.9,
    },
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
