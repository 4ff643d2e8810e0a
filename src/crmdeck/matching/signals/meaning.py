"""Meaning: cosines of sentence vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.encoder import Encoder
from crmdeck.matching.text import FieldText

Matrix = NDArray[np.float32]

# Two unrelated field names have a cosine of about this much; it says nothing.
_UNRELATED = 0.25


def short_phrase(text: FieldText) -> str:
    """Return what is encoded of a field's name and label."""
    return text.short


def long_phrase(text: FieldText) -> str:
    """Return what is encoded of a field with its description."""
    if not text.description:
        return text.short
    return f"{text.short}: {' '.join(text.description)}"


def cosines(
    left: Sequence[FieldText], right: Sequence[FieldText], encoder: Encoder
) -> tuple[Matrix, Matrix]:
    """Return the likeness in meaning of names and labels, and of the same with descriptions."""
    texts = [*left, *right]
    phrases = [short_phrase(text) for text in texts] + [long_phrase(text) for text in texts]
    places = {phrase: place for place, phrase in enumerate(dict.fromkeys(phrases))}
    vectors = encoder.encode(list(places))
    rows = vectors[[places[phrase] for phrase in phrases]]
    short, long = rows[: len(texts)], rows[len(texts) :]
    split = len(left)
    return _likeness(short[:split], short[split:]), _likeness(long[:split], long[split:])


def _likeness(left: Matrix, right: Matrix) -> Matrix:
    likeness: Matrix = np.clip((left @ right.T - _UNRELATED) / (1 - _UNRELATED), 0, 1)
    return likeness
