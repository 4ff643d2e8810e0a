"""Signals against a field, whatever its counterpart: compounds, twins, secondary, locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.signals.concepts import OWN_FIELD
from crmdeck.matching.text import FieldText
from crmdeck.model import Field, FieldType

Vector = NDArray[np.float32]


def shells(fields: Sequence[Field]) -> Vector:
    """Mark compound fields, which have no values of their own."""
    return _marks(field.type is FieldType.COMPOUND for field in fields)


def twins(
    fields: Sequence[Field], texts: Sequence[FieldText], concepts: Sequence[Mapping[str, float]]
) -> Vector:
    """Mark custom fields with the words or the concept of one of the vendor's own fields."""
    words: set[frozenset[str]] = set()
    known: set[str] = set()
    for field, text, strengths in zip(fields, texts, concepts, strict=True):
        if not _custom(field):
            words.update(map(frozenset, text.readings))
            known |= {concept for concept, sure in strengths.items() if sure == OWN_FIELD}
    words.discard(frozenset())
    return _marks(
        _custom(field)
        and (not words.isdisjoint(map(frozenset, text.readings)) or not known.isdisjoint(strengths))
        for field, text, strengths in zip(fields, texts, concepts, strict=True)
    )


def secondary(texts: Sequence[FieldText], words: frozenset[str]) -> Vector:
    """Mark fields with one of the words that mean that a field is not the main one."""
    return _marks(not words.isdisjoint(text.words) for text in texts)


def locked(fields: Sequence[Field]) -> Vector:
    """Mark fields that only the CRM can write, and archived ones."""
    return _marks(
        bool(field.archived)
        or bool(field.calculated)
        or (field.createable is False and field.updateable is False)
        for field in fields
    )


def _custom(field: Field) -> bool:
    return bool(field.custom) or field.name.endswith("__c")


def _marks(values: Iterable[bool]) -> Vector:
    return np.fromiter(values, np.float32)
