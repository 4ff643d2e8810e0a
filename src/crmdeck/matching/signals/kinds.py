"""Types and picklist values: two fields with values of the same kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import Field, FieldType

Matrix = NDArray[np.float32]

# Longer picklists (time zones, every field of an org) are compared by their first values.
MAX_VALUES = 250


def type_fit(left: Sequence[Field], right: Sequence[Field], knowledge: Knowledge) -> Matrix:
    kinds = list(FieldType)
    place = {kind: number for number, kind in enumerate(kinds)}
    ours = {place[field.type] for field in left}
    yours = {place[field.type] for field in right}
    table = np.zeros((len(kinds), len(kinds)), np.float32)
    for one in ours:
        for other in yours:
            table[one, other] = knowledge.type_compatibility(kinds[one], kinds[other])
    rows = np.array([place[field.type] for field in left], np.intp)
    columns = np.array([place[field.type] for field in right], np.intp)
    fit: Matrix = table[rows[:, None], columns[None, :]]
    return fit


Values = dict[int, frozenset[str]]


def value_sets(fields: Sequence[Field], knowledge: Knowledge) -> Values:
    """Return the canonical picklist values of each field, by index."""
    return {
        place: frozenset(
            knowledge.canonical_value(value.label or value.value)
            for value in field.picklist[:MAX_VALUES]
        )
        for place, field in enumerate(fields)
        if field.picklist
    }


def shared_values(ours: Values, yours: Values, shape: tuple[int, int]) -> Matrix:
    """Return the part of the shorter picklist that the other one contains, 0 to 1.

    Few common values count less, because yes and no are in many picklists.
    """
    shared = np.zeros(shape, np.float32)
    for row, mine in ours.items():
        for column, theirs in yours.items():
            common = len(mine & theirs)
            if common:
                part = common / min(len(mine), len(theirs))
                shared[row, column] = part * common / (common + 1)
    return shared


def common_labels(field: Field, theirs: frozenset[str], knowledge: Knowledge) -> Iterator[str]:
    """Yield the labels of a picklist's values that are in `theirs`, in order."""
    for value in field.picklist[:MAX_VALUES]:
        label = value.label or value.value
        if knowledge.canonical_value(label) in theirs:
            yield label
