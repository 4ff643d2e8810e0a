"""Read all connections with their health."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.health.overview import ConnectionHealth, HealthOverview
from crmdeck.tui.panes.pane import Pane

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

MOST_RUNS = 1000


class OverviewLoader:
    """The latest overview; `show` is called after each new one."""

    def __init__(self, pane: Pane, show: Callable[[], None]) -> None:
        self.overview = HealthOverview()
        self._pane = pane
        self._show = show
        self._kept: Kept[HealthOverview] = Kept()
        self._read_for: str | None = None

    def read(self) -> None:
        """Read all connections, from the cache if only the chosen one is another."""
        chosen, workspace = self._pane.connection_id, self._pane.host.workspace
        if chosen is None:
            return
        # The same connection again is a reload. Another one is in the overview already.
        fresh, self._read_for = chosen == self._read_for, chosen

        def work(_: Job) -> HealthOverview:
            return self._kept.read(workspace, None, lambda: read_overview(workspace), fresh=fresh)

        def done(overview: HealthOverview) -> None:
            # The kept one again shows nothing new.
            if overview is not self.overview:
                self.overview = overview
                self._show()

        self._pane.loader.load(
            "overview",
            work,
            done,
            label="loading connections",
            # Paint the chosen connection first.
            after_paint=bool(self.overview.entries),
        )


def read_overview(workspace: Workspace) -> HealthOverview:
    """Return every connection with its cached health; call it in a worker."""
    # All from one state of the cache, or a status and its changes could contradict each other.
    with workspace.reading():
        connections = {connection.id: connection for connection in workspace.connections.all()}
        entries = tuple(
            ConnectionHealth(
                connections[status.id],
                status,
                workspace.health.sync_history(status.id, MOST_RUNS),
                workspace.health.failures(status.id),
                workspace.mappings.pairs(status.id),
            )
            for status in workspace.health.statuses()
        )
    return HealthOverview(entries, workspace.now)
