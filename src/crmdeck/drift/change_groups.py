"""Change groups: differences with one cause, shown as one row.

Nothing is dropped. A difference that touches a mapping has a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, TypeAlias

from pydantic import ConfigDict

from crmdeck.drift.differences import Difference
from crmdeck.model import Field, ObjectSchema, VendorProfile


@dataclass(frozen=True, eq=False)
class ChangeGroupDraft:
    """The differences of one change group.

    `follows` is the reason if they are side effects of other differences.
    """

    kind: str
    title: str
    members: tuple[Difference, ...]
    follows: str | None = None


@dataclass(frozen=True)
class News:
    """Everything that one refresh found, and the schema now.

    `there` has all current objects, changed or not; `left` the objects and fields that had gone
    before, as object type and field name or None.
    """

    vendor: VendorProfile
    differences: tuple[Difference, ...]
    there: Mapping[str, ObjectSchema]
    left: frozenset[tuple[str, str | None]]

    @cached_property
    def by_place(self) -> dict[tuple[str, str | None], Difference]:
        """The differences, except those of rules, by object type and field name."""
        return {(f.object_type, f.field_name): f for f in self.differences if not f.rule}

    @cached_property
    def moved(self) -> frozenset[str]:
        """The object types that were added or removed."""
        return frozenset(
            object_type
            for (object_type, field), difference in self.by_place.items()
            if field is None and difference.family != "changed"
        )

    def had_left(self, object_type: str, name: str | None = None) -> bool:
        """Return whether an object or a field had gone before, and is still missing."""
        if (object_type, name) not in self.left:
            return False
        there = self.field(object_type, name) if name else self.there.get(object_type)
        return there is None

    def field(self, object_type: str, name: str) -> Field | None:
        """Return the current field; None if it doesn't exist or is unknown."""
        return self._fields_of(object_type).get(name)

    def _fields_of(self, object_type: str) -> dict[str, Field]:
        if object_type not in self._fields:
            schema = self.there.get(object_type)
            self._fields[object_type] = {f.name: f for f in schema.fields} if schema else {}
        return self._fields[object_type]

    @cached_property
    def _fields(self) -> dict[str, dict[str, Field]]:
        return {}


Grouped = tuple[str, tuple[Difference, ...]]
"""The title and the differences of a change group."""


Least: TypeAlias = Mapping[str, int]
"""The smallest numbers that make a change group, by name."""


@dataclass(frozen=True)
class ChangeGroupRule:
    """One kind of change group; `knowledge/drift/change_groups.toml` explains the attributes."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    kind: str
    describes: str
    follows: str | None = None
    least: Least = field(default_factory=dict)


Find: TypeAlias = Callable[[News, Sequence[Difference], Least], Iterable[Grouped]]
"""Finds the groups of one kind among all the news and the differences that no earlier rule used."""


def objects_of(differences: Iterable[Difference]) -> list[str]:
    """Return the object types of differences, sorted, without duplicates."""
    return sorted({difference.object_type for difference in differences})


def find_change_groups(
    rules: Iterable[tuple[ChangeGroupRule, Find]], news: News, mapped: Collection[Difference]
) -> list[ChangeGroupDraft]:
    """Return the change groups of one refresh; each difference is in one group at most.

    The first rule that matches a difference keeps it. `mapped` are the differences that touch a
    mapping. They and the differences of rules are in no change group.
    """
    remaining = [f for f in news.differences if f not in mapped and not f.rule]
    drafts: list[ChangeGroupDraft] = []
    for rule, find in rules:
        found = [
            ChangeGroupDraft(rule.kind, title, members, rule.follows)
            for title, members in find(news, remaining, rule.least)
        ]
        drafts += found
        taken = {member for draft in found for member in draft.members}
        remaining = [difference for difference in remaining if difference not in taken]
    return drafts
