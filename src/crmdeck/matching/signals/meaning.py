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


def short_phrases(text: FieldText) -> Words:
    """Return what is encoded of a field's name and label: in English, and as they stand."""
    return text.phrases or ("",)


def long_phrase(text: FieldText) -> str:
    """Return what is encoded of a field with its description."""
    short = short_phrases(text)[0]
    return f"{short}: {' '.join(text.description)}" if text.description else short


def cosines(
    left: Sequence[FieldText], right: Sequence[FieldText], encoder: Encoder
) -> tuple[Matrix, Matrix]:
    """Return the likeness in meaning of names and labels, and of the same with descriptions.

    Of a field in another language, the better of its English and its own words counts.
    """
    fields = [*left, *right]
    short = [short_phrases(text) for text in fields]
    long = [long_phrase(text) for text in fields]
    places = {phrase: n for n, phrase in enumerate(dict.fromkeys((*chain(*short), *long)))}
    vectors = encoder.encode(list(places))
    starts = np.cumsum([0, *(len(phrases) for phrases in short)], dtype=np.intp)
    split = starts[len(left)]
    rows = vectors[[places[phrase] for phrase in chain(*short)]]
    by_name = best_of_readings(
        rows[:split] @ rows[split:].T, starts[: len(left)], starts[len(left) : -1] - split
    )
    rows = vectors[[places[phrase] for phrase in long]]
    return _likeness(by_name), _likeness(rows[: len(left)] @ rows[len(left) :].T)


def _likeness(cosine: Matrix) -> Matrix:
    likeness: Matrix = np.clip((cosine - _UNRELATED) / (1 - _UNRELATED), 0, 1)
    return likeness
