"""Fit what the ranker's signals weigh, and write `crmdeck/matching/weights.py`.

    python -m tests.bench.matching.fit            # show what would be written
    python -m tests.bench.matching.fit --write    # write it

Weights maximise the probability of the true pairs after both sides chose (softmax over rows and
over columns), are never negative, and are drawn towards small values. Each set counts the same.
Each is seen twice: with what the lexicon knows and without, so that the other signals learn to
carry a schema that the lexicon has never heard of.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching import calibration, scoring
from crmdeck.matching.context import RankContext
from crmdeck.matching.encoder import Encoder, SentenceEncoder
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.measure import AGAINST, LEXICAL, MEANING, Measured, measure
from crmdeck.matching.profile import Calibration, Profile
from crmdeck.workspace.knowledge import load_knowledge

from .sets import ROOT, GoldSet, hand_made_sets, shared_sets

Matrix = NDArray[np.float32]

WEIGHTS = ROOT / "src" / "crmdeck" / "matching" / "weights.py"
# What `evaluate` printed for weights fitted this way; it goes into the head of `weights.py`.
FIGURES = Path(__file__).resolve().parent / "figures.txt"

STEPS = 300
RATE = 0.05
# Pulls each weight towards PRIOR; the likelihood is a mean over sets.
RIDGE = 0.005
# What a signal weighs about which the sets say nothing.
PRIOR = 2.0
START = 1.0
# Not fitted: a shell can't be written, so one of its parts comes first.
SHELL = 6.0
# Taken off the fitted log-odds: to claim too much costs an admin more than to claim too little.
CAUTION = 0.4
NO_CALIBRATION = Calibration(0.0, 0.0, 0.0, 0.0)
# Families are left out in this many groups when confidence is fitted.
FOLDS = 5


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
    return from_measured(gold, measured)


def from_measured(gold: GoldSet, measured: Measured) -> Problem:
    """Return the planes of what was measured of a set."""
    names = [*LEXICAL, *(MEANING if "short_cosine" in measured.signals else ())]
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


@dataclass(frozen=True)
class _Choices:
    """All choices that the true pairs make: of a row among its columns, of a column among rows.

    `values` holds a line for each candidate, `starts` where each choice begins, `true` the line
    of its true candidate, `shares` its weight: each set counts the same.
    """

    values: Matrix
    starts: NDArray[np.intp]
    true: NDArray[np.intp]
    shares: NDArray[np.float64]


def _choices(problems: Sequence[Problem]) -> _Choices:
    values, starts, true, shares = [], [], [], []
    place = 0
    for one in problems:
        for row, column in zip(one.rows.tolist(), one.columns.tolist(), strict=True):
            for lines, chosen in ((one.planes[:, row], column), (one.planes[:, :, column], row)):
                values.append(lines.T)
                starts.append(place)
                true.append(place + chosen)
                shares.append(1 / (len(one.rows) * len(problems)))
                place += lines.shape[1]
    return _Choices(
        np.concatenate(values), np.array(starts), np.array(true), np.array(shares, float)
    )


def fit_weights(problems: Sequence[Problem], without: Collection[str] = ()) -> NDArray[np.float64]:
    """Return non-negative weights, one a plane (Adam with projection; deterministic).

    The signals named in `without` weigh nothing.
    """
    names = names_of(problems[0].planes.shape[0])
    used = np.array([name not in without for name in names])
    shell = names.index("shell")
    choices = _choices(problems)
    lengths = np.diff([*choices.starts, len(choices.values)])
    owner = np.repeat(np.arange(len(lengths)), lengths)
    target = choices.shares @ choices.values[choices.true]
    weights = np.full(choices.values.shape[1], START)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        score = choices.values @ weights.astype(np.float32)
        odds = np.exp(score - np.maximum.reduceat(score, choices.starts)[owner])
        share = odds * (choices.shares / np.add.reduceat(odds, choices.starts))[owner]
        gradient = target - share.astype(np.float32) @ choices.values - RIDGE * (weights - PRIOR)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        update = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        weights = np.maximum(weights + RATE * update, 0) * used
        weights[shell] = SHELL * used[shell]
    return weights


def fit_calibration(
    samples: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> Calibration:
    """Return the logistic curve over (naming, row margin, column margin); slopes not negative."""
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
    values[0] -= CAUTION
    return Calibration(*(round(float(value), 4) for value in values))


def calibration_sample(
    one: Problem, profile: Profile
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the features of the pairs that `profile` suggests in a set, and which are true."""
    score = scoring.scores(one.measured, profile)
    chosen = scoring.assign(scoring.compete(score))
    named = scoring.naming(score, one.measured, profile)
    row_margin, column_margin = calibration.margins(score)
    truth = dict(zip(one.rows.tolist(), one.columns.tolist(), strict=True))
    features, right = [], []
    for row, column in enumerate(chosen.tolist()):
        if column < 0 or (row not in truth and not one.gold.exhaustive):
            continue
        features.append((named[row, column], row_margin[row, column], column_margin[row, column]))
        right.append(truth.get(row) == column)
    return np.array(features, float), np.array(right, float)


def names_of(planes: int) -> list[str]:
    """Return the names of a problem's planes, which are fewer without an encoder."""
    names = [*LEXICAL, *MEANING, *AGAINST]
    return names if len(names) == planes else [*LEXICAL, *AGAINST]


def profile_of(weights: NDArray[np.float64], curve: Calibration = NO_CALIBRATION) -> Profile:
    """Return the weights by name."""
    values = {
        name: round(float(value), 3)
        for name, value in zip(names_of(len(weights)), weights, strict=True)
    }
    return Profile(
        signals={name: value for name, value in values.items() if name not in AGAINST},
        against={name: values[name] for name in AGAINST},
        calibration=curve,
    )


def folds(problems: Sequence[Problem]) -> list[frozenset[str]]:
    """Return the families in a few groups, the larger ones apart, to leave out in turn."""
    sizes = Counter(one.gold.family for one in problems)
    groups: list[set[str]] = [set() for _ in range(min(FOLDS, len(sizes)))]
    for place, (family, _) in enumerate(sizes.most_common()):
        groups[place % len(groups)].add(family)
    return [frozenset(group) for group in groups]


def fit_profile(problems: Sequence[Problem], without: Collection[str] = ()) -> Profile:
    """Fit weights on all problems, then the confidence on families left out in turn."""
    seen = [*problems, *map(without_lexicon, problems)]
    profile = profile_of(fit_weights(seen, without))
    samples: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for fold in folds(problems):
        kept = [one for one in seen if one.gold.family not in fold]
        held = [one for one in problems if one.gold.family in fold]
        other = profile_of(fit_weights(kept, without)) if kept else profile
        samples.extend(calibration_sample(one, other) for one in held)
    return replace(profile, calibration=fit_calibration(samples))


def source_of(with_encoder: Profile, without_encoder: Profile, figures: str) -> str:
    """Return the text of `weights.py`."""
    return (
        '"""What each signal weighs. Written by `python -m tests.bench.matching.fit --write`.\n\n'
        f'{figures}\n"""\n\n'
        "from __future__ import annotations\n\n"
        "from crmdeck.matching.profile import Calibration, Profile\n\n"
        f"WITH_ENCODER = {with_encoder!r}\n\nWITHOUT_ENCODER = {without_encoder!r}\n"
    )


def main() -> None:
    """Fit on all sets, with and without the encoder, and show or write the weights."""
    parser = argparse.ArgumentParser(description="Fit the weights of the ranker.")
    parser.add_argument("--write", action="store_true", help="write crmdeck/matching/weights.py")
    arguments = parser.parse_args()
    gold = [*shared_sets(), *hand_made_sets()]
    if all(one.hand_made for one in gold):
        parser.exit(1, "The shared data folder is not there: nothing to fit on.\n")
    knowledge = load_knowledge(None)
    with_encoder = fit_profile([problem(one, knowledge, SentenceEncoder()) for one in gold])
    without_encoder = fit_profile([problem(one, knowledge, None) for one in gold])
    text = source_of(with_encoder, without_encoder, FIGURES.read_text("utf-8").strip())
    if arguments.write:
        WEIGHTS.write_text(text, "utf-8")
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", WEIGHTS], check=True)
    else:
        print(text)


if __name__ == "__main__":
    main()
