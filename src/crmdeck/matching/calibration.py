"""From scores to confidence: the probability that the operator accepts the pair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.profile import Calibration

Matrix = NDArray[np.float32]

# A lead beyond this says no more.
MAX_MARGIN = 6.0
MIN_DECISIONS = 30
# Confidence never claims to be sure.
_FLOOR, _CEILING = 0.001, 0.995
# How much the ranker's own confidence weighs against what the operator decided.
_PRIOR_STRENGTH = 10.0


def margins(scores: Matrix) -> tuple[Matrix, Matrix]:
    """Return each pair's lead over its row's and over its column's best other pair.

    Negative where another is better, and bounded; a pair without a rival leads by the bound.
    """
    return _lead(scores), _lead(scores.T).T


def confidence(scores: Matrix, naming: Matrix, calibration: Calibration) -> Matrix:
    """Return the probability of each pair; `naming` are the scores without the types' part."""
    row, column = margins(scores)
    logit = (
        calibration.intercept
        + calibration.naming * naming
        + calibration.row_margin * row
        + calibration.column_margin * column
    )
    probability: Matrix = np.clip(1 / (1 + np.exp(-logit)), _FLOOR, _CEILING).astype(np.float32)
    probability[~np.isfinite(scores)] = 0
    return probability


def recalibrate(probability: Matrix, decided: Sequence[tuple[float, bool]]) -> Matrix:
    """Return the probabilities as the operator's decisions make them.

    `decided` are confidences shown and whether the pair was accepted. Nothing changes before
    thirty of them; after that all log-odds shift together, so the order stays.
    """
    if len(decided) < MIN_DECISIONS:
        return probability
    shown = np.clip(np.array([value for value, _ in decided]), _FLOOR, _CEILING)
    accepted = float(sum(kept for _, kept in decided))
    logit = np.log(shown / (1 - shown))
    shift = 0.0
    for _ in range(25):
        expected = 1 / (1 + np.exp(-(logit + shift)))
        slope = float((expected * (1 - expected)).sum()) + 1 / _PRIOR_STRENGTH
        shift += (accepted - float(expected.sum()) - shift / _PRIOR_STRENGTH) / slope
    bounded = np.clip(probability, _FLOOR, _CEILING)
    odds = np.log(bounded / (1 - bounded)) + shift
    shifted = np.clip(1 / (1 + np.exp(-odds)), _FLOOR, _CEILING).astype(np.float32)
    shifted[probability == 0] = 0
    moved: Matrix = shifted
    return moved


def _lead(scores: Matrix) -> Matrix:
    rows, columns = scores.shape
    if columns < 2:
        return np.full(scores.shape, MAX_MARGIN, np.float32)
    top = np.partition(scores, columns - 2, axis=1)[:, -2:]
    second, best = top[:, :1], top[:, 1:]
    place = scores.argmax(axis=1)
    rival = np.broadcast_to(best, scores.shape).copy()
    rival[np.arange(rows), place] = second[:, 0]
    with np.errstate(invalid="ignore"):
        lead = np.nan_to_num(scores - rival, nan=0.0, posinf=MAX_MARGIN, neginf=-MAX_MARGIN)
    bounded: Matrix = np.clip(lead, -MAX_MARGIN, MAX_MARGIN).astype(np.float32)
    return bounded
