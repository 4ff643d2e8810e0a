"""How good a ranking is: hits, reciprocal ranks, precision and coverage by confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

BANDS = (0.9, 0.7, 0.5, 0.3)


@dataclass(frozen=True)
class Answer:
    """What a ranker said of one left field: its candidates, best first, and its confidence.

    `suggested` is the first candidate as it would be offered, or None.
    """

    candidates: tuple[str, ...]
    suggested: str | None = None
    confidence: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """One answer held against the truth: its rank (0 where it is missing), and its confidence.

    `true` is None where the left field has no pair; `scored` where that is known.
    """

    left: str
    true: str | None
    answer: Answer
    rank: int

    @property
    def right(self) -> bool:
        """Whether the suggestion is the true pair."""
        return self.true is not None and self.answer.suggested == self.true


def outcomes(
    answers: Mapping[str, Answer], pairs: Mapping[str, str], *, exhaustive: bool
) -> list[Outcome]:
    """Return the outcome of each field with a pair, and, where `exhaustive`, of each without."""
    found = []
    for left, answer in answers.items():
        true = pairs.get(left)
        if true is None and not exhaustive:
            continue
        rank = answer.candidates.index(true) + 1 if true in answer.candidates else 0
        found.append(Outcome(left, true, answer, rank))
    return found


def paired(found: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes of the fields that have a pair."""
    return [one for one in found if one.true is not None]


def hit(found: Sequence[Outcome], depth: int) -> float:
    """Return the part of the fields with a pair whose pair is among the first `depth`."""
    ranks = [one.rank for one in paired(found)]
    return float(np.mean([0 < rank <= depth for rank in ranks])) if ranks else 0.0


def reciprocal_rank(found: Sequence[Outcome]) -> float:
    """Return the mean reciprocal rank over the fields with a pair."""
    ranks = [one.rank for one in paired(found)]
    return float(np.mean([1 / rank if rank else 0.0 for rank in ranks])) if ranks else 0.0


@dataclass(frozen=True)
class Band:
    """Suggestions at or above a confidence: how many are right, how many true pairs they hold."""

    threshold: float
    count: int
    right: int
    true_pairs: int

    @property
    def precision(self) -> float:
        return self.right / self.count if self.count else float("nan")

    @property
    def coverage(self) -> float:
        return self.right / self.true_pairs if self.true_pairs else float("nan")


def band(found: Sequence[Outcome], threshold: float) -> Band:
    """Return what the suggestions at or above `threshold` are worth."""
    above = [
        one
        for one in found
        if one.answer.suggested is not None and one.answer.confidence >= threshold
    ]
    return Band(threshold, len(above), sum(one.right for one in above), len(paired(found)))


def calibration_error(found: Sequence[Outcome], bins: int = 10) -> float:
    """Return the expected calibration error: the mean gap of confidence and truth, by tenths."""
    offered = [one for one in found if one.answer.suggested is not None]
    if not offered:
        return float("nan")
    confidence = np.array([one.answer.confidence for one in offered])
    truth = np.array([one.right for one in offered], float)
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        np.sum(places == number)
        * abs(confidence[places == number].mean() - truth[places == number].mean())
        for number in range(bins)
        if np.any(places == number)
    ]
    return float(np.sum(gaps) / len(offered))


def bootstrap_difference(
    one: Mapping[str, Sequence[Outcome]],
    other: Mapping[str, Sequence[Outcome]],
    *,
    rounds: int = 2000,
    seed: int = 7,
) -> tuple[float, float, float]:
    """Return the difference in macro hit@1 of two rankers and its 95 % interval.

    Fields are drawn with replacement inside each set, the same ones for both rankers.
    """
    generator = np.random.default_rng(seed)
    means, spread = [], np.zeros(rounds)
    for name in one:
        ours = {item.left: item.rank == 1 for item in paired(one[name])}
        theirs = {item.left: item.rank == 1 for item in paired(other[name])}
        gap = np.array([float(ours[left]) - float(theirs[left]) for left in ours])
        means.append(gap.mean())
        spread += gap[generator.integers(0, len(gap), (rounds, len(gap)))].mean(axis=1)
    spread /= len(one)
    low, high = np.percentile(spread, [2.5, 97.5])
    return float(np.mean(means)), float(low), float(high)
