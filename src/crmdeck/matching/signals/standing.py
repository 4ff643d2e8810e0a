"""What speaks against a field whatever its partner: shells, twins of the vendor's own, locks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.text import FieldText
from crmdeck.model import Field, FieldType

Vector = NDArray[np.float32]


def shells(fields: Sequence[Field]) -> Vector:
    """Mark compound fields: they show their parts and hold nothing of their own."""
    return _marks(field.type is FieldType.COMPOUND for field in fields)


def twins(fields: Sequence[Field], texts: Sequence[FieldText]) -> Vector:
    """Mark customer-made fields that say the same as one of the vendor's own."""
    own: dict[tuple[str, ...], bool] = defaultdict(bool)
    for field, text in zip(fields, texts, strict=True):
        if not _custom(field):
            own[_key(text.name)] = own[_key(text.label)] = True
    return _marks(
        _custom(field) and bool(text.name) and (own[_key(text.name)] or own[_key(text.label)])
        for field, text in zip(fields, texts, strict=True)
    )


def locked(fields: Sequence[Field]) -> Vector:
    """Mark fields that nobody but the CRM writes, and archived ones."""
    return _marks(
        bool(field.archived)
        or bool(field.calculated)
        or (field.createable is False and field.updateable is False)
        for field in fields
    )


def _custom(field: Field) -> bool:
    return bool(field.custom) or field.name.endswith("__c")


def _key(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


def _marks(values: Iterable[bool]) -> Vector:
    return np.fromiter(values, np.float32)
