"""Stories (change groups on screen): findings with one cause, shown as one row.

Nothing is dropped. A finding that touches a mapping is in no story: it has a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from crmdeck.drift.findings import Finding
from crmdeck.model import Field, ObjectSchema, VendorProfile


@dataclass(frozen=True, eq=False)
class StoryDraft:
    """The findings of one story.

    `follows` is the reason if they are side effects of other findings.
    """

    kind: str
    title: str
    members: tuple[Finding, ...]
    follows: str | None = None


@dataclass(frozen=True)
class News:
    """Everything that one refresh found, and the schema now.

    `there` has all current objects, changed or not; `left` the objects and fields that had gone
    before, as object type and field name or None.
    """

    vendor: VendorProfile
    findings: tuple[Finding, ...]
    there: Mapping[str, ObjectSchema]
    left: frozenset[tuple[str, str | None]]

    @cached_property
    def by_place(self) -> dict[tuple[str, str | None], Finding]:
        """The findings, except those of rules, by object type and field name."""
        return {(f.object_type, f.field_name): f for f in self.findings if not f.rule}

    @cached_property
    def moved(self) -> frozenset[str]:
        """The object types that were added or removed."""
        return frozenset(
            object_type
            for (object_type, field), finding in self.by_place.items()
            if field is None and finding.family != "changed"
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


Grouped = tuple[str, tuple[Finding, ...]]
"""The title and the findings of a story."""


@dataclass(frozen=True)
class StoryRule:
    """One kind of story.

    `find` gets all the news and the findings that no earlier rule used. `describes` explains the
    rule in the docs. `follows` is the reason of findings that are side effects of others, and
    therefore safe.
    """

    kind: str
    find: Callable[[News, Sequence[Finding]], Iterable[Grouped]]
    describes: str
    follows: str | None = None


def objects_of(findings: Iterable[Finding]) -> list[str]:
    """Return the object types of findings, sorted, without duplicates."""
    return sorted({finding.object_type for finding in findings})


def find_stories(
    rules: Iterable[StoryRule], news: News, mapped: Collection[Finding]
) -> list[StoryDraft]:
    """Return the stories of one refresh; each finding is in one story at most.

    The first rule that matches a finding keeps it. `mapped` are the findings that touch a mapping.
    They and the findings of rules are in no story.
    """
    remaining = [f for f in news.findings if f not in mapped and not f.rule]
    drafts: list[StoryDraft] = []
    for rule in rules:
        found = [
            StoryDraft(rule.kind, title, members, rule.follows)
            for title, members in rule.find(news, remaining)
        ]
        drafts += found
        taken = {member for draft in found for member in draft.members}
        remaining = [finding for finding in remaining if finding not in taken]
    return drafts
