"""The quality of a ranking: hits, calibration, keys to press, and their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SURE = 0.9
BANDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)
TENTHS = 10
ROUNDS = 1000
SEED = 7

# Keys of a simulated user: one for each candidate, or the dialog, four letters and Enter if the
# field isn't a candidate.
SEARCH_KEYS = 6
CANDIDATES = 6


@dataclass(frozen=True)
class Answer:
    """A ranker's answer for one left field: its candidates, best first, and its confidence.

    `suggested` is the suggested candidate, if any. `best` is the probability of the first
    candidate, and `none` that of no match.
    """

    candidates: tuple[str, ...]
    suggested: str | None = None
    confidence: float = 0.0
    best: float = 0.0
    none: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """One answer compared with the truth; `rank` is 0 if the true field is not a candidate.

    `true` is the true field, if any.
    """

    left: str
    true: str | None
    answer: Answer
    rank: int

    @property
    def right(self) -> bool:
        """True if the suggestion is the true pair."""
        return self.true is not None and self.answer.suggested == self.true

    @property
    def keys(self) -> int:
        """Number of keys that a user who knows the truth presses.

        Accepting costs one, and so does leaving a field unmapped, plus one for a wrong suggestion.
        Another candidate costs Enter, one for each candidate before it, and Enter.
        """
        offered = self.answer.suggested is not None
        if self.true is None:
            return 2 if offered else 1
        if not 0 < self.rank <= CANDIDATES:
            return SEARCH_KEYS
        return 1 if offered and self.rank == 1 else self.rank + 1


Result = Mapping[str, Sequence[Outcome]]


def outcomes(
    answers: Mapping[str, Answer], pairs: Mapping[str, str], *, exhaustive: bool
) -> list[Outcome]:
    """Return the outcome of each field with a pair, and if `exhaustive` of each without."""
    found = []
    for left, answer in answers.items():
        true = pairs.get(left)
        if true is None and not exhaustive:
            continue
        rank = answer.candidates.index(true) + 1 if true in answer.candidates else 0
        found.append(Outcome(left, true, answer, rank))
    return found


@dataclass(frozen=True)
class Columns:
    """The columns of the report; nan for an empty one."""

    hit1: float
    hit3: float
    sure_right: float
    sure_covered: float
    pairs_suggested: float
    suggested_right: float
    left_empty: float
    keys: float

    def cells(self) -> str:
        """Return them as the cells of a table row."""
        return " | ".join("-" if np.isnan(value) else f"{value:.3f}" for value in self.values())

    def values(self) -> tuple[float, ...]:
        """Return them in order."""
        return tuple(float(getattr(self, field.name)) for field in fields(self))


HEAD = (
    "hit@1 | hit@3 | right at .9 | covered at .9 | true pairs suggested "
    "| suggestions that are right | no match found | keys per field"
)

Table = NDArray[np.float64]


def counts(found: Sequence[Outcome]) -> Table:
    """Return the counts of each outcome as a row, to be summed for `ratios`."""
    rows = []
    for one in found:
        paired, offered = one.true is not None, one.answer.suggested is not None
        sure = offered and one.answer.confidence >= SURE
        rows.append(
            (
                paired,
                0 < one.rank <= 1,
                0 < one.rank <= 3,
                sure,
                sure and one.right,
                one.right,
                offered,
                not paired,
                not paired and not offered,
                1,
                one.keys,
            )
        )
    return np.array(rows, float)


def ratios(sums: Table) -> Table:
    """Return the eight columns from summed counts (the last axis)."""
    pairs, hit1, hit3, sure, sure_right, right, offered, alone, empty, all_, keys = np.moveaxis(
        sums, -1, 0
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack(
            [
                hit1 / pairs,
                hit3 / pairs,
                sure_right / sure,
                sure_right / pairs,
                right / pairs,
                right / offered,
                empty / alone,
                keys / all_,
            ],
            axis=-1,
        )


def columns(found: Sequence[Outcome]) -> Columns:
    """Return the columns over all outcomes."""
    return Columns(*map(float, ratios(counts(found).sum(axis=0))))


def macro(result: Result) -> Columns:
    """Return the mean of the columns over the sets."""
    each = np.stack([ratios(counts(found).sum(axis=0)) for found in result.values()])
    return Columns(*map(float, np.nanmean(each, axis=0)))


def _drawn(result: Result, *, over_sets: bool) -> Table:
    """Return the macro columns of each round, drawn with replacement."""
    generator = np.random.default_rng(SEED)
    tables = [counts(found) for found in result.values()]
    if over_sets:
        each = np.stack([ratios(table.sum(axis=0)) for table in tables])
        picks = generator.integers(0, len(each), (ROUNDS, len(each)))
        return np.asarray(np.nanmean(each[picks], axis=1))
    rounds = []
    for table in tables:
        picks = generator.integers(0, len(table), (ROUNDS, len(table)))
        rounds.append(ratios(table[picks].sum(axis=1)))
    return np.asarray(np.nanmean(np.stack(rounds), axis=0))


def interval(result: Result, *, over_sets: bool) -> str:
    """Return the 95% intervals of the macro columns as cells.

    They are drawn over fields within each set, or over the sets, to estimate a new set.
    """
    low, high = np.nanpercentile(_drawn(result, over_sets=over_sets), [2.5, 97.5], axis=0)
    return " | ".join(f"{a:.3f} to {b:.3f}" for a, b in zip(low, high, strict=True))


def difference(
    ours: Result, theirs: Result, *, over_sets: bool
) -> list[tuple[float, float, float]]:
    """Return the macro difference of each column and its 95% interval.

    The same seed draws the same fields or sets for both.
    """
    spread = _drawn(ours, over_sets=over_sets) - _drawn(theirs, over_sets=over_sets)
    mean = np.array(macro(ours).values()) - np.array(macro(theirs).values())
    low, high = np.nanpercentile(spread, [2.5, 97.5], axis=0)
    return [tuple(map(float, one)) for one in zip(mean, low, high, strict=True)]  # type: ignore[misc]


def _gap(claimed: Table, true: Table, share: Table, by: Table) -> float:
    """Return the mean difference of sums over tenths of `by`."""
    tenths = np.minimum((by * TENTHS).astype(int), TENTHS - 1)
    gaps = np.bincount(tenths, (claimed - true) * share, TENTHS)
    return float(np.abs(gaps).sum() / share.sum())


def calibration(found: Sequence[Outcome]) -> tuple[float, float, float]:
    """Return three calibration errors of exhaustive sets in one pool.

    The first is that of each answer, a field or none. The second is that of the first candidate
    among the fields with a match. A field that half has no match is right more often among those
    that have one, so the third is what a perfectly calibrated ranker with the same probabilities
    would have there.
    """
    sure, best, none = (
        np.array([getattr(one.answer, name) for one in found])
        for name in ("confidence", "best", "none")
    )
    right = np.array([one.answer.suggested == one.true for one in found], float)
    paired = np.array([one.true is not None for one in found])
    first = np.array([one.rank == 1 for one in found], float)
    matched = np.maximum(1 - none, best) + 1e-9
    return (
        _gap(sure, right, np.ones_like(sure), sure),
        _gap(best[paired], first[paired], np.ones(paired.sum()), best[paired]),
        _gap(best, best / matched, matched, best),
    )


def reliability(found: Sequence[Outcome]) -> Iterator[str]:
    """Yield the accuracy of suggestions and of "none" by confidence."""
    offered = [one for one in found if one.answer.suggested is not None]
    none = [one for one in found if one.answer.suggested is None]
    yield from _bands("suggested", offered, lambda one: one.right)
    yield from _bands("none", none, lambda one: one.true is None)


def _bands(
    name: str, found: Sequence[Outcome], is_right: Callable[[Outcome], bool]
) -> Iterator[str]:
    gap = 0.0
    for low, high in pairwise(BANDS):
        inside = [one for one in found if low <= one.answer.confidence < high]
        if not inside:
            continue
        claimed = float(np.mean([one.answer.confidence for one in inside]))
        held = float(np.mean([is_right(one) for one in inside]))
        gap += len(inside) * abs(claimed - held)
        cells = (f"{low:.2f} to {min(high, 1):.2f}", len(inside), f"{claimed:.3f}", f"{held:.3f}")
        yield f"| {name} | {' | '.join(map(str, cells))} |"
    if found:
        yield f"| {name} | all: mean gap | {len(found)} | {gap / len(found):.3f} | |"
