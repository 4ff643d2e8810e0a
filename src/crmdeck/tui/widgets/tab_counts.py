"""The counts on the tabs of the panes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from crmdeck import model
from crmdeck.model import Status, Urgency
from crmdeck.tui.marks import STATE_COLORS, TO_DO, URGENCY_SIGNS, URGENCY_STATES, open_mark
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus, Finding


class TabCount(NamedTuple):
    """A count as a tab shows it, and in words."""

    shown: Content
    tooltip: str


def tab_counts(statuses: Sequence[ConnectionStatus]) -> dict[str, TabCount]:
    """Return the counts by pane id; a pane without one is left out.

    All are filters of the findings of all connections: Health counts those to do, Mapping those of
    a row among them, Drift the open change groups.
    """
    findings = [one for status in statuses for one in status.open_findings if one.urgency in TO_DO]
    rows = [one for one in findings if one.subject.object_pair is not None]
    # A disconnected connection keeps its changes, and no one has to do anything about them.
    changes = model.OpenChanges.total(
        status.open_changes for status in statuses if status.status is not Status.DISCONNECTED
    )
    mark, state = open_mark(changes)
    found = {
        "health": _count(findings, "open finding"),
        "drift": TabCount(
            _part(mark.replace(" ", ""), STATE_COLORS[state], changes.count), changes.text
        ),
        "mapping": _count(rows, "open row"),
    }
    return {pane: one for pane, one in found.items() if one.shown}


def _count(findings: Sequence[Finding], noun: str) -> TabCount:
    worst = min((one.urgency for one in findings), key=lambda one: one.rank, default=Urgency.NOTE)
    failing = sum(one.urgency is Urgency.FAILING for one in findings)
    text = f"{URGENCY_SIGNS[worst]}{len(findings):,}"
    shown = _part(text, STATE_COLORS[URGENCY_STATES[worst]], len(findings))
    return TabCount(shown, f"{count(len(findings), noun)}, {failing:,} failing")


def _part(text: str, look: str, number: int) -> Content:
    return Content.styled(text, look) if number else Content("")
