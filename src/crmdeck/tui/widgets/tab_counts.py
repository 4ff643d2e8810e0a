"""The counts on the tabs of the panes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from crmdeck.tui.marks import is_ill
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus


class TabCount(NamedTuple):
    """A count as a tab shows it, and in words."""

    shown: Content
    tooltip: str


def tab_counts(
    statuses: Sequence[ConnectionStatus], chosen: str | None, undecided_count: int
) -> dict[str, TabCount]:
    """Return the counts by pane id; a pane without one is left out.

    Health counts connections that don't work and aren't dismissed. Drift counts unseen changes of
    the connection `chosen` (None: of all), Mapping undecided rows.
    """
    ill = sum(map(is_ill, statuses))
    unseens = [status.unseen for status in statuses if chosen is None or status.id == chosen]
    unseen, breaking = sum(one.total for one in unseens), sum(one.breaking for one in unseens)
    bad = f", {breaking:,} of them breaking" if breaking else ""
    found = {
        "health": TabCount(
            _part(f"✕{ill}", "$bad", ill), f"{count(ill, 'connection')} not working"
        ),
        "drift": TabCount(
            Content(" ").join(
                part
                for part in (
                    _part(f"{unseen:,}", "bold", unseen),
                    _part(f"✕{breaking:,}", "$bad", breaking),
                )
                if part
            ),
            f"{count(unseen, 'unseen change')}{bad}",
        ),
        "mapping": TabCount(
            _part(f"{undecided_count:,}", "bold", undecided_count),
            f"{count(undecided_count, 'undecided row')}",
        ),
    }
    return {pane: one for pane, one in found.items() if one.shown}


def _part(text: str, look: str, number: int) -> Content:
    return Content.styled(text, look) if number else Content("")
