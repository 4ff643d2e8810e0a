"""Owners of fields, in a list with the fields of several objects.

The owner is in the path (`buyer/city`) or the first word (`company_phone`). In a list of one
object, this signal is 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.text import FieldText

Matrix = NDArray[np.float32]

# Owners that a list must have, each with as many fields, to be a list of several objects.
_MIN_OWNERS = 2
_MIN_FIELDS = 2
_OWNER, _SAME = "owner ", "same "


def owners_of(fields: Sequence[FieldText], knowledge: Knowledge) -> list[str | None]:
    """Return the owner of each field; None if it is unknown or the list has only one object."""
    named = {
        word: group.removeprefix(_OWNER)
        for group, words in knowledge.groups.items()
        if group.startswith(_OWNER)
        for word in words
    }
    found = [
        next((named[word] for word in text.owner if word in named), None)
        if len(text.words) > 1
        else None
        for text in fields
    ]
    counts = Counter(owner for owner in found if owner)
    several = [owner for owner, count in counts.items() if count >= _MIN_FIELDS]
    return found if len(several) >= _MIN_OWNERS else [None] * len(fields)


def owner_fit(
    left: Sequence[str | None], right: Sequence[str | None], knowledge: Knowledge
) -> tuple[Matrix, Matrix]:
    """Return the pairs with the same owner, and those with different owners."""
    alike = [words for group, words in knowledge.groups.items() if group.startswith(_SAME)]
    same = np.zeros((len(left), len(right)), np.float32)
    other = np.zeros((len(left), len(right)), np.float32)
    ours, yours = np.array(left, object), np.array(right, object)
    for mine in {owner for owner in left if owner}:
        for theirs in {owner for owner in right if owner}:
            block = np.ix_(np.flatnonzero(ours == mine), np.flatnonzero(yours == theirs))
            if mine == theirs:
                same[block] = 1
            elif not any(mine in words and theirs in words for words in alike):
                other[block] = 1
    return same, other
