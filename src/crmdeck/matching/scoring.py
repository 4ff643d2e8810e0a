"""Signals weighed into scores, both sides competing, one right field given out once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.measure import Measured
from crmdeck.matching.profile import Profile

Matrix = NDArray[np.float32]

MAX_ALTERNATIVES = 5


def scores(measured: Measured, profile: Profile) -> Matrix:
    """Return the weighed sum of all signals for each pair, less what speaks against it."""
    shape = (len(measured.left), len(measured.right))
    total = np.zeros(shape, np.float32)
    for name, weight in profile.signals.items():
        if weight and name in measured.signals:
            total += np.float32(weight) * measured.signals[name]
    for name, weight in profile.against.items():
        if weight:
            total -= np.float32(weight) * measured.against[name]
    return total


def naming(score: Matrix, measured: Measured, profile: Profile) -> Matrix:
    """Return the scores without the types' part; 0 for pairs that are out of the race."""
    part = np.float32(profile.signals.get("type", 0.0)) * measured.signals["type"]
    return np.where(np.isfinite(score), score - part, np.float32(0))


def compete(score: Matrix) -> Matrix:
    """Return log-probabilities after both sides chose: softmax over rows and over columns."""
    return _log_softmax(score, axis=1) + _log_softmax(score, axis=0)


def assign(standing: Matrix) -> NDArray[np.intp]:
    """Return for each row its column or -1, greedily from the best pair on, each column once.

    Only the first of a row's choices count, so that a weak row does not end with its last.
    """
    rows, columns = standing.shape
    depth = min(columns, MAX_ALTERNATIVES + 1)
    choices = np.argsort(-standing, axis=1, kind="stable")[:, :depth]
    values = np.take_along_axis(standing, choices, axis=1)
    order = np.argsort(-values, axis=None, kind="stable")
    chosen = np.full(rows, -1, np.intp)
    taken = np.zeros(columns, bool)
    for flat in order.tolist():
        row, place = divmod(flat, depth)
        column = choices[row, place]
        if chosen[row] < 0 and not taken[column] and np.isfinite(values[row, place]):
            chosen[row] = column
            taken[column] = True
    return chosen


def _log_softmax(score: Matrix, axis: int) -> Matrix:
    top = score.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    shifted = score - top
    with np.errstate(divide="ignore"):
        logged: Matrix = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    # A row or column that is out of the race altogether stays out.
    return np.nan_to_num(logged, nan=-np.inf, posinf=-np.inf, neginf=-np.inf)
