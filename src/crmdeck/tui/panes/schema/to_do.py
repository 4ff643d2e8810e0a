"""The to-do line of the schema pane."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import ConnectionStatus
from crmdeck.tui.layout import fit_steps
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.text import count

LEAST_GAP = 3


def to_do(
    schema: SchemaLoader, status: ConnectionStatus | None, object_type: str, width: int
) -> Content:
    """Return the next steps for an object, or for all, with the time of the data at the right."""
    data = schema.data
    if data is None or status is None or data.overview.at is not None:
        return Content("")
    to_map = schema.fields.to_map.items()
    required = sum(len(rows) for key, rows in to_map if object_type in ("", key))
    stale = sum(row.summary.is_stale for row in data.objects if object_type in ("", row.key))
    # In words and in fewer.
    steps = []
    if required:
        words = count(required, "required field")
        steps.append((f"o m maps {words} that no mapping fills", f"o m maps {words}"))
    if status.open_changes.count:
        words = count(status.open_changes.count, "open change")
        steps.append((f"3 shows {words}",) * 2)
    if stale:
        words = count(stale, "stale object")
        steps.append((f"r refreshes {words}",) * 2)
    lead = "To do: " if steps else "Nothing to do"
    text = fit_steps(steps, width - len(lead))
    moment = f"as of {data.now:%Y-%m-%d %H:%M} UTC"
    gap = width - cell_len(lead + text) - len(moment)
    # The steps are worth more than the time, which is left out first.
    right = " " * gap + moment if gap >= LEAST_GAP else ""
    return Content.assemble((lead, "bold" if steps else "$muted"), text, (right, "$muted"))
