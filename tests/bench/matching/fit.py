"""Fit what the ranker's signals weigh, and write `crmdeck/matching/weights.py`.

    python -m tests.bench.matching.fit            # show what would be written
    python -m tests.bench.matching.fit --write    # write it

Weights maximise the probability of the true pairs after both sides chose (softmax over rows and
over columns), are never negative, and are drawn towards small values. Each set counts the same.
Each is seen twice: with what the lexicon knows and without, so that the other signals learn to
carry a schema that the lexicon has never heard of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching import calibration, scoring
from crmdeck.matching.context import RankContext
from crmdeck.matching.encoder import Encoder
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.measure import AGAINST, LEXICAL, MEANING, Measured, measure
from crmdeck.matching.profile import Calibration, Profile

from .sets import GoldSet

Matrix = NDArray[np.float32]

STEPS = 400
RATE = 0.05
# Pulls each weight towards zero; the likelihood is a mean over sets.
RIDGE = 0.002
START = 1.0


@dataclass(frozen=True)
class Problem:
    """One set, measured: the planes of all signals, and where the true pairs are."""

    gold: GoldSet
    measured: Measured
    planes: Matrix
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


def problem(gold: GoldSet, knowledge: Knowledge, encoder: Encoder | None) -> Problem:
    """Measure a set. Nothing is known of its objects but the fields, as in `crmdeck match`."""
    measured = measure(
        gold.left, gold.right, context=RankContext(), knowledge=knowledge, encoder=encoder
    )
    return from_measured(gold, measured, encoder is not None)


def from_measured(gold: GoldSet, measured: Measured, encoded: bool) -> Problem:
    names = [*LEXICAL, *(MEANING if encoded else ())]
    planes = np.stack(
        [measured.signals[name] for name in names] + [-measured.against[name] for name in AGAINST]
    )
    left = {field.name: place for place, field in reversed(list(enumerate(gold.left)))}
    right = {field.name: place for place, field in reversed(list(enumerate(gold.right)))}
    found = [
        (left[one], right[other])
        for one, other in gold.pairs.items()
        if one in left and other in right
    ]
    return Problem(
        gold,
        measured,
        planes.astype(np.float32),
        np.array([row for row, _ in found], np.intp),
        np.array([column for _, column in found], np.intp),
    )


def without_lexicon(one: Problem) -> Problem:
    """Return the problem as it looks where the lexicon knows neither schema."""
    planes = one.planes.copy()
    planes[LEXICAL.index("concept")] = 0
    planes[len(planes) - len(AGAINST) + AGAINST.index("conflict")] = 0
    return replace(one, planes=planes)


def fit_weights(problems: Sequence[Problem]) -> NDArray[np.float64]:
    """Return non-negative weights, one a plane (Adam with projection; deterministic)."""
    planes = problems[0].planes.shape[0]
    weights = np.full(planes, START)
    mean, square = np.zeros(planes), np.zeros(planes)
    for step in range(1, STEPS + 1):
        gradient = np.zeros(planes)
        for one in problems:
            gradient += _gradient(one, weights)
        gradient = gradient / len(problems) - RIDGE * weights
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        update = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        weights = np.maximum(weights + RATE * update, 0)
    return weights


def _gradient(one: Problem, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    score = np.tensordot(weights.astype(np.float32), one.planes, axes=1)
    true = one.planes[:, one.rows, one.columns]
    by_row = _softmax(score[one.rows], axis=1)
    by_column = _softmax(score[:, one.columns], axis=0)
    expected = np.einsum("krc,rc->k", one.planes[:, one.rows], by_row)
    expected += np.einsum("krc,rc->k", one.planes[:, :, one.columns], by_column)
    found: NDArray[np.float64] = (2 * true.sum(axis=1) - expected) / len(one.rows)
    return found.astype(np.float64)


def _softmax(score: Matrix, axis: int) -> Matrix:
    shifted = np.exp(score - score.max(axis=axis, keepdims=True))
    share: Matrix = shifted / shifted.sum(axis=axis, keepdims=True)
    return share


def fit_calibration(
    samples: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> Calibration:
    """Return the logistic curve over (score, row margin, column margin); slopes not negative."""
    features = np.concatenate([one for one, _ in samples])
    truth = np.concatenate([one for _, one in samples])
    sizes = np.concatenate([np.full(len(one), 1 / len(one)) for _, one in samples])
    share = sizes / sizes.sum()
    design = np.column_stack([np.ones(len(features)), features])
    values = np.zeros(design.shape[1])
    mean, square = np.zeros_like(values), np.zeros_like(values)
    for step in range(1, 3001):
        expected = 1 / (1 + np.exp(-design @ values))
        gradient = design.T @ (share * (truth - expected)) - 0.001 * values * np.array([0, 1, 1, 1])
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        values += 0.02 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
        values[1:] = np.maximum(values[1:], 0)
    return Calibration(*(round(float(value), 4) for value in values))


def calibration_sample(
    one: Problem, profile: Profile
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the features of the pairs that `profile` suggests in a set, and which are true."""
    score = scoring.scores(one.measured, profile)
    chosen = scoring.assign(scoring.compete(score))
    row_margin, column_margin = calibration.margins(score)
    truth = dict(zip(one.rows.tolist(), one.columns.tolist(), strict=True))
    features, right = [], []
    for row, column in enumerate(chosen.tolist()):
        if column < 0 or (row not in truth and not one.gold.exhaustive):
            continue
        features.append((score[row, column], row_margin[row, column], column_margin[row, column]))
        right.append(truth.get(row) == column)
    return np.array(features, float), np.array(right, float)


def profile_of(weights: NDArray[np.float64], encoded: bool, curve: Calibration) -> Profile:
    """Return the weights by name."""
    names = [*LEXICAL, *(MEANING if encoded else ())]
    values = [round(float(value), 3) for value in weights]
    return Profile(
        signals=dict(zip(names, values[: len(names)], strict=True)),
        against=dict(zip(AGAINST, values[len(names) :], strict=True)),
        calibration=curve,
    )


def fit_profile(problems: Sequence[Problem], encoded: bool) -> Profile:
    """Fit weights on all problems, then the confidence on families left out in turn."""
    seen = [*problems, *map(without_lexicon, problems)]
    profile = profile_of(fit_weights(seen), encoded, Calibration(0, 0, 0, 0))
    samples: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for family in sorted({one.gold.family for one in problems}):
        kept = [one for one in seen if one.gold.family != family]
        held = [one for one in problems if one.gold.family == family]
        other = profile_of(fit_weights(kept), encoded, profile.calibration) if kept else profile
        samples.extend(calibration_sample(one, other) for one in held)
    return replace(profile, calibration=fit_calibration(samples))
