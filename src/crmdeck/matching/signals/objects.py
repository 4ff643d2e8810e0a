"""Objects: which object of the right side the fields of a group belong to.

A right side that lists several objects names them in the path (`Opportunity.Amount`). A group of
left fields shares its path or its first word, or is the rest of the list.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.lexicon import Lexicon
from crmdeck.matching.signals.concepts import Strengths
from crmdeck.matching.text import FieldText, path_of, split_words
from crmdeck.model import Field

Matrix = NDArray[np.float32]

# Fields that each of at least two objects must have, and fields of a left group.
_MIN_FIELDS = 3
# Accepted fields of a group, and the part of them in one object, that agree on this object.
_MIN_ACCEPTED = 3
_AGREED = 0.8
# Weight of each field's own preference: the fields of a group are not independent.
_TRUST = 0.3
_LEAST_SHARE, _LEAST_VOTE = 0.05, 0.05
# Once accepted fields agree, all fields of other objects count as less preferred.
_ELSEWHERE = np.float32(1)


@dataclass(frozen=True)
class Objects:
    """The objects of the right side, and the groups of the left.

    `of_right` and `group_of_left` are indexes. `homonyms` are the right fields of each name or
    concept that several objects have.
    """

    names: Sequence[str]
    of_right: NDArray[np.intp]
    group_of_left: NDArray[np.intp]
    homonyms: Sequence[NDArray[np.intp]]


@dataclass(frozen=True)
class Agreed:
    """The object that accepted fields agree on: its index, its name and their number."""

    place: int
    name: str
    count: int


@dataclass(frozen=True)
class Preference:
    """How much the group of each left field prefers the object of each right field.

    `against` is subtracted from the scores: 0 for the preferred object among those that have a
    field of the same name. `ahead` is the advantage over these objects on average. `agreed` is
    the object that accepted fields agree on for each left field, if any.
    """

    against: Matrix
    ahead: Matrix
    agreed: Sequence[Agreed | None]


def objects_of(
    left: Sequence[Field],
    right: Sequence[Field],
    texts: Sequence[FieldText],
    concepts: Sequence[Strengths],
    lexicon: Lexicon,
) -> Objects | None:
    """Return the objects of the right side, None if it lists fewer than two known object types.

    `texts` and `concepts` are those of the right fields. Parts of one nested record, such as the
    buyer and the lines of an order, aren't objects.
    """
    paths = [path_of(field.name)[:1] for field in right]
    counts = Counter(path[0] for path in paths if path)
    read = {path[0]: text.path for path, text in zip(paths, texts, strict=True) if path}
    several = [name for name, count in counts.items() if count >= _MIN_FIELDS]
    if sum(lexicon.is_object(name, read[name]) for name in several) < 2:
        return None
    names = ["", *counts]
    of_right = np.array([names.index(path[0]) if path else 0 for path in paths], np.intp)
    alike: defaultdict[object, list[int]] = defaultdict(list)
    for column, (text, strengths) in enumerate(zip(texts, concepts, strict=True)):
        for key in {frozenset(text.leaf), text.leaf[-2:], *strengths}:
            if key:
                alike[key].append(column)
    return Objects(
        names,
        of_right,
        _groups(left),
        [
            np.array(columns, np.intp)
            for columns in alike.values()
            if len({*of_right[columns].tolist()}) > 1
        ],
    )


def _groups(left: Sequence[Field]) -> NDArray[np.intp]:
    said = [tuple(path_of(field.name) or split_words(field.name))[:1] for field in left]
    counts = Counter(said)
    several = [word for word, count in counts.items() if word and count >= _MIN_FIELDS]
    return np.array([several.index(one) + 1 if one in several else 0 for one in said], np.intp)


def prefer(objects: Objects, score: Matrix, accepted: Mapping[int, int]) -> Preference:
    """Return the preferences of each left field's group by its best scores in each object.

    `accepted` are the right fields of accepted left ones, by index. They count once they agree.
    """
    best = np.stack(
        [
            score[:, objects.of_right == place].max(axis=1, initial=-np.inf)
            for place in range(len(objects.names))
        ],
        axis=1,
    )
    best -= np.maximum(best.max(axis=1, keepdims=True), -1e9)
    share = np.exp(best)
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    votes = np.zeros_like(share)
    agreed: list[Agreed | None] = [None] * len(score)
    # The fields accepted in one group say nothing of another: a list can have several objects too.
    taught = {int(objects.group_of_left[row]) for row in accepted}
    everywhere = _agreed(objects, list(accepted.values())) if len(taught) > 1 else None
    for group in np.unique(objects.group_of_left):
        rows = np.flatnonzero(objects.group_of_left == group)
        logged = _TRUST * np.log(_LEAST_SHARE + share[rows]).sum(axis=0)
        vote = np.exp(logged - logged.max())
        vote /= vote.sum()
        own = np.array([accepted[row] for row in rows.tolist() if row in accepted], np.intp)
        found = _agreed(objects, own)
        if everywhere is not None and (objects.of_right[own] == everywhere.place).all():
            found = found or everywhere
        if found is not None:
            vote[found.place] += found.count
            vote /= 1 + found.count
            for row in rows.tolist():
                agreed[row] = found
        votes[rows] = vote
    logged = np.log(votes + _LEAST_VOTE)[:, objects.of_right]
    against, ahead = np.zeros_like(score), np.zeros_like(score)
    for columns in objects.homonyms:
        among = logged[:, columns]
        lower = among.max(axis=1, keepdims=True) - among
        against[:, columns] = np.maximum(against[:, columns], lower)
        ahead[:, columns] = among - among.mean(axis=1, keepdims=True)
    for row, one in enumerate(agreed):
        if one is not None:
            elsewhere = objects.of_right != one.place
            against[row] = np.maximum(against[row], _ELSEWHERE * elsewhere)
            ahead[row] = np.where(elsewhere, ahead[row], np.maximum(ahead[row], _ELSEWHERE))
    return Preference(against, ahead, agreed)


def _agreed(objects: Objects, columns: Sequence[int] | NDArray[np.intp]) -> Agreed | None:
    if len(columns) < _MIN_ACCEPTED:
        return None
    place, count = Counter(objects.of_right[columns].tolist()).most_common(1)[0]
    if count < _AGREED * len(columns):
        return None
    return Agreed(place, objects.names[place], count)
