"""What an open cache offers: one repository for each kind of record."""

from __future__ import annotations

from crmdeck.store.audit import AuditLog
from crmdeck.store.connections import Connections
from crmdeck.store.database import Database
from crmdeck.store.decisions import Decisions
from crmdeck.store.drift import Drift
from crmdeck.store.fill_rates import Rates
from crmdeck.store.runs import Runs
from crmdeck.store.snapshots import Snapshots
from crmdeck.store.vectors import Vectors


class Session:
    """The repositories of an open cache; valid inside the block that yielded it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connections = Connections(database)
        self.runs = Runs(database)
        self.snapshots = Snapshots(database)
        self.drift = Drift(database)
        self.decisions = Decisions(database)
        self.audit = AuditLog(database)
        self.vectors = Vectors(database)
        self.rates = Rates(database)
