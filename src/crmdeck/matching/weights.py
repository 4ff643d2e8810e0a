"""Weights of the signals. Written by `python -m tests.bench.matching.fit --write`."""

from __future__ import annotations

from crmdeck.matching.confidence import Profile

WITH_ENCODER = Profile(
    signals={"concept": 2.861, "closest": 3.563, "type": 3.231, "csls": 5.687},
    against={"shell": 6.0, "twin": 2.391, "secondary": 1.759, "locked": 1.573},
    curve={
        "any": -2.2408,
        "score": 0.7925,
        "column": 0.8703,
        "conflict": -1.6686,
        "record_id": 1.9,
        "foreign": 0.4696,
        "foreign_score": 0.1888,
    },
)

WITHOUT_ENCODER = Profile(
    signals={"concept": 3.586, "closest": 6.651, "type": 3.186},
    against={"shell": 6.0, "twin": 2.285, "secondary": 2.399, "locked": 1.4},
    curve={
        "any": -3.4652,
        "score": 0.8349,
        "column": 1.0416,
        "conflict": -0.7385,
        "record_id": 1.9,
        "foreign": 0.0,
        "foreign_score": 0.0,
    },
)
