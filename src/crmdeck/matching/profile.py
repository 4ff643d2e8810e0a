"""The fitted numbers of a ranker: what signals weigh, and how scores become confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """A logistic curve from what speaks for a pair and its lead on both sides to a probability.

    `naming` weighs the score without the part of the types: fitting types name nothing.
    """

    intercept: float
    naming: float
    row_margin: float
    column_margin: float


@dataclass(frozen=True)
class Profile:
    """What one ranker weighs: `signals` for a pair, `against` it, none of them negative."""

    signals: Mapping[str, float]
    against: Mapping[str, float]
    calibration: Calibration
