"""The to-do line of the schema pane. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from crmdeck.tui.layout import fit_steps
from crmdeck.tui.text import count

LEAST_GAP = 3


def next_steps(*, required: int, stale: int, changes: int) -> tuple[tuple[str, str], ...]:
    """Return the next steps with their keys, in words and in fewer."""
    found = []
    if required:
        words = count(required, "required field")
        found.append((f"m maps {words} that no mapping fills", f"m maps {words}"))
    if changes:
        words = count(changes, "open change")
        found.append((f"3 shows {words}", f"3 shows {words}"))
    if stale:
        words = count(stale, "stale object")
        found.append((f"r refreshes {words}", f"r refreshes {words}"))
    return tuple(found)


def to_do(steps: Sequence[tuple[str, str]], now: datetime, width: int) -> Content:
    """Return the to-do line, with the time of the data at the right."""
    lead = "To do: " if steps else "Nothing to do"
    text = fit_steps(steps, width - len(lead))
    moment = f"as of {now:%Y-%m-%d %H:%M} UTC"
    gap = width - cell_len(lead + text) - len(moment)
    # The steps are worth more than the time, which is left out first.
    right = " " * gap + moment if gap >= LEAST_GAP else ""
    return Content.assemble((lead, "bold" if steps else "$muted"), text, (right, "$muted"))
