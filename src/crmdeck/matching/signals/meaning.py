"""Meaning: cosines of sentence vectors, compared with those of the nearest other fields."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.encoder import Encoder
from crmdeck.matching.signals.words import best_of_readings
from crmdeck.matching.text import FieldText

Matrix = NDArray[np.float32]

_NEIGHBORS = 5
_FARTHEST = 0.5


def nearness(left: Sequence[FieldText], right: Sequence[FieldText], encoder: Encoder) -> Matrix:
    """Return how much nearer in meaning each pair is than both fields are to their nearest fields.

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
    rows_best, columns_best = (
        np.sort(cosine, axis=axis).take(range(-min(_NEIGHBORS, cosine.shape[axis]), 0), axis=axis)
        for axis in (1, 0)
    )
    beyond: Matrix = (
        2 * cosine
        - rows_best.mean(axis=1, keepdims=True)
        - columns_best.mean(axis=0, keepdims=True)
    )
    silent = np.array([not one for one in said])
    beyond[silent[: len(left)]] = 0
    beyond[:, silent[len(left) :]] = 0
    return np.clip(beyond, -_FARTHEST, 1)
