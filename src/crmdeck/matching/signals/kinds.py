"""Types: two fields with values of the same kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import Field, FieldType

Matrix = NDArray[np.float32]


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
