"""An open cache: one repository per kind of record."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from crmdeck import store

if TYPE_CHECKING:
    from crmdeck.store.database import Database
    from crmdeck.store.recent import RecentSnapshots


class Session:
    """The repositories of an open cache; valid inside the block that yielded it.

    Each is imported on first use, with its models: connection health needs only a few.
    """

    def __init__(
        self,
        database: Database,
        recent: RecentSnapshots | None = None,
        memory: dict[Hashable, Any] | None = None,
    ) -> None:
        self.database = database
        self._recent = recent
        self._memory = memory
        # What was found out about the one state that a reading session sees. A writing one
        # changes its state, so it keeps nothing.
        self.answers: dict[object, object] | None = None if memory is None else {}

    def recall(self, key: Hashable) -> Any:
        """Return the remembered state of the history; None if there is none, or in a write."""
        return self._memory.get(key) if self._memory is not None else None

    def remember(self, key: Hashable, value: object) -> None:
        """Remember a value for the next reader, who checks whether it still applies."""
        if self._memory is not None:
            self._memory[key] = value

    # They need no lock, because one thread uses a session.
    @cached_property
    def connections(self) -> store.Connections:
        return store.Connections(self.database)

    @cached_property
    def runs(self) -> store.Runs:
        return store.Runs(self.database)

    @cached_property
    def snapshots(self) -> store.Snapshots:
        return store.Snapshots(self.database, self._recent)

    @cached_property
    def drift(self) -> store.Drift:
        return store.Drift(self.database)

    @cached_property
    def decisions(self) -> store.Decisions:
        return store.Decisions(self.database, self._memory)

    @cached_property
    def audit(self) -> store.AuditLog:
        return store.AuditLog(self.database)

    @cached_property
    def vectors(self) -> store.Vectors:
        return store.Vectors(self.database)

    @cached_property
    def rates(self) -> store.Rates:
        return store.Rates(self.database)

    @cached_property
    def usages(self) -> store.Usages:
        return store.Usages(self.database)

    @cached_property
    def access(self) -> store.SyncAccess:
        return store.SyncAccess(self.database)

    @cached_property
    def deliveries(self) -> store.Deliveries:
        return store.Deliveries(self.database)

    @cached_property
    def acceptances(self) -> store.Acceptances:
        return store.Acceptances(self.database)

    @cached_property
    def pair_verdicts(self) -> store.PairVerdictRows:
        return store.PairVerdictRows(self.database)

    @cached_property
    def settlements(self) -> store.Settlements:
        return store.Settlements(self.database)

    @cached_property
    def sealed_secrets(self) -> store.SealedSecrets:
        return store.SealedSecrets(self.database)

    @cached_property
    def documents(self) -> store.Documents:
        return store.Documents(self.database)
