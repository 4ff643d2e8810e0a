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
        "certain": -5.2946,
        "score": 0.6925,
        "type": 0.2071,
        "column": 0.8176,
        "concept": 0.8391,
        "missing": -0.2988,
        "words": -1.8361,
        "meaning": 0.0028,
        "record_id": 2.1055,
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
        "certain": -5.0543,
        "score": 0.6956,
        "type": 0.1821,
        "column": 0.9192,
        "concept": 0.6976,
        "missing": -0.352,
        "words": -1.5349,
        "meaning": 0.0,
        "record_id": 2.0931,
    },
)
