"""What the health pane reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.tui.panes.health.overview import Entry, HealthOverview

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

MOST_RUNS = 1000


def read_overview(workspace: Workspace) -> HealthOverview:
    """Return every connection with what is cached of its health; for a worker."""
    with workspace.hold():
        connections = {connection.id: connection for connection in workspace.connections.all()}
        entries = tuple(
            Entry(
                connections[status.id],
                status,
                workspace.health.sync_history(status.id, MOST_RUNS),
                workspace.health.failures(status.id),
                workspace.mappings.pairs(status.id),
            )
            for status in workspace.health.statuses()
        )
    return HealthOverview(entries, workspace.now)
