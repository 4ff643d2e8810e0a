"""What waits in each pane, as its tab says it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from crmdeck.tui.marks import is_ill
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus


class TabCount(NamedTuple):
    """What waits in a pane: in signs, and in words that a hint shows."""

    shown: Content
    told: str


def tab_counts(
    statuses: Sequence[ConnectionStatus], chosen: str | None, undecided_count: int
) -> dict[str, TabCount]:
    """Return what waits by the id of the pane; a pane in which nothing waits is left out.

    Health tells of the connections that do not work, unless that was put away, Drift of what this
    operator has not seen of the connection `chosen` (None: of all), Mapping of the lines that are
    open.
    """
    ill = sum(map(is_ill, statuses))
    told = [status.unseen for status in statuses if chosen is None or status.id == chosen]
    unseen, breaking = sum(one.total for one in told), sum(one.breaking for one in told)
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
            f"{count(unseen, 'change')} not seen{bad}",
        ),
        "mapping": TabCount(
            _part(f"{undecided_count:,}", "bold", undecided_count),
            f"{count(undecided_count, 'line')} to decide",
        ),
    }
    return {pane: one for pane, one in found.items() if one.shown}


def _part(text: str, look: str, number: int) -> Content:
    return Content.styled(text, look) if number else Content("")
