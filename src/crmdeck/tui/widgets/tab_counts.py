"""The counts on the tabs of the panes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from crmdeck.model import AlertLevel
from crmdeck.tui.marks import STATE_COLORS, open_mark
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus


class TabCount(NamedTuple):
    """A count as a tab shows it, and in words."""

    shown: Content
    tooltip: str


def tab_counts(statuses: Sequence[ConnectionStatus], undecided_count: int) -> dict[str, TabCount]:
    """Return the counts by pane id; a pane without one is left out.

    Health counts the open alerts of all connections, Drift their open change groups, Mapping the
    undecided rows of the chosen connection.
    """
    alerts = [
        alert.level
        for status in statuses
        for alert in status.open_alerts
        if alert.level is not AlertLevel.INFO
    ]
    is_critical = AlertLevel.CRITICAL in alerts
    # The frame paints before the models are imported.
    from crmdeck.model import OpenChanges

    changes = OpenChanges.total(status.open_changes for status in statuses)
    mark, state = open_mark(changes)
    found = {
        "health": TabCount(
            _part(
                f"{'✕' if is_critical else '▲'}{len(alerts):,}",
                "$bad" if is_critical else "$warn",
                len(alerts),
            ),
            count(len(alerts), "open alert"),
        ),
        "drift": TabCount(
            _part(mark.replace(" ", ""), STATE_COLORS[state], changes.count),
            changes.text,
        ),
        "mapping": TabCount(
            _part(f"{undecided_count:,}", "bold", undecided_count),
            f"{count(undecided_count, 'undecided row')}",
        ),
    }
    return {pane: one for pane, one in found.items() if one.shown}


def _part(text: str, look: str, number: int) -> Content:
    return Content.styled(text, look) if number else Content("")
