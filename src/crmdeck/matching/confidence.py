"""Turn scores into probabilities of each pair, and of no match.

The right fields and "no match" share one probability for each left field, and the left fields share
one for each right field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

# The inputs of the probability; see `pair_features` of the ranker.
FEATURES = (
    "any",
    "score",
    "column",
    "conflict",
    "record_id",
    "foreign",
    "foreign_score",
)
MIN_DECISIONS = 30
# Confidence never claims certainty.
FLOOR, CEILING = 0.001, 0.995
# Rows and columns take turns. Two rows that only want the same column halve its share each time.
_ROUNDS = 30
_MAX_LOG_ODDS = 30
# Weight of the ranker's own confidence against the decisions.
_PRIOR_STRENGTH = 10.0


@dataclass(frozen=True)
class Profile:
    """The fitted numbers of a ranker.

    The weights of `signals` count for a pair and those of `against` against it; none is negative.
    `curve` are the weights of the `FEATURES` in the log-odds of a pair against no match.
    """

    signals: Mapping[str, float]
    against: Mapping[str, float]
    curve: Mapping[str, float]


def pair_odds(
    score: Matrix, planes: Mapping[str, Matrix], curve: Mapping[str, float]
) -> NDArray[np.float64]:
    """Return the odds of each pair against no match; 0 for excluded pairs."""
    logged = sum(np.float32(curve[name]) * plane for name, plane in planes.items())
    limited = np.where(np.isfinite(score), np.minimum(logged, _MAX_LOG_ODDS), -np.inf)
    odds: NDArray[np.float64] = np.exp(limited.astype(float))
    return odds


def probabilities(
    odds: NDArray[np.float64], twins: NDArray[np.bool_], undecided: NDArray[np.bool_]
) -> Matrix:
    """Return the probability of each pair; the rest to 1 in a row is that of no match.

    The probabilities of a column add up to 1 at most too, as only one row can have it. `twins` are
    pairs that don't share: several rows may truly mean their column. Rows that aren't `undecided`
    take nothing from the others.
    """
    shareable = np.where(twins, 0, odds)
    own = 1 + np.where(twins, odds, 0).sum(axis=1)
    column = np.ones(odds.shape[1])
    for _ in range(_ROUNDS):
        none = 1 / (own + shareable @ column)
        column = 1 / np.maximum((none * undecided) @ shareable, 1)
    none = 1 / (own + shareable @ column)
    column /= np.maximum((none * undecided) @ shareable * column, 1)
    shared: Matrix = none[:, None] * np.where(twins, odds, odds * column)
    return shared.astype(np.float32)


def log_softmax(score: Matrix, axis: int) -> Matrix:
    """Return the logarithm of each score's share along an axis; -inf stays -inf."""
    top = score.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    shifted = score - top
    with np.errstate(divide="ignore", invalid="ignore"):
        logged: Matrix = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    # A row or column of -inf only stays -inf.
    return np.nan_to_num(logged, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)


def assign(probability: Matrix, choices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the column of each row or -1, most probable pair first, each column once.

    Only the row's first columns, its `choices`, count, so that no row gets a very unlikely one.
    """
    # Greedy: an optimal assignment changes no figure of the evaluation.
    values = np.take_along_axis(probability, choices, axis=1)
    order = np.argsort(-values, axis=None, kind="stable")
    depth = choices.shape[1]
    chosen = np.full(len(probability), -1, np.intp)
    taken = np.zeros(probability.shape[1], bool)
    for flat in order.tolist():
        row, place = divmod(flat, depth)
        column = choices[row, place]
        if chosen[row] < 0 and not taken[column] and values[row, place] > 0:
            chosen[row] = column
            taken[column] = True
    return chosen


def recalibrate(probability: Matrix, decided: Sequence[tuple[float, bool]]) -> Matrix:
    """Return the probabilities recalibrated by earlier decisions, from 0.001 to 0.995.

    `decided` are the confidences of decided pairs, and whether they were accepted. From thirty
    on, all log-odds shift by the same amount, so that the order stays. Zero stays zero.
    """
    bounded = np.clip(probability, FLOOR, CEILING)
    if len(decided) >= MIN_DECISIONS:
        shown = np.clip(np.array([value for value, _ in decided]), FLOOR, CEILING)
        accepted = float(sum(kept for _, kept in decided))
        logit = np.log(shown / (1 - shown))
        shift = 0.0
        for _ in range(25):
            expected = 1 / (1 + np.exp(-(logit + shift)))
            slope = float((expected * (1 - expected)).sum()) + 1 / _PRIOR_STRENGTH
            shift += (accepted - float(expected.sum()) - shift / _PRIOR_STRENGTH) / slope
        odds = np.log(bounded / (1 - bounded)) + shift
        bounded = np.clip(1 / (1 + np.exp(-odds)), FLOOR, CEILING)
    moved: Matrix = np.where(probability > 0, bounded, 0).astype(np.float32)
    return moved
