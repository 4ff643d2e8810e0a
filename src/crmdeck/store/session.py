"""An open cache: one repository per kind of record."""

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
    from crmdeck.store.sealed_secrets import SealedSecrets
    from crmdeck.store.snapshots import Snapshots
    from crmdeck.store.vectors import Vectors


class Session:
    """The repositories of an open cache; valid inside the block that yielded it.

    Each is imported on first use, with its models: connection health needs only a few.
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
        from crmdeck.store.connections import Connections

        return Connections(self.database)

    @cached_property
    def runs(self) -> Runs:
        from crmdeck.store.runs import Runs

        return Runs(self.database, self._kept)

    @cached_property
    def snapshots(self) -> Snapshots:
        from crmdeck.store.snapshots import Snapshots

        return Snapshots(self.database, self._recent, self._kept)

    @cached_property
    def drift(self) -> Drift:
        from crmdeck.store.drift import Drift

        return Drift(self.database, self._kept)

    @cached_property
    def decisions(self) -> Decisions:
        from crmdeck.store.decisions import Decisions

        return Decisions(self.database)

    @cached_property
    def audit(self) -> AuditLog:
        from crmdeck.store.audit import AuditLog

        return AuditLog(self.database)

    @cached_property
    def vectors(self) -> Vectors:
        from crmdeck.store.vectors import Vectors

        return Vectors(self.database)

    @cached_property
    def rates(self) -> Rates:
        from crmdeck.store.fill_rates import Rates

        return Rates(self.database)

    @cached_property
    def usages(self) -> Usages:
        from crmdeck.store.field_usage import Usages

        return Usages(self.database)

    @cached_property
    def dismissed(self) -> DismissedAlerts:
        from crmdeck.store.dismissed import DismissedAlerts

        return DismissedAlerts(self.database)

    @cached_property
    def sealed_secrets(self) -> SealedSecrets:
        from crmdeck.store.sealed_secrets import SealedSecrets

        return SealedSecrets(self.database)

    @cached_property
    def documents(self) -> Documents:
        from crmdeck.store.documents import Documents

        return Documents(self.database)
