"""Siblings: the fields of one list that begin with the same word, such as `contact`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.text import split_words
from crmdeck.model import Field

_MIN_FIELDS = 3
# Siblings that have a match with this probability on average count as matched.
_MATCHED = 0.7
_LEAST = 0.01
# The less likely a match of one sibling, the less it speaks for another's.
_ROUNDS = 3


def sibling_factor(
    left: Sequence[Field],
    right: Sequence[Field],
    odds: NDArray[np.float64],
    accepted: Mapping[int, str],
) -> NDArray[np.float64]:
    """Return the factor of each pair's odds, lower the less likely the field's siblings match.

    If `contactEmail` and `contactPhone` match nothing, or only fields named after a contact, the
    right side's `Name` isn't that of `contactName`. Right fields with the shared word keep their
    odds. `accepted` are the names of the right fields of accepted left ones, by index.
    """
    siblings: defaultdict[str, list[int]] = defaultdict(list)
    for row, field in enumerate(left):
        words = split_words(field.name)
        if len(words) > 1:
            siblings[words[0]].append(row)
    theirs = [{*split_words(field.name), *split_words(field.label)} for field in right]
    factor = np.ones_like(odds)
    for word, rows in siblings.items():
        if len(rows) < _MIN_FIELDS:
            continue
        without = np.array([word not in words for words in theirs])
        decided = np.array([row in accepted for row in rows])
        # An accepted field that is gone counts by its name.
        known = np.array([word not in split_words(accepted.get(row, word)) for row in rows])
        for _ in range(_ROUNDS):
            found = odds[rows] * factor[rows]
            best = (found[:, without] / (1 + found.sum(axis=1, keepdims=True))).max(
                axis=1, initial=0
            )
            best = np.where(decided, known, best)
            others = (best.sum() - best) / (len(rows) - 1)
            lower = np.minimum(1, (others + _LEAST) / (_MATCHED + _LEAST))
            factor[rows] = np.where(without[None, :], lower[:, None], 1)
    return factor
