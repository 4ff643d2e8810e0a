"""From scores to probabilities: of each pair, and of there being no partner at all.

A left field has one of the right fields for its partner, or none: all these choices share one
probability, so that what is sure of one is unsure of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]

# What the probability is put together from; see `features`.
FEATURES = (
    "any",
    "score",
    "column",
    "conflict",
    "record_id",
)
MIN_DECISIONS = 30
# Confidence never claims to be sure.
FLOOR, CEILING = 0.001, 0.995
# A rival in the column beyond this says no more.
_MAX_RIVAL = -4.0
# How much the ranker's own confidence weighs against what the operator decided.
_PRIOR_STRENGTH = 10.0


@dataclass(frozen=True)
class Profile:
    """The fitted numbers of a ranker.

    `signals` speak for a pair, `against` it, none of them negative; `curve` leads from the
    `FEATURES` of a pair to the log-odds of its probability against that of no partner.
    """

    signals: Mapping[str, float]
    against: Mapping[str, float]
    curve: Mapping[str, float]


def features(
    score: Matrix, concept: Matrix, left: Vector, right: Vector, record_id: Matrix
) -> dict[str, Matrix]:
    """Return what the probability of each pair is made of.

    `any`: that there is a partner at all. `score` is what all signals say, `column` how much the
    right field prefers this left field, 0 at the best, `conflict` how sure it is (`left`, `right`)
    that both are known, and not as one `concept`. A record's own id against another's
    (`record_id`) goes by convention, whatever else the two resemble.
    """
    found = {
        "any": np.ones_like(score),
        "score": np.where(np.isfinite(score), score, 0),
        "column": np.maximum(log_softmax(score, axis=0), _MAX_RIVAL),
        "conflict": np.where(concept > 0, 0, np.outer(left, right)),
    }
    named = {name: plane * (1 - record_id) for name, plane in found.items()}
    return {**named, "record_id": record_id}


def probabilities(
    score: Matrix, planes: Mapping[str, Matrix], curve: Mapping[str, float]
) -> Matrix:
    """Return the probability of each pair; what is missing from 1 in a row is that of none."""
    odds = sum(np.float32(curve[name]) * plane for name, plane in planes.items())
    odds = np.where(np.isfinite(score), odds, -np.inf)
    top = np.maximum(odds.max(axis=1, keepdims=True), 0)
    raised = np.exp(odds - top)
    shared: Matrix = raised / (np.exp(-top) + raised.sum(axis=1, keepdims=True))
    return shared.astype(np.float32)


def log_softmax(score: Matrix, axis: int) -> Matrix:
    """Return the logarithm of each score's share along an axis; -inf stays what it is."""
    top = score.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    shifted = score - top
    with np.errstate(divide="ignore", invalid="ignore"):
        logged: Matrix = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    # A row or column that is out of the race altogether stays out.
    return np.nan_to_num(logged, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)


def assign(probability: Matrix, choices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each row its column or -1, greedily from the surest pair on, each column once.

    Only `choices`, a row's first ones, count, so that a weak row does not end with its last.
    """
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
    """Return the probabilities as the operator's decisions make them, within 0.001 and 0.995.

    `decided` are confidences shown and whether the pair was accepted. Nothing else changes before
    thirty of them; after that all log-odds shift together, so the order stays. What can't be
    (0) stays 0.
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
