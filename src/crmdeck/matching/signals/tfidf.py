"""Cosines over letters and over words, rare ones weighing more (TF-IDF)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.text import FILLERS, FieldText, singular

Matrix = NDArray[np.float32]


def letters(left: Sequence[FieldText], right: Sequence[FieldText]) -> Matrix:
    """Return the cosine of the fields' letter trigrams, 0 to 1."""
    return _cosine([_trigrams(text) for text in left], [_trigrams(text) for text in right])


def words(left: Sequence[FieldText], right: Sequence[FieldText]) -> Matrix:
    """Return the cosine of the fields' words, those of the descriptions included, 0 to 1."""
    return _cosine([_bag(text) for text in left], [_bag(text) for text in right])


def _trigrams(text: FieldText) -> Counter[str]:
    grams: Counter[str] = Counter()
    for word in (*text.name, *text.label):
        padded = f" {word} "
        grams.update(padded[place : place + 3] for place in range(len(padded) - 2))
    return grams


def _bag(text: FieldText) -> Counter[str]:
    bag: Counter[str] = Counter()
    bag.update(dict.fromkeys({*text.name, *text.label} - FILLERS, 2))
    bag.update({singular(word) for word in text.description} - FILLERS)
    return bag


def _cosine(left: Sequence[Counter[str]], right: Sequence[Counter[str]]) -> Matrix:
    shared = sorted(set().union(*left) & set().union(*right)) if left and right else []
    if not shared:
        return np.zeros((len(left), len(right)), np.float32)
    seen = Counter(term for bag in (*left, *right) for term in bag)
    total = len(left) + len(right)
    weight = {term: float(np.log(total / count)) + 0.1 for term, count in seen.items()}
    index = {term: place for place, term in enumerate(shared)}
    cosine: Matrix = _rows(left, index, weight) @ _rows(right, index, weight).T
    return cosine


def _rows(bags: Sequence[Counter[str]], index: dict[str, int], weight: dict[str, float]) -> Matrix:
    """Return unit rows; terms that the other side lacks count in the length only."""
    rows = np.zeros((len(bags), len(index)), np.float32)
    for place, bag in enumerate(bags):
        values = {term: np.log1p(count) * weight[term] for term, count in bag.items()}
        length = float(np.sqrt(_squares(values.values())))
        for term, value in values.items():
            column = index.get(term)
            if column is not None:
                rows[place, column] = value / length
    return rows


def _squares(values: Iterable[float]) -> float:
    return sum(value * value for value in values) or 1.0
