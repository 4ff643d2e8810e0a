"""The fitted numbers of a ranker: what signals weigh, and how scores become confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """A logistic curve from a pair's score and its lead on both sides to a probability."""

    intercept: float
    score: float
    row_margin: float
    column_margin: float


@dataclass(frozen=True)
class Profile:
    """What one ranker weighs: `signals` for a pair, `against` it, none of them negative."""

    signals: Mapping[str, float]
    against: Mapping[str, float]
    calibration: Calibration
