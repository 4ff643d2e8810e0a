"""Stories: findings that are one thing, told once, so that the news stands out.

Nothing is dropped, and what touches a mapping is in no story: it is told by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from crmdeck.drift.findings import Finding
from crmdeck.model import Field, ObjectSchema, VendorProfile


@dataclass(frozen=True, eq=False)
class StoryDraft:
    """Findings that one story tells. `follows` says that they are echoes of other findings."""

    kind: str
    title: str
    members: tuple[Finding, ...]
    follows: str | None = None


@dataclass(frozen=True)
class News:
    """Everything that was found in one refresh, and what is there now.

    `there` holds the object types that are there, changed or not; `left` the places, object type
    and field or None, that were gone before already.
    """

    vendor: VendorProfile
    findings: tuple[Finding, ...]
    there: Mapping[str, ObjectSchema]
    left: frozenset[tuple[str, str | None]]

    @cached_property
    def by_place(self) -> dict[tuple[str, str | None], Finding]:
        """Return the findings, rules aside, by object type and field name."""
        return {(f.object_type, f.field_name): f for f in self.findings if not f.rule}

    @cached_property
    def moved(self) -> frozenset[str]:
        """Return the object types that came or went."""
        return frozenset(
            object_type
            for (object_type, field), finding in self.by_place.items()
            if field is None and finding.family != "changed"
        )

    def had_left(self, object_type: str, name: str | None = None) -> bool:
        """Return whether an object type or a field was gone before already, and still is."""
        if (object_type, name) not in self.left:
            return False
        there = self.field(object_type, name) if name else self.there.get(object_type)
        return there is None

    def field(self, object_type: str, name: str) -> Field | None:
        """Return a field as it is now; None where there is none, or nothing is known."""
        return self._fields_of(object_type).get(name)

    def _fields_of(self, object_type: str) -> dict[str, Field]:
        if object_type not in self._fields:
            schema = self.there.get(object_type)
            self._fields[object_type] = {f.name: f for f in schema.fields} if schema else {}
        return self._fields[object_type]

    @cached_property
    def _fields(self) -> dict[str, dict[str, Field]]:
        return {}


Told = tuple[str, tuple[Finding, ...]]
"""The title of a story, and its findings."""


@dataclass(frozen=True)
class StoryRule:
    """One kind of story: `tells` says of what, `find` finds it.

    `find` gets all the news and what no earlier rule took. `follows` is the reason of findings
    that are echoes of others, and safe for that.
    """

    kind: str
    find: Callable[[News, Sequence[Finding]], Iterable[Told]]
    tells: str
    follows: str | None = None


def objects_of(findings: Iterable[Finding]) -> list[str]:
    """Return the object types of findings, each once, ordered."""
    return sorted({finding.object_type for finding in findings})


def find_stories(
    rules: Iterable[StoryRule], news: News, mapped: Collection[Finding]
) -> list[StoryDraft]:
    """Return the stories of one refresh; no finding is in two of them.

    The first of `rules` that takes a finding keeps it. `mapped` are the findings that touch a
    mapping. What a CRM checks on a write is always told by itself.
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
