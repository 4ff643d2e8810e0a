"""One audit entry in full. Pure."""

from __future__ import annotations

import json

from textual.content import Content

from crmdeck.tui.panes.audit.columns import Line
from crmdeck.tui.text import display_block, display_text


def entry_detail(line: Line) -> Content:
    """Return an entry in full: what happened, then every detail on a line."""
    entry = line.entry
    where = f" in {line.connection}" if line.connection else ""
    lines = [
        Content.styled(display_block(entry.summary, 400), "bold"),
        Content.styled(
            display_text(
                f"{entry.event}{where} by {entry.actor}, {entry.at:%Y-%m-%d %H:%M:%S} UTC", 200
            ),
            "$muted",
        ),
    ]
    for name, value in entry.details.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(
            Content.assemble((f"{display_text(name, 14):<14}  ", "$muted"), display_text(text, 400))
        )
    return Content("\n").join(lines)
