"""Which object types of an org a refresh asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from crmdeck.model import Scope, ScopeMode

# Objects that accompany another one and are never mapped themselves.
_COMPANIONS = re.compile(r"(History|Share|Feed|ChangeEvent|Tag|__Tag|__hd|__ViewStat|__VoteStat)$")


def select(scope: Scope, objects: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of the object types in scope, in order.

    `objects` are the rows of describeGlobal. Named object types that the org does not list are
    asked for nevertheless: the answer says why they can't be read.
    """
    excluded = frozenset(scope.exclude)
    included = tuple(name for name in scope.include if name not in excluded)
    if scope.mode is ScopeMode.NAMED:
        return tuple(sorted(set(included)))
    names = {str(row["name"]) for row in objects if scope.mode is ScopeMode.ALL or is_mappable(row)}
    if scope.mode is ScopeMode.MAPPABLE:
        names.update(included)
    return tuple(sorted(names - excluded))


def is_mappable(row: Mapping[str, Any]) -> bool:
    """Return whether records of an object type can be written and laid out by users."""
    flags = ("queryable", "createable", "layoutable")
    hidden = row.get("deprecatedAndHidden") is True or row.get("customSetting") is True
    return (
        all(row.get(flag) is True for flag in flags)
        and not hidden
        and not _COMPANIONS.search(str(row["name"]))
    )
