"""Shared words: rare words weigh more, similar spellings count in part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Prefix

from crmdeck.matching.text import FILLERS, FieldText, Words

Matrix = NDArray[np.float32]
Places = NDArray[np.intp]
Similarity = Callable[[Sequence[str], Sequence[str]], Matrix]

MAX_TOKENS = 12
# Words with a lower rapidfuzz ratio are different words ("state", "status").
_NEAR = 85
# Similarity of words with the same stem ("expiry", "expiration").
_STEM = np.float32(0.85)
_FILLER_WEIGHT = 0.15
_CONTEXT_WEIGHT = 0.35


class WordWeights:
    """Weights of words: the rarer among all fields, the higher.

    `context` are the words of the objects' own names, which mean little inside them.
    """

    def __init__(self, fields: Sequence[FieldText], context: Collection[str] = ()) -> None:
        self._total = len(fields)
        self._counts = Counter(token for text in fields for token in text.words)
        self._context = frozenset(context)

    def __call__(self, token: str) -> float:
        weight = float(np.log1p(self._total / max(1, self._counts[token])))
        if token in FILLERS:
            return weight * _FILLER_WEIGHT
        return weight * _CONTEXT_WEIGHT if token in self._context else weight


def readings_of(fields: Sequence[FieldText]) -> tuple[list[Words], Places]:
    """Return all readings of all fields in one list, and the index of each field's first."""
    rows = [[reading[:MAX_TOKENS] for reading in text.readings] or [()] for text in fields]
    starts = np.cumsum([0, *map(len, rows[:-1])], dtype=np.intp)
    return [reading for row in rows for reading in row], starts


def best_of_readings(plane: Matrix, left: Places, right: Places) -> Matrix:
    """Return the best value among the readings of each field pair."""
    best: Matrix = np.maximum.reduceat(np.maximum.reduceat(plane, left, axis=0), right, axis=1)
    return best


class _Side:
    """The readings of one side: the places of their words in its vocabulary, and their weights."""

    def __init__(self, readings: Sequence[Words], weights: WordWeights) -> None:
        self.vocabulary = sorted({token for reading in readings for token in reading})
        index = {token: place for place, token in enumerate(self.vocabulary)}
        weight = np.array([weights(token) for token in self.vocabulary] or [0.0], np.float32)
        longest = max(map(len, readings), default=0) or 1
        self._places = np.full((len(readings), longest), len(index), np.intp)
        self._weights = np.zeros((len(readings), longest), np.float32)
        for row, reading in enumerate(readings):
            # A word counts once.
            tokens = [index[token] for token in dict.fromkeys(reading)]
            self._places[row, : len(tokens)] = tokens
            self._weights[row, : len(tokens)] = weight[tokens]
        self.total = self._weights.sum(axis=1)

    def weighted(self, values: Matrix) -> Matrix:
        """Return the weighted sum of the rows of `values`, one for each word, for each reading."""
        # By word: a table of readings and vocabulary takes 400 MB for an object of 10,000 fields.
        padded = np.pad(values, ((0, 1), (0, 0)))
        found: Matrix = self._weights[:, :1] * padded[self._places[:, 0]]
        for column in range(1, self._places.shape[1]):
            found += self._weights[:, column, None] * padded[self._places[:, column]]
        return found

    def best(self, similar: Matrix) -> Matrix:
        """Return the score of each reading's most similar token, for each row of `similar`."""
        padded = np.pad(similar, ((0, 0), (0, 1)))
        found = padded[:, self._places[:, 0]]
        for column in range(1, self._places.shape[1]):
            np.maximum(found, padded[:, self._places[:, column]], out=found)
        return found


def overlap(
    left: Sequence[Words],
    right: Sequence[Words],
    weights: WordWeights,
    similarity: Similarity | None = None,
) -> Matrix:
    """Return the weighted part of words that two readings share, 0 to 1.

    Words are compared by `similarity`, by default by spelling or stem.
    """
    one, other = _Side(left, weights), _Side(right, weights)
    if not (one.vocabulary and other.vocabulary):
        return np.zeros((len(left), len(right)), np.float32)
    similar = (similarity or word_similarity)(one.vocabulary, other.vocabulary)
    found = one.weighted(other.best(similar)) + other.weighted(one.best(similar.T)).T
    total = one.total[:, None] + other.total[None, :]
    part: Matrix = np.divide(found, total, out=np.zeros_like(found), where=total > 0)
    return part


def word_similarity(left: Sequence[str], right: Sequence[str]) -> Matrix:
    """Return the similarity of words, 0 to 1, by spelling or stem."""
    similar: Matrix = process.cdist(
        left, right, scorer=fuzz.ratio, score_cutoff=_NEAR, dtype=np.float32
    )
    similar /= 100
    length_left = np.array([len(word) for word in left])[:, None]
    length_right = np.array([len(word) for word in right])[None, :]
    shorter = np.minimum(length_left, length_right)
    common = process.cdist(left, right, scorer=Prefix.similarity, dtype=np.uint8)
    stem = (shorter >= 6) & (common >= 5) & (common >= 0.7 * shorter)
    np.maximum(similar, _STEM, out=similar, where=stem)
    return similar
