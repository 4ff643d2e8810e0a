"""Stories: findings that are one thing, told once, so that the news stands out.

Nothing is dropped, and what touches a mapping is in no story: it is told by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from crmdeck.drift.findings import Finding
from crmdeck.model import Platform


@dataclass(frozen=True, eq=False)
class StoryDraft:
    """Findings that one story tells. `follows` says that they are echoes of other findings."""

    kind: str
    title: str
    members: tuple[Finding, ...]
    follows: str | None = None


@dataclass(frozen=True)
class News:
    """Everything that was found in one refresh, with what the rules look up in it."""

    platform: Platform
    findings: tuple[Finding, ...]

    @cached_property
    def by_place(self) -> dict[tuple[str, str | None], Finding]:
        """Return the findings by object type and field name."""
        return {(f.object_type, f.field_name): f for f in self.findings}


StoryRule = Callable[[News, Sequence[Finding]], Iterable[StoryDraft]]
"""Given all the news and what no earlier rule took, return the stories of this rule."""


def objects_of(findings: Iterable[Finding]) -> list[str]:
    """Return the object types of findings, each once, ordered."""
    return sorted({finding.object_type for finding in findings})


def find_stories(
    rules: Iterable[StoryRule],
    findings: Sequence[Finding],
    platform: Platform,
    mapped: Collection[Finding],
) -> list[StoryDraft]:
    """Return the stories of one refresh; no finding is in two of them.

    The first of `rules` that takes a finding keeps it. `mapped` are the findings that touch a
    mapping.
    """
    news = News(platform, tuple(findings))
    remaining = [finding for finding in findings if finding not in mapped]
    drafts: list[StoryDraft] = []
    for rule in rules:
        found = list(rule(news, remaining))
        drafts.extend(found)
        taken = {member for one in found for member in one.members}
        remaining = [finding for finding in remaining if finding not in taken]
    return drafts
