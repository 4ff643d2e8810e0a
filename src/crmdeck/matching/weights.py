"""What each signal weighs. Written by `python -m tests.bench.matching.fit --write`."""

from __future__ import annotations

from crmdeck.matching.confidence import Profile

WITH_ENCODER = Profile(
    signals={
        "concept": 3.1,
        "closest": 2.911,
        "label": 1.591,
        "words": 2.532,
        "type": 3.231,
        "values": 2.078,
        "owner": 2.223,
        "short_cosine": 3.194,
        "long_cosine": 2.22,
    },
    against={
        "other_owner": 2.027,
        "shell": 6.0,
        "twin": 2.734,
        "secondary": 2.694,
        "locked": 1.557,
    },
    curve={
        "any": -3.7757,
        "score": 0.5759,
        "column": 1.0298,
        "concept": 0.6212,
        "conflict": -0.7276,
        "record_id": 2.2509,
    },
)

WITHOUT_ENCODER = Profile(
    signals={
        "concept": 3.337,
        "closest": 3.831,
        "label": 2.625,
        "words": 3.637,
        "type": 3.523,
        "values": 2.229,
        "owner": 2.476,
    },
    against={"other_owner": 2.01, "shell": 6.0, "twin": 2.534, "secondary": 2.653, "locked": 1.613},
    curve={
        "any": -3.7102,
        "score": 0.5913,
        "column": 1.0379,
        "concept": 0.7078,
        "conflict": -0.5893,
        "record_id": 2.1702,
    },
)
