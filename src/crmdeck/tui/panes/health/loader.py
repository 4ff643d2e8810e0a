"""Read all connections with their health."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError
from crmdeck.model import Finding, FindingKind
from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.health.detail import MOST_RUNS, MOST_WEEKS
from crmdeck.tui.panes.health.overview import ConnectionHealth, HealthOverview
from crmdeck.tui.panes.pane import Pane
from crmdeck.workspace import percent

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

MOST_RANKED = 20
"""Connections without mappings whose likely pair is ranked."""
TODAY, CONNECTIONS, ACCEPTED = range(3)


@dataclass
class HealthViewState:
    """What the pane shows: a view, the keys of its expanded rows, and the row to go to."""

    view: int = TODAY
    expanded: set[str] = field(default_factory=set)
    wanted: str | None = None

    @property
    def lists_connections(self) -> bool:
        return self.view == CONNECTIONS


class OverviewLoader:
    """The latest overview; `show` is called after each new one."""

    def __init__(self, pane: Pane, show: Callable[[], None]) -> None:
        self.overview = HealthOverview()
        self.matches: dict[str, float] = {}
        """The match of the likely pair of a finding, by its ID, once it is ranked."""
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
                self._rank()

        self._pane.loader.load(
            "overview",
            work,
            done,
            label="loading connections",
            # Paint the chosen connection first.
            after_paint=bool(self.overview.entries),
        )

    def _rank(self) -> None:
        """Rank the pairs to map first, once the list shows."""
        workspace = self._pane.host.workspace
        found = [
            finding
            for entry in self.overview.entries
            for finding in entry.status.open_findings
            if finding.kind is FindingKind.NOTHING_MAPPED and finding.id not in self.matches
        ][:MOST_RANKED]

        def work(job: Job) -> dict[str, float]:
            ranked = {}
            for finding in found:
                job.cancel.check()
                try:
                    pair = finding.subject.object_pair or ""
                    # The meanings of all fields would take too long to compare.
                    answer = workspace.mappings.suggest(finding.connection_id, pair, encoder="none")
                    ranked[finding.id] = answer.average
                except CrmdeckError:
                    # Mapping shows why when the pair is opened.
                    ranked[finding.id] = 0.0
            return ranked

        def done(ranked: dict[str, float]) -> None:
            self.matches |= ranked
            self._show()

        if found:
            self._pane.loader.load("matches", work, done, label="ranking likely pairs")

    def title_of(self, finding: Finding) -> str:
        """Return the title of a finding, with the match of its pair if that is known."""
        match = self.matches.get(finding.id)
        return f"{finding.title}, {percent(match)}" if match else finding.title


def read_overview(workspace: Workspace) -> HealthOverview:
    """Return every connection with its cached health; call it in a worker."""
    # All from one state of the cache, or a status and its changes could contradict each other.
    with workspace.reading():
        connections = {connection.id: connection for connection in workspace.connections.all()}
        runs = workspace.health.recent_runs(workspace.now - timedelta(weeks=MOST_WEEKS), MOST_RUNS)
        pairs = workspace.mappings.pairs_by_connection()
        entries = tuple(
            ConnectionHealth(
                connections[status.id],
                status,
                tuple(runs.get(status.id, ())),
                workspace.health.failures(status.id)
                if status.schema_stats.failed_object_count
                else (),
                pairs.get(status.id, ()),
            )
            for status in workspace.health.statuses()
        )
    return HealthOverview(entries, workspace.now)
