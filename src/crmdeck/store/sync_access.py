"""What the sync user of a connection can do; each different reading is a row."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from crmdeck.model import Connection, EffectiveAccess, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import Where, stored


class StoredAccess(NamedTuple):
    """An access, and when it was read first."""

    access: EffectiveAccess
    read_at: datetime


class SyncAccess:
    """The access of each connection's sync user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, connection_id: str, access: EffectiveAccess, at: datetime) -> None:
        """Append a reading."""
        columns = ("connection_id", "read_at", "body")
        row = (connection_id, stored(at), access.model_dump_json(exclude_defaults=True))
        self._database.insert("sync_access", columns, [row])

    def get(self, connection: Connection, at: datetime | None = None) -> StoredAccess | None:
        """Return the access of the current sync user as of `at`; None if it was never read."""
        if connection.sync_user is None:
            return None
        where = Where().add("connection_id = ?", connection.id).add("read_at <= ?", at)
        rows = self._database.rows(
            f"SELECT body, read_at FROM sync_access {where} ORDER BY seq DESC LIMIT 1",
            where.parameters,
        )
        if not rows:
            return None
        access = parse_access(rows[0][0])
        # An earlier sync user's access says nothing about this one's.
        is_same = access.user_id == connection.sync_user_id
        return StoredAccess(access, to_utc(rows[0][1])) if is_same else None


@lru_cache(maxsize=16)
def parse_access(body: str) -> EffectiveAccess:
    """Return an access from JSON. Nothing changes it, so that all readers can share it."""
    return EffectiveAccess.model_validate_json(body)
