"""The heading of the pane, after the path: next steps and counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import OpenChanges
from crmdeck.text import ago
from crmdeck.tui.layout import fit_steps
from crmdeck.tui.marks import STATE_COLORS, open_mark
from crmdeck.tui.panes.schema.columns import open_text
from crmdeck.tui.panes.schema.rows import Everywhere, FieldLine, SchemaData
from crmdeck.tui.text import count

Details = tuple[str | Content, ...]


def overview_heading(
    data: SchemaData, to_map: Mapping[str, Sequence[FieldLine]], changes: OpenChanges, objects: bool
) -> Details:
    """Return the heading for all `objects` of a connection, or for all fields.

    `to_map` are the required fields without a mapping, by object.
    """
    stale = sum(line.summary.is_stale for line in data.objects)
    fields = count(sum(line.summary.field_count for line in data.objects), "field")
    size = f"{count(len(data.objects), 'object')}, {fields}" if objects else fields
    # Open changes and missing mappings are those of today.
    if data.overview.at is not None:
        return (size,)
    mark, state = open_mark(changes)
    missing = sum(map(len, to_map.values()))
    ends = min((line.summary.expires_at for line in data.objects), default=None)
    return (
        Content.styled(f"{mark} open", STATE_COLORS[state]) if mark else "",
        _to_do(f"{count(missing, 'required field')} not mapped") if missing else "",
        _to_do(f"▲ {stale:,} stale: press r") if stale else "",
        size,
        f"expires {ago(ends, data.now)}" if ends and not stale else "",
    )


def object_heading(data: SchemaData, object_type: str, to_map: Sequence[FieldLine]) -> Details:
    known = data.object_line(object_type)
    if known is None:
        return ()
    size = count(known.summary.field_count, "field")
    if data.overview.at is not None:
        return (size,)
    missing = f"{len(to_map):,} required, not mapped"
    if len(to_map) <= MOST_NAMED:
        missing = f"required, not mapped: {', '.join(line.row.name for line in to_map)}"
    stale = f"▲ stale, refreshed {ago(known.summary.discovered_at, data.now)}"
    return (
        _to_do(missing) if to_map else "",
        _to_do(stale) if known.summary.is_stale else "",
        size,
        f"{known.mapped:,} mapped" if known.mapped else "",
        open_text(known.open_changes),
    )


def everywhere_heading(everywhere: Everywhere) -> Details:
    left_out = ", ".join(everywhere.left_out)
    of = count(len(everywhere.data), "connection")
    return (
        f"{count(len(everywhere.lines), 'field')} of {of}",
        f"without {left_out}" if left_out else "",
    )


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


LEAST_GAP = 3
MOST_NAMED = 3


def _to_do(text: str) -> Content:
    return Content.styled(text, "$warn")
