"""Fit the weights of the ranker's signals, and write `crmdeck/matching/weights.py`.

    python -m tests.bench.matching.fit            # show the weights
    python -m tests.bench.matching.fit --write    # write them

Weights maximize the probability of the true pairs (softmax over rows and over columns). They are
never negative and are drawn to a prior. Each set counts the same, and twice: with and without the
lexicon, so that the other signals can match a schema that the lexicon doesn't know. Sets in other
languages count again without the language files. After that, the
probabilities of a pair and of no match are fitted on scores with weights fitted without the set's
family, also with some of the partners removed. Sets marked `report` are never used.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching import RankContext
from crmdeck.matching.confidence import FEATURES, Profile
from crmdeck.matching.encoder import Encoder
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.measure import Measured, measure
from crmdeck.matching.ranker import pair_features, scores
from crmdeck.workspace.knowledge import load_knowledge

from .sets import ROOT, GoldSet, hand_made_sets, shared_sets
from .vectors import MemoEncoder

Matrix = NDArray[np.float32]
Numbers = NDArray[np.float64]

WEIGHTS = ROOT / "src" / "crmdeck" / "matching" / "weights.py"

LEXICAL = ("concept", "closest", "type")
MEANING = ("csls", "soft")
AGAINST = ("shell", "twin", "secondary", "locked")
STEPS = 150
RATE = 0.1
# Pulls each weight towards PRIOR; the likelihood is a mean over sets.
RIDGE = 0.005
# Weight of a signal that no set contains.
PRIOR = 2.0
START = 1.0
# Not fitted: a compound field can't be written, so its parts come first.
SHELL = 6.0
# Number of the strongest other candidates that a choice is fitted on.
RIVALS = 15
# Number of groups in which the families of the hand-made sets are left out.
GROUPS = 4
# Share of the partners removed in the second pass over a set, and the seed that picks them.
TAKEN_AWAY = 0.2
SEED = 11
CURVE_RIDGE = 0.002
# Gold sets disagree on whether two record IDs match, so such a pair is never a high match, however
# many sets pair them (log-odds, 0.87).
RECORD_ID_AT_MOST = 1.9
CURVE_RIVALS = 12
# Fitted on foreign lists only, on top of the curve of all lists, which they would distort.
FOREIGN = ("foreign", "foreign_score")
FOREIGN_RIDGE = 0.02
# English lists with a few unknown words don't show how to trust a foreign one.
MIN_FOREIGN = 0.2


@dataclass(frozen=True)
class Problem:
    """One set with the planes of all its signals and the places of its true pairs."""

    gold: GoldSet
    measured: Measured
    planes: Matrix
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


def problem(gold: GoldSet, knowledge: Knowledge, encoder: Encoder | None) -> Problem:
    """Measure a set by its fields only, as in `crmdeck match`."""
    measured = measure(
        gold.left, gold.right, context=RankContext(), knowledge=knowledge, encoder=encoder
    )
    names = [*LEXICAL, *(MEANING if encoder is not None else ())]
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


def problems_of(
    sets: Sequence[GoldSet], knowledge: Knowledge, encoder: Encoder | None
) -> list[Problem]:
    """Return the problems to fit on; sets in other languages also without the language files.

    A language without a file is fitted with an encoder only: without, hardly any signal is left.
    """
    if encoder is None:
        return [problem(gold, knowledge, None) for gold in sets if not gold.without_file]
    bare = replace(knowledge, languages={})
    again = [gold for gold in sets if gold.in_known_language]
    return [
        *(problem(gold, knowledge, encoder) for gold in sets),
        *(problem(gold, bare, encoder) for gold in again),
    ]


def names_of(planes: int) -> list[str]:
    """Return the names of a problem's planes, fewer without an encoder."""
    names = [*LEXICAL, *MEANING, *AGAINST]
    return names if len(names) == planes else [*LEXICAL, *AGAINST]


def without_lexicon(one: Problem) -> Problem:
    """Return the problem for a lexicon that knows neither schema."""
    planes = one.planes.copy()
    planes[LEXICAL.index("concept")] = 0
    return replace(one, planes=planes)


@dataclass(frozen=True)
class _Choices:
    """All choices of the true pairs: of a row among its columns, and of a column among rows.

    `values` has a row for each candidate, `starts` the first row of each choice, `true` the row of
    its true candidate, `shares` its weight, so that each set counts the same.
    """

    values: Matrix
    starts: NDArray[np.intp]
    true: NDArray[np.intp]
    shares: Numbers


def _choices(problems: Sequence[Problem]) -> _Choices:
    values, starts, true, shares = [], [], [], []
    place = 0
    for one in problems:
        strength = one.planes.sum(axis=0)
        for row, column in zip(one.rows.tolist(), one.columns.tolist(), strict=True):
            for lines, force, chosen in (
                (one.planes[:, row], strength[row], column),
                (one.planes[:, :, column], strength[:, column], row),
            ):
                best = np.argsort(-force, kind="stable")[:RIVALS]
                kept = np.concatenate([[chosen], best[best != chosen]])
                values.append(lines[:, kept].T)
                starts.append(place)
                true.append(place)
                shares.append(1 / (len(one.rows) * len(problems)))
                place += len(kept)
    return _Choices(
        np.concatenate(values), np.array(starts), np.array(true), np.array(shares, float)
    )


def fit_weights(problems: Sequence[Problem], without: Collection[str] = ()) -> Numbers:
    """Return a non-negative weight for each plane (Adam with projection; deterministic).

    The signals named in `without` have weight 0.
    """
    names = names_of(problems[0].planes.shape[0])
    used = np.array([name not in without for name in names])
    shell = names.index("shell")
    choices = _choices(problems)
    lengths = np.diff([*choices.starts, len(choices.values)])
    owner = np.repeat(np.arange(len(lengths)), lengths)
    target = choices.shares @ choices.values[choices.true]
    weights = np.full(choices.values.shape[1], START) * used
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
    fitted: Numbers = weights
    return fitted


def profile_of(weights: Numbers, curve: Mapping[str, float] | None = None) -> Profile:
    """Return the weights by name."""
    values = {
        name: round(float(value), 3)
        for name, value in zip(names_of(len(weights)), weights, strict=True)
    }
    return Profile(
        signals={name: value for name, value in values.items() if name not in AGAINST},
        against={name: values[name] for name in AGAINST},
        curve=curve or {},
    )


@dataclass(frozen=True)
class CurveSample:
    """The choices of one set's left fields.

    `features` are those of a field's strongest candidates, `true` the index of the true one or -1,
    `share` the weight of each field.
    """

    features: Numbers
    true: NDArray[np.intp]
    share: Numbers


def _unknown(measured: Measured) -> Measured:
    """Return the signals for a lexicon that knows neither schema."""
    nothing = np.zeros_like(measured.signals["concept"])
    return replace(
        measured,
        signals={**measured.signals, "concept": nothing},
        left_concepts=[{} for _ in measured.left],
        right_concepts=[{} for _ in measured.right],
    )


def curve_samples(one: Problem, profile: Profile) -> list[CurveSample]:
    """Return the choices of a set's left fields in three variants.

    They are the set itself, the set with some partners removed, and the set with an empty lexicon.
    """
    generator = np.random.default_rng(SEED)
    taken = generator.permutation(len(one.columns))[: round(TAKEN_AWAY * len(one.columns))]
    samples = []
    none = np.array([], np.intp)
    for measured, gone in (
        (one.measured, none),
        (one.measured, one.columns[taken]),
        (_unknown(one.measured), none),
    ):
        score, _ = scores(measured, profile)
        score[:, gone] = -np.inf
        planes = pair_features(score, measured)
        truth = {
            row: column
            for row, column in zip(one.rows.tolist(), one.columns.tolist(), strict=True)
            if column not in set(gone.tolist())
        }
        scored = set(one.rows.tolist()) | (
            set(range(len(one.gold.left))) if one.gold.exhaustive else set()
        )
        rows = sorted(scored)
        depth = min(CURVE_RIVALS, score.shape[1] - len(gone))
        order = np.argsort(-score[rows], axis=1, kind="stable")[:, :depth]
        stacked = np.stack([planes[name] for name in FEATURES], axis=-1)[rows]
        found = np.take_along_axis(stacked, order[:, :, None], axis=1)
        true = np.full(len(rows), -1, np.intp)
        kept = np.ones(len(rows), bool)
        for place, row in enumerate(rows):
            if row in truth:
                hits = np.flatnonzero(order[place] == truth[row])
                true[place], kept[place] = (hits[0], True) if len(hits) else (-1, False)
        samples.append(
            CurveSample(found[kept].astype(float), true[kept], np.full(kept.sum(), 1 / kept.sum()))
        )
    return samples


def fit_curve(samples: Sequence[CurveSample], *, with_foreign: bool) -> dict[str, float]:
    """Return the weight of each feature in the log-odds of a pair against no match.

    Those of foreign lists are fitted last, with the others fixed, or are 0.
    """
    plain = np.array([name not in FOREIGN for name in FEATURES])
    ridge = np.where(plain, CURVE_RIDGE, FOREIGN_RIDGE)
    ridge *= [name not in ("any", "record_id") for name in FEATURES]
    place = FEATURES.index("foreign")
    foreign = [one for one in samples if one.features[..., place].max(initial=0) >= MIN_FOREIGN]
    weights = _maximize(samples, np.zeros(len(FEATURES)), plain, ridge)
    if with_foreign and foreign:
        weights = _maximize(foreign, weights, ~plain, ridge)
    curve = {name: round(float(value), 4) for name, value in zip(FEATURES, weights, strict=True)}
    return {**curve, "record_id": min(curve["record_id"], RECORD_ID_AT_MOST)}


def _maximize(
    samples: Sequence[CurveSample], weights: Numbers, fitted: NDArray[np.bool_], ridge: Numbers
) -> Numbers:
    """Return `weights` with the `fitted` ones at the highest likelihood of one choice per field.

    Each sample counts the same (Newton's method).
    """
    for _ in range(30):
        gradient = -ridge * weights
        curvature = np.diag(ridge + 1e-9)
        for sample in samples:
            odds = sample.features @ weights
            top = np.maximum(odds.max(axis=1, keepdims=True), 0)
            raised = np.exp(odds - top)
            shared = raised / (np.exp(-top) + raised.sum(axis=1, keepdims=True))
            share = sample.share[:, None] / len(samples)
            hit = np.zeros_like(shared)
            paired = np.flatnonzero(sample.true >= 0)
            hit[paired, sample.true[paired]] = 1
            gradient += np.einsum("rc,rcf->f", share * (hit - shared), sample.features)
            mean = np.einsum("rc,rcf->rf", shared, sample.features)
            curvature += np.einsum(
                "rc,rcf,rcg->fg", share * shared, sample.features, sample.features
            ) - np.einsum("r,rf,rg->fg", share[:, 0], mean, mean)
        step = np.zeros_like(weights)
        step[fitted] = np.linalg.solve(curvature[np.ix_(fitted, fitted)], gradient[fitted])
        now = _likelihood(samples, weights, ridge)
        while np.abs(step).max() > 1e-6 and _likelihood(samples, weights + step, ridge) < now:
            step /= 2
        weights = weights + step
    return weights


def _likelihood(samples: Sequence[CurveSample], weights: Numbers, ridge: Numbers) -> float:
    """Return the mean logarithm of the probability of each true choice, less the ridge."""
    total = 0.0
    for sample in samples:
        odds = np.pad(sample.features @ weights, ((0, 0), (0, 1)))
        top = odds.max(axis=1, keepdims=True)
        logged = odds - top - np.log(np.exp(odds - top).sum(axis=1, keepdims=True))
        total += float(sample.share @ logged[np.arange(len(odds)), sample.true])
    return total / len(samples) - float(ridge @ weights**2) / 2


def folds(problems: Sequence[Problem]) -> list[frozenset[str]]:
    """Return the families to leave out together: each of the shared sets alone, others in groups.

    Leaving out several at once is stricter than one by one, and takes a tenth of the time.
    """
    known = sorted({one.gold.family for one in problems if one.gold.use == "known"})
    others = sorted({one.gold.family for one in problems} - set(known))
    groups = [frozenset(others[start::GROUPS]) for start in range(GROUPS)]
    return [frozenset({family}) for family in known] + [group for group in groups if group]


def fit_profiles(problems: Sequence[Problem], without: Collection[str] = ()) -> dict[str, Profile]:
    """Return the profile of each family fitted without it, and of '' fitted on all.

    The curve of a family is fitted on the scores of the others, each left out in turn.
    """
    apart = folds(problems)
    weights = [
        profile_of(_fitted([one for one in problems if one.gold.family not in fold], without))
        for fold in apart
    ]
    samples = [
        [
            sample
            for one in problems
            if one.gold.family in fold
            for sample in curve_samples(one, profile)
        ]
        for fold, profile in zip(apart, weights, strict=True)
    ]
    every = [sample for found in samples for sample in found]
    # Without an encoder, nothing is fitted on a language without a file.
    foreign = any(one.gold.without_file for one in problems)
    profiles = {
        "": replace(
            profile_of(_fitted(problems, without)), curve=fit_curve(every, with_foreign=foreign)
        )
    }
    for place, (fold, profile) in enumerate(zip(apart, weights, strict=True)):
        others = [sample for n, found in enumerate(samples) if n != place for sample in found]
        held_out = replace(profile, curve=fit_curve(others, with_foreign=foreign))
        profiles.update(dict.fromkeys(fold, held_out))
    return profiles


def _fitted(problems: Sequence[Problem], without: Collection[str]) -> Numbers:
    return fit_weights([*problems, *map(without_lexicon, problems)], without)


def training_sets() -> list[GoldSet]:
    """Return all sets to fit on."""
    return [gold for gold in (*shared_sets(), *hand_made_sets()) if gold.use != "report"]


def main() -> None:
    """Fit on all training sets, with and without the encoder, and show or write the weights."""
    parser = argparse.ArgumentParser(description="Fit the weights of the ranker.")
    parser.add_argument("--write", action="store_true", help="write crmdeck/matching/weights.py")
    arguments = parser.parse_args()
    gold = training_sets()
    if all(one.use == "train" for one in gold):
        parser.exit(1, "Nothing to fit on: the shared data folder is missing.\n")
    knowledge = load_knowledge(None)
    profiles = [
        fit_profiles(problems_of(gold, knowledge, encoder))[""] for encoder in (MemoEncoder(), None)
    ]
    head = "Written by `python -m tests.bench.matching.fit --write`."
    text = (
        f'"""Weights of the signals. {head}"""\n\n'
        "from __future__ import annotations\n\nfrom crmdeck.matching.confidence import Profile\n\n"
        f"WITH_ENCODER = {profiles[0]!r}\n\nWITHOUT_ENCODER = {profiles[1]!r}\n"
    )
    if arguments.write:
        WEIGHTS.write_text(text, "utf-8")
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", WEIGHTS], check=True)
    else:
        print(text)


if __name__ == "__main__":
    main()
