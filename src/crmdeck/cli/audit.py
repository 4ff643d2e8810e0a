"""crmdeck audit."""

from __future__ import annotations

import heapq

from crmdeck import workspace
from crmdeck.cli.listing import Listing
from crmdeck.cli.session import time_range

PAGE = 1000
"""Entries of a connection in memory at a time."""


def audit(
    ws: workspace.Workspace,
    listing: Listing,
    names: list[str] | None = None,
    event: str | None = None,
    actor: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> None:
    """Show the audit log, newest first.

    In a team's database, the database user is in parentheses if it isn't the claimed user.
    """
    listing.require(workspace.COLUMNS["audit"])
    connections = {connection.id: connection.name for connection in ws.connections.all()}
    begin, end = time_range(since, until, ws)
    # Each connection by pages, merged as they are read.
    entries = heapq.merge(
        *(
            ws.audit.each(
                key,
                event=event,
                actor=actor,
                since=begin,
                until=end,
                at_once=min(PAGE, listing.limit or PAGE) if not listing.order else PAGE,
            )
            for key in dict.fromkeys(ws.connections.get(name).id for name in names or ()) or (None,)
        ),
        key=lambda entry: entry.at,
        reverse=True,
    )
    listing.emit(
        entries,
        columns=workspace.COLUMNS["audit"],
        record=lambda entry: workspace.named(entry, connections),
        table={
            "time": "at",
            "user": lambda e: (
                e.actor if e.db_user in (None, e.actor) else f"{e.actor} ({e.db_user})"
            ),
            "event": "event",
            "connection": lambda e: connections.get(e.connection_id or ""),
            "summary": "summary",
        },
        least=("connection", "user"),
    )
