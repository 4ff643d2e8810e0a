"""Weights of the signals. Written by `python -m tests.bench.matching.fit --write`."""

from __future__ import annotations

from crmdeck.matching.confidence import Profile

WITH_ENCODER = Profile(
    signals={"concept": 2.83, "closest": 2.034, "type": 3.294, "csls": 4.171, "soft": 3.17},
    against={"shell": 6.0, "twin": 2.421, "secondary": 1.919, "locked": 1.762},
    curve={
        "any": -2.6814,
        "score": 0.7316,
        "column": 0.7548,
        "conflict": -1.712,
        "record_id": 1.9,
        "foreign": 0.4768,
        "foreign_score": 0.1526,
    },
)

WITHOUT_ENCODER = Profile(
    signals={"concept": 3.566, "closest": 6.629, "type": 3.17},
    against={"shell": 6.0, "twin": 2.274, "secondary": 2.387, "locked": 1.363},
    curve={
        "any": -4.2413,
        "score": 0.8759,
        "column": 0.9616,
        "conflict": -0.7809,
        "record_id": 1.9,
        "foreign": 0.0,
        "foreign_score": 0.0,
    },
)
