"""The steps in the to-do line of the drift pane. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from crmdeck.model import Finding, Urgency
from crmdeck.tui.panes.drift.arrangement import STORY_PREFIX
from crmdeck.tui.panes.to_do import ToDo
from crmdeck.tui.text import count

Do = Callable[[str, Collection[str]], object]
"""Runs an action, by its ID, on one of these rows."""


def steps(findings: Sequence[Finding], do: Do) -> Iterator[ToDo]:
    """Yield the next steps for the changes in open findings."""
    with_changes = [one for one in findings if one.groups]
    breaking = [one for one in with_changes if one.mapped and one.urgency is Urgency.FAILING]
    if number := len({group for one in breaking for group in one.groups}):
        verb = "breaks" if number == 1 else "break"
        yield ToDo(
            f"f fixes {count(number, 'change')} that {verb} a mapping",
            f"f fixes {number:,} that {verb} a mapping",
            lambda: do("drift.repair", rows_of(breaking)),
        )
    if with_changes:
        yield ToDo(
            "a acknowledges a row, A all",
            "a acknowledges",
            lambda: do("drift.acknowledge", rows_of(with_changes)),
        )


def rows_of(findings: Sequence[Finding]) -> Collection[str]:
    """Return the keys of the rows of changes."""
    changes = {change for one in findings for change in one.changes}
    return changes | {f"{STORY_PREFIX}{group}" for one in findings for group in one.groups}
