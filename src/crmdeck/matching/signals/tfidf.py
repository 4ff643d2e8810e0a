"""The cosine over all words, descriptions included, rare ones weighing more (TF-IDF)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.text import FILLERS, FieldText, singular

Matrix = NDArray[np.float32]

# What stands everywhere still says a little.
_COMMON = 0.1


def words(left: Sequence[FieldText], right: Sequence[FieldText]) -> Matrix:
    """Return the cosine of the fields' words, 0 to 1."""
    return _cosine([_bag(text) for text in left], [_bag(text) for text in right])


def _bag(text: FieldText) -> list[str]:
    """Return each word once, those of name and label twice."""
    named = text.words - FILLERS
    described = {singular(word) for word in text.description} - FILLERS
    # Sorted, so that sums of floats come out the same each time.
    return sorted(named) * 2 + sorted(described)


def _cosine(left: Sequence[Sequence[str]], right: Sequence[Sequence[str]]) -> Matrix:
    bags = [*left, *right]
    terms: dict[str, int] = {}
    columns = np.array([terms.setdefault(term, len(terms)) for term in chain(*bags)], np.intp)
    if not terms:
        return np.zeros((len(left), len(right)), np.float32)
    rows = np.repeat(np.arange(len(bags)), _lengths(bags))
    cells, counts = np.unique(rows * len(terms) + columns, return_counts=True)
    rows, columns = np.divmod(cells, len(terms))
    weight = np.log(len(bags) / np.bincount(columns, minlength=len(terms))) + _COMMON
    values = np.log1p(counts) * weight[columns]
    length = np.sqrt(np.bincount(rows, values * values, minlength=len(bags)))
    values /= length[rows]
    split = len(left)
    on_left = np.zeros(len(terms), bool)
    on_right = np.zeros(len(terms), bool)
    on_left[columns[rows < split]] = True
    on_right[columns[rows >= split]] = True
    shared = on_left & on_right
    place = np.cumsum(shared) - 1
    matrix = np.zeros((len(bags), max(1, int(shared.sum()))), np.float32)
    kept = shared[columns]
    matrix[rows[kept], place[columns[kept]]] = values[kept]
    cosine: Matrix = matrix[:split] @ matrix[split:].T
    return cosine


def _lengths(bags: Iterable[Sequence[str]]) -> list[int]:
    return [len(bag) for bag in bags]
