"""The strip of connections with their worst findings, in the line below the tabs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style

from crmdeck.tui.marks import STATE_COLORS, health_of
from crmdeck.tui.panes.health.overview import ConnectionHealth
from crmdeck.tui.text import cut_middle, display_text
from crmdeck.tui.widgets.top_bar import CONNECTION

LONGEST_NAME = 20
GAP = "  "


def strip(entries: Sequence[ConnectionHealth], width: int) -> Content:
    """Return the connections in `width` cells, the worst first; the number of the rest follows."""
    shown: list[Content] = []
    used = 0
    for place, entry in enumerate(entries):
        health = health_of(entry.status)
        name = cut_middle(display_text(entry.connection.name), LONGEST_NAME)
        words = Content.assemble(
            (f"{health.sign} ", STATE_COLORS[health.state]), (name, "bold"), f" {health.word}"
        ).stylize(Style.from_meta({CONNECTION: entry.id}))
        rest = len(entries) - place - 1
        more = len(GAP) + len(f"+{rest:,}") if rest else 0
        if used + words.cell_length + more > width:
            shown.append(Content.styled(f"+{len(entries) - place:,}", "$muted"))
            break
        shown.append(words)
        used += words.cell_length + len(GAP)
    return Content(GAP).join(shown)
