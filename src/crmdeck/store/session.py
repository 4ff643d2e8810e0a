"""What an open cache offers: one repository for each kind of record."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmdeck.store.audit import AuditLog
    from crmdeck.store.connections import Connections
    from crmdeck.store.database import Database
    from crmdeck.store.decisions import Decisions
    from crmdeck.store.dismissed import DismissedAlerts
    from crmdeck.store.documents import Documents
    from crmdeck.store.drift import Drift
    from crmdeck.store.field_usage import Usages
    from crmdeck.store.fill_rates import Rates
    from crmdeck.store.kept import KeptAnswers
    from crmdeck.store.recent import RecentSnapshots
    from crmdeck.store.runs import Runs
    from crmdeck.store.snapshots import Snapshots
    from crmdeck.store.vectors import Vectors


class Session:
    """The repositories of an open cache; valid inside the block that yielded it.

    Each is imported, with the models that it keeps, when it is first asked for: what tells how
    connections are doing needs few of them.
    """

    def __init__(
        self,
        database: Database,
        recent: RecentSnapshots | None = None,
        kept: KeptAnswers | None = None,
    ) -> None:
        self.database = database
        self._recent = recent
        self._kept = kept

    @cached_property
    def connections(self) -> Connections:
        """Connections, each change a new version."""
        from crmdeck.store.connections import Connections

        return Connections(self.database)

    @cached_property
    def runs(self) -> Runs:
        """Attempts to talk to a CRM, quotas, and what could not be read."""
        from crmdeck.store.runs import Runs

        return Runs(self.database, self._kept)

    @cached_property
    def snapshots(self) -> Snapshots:
        """Schemas as they were at any moment."""
        from crmdeck.store.snapshots import Snapshots

        return Snapshots(self.database, self._recent, self._kept)

    @cached_property
    def drift(self) -> Drift:
        """Drift events and their acknowledgment."""
        from crmdeck.store.drift import Drift

        return Drift(self.database, self._kept)

    @cached_property
    def decisions(self) -> Decisions:
        """Decisions on field pairs."""
        from crmdeck.store.decisions import Decisions

        return Decisions(self.database)

    @cached_property
    def audit(self) -> AuditLog:
        """Who did what when."""
        from crmdeck.store.audit import AuditLog

        return AuditLog(self.database)

    @cached_property
    def vectors(self) -> Vectors:
        """Vectors of texts, by the model that made them."""
        from crmdeck.store.vectors import Vectors

        return Vectors(self.database)

    @cached_property
    def rates(self) -> Rates:
        """How full fields were when that was measured."""
        from crmdeck.store.fill_rates import Rates

        return Rates(self.database)

    @cached_property
    def usages(self) -> Usages:
        """Where fields were used when the CRM was asked."""
        from crmdeck.store.field_usage import Usages

        return Usages(self.database)

    @cached_property
    def dismissed(self) -> DismissedAlerts:
        """Alerts that operators have put away."""
        from crmdeck.store.dismissed import DismissedAlerts

        return DismissedAlerts(self.database)

    @cached_property
    def documents(self) -> Documents:
        """What the servers of a team share besides the log."""
        from crmdeck.store.documents import Documents

        return Documents(self.database)
