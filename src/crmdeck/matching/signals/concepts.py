"""What the lexicon of CRM concepts says: two fields that are the same thing under other names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.context import Home
from crmdeck.matching.knowledge import ANY_OBJECT, Knowledge, phrase_key
from crmdeck.matching.text import FieldText, strip_platform
from crmdeck.model import Field

Matrix = NDArray[np.float32]
Strengths = Mapping[str, float]

# How sure a concept is: a field of a known object by its own name; a phrase that people use;
# the same phrase once the object's own name is left out; a name that some system uses.
_OWN_FIELD = 1.0
_PHRASE = 0.9
_SHORTER_PHRASE = 0.75
_SOME_SYSTEM = 0.6

# A schema is taken for an object of a known system when it holds this many of its fields, and
# this part of them.
_MIN_FIELDS = 4
_MIN_PART = 0.2


@dataclass(frozen=True)
class ConceptFit:
    """Where two fields are one concept (`agree`), and where each is known to be another."""

    agree: Matrix
    conflict: Matrix


def locate(fields: Sequence[Field], knowledge: Knowledge, hint: Home | None = None) -> Home | None:
    """Return the known object whose fields these are, or None.

    `hint` names what the caller knows; it decides where the lexicon knows that object.
    """
    owners: dict[str, set[tuple[str, str]]] = {}
    sizes: Counter[tuple[str, str]] = Counter()
    for concept in knowledge.concepts.values():
        for ref in concept.fields:
            system, object_type, name = ref.key
            if object_type != ANY_OBJECT:
                sizes[system, object_type] += 1
            owners.setdefault(name, set()).add((system, object_type))
    if hint is not None:
        known = knowledge.systems.get(hint.system.casefold())
        key = hint.object_type.casefold()
        place = (hint.system.casefold(), known.objects.get(key, key) if known else key)
        if place in sizes:
            return Home(*place)
    hits: Counter[tuple[str, str]] = Counter()
    shared: Counter[str] = Counter()
    for name in {field.name.casefold() for field in fields}:
        for system, object_type in owners.get(name, ()):
            if object_type == ANY_OBJECT:
                shared[system] += 1
            else:
                hits[system, object_type] += 1
    scored = [
        (count + shared[place[0]], count / sizes[place], place)
        for place, count in hits.items()
        if count >= _MIN_FIELDS and count >= _MIN_PART * sizes[place]
    ]
    return Home(*max(scored)[2]) if scored else None


def concepts_of(
    fields: Sequence[Field],
    texts: Sequence[FieldText],
    knowledge: Knowledge,
    home: Home | None,
    context: Iterable[str] = (),
) -> list[Strengths]:
    """Return for each field the concepts it may be, each with how sure that is."""
    skipped = frozenset(context)
    found: list[Strengths] = []
    for field, text in zip(fields, texts, strict=True):
        if home is not None:
            own = knowledge.concept_of(home.system, home.object_type, field.name)
            if own is not None:
                found.append({own: _OWN_FIELD})
                continue
        found.append(_by_words(field, text, knowledge, skipped))
    return found


def concept_fit(
    left: Sequence[Strengths], right: Sequence[Strengths], knowledge: Knowledge
) -> ConceptFit:
    """Return where the concepts of two lists of fields agree, and where they contradict."""
    agree = np.zeros((len(left), len(right)), np.float32)
    ours, yours = _columns(left), _columns(right)
    for mine, (rows, row_strength) in ours.items():
        for theirs, (columns, column_strength) in yours.items():
            affinity = knowledge.affinity(mine, theirs)
            if affinity:
                block = affinity * np.outer(row_strength, column_strength)
                place = np.ix_(rows, columns)
                agree[place] = np.maximum(agree[place], block)
    certain = np.outer(_certainty(left), _certainty(right))
    conflict = np.where(agree > 0, 0, certain).astype(np.float32)
    return ConceptFit(agree=agree, conflict=conflict)


def _by_words(
    field: Field, text: FieldText, knowledge: Knowledge, skipped: frozenset[str]
) -> Strengths:
    name, label = " ".join(text.name), " ".join(text.label)
    phrases = {phrase_key(strip_platform(field.name)), phrase_key(field.label), name, label}
    strengths: dict[str, float] = {}

    def add(concepts: Iterable[str], strength: float) -> None:
        for concept in concepts:
            strengths[concept] = max(strength, strengths.get(concept, 0))

    for phrase in phrases:
        if phrase:
            add(knowledge.concepts_for(phrase), _PHRASE)
    for words in (text.name, text.label):
        shorter = " ".join(word for word in words if word not in skipped)
        if shorter and shorter not in phrases:
            add(knowledge.concepts_for(shorter), _SHORTER_PHRASE)
    if not strengths:
        add(knowledge.concepts_named(field.name), _SOME_SYSTEM)
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


def _certainty(fields: Sequence[Strengths]) -> Matrix:
    return np.array([max(strengths.values(), default=0) for strengths in fields], np.float32)
