"""The counts on the tabs of the panes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from crmdeck import model
from crmdeck.model import AlertLevel
from crmdeck.tui.marks import STATE_COLORS, open_mark
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus
    from crmdeck.workspace import OpenRows


class TabCount(NamedTuple):
    """A count as a tab shows it, and in words."""

    shown: Content
    tooltip: str


def tab_counts(
    statuses: Sequence[ConnectionStatus], rows: Iterable[OpenRows]
) -> dict[str, TabCount]:
    """Return the counts by pane id; a pane without one is left out.

    All connections count: Health their open alerts, Drift their open change groups, Mapping the
    open `rows` of their object pairs.
    """
    alerts = [
        alert.level
        for status in statuses
        for alert in status.open_alerts
        if alert.level is not AlertLevel.INFO
    ]
    is_critical = AlertLevel.CRITICAL in alerts
    changes = model.OpenChanges.total(status.open_changes for status in statuses)
    mark, state = open_mark(changes)
    # The zeros are for a workspace without a decision, which has no rows.
    broken, required, undecided = (sum(each) for each in zip(*rows, (0, 0, 0), strict=True))
    total, stops = broken + required + undecided, broken + required > 0
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
            _part(f"{'✕' if stops else '○'}{total:,}", "$bad" if stops else "bold", total),
            f"{broken:,} broken, {required:,} required, {undecided:,} undecided",
        ),
    }
    return {pane: one for pane, one in found.items() if one.shown}


def _part(text: str, look: str, number: int) -> Content:
    return Content.styled(text, look) if number else Content("")
