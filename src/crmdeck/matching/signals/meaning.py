"""Meaning: cosines of sentence vectors, compared with those of the nearest other fields."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.encoder import Encoder
from crmdeck.matching.signals.words import MAX_TOKENS, WordWeights, best_of_readings, overlap
from crmdeck.matching.text import FILLERS, FieldText, Words

Matrix = NDArray[np.float32]

# The cosine of two unrelated words.
_UNRELATED = 0.25
_FEW_WORDS = 20
_NEIGHBORS = 5
_FARTHEST = 0.5


def nearness(left: Sequence[FieldText], right: Sequence[FieldText], encoder: Encoder) -> Matrix:
    """Return each pair's similarity in meaning, beyond that of the nearest other fields.

    For a field in another language, the better of its English and its original text counts. A
    field without words has no meaning. Some texts are near to everything, such as short ones or
    those in a language that the encoder hardly knows. Source: Conneau et al. 2018, cross-domain
    similarity local scaling (CSLS).
    """
    said = [text.phrases for text in (*left, *right)]
    places = {phrase: n for n, phrase in enumerate(dict.fromkeys(chain(*said)))}
    vectors = encoder.encode(list(places))
    vectors = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), np.float32)])
    rows = vectors[[places.get(phrase, -1) for one in said for phrase in one or ("",)]]
    starts = np.cumsum([0, *(max(1, len(one)) for one in said)], dtype=np.intp)
    split = starts[len(left)]
    cosine = best_of_readings(
        rows[:split] @ rows[split:].T, starts[: len(left)], starts[len(left) : -1] - split
    )
    beyond = _beyond_neighbors(cosine)
    silent = np.array([not one for one in said])
    beyond[silent[: len(left)]] = 0
    beyond[:, silent[len(left) :]] = 0
    return beyond


def word_nearness(
    left: Sequence[FieldText], right: Sequence[FieldText], weights: WordWeights, encoder: Encoder
) -> Matrix:
    """Return the same for the fields' words, each compared with the nearest of the other field."""
    said = [[_words_of(text) for text in side] for side in (left, right)]
    ours, yours = ([reading for row in side for reading in row] for side in said)
    starts = [np.cumsum([0, *map(len, side[:-1])], dtype=np.intp) for side in said]
    places = {word: n for n, word in enumerate(sorted({*chain(*ours), *chain(*yours)}))}
    vectors = encoder.encode(list(places))
    # What all words have in common says nothing; a few words have too much of it.
    vectors = vectors - vectors.sum(axis=0) / (len(places) + _FEW_WORDS)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def similarity(left: Sequence[str], right: Sequence[str]) -> Matrix:
        rows, columns = ([places[word] for word in side] for side in (left, right))
        cosine = vectors[rows] @ vectors[columns].T
        alike: Matrix = np.clip((cosine - _UNRELATED) / (1 - _UNRELATED), 0, 1)
        return alike

    shared = overlap(ours, yours, weights, similarity)
    return _beyond_neighbors(best_of_readings(shared, *starts))


def _words_of(text: FieldText) -> list[Words]:
    return [
        tuple(word for word in phrase.split() if word not in FILLERS)[:MAX_TOKENS]
        for phrase in text.phrases
    ] or [()]


def _beyond_neighbors(plane: Matrix) -> Matrix:
    """Return twice the similarity less the means of the nearest of its row and its column."""
    rows, columns = (
        np.sort(plane, axis=axis).take(range(-min(_NEIGHBORS, plane.shape[axis]), 0), axis=axis)
        for axis in (1, 0)
    )
    beyond: Matrix = (
        2 * plane - rows.mean(axis=1, keepdims=True) - columns.mean(axis=0, keepdims=True)
    )
    return np.clip(beyond, -_FARTHEST, 1)
