"""Connections; each change is a new version."""

from __future__ import annotations

from datetime import datetime

from crmdeck.model import Connection
from crmdeck.store.database import Database
from crmdeck.store.record_table import Table, stored

VERSIONS = Table(
    "connection",
    Connection,
    nested=("scope",),
    extra=("put_at", "put_by"),
    columns={"organization": "organisation"},
)


class Connections:
    """All connections that ever existed; none is deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, connection: Connection, at: datetime, actor: str) -> None:
        """Append a version by `actor`, as of `at`."""
        VERSIONS.insert(self._database, [connection], stored(at), actor)

    def all(self) -> tuple[Connection, ...]:
        return tuple(VERSIONS.latest(self._database, "id", order="name, id").values())

    def get(self, connection_id: str) -> Connection | None:
        """Return the latest version of a connection."""
        found = VERSIONS.select(
            self._database, "WHERE id = ? ORDER BY seq DESC LIMIT 1", [connection_id]
        )
        return found[0] if found else None

    def find(self, ref: str) -> Connection | None:
        """Return the connection whose name, or whose ID in any case, is `ref`; else None."""
        found = VERSIONS.latest(
            self._database, "id", parameters=[ref, ref.lower()], only="WHERE name = ? OR id = ?"
        )
        return next(iter(found.values()), None)

    def versions(self, connection_id: str) -> tuple[Connection, ...]:
        """Return all versions of one connection, newest first."""
        return VERSIONS.select(self._database, "WHERE id = ? ORDER BY seq DESC", [connection_id])
