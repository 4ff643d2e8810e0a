"""Connections; each change is a new version."""

from __future__ import annotations

from datetime import datetime

from crmdeck.model import Connection
from crmdeck.store.database import Database, Row
from crmdeck.store.record_table import RecordTable, stored

VERSIONS = RecordTable(
    "connection",
    Connection,
    nested=("scope",),
    extra=("put_at", "put_by"),
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
        rows = self._rows("id = ?", [connection_id])
        return VERSIONS.decode(rows[0]) if rows else None

    def find(self, ref: str) -> Connection | None:
        """Return the connection whose name, or whose ID in any case, is `ref`; else None."""
        # Every command asks for connections, and DuckDB plans one query over the last version of
        # each for twice as long as these two take.
        for row in self._rows("id = ? OR name = ?", [ref.lower(), ref]):
            connection_id, *_, seq = row
            newest = "SELECT max(seq) FROM connection WHERE id = ?"
            # A connection that has another name by now isn't meant. Nor is an old version, which
            # may be unreadable: only the one to return is decoded.
            is_id = connection_id == ref.lower()
            if is_id or self._database.rows(newest, [connection_id]) == [(seq,)]:
                return VERSIONS.decode(row)
        return None

    def versions(self, connection_id: str) -> tuple[Connection, ...]:
        """Return all versions of one connection, newest first."""
        return tuple(map(VERSIONS.decode, self._rows("id = ?", [connection_id])))

    def _rows(self, condition: str, parameters: list[object]) -> list[Row]:
        """Return versions with their numbers, by ID, the newest of each first."""
        rows = self._database.rows(
            f"SELECT {VERSIONS.selection}, seq FROM {VERSIONS.name} WHERE {condition}", parameters
        )

        def by_id_newest_first(row: Row) -> tuple[str, int]:
            connection_id, *_, seq = row
            return connection_id, -seq

        # Here, because DuckDB plans a query with an order for half as long again.
        return sorted(rows, key=by_id_newest_first)
