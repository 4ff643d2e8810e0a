"""What waits in each pane, as its tab says it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from crmdeck.tui.health import health_of

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus


def tab_counts(
    statuses: Sequence[ConnectionStatus], chosen: str | None, open_lines: int
) -> dict[str, Content]:
    """Return what waits by the id of the pane; a pane in which nothing waits is left out.

    Health tells of the connections that do not work, Drift of what this operator has not seen of
    the connection `chosen` (None: of all), Mapping of the lines that are open.
    """
    ill = sum(health_of(status).state == "error" for status in statuses)
    told = [status.unseen for status in statuses if chosen is None or status.id == chosen]
    unseen, breaking = sum(one.total for one in told), sum(one.breaking for one in told)
    found = {
        "health": _part(f"✕{ill}", "$bad", ill),
        "drift": Content(" ").join(
            part
            for part in (
                _part(f"{unseen:,}", "bold", unseen),
                _part(f"✕{breaking:,}", "$bad", breaking),
            )
            if part
        ),
        "mapping": _part(f"{open_lines:,}", "bold", open_lines),
    }
    return {pane: shown for pane, shown in found.items() if shown}


def _part(text: str, look: str, number: int) -> Content:
    return Content.styled(text, look) if number else Content("")
