"""Concepts: two fields with the same meaning under different names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.context import Home
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.lexicon import Lexicon, lexicon_of, own_concept
from crmdeck.matching.text import FieldText
from crmdeck.model import Field

Matrix = NDArray[np.float32]
Strengths = Mapping[str, float]

# Strength of a concept: a field of a known object by its name; a phrase of the concept; the same
# phrase without the object's name or the path; a field name of any system.
OWN_FIELD = 1.0
_PHRASE = 0.9
_SHORTER_PHRASE = 0.75
_SOME_SYSTEM = 0.6


def concepts_of(
    fields: Sequence[Field],
    texts: Sequence[FieldText],
    knowledge: Knowledge,
    home: Home | None,
    context: Iterable[str] = (),
) -> list[Strengths]:
    """Return the possible concepts of each field with their strengths."""
    lexicon = lexicon_of(knowledge)
    skipped = frozenset(context)
    found: list[Strengths] = []
    for field, text in zip(fields, texts, strict=True):
        own = own_concept(field, home, knowledge)
        found.append(
            {own: OWN_FIELD} if own else _by_words(field, text, lexicon, knowledge, skipped)
        )
    return found


def concept_fit(
    left: Sequence[Strengths], right: Sequence[Strengths], knowledge: Knowledge
) -> Matrix:
    """Return the strength of the concept that two fields share, 0 to 1."""
    agree = np.zeros((len(left), len(right)), np.float32)
    ours, yours = _columns(left), _columns(right)
    for mine, (rows, row_strength) in ours.items():
        for theirs in knowledge.akin(mine):
            if theirs in yours:
                columns, column_strength = yours[theirs]
                block = knowledge.affinity(mine, theirs) * np.outer(row_strength, column_strength)
                place = np.ix_(rows, columns)
                agree[place] = np.maximum(agree[place], block)
    return agree


def certainty(fields: Sequence[Strengths]) -> Matrix:
    """Return the strength of the strongest concept of each field, 0 to 1."""
    return np.array([max(strengths.values(), default=0) for strengths in fields], np.float32)


def _by_words(
    field: Field,
    text: FieldText,
    lexicon: Lexicon,
    knowledge: Knowledge,
    skipped: frozenset[str],
) -> Strengths:
    strengths: dict[str, float] = {}
    for words in text.readings:
        for concept in lexicon.concepts_of(words):
            strengths[concept] = _PHRASE
    for concept in lexicon.concepts_of(text.leaf):
        strengths.setdefault(concept, _SHORTER_PHRASE)
    for words in text.readings:
        shorter = [word for word in words if word not in skipped]
        if shorter:
            for concept in lexicon.concepts_of(shorter):
                strengths.setdefault(concept, _SHORTER_PHRASE)
    if not strengths:
        # Sorted, because a suggestion names the first one in its reasons.
        for concept in sorted(knowledge.concepts_named(field.name)):
            strengths[concept] = _SOME_SYSTEM
    return strengths


def _columns(fields: Sequence[Strengths]) -> dict[str, tuple[NDArray[np.intp], Matrix]]:
    places: dict[str, list[tuple[int, float]]] = {}
    for place, strengths in enumerate(fields):
        for concept, strength in strengths.items():
            places.setdefault(concept, []).append((place, strength))
    return {
        concept: (
            np.array([place for place, _ in found], np.intp),
            np.array([strength for _, strength in found], np.float32),
        )
        for concept, found in places.items()
    }
