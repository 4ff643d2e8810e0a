"""Meaning: cosines of sentence vectors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.encoder import Encoder
from crmdeck.matching.signals.words import best_of_readings
from crmdeck.matching.text import FieldText, Words

Matrix = NDArray[np.float32]

# Two unrelated field names have a cosine of about this much; it says nothing.
_UNRELATED = 0.25


def phrases_of(text: FieldText) -> Words:
    """Return what is encoded of a field's name and label: in English, and as they stand."""
    return text.phrases or ("",)


def cosines(left: Sequence[FieldText], right: Sequence[FieldText], encoder: Encoder) -> Matrix:
    """Return the likeness in meaning of names and labels.

    Of a field in another language, the better of its English and its own words counts.
    """
    said = [phrases_of(text) for text in (*left, *right)]
    places = {phrase: n for n, phrase in enumerate(dict.fromkeys(chain(*said)))}
    vectors = encoder.encode(list(places))
    rows = vectors[[places[phrase] for phrase in chain(*said)]]
    starts = np.cumsum([0, *map(len, said)], dtype=np.intp)
    split = starts[len(left)]
    cosine = best_of_readings(
        rows[:split] @ rows[split:].T, starts[: len(left)], starts[len(left) : -1] - split
    )
    likeness: Matrix = np.clip((cosine - _UNRELATED) / (1 - _UNRELATED), 0, 1)
    return likeness
