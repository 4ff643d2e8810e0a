"""Folds: findings that are one thing, found by the rules of `noise` and `masses`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from crmdeck.drift.findings import Finding
from crmdeck.model import Platform


@dataclass(frozen=True, eq=False)
class Fold:
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


FoldRule = Callable[[News, Sequence[Finding]], Iterable[Fold]]
"""Given all the news and what no earlier rule took, return what folds."""


def objects_of(findings: Iterable[Finding]) -> list[str]:
    """Return the object types of findings, each once, ordered."""
    return sorted({finding.object_type for finding in findings})
