"""The steps in the to-do line of the schema pane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmdeck.model import Finding, Urgency
from crmdeck.tui.host import Host, Location
from crmdeck.tui.panes.to_do import ToDo, row_of
from crmdeck.tui.text import count


def steps(host: Host, findings: Sequence[Finding], object_type: str) -> Iterator[ToDo]:
    """Yield the next steps for an object, or for all: its failing rows, and its open changes."""
    inside = [one for one in findings if object_type in ("", one.subject.object_type)]
    failing = [one for one in inside if one.mapped and one.urgency is Urgency.FAILING]
    changed = [one for one in inside if one.groups]
    if failing:
        first = failing[0]
        words = f"4 shows {count(len(failing), 'failing row')}"
        yield ToDo(words, words, lambda: host.go_to("mapping", row_of(first)))
    if changed:
        number = len({group for one in changed for group in one.groups})
        words = f"3 shows {count(number, 'open change')}"
        yield ToDo(words, words, lambda: host.go_to("drift", Location(filter="open:yes")))
