"""Earlier decisions on similar fields: how alike each pair is to the accepted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.evidence import Example, Pair
from crmdeck.matching.signals.words import WordWeights, best_of_readings, overlap, readings_of
from crmdeck.matching.text import FieldText
from crmdeck.model import Field

Matrix = NDArray[np.float32]

# Fields that share fewer of their words aren't similar.
_SIMILAR = 0.5


@dataclass(frozen=True)
class Learned:
    """How alike each pair is to its most similar example, 0 to 1, and the index of that example.

    A pair with the names of an example is like it, whatever the labels. The index is -1 if no
    example is similar.
    """

    examples: Sequence[Example]
    likeness: Matrix
    nearest: NDArray[np.intp]

    def like(self, row: int, column: int, names: Pair) -> tuple[Example, ...]:
        """Return the examples with the names of a pair, else the most similar one, if any."""
        same = tuple(one for one in self.examples if one.names == names)
        place = self.nearest[row, column]
        return same or ((self.examples[place],) if place >= 0 else ())


def likeness(
    fields: Sequence[Field],
    others: Sequence[Field],
    texts: Sequence[FieldText],
    *,
    by_name: bool = True,
) -> Matrix:
    """Return the similarity of fields to `others`; `texts` are the words of both, in this order.

    If `by_name`, a field of `others` that is in the list is like none of the rest.
    """
    weights = WordWeights(texts)
    readings, starts = readings_of(texts[: len(fields)])
    theirs, their_starts = readings_of(texts[len(fields) :])
    shared = best_of_readings(overlap(readings, theirs, weights), starts, their_starts)
    found: Matrix = np.clip((shared - _SIMILAR) / (1 - _SIMILAR), 0, 1)
    names, other_names = (np.array([one.name for one in side]) for side in (fields, others))
    same = names[:, None] == other_names[None, :]
    if by_name:
        # A field of another name isn't meant if the decided one is in the list.
        found[:, same.any(axis=0)] = 0
    found[same] = 1
    return found


def learn(left: Matrix, right: Matrix, examples: Sequence[Example]) -> Learned:
    """Return each pair's similarity to `examples`; both sides must be similar.

    `left` and `right` have the similarity of each field to each example.
    """
    best = np.zeros((len(left), len(right)), np.float32)
    nearest = np.full(best.shape, -1, np.intp)
    for place, example in enumerate(examples):
        least = 1 if example.exact else np.finfo(np.float32).tiny
        rows, columns = (np.flatnonzero(side[:, place] >= least) for side in (left, right))
        block = np.ix_(rows, columns)
        alike = np.minimum(left[rows, place][:, None], right[columns, place][None, :])
        nearer = alike > best[block]
        nearest[block] = np.where(nearer, place, nearest[block])
        best[block] = np.where(nearer, alike, best[block])
    return Learned(examples, best, nearest)
