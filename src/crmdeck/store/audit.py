"""The audit log."""

from __future__ import annotations

from datetime import datetime

from crmdeck.model import AuditEntry, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import Table, Where

ENTRIES = Table("audit_entry", AuditEntry, nested=("details",), filled=("db_user",))


class AuditLog:
    """Who did what, when. Entries are added and never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *entries: AuditEntry) -> None:
        ENTRIES.insert(self._database, entries)

    def latest_by_connection(self, *events: str) -> dict[str, datetime]:
        """Return when one of `events` last happened, by connection ID."""
        marks = ", ".join("?" * len(events))
        rows = self._database.rows(
            'SELECT connection_id, max("at") FROM audit_entry '
            f"WHERE event IN ({marks}) AND connection_id IS NOT NULL GROUP BY connection_id",
            list(events),
        )
        return {connection_id: to_utc(at) for connection_id, at in rows}

    def entries(
        self,
        *,
        connection_id: str | None = None,
        event: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> tuple[AuditEntry, ...]:
        """Return entries from `since` to `until` (both included), newest first.

        `event` is exact, or a prefix followed by `*`: `mapping.*`. `after` is the ID of the entry
        that they follow; raises NotFoundError if none of them has
        it.
        """
        where = Where().add("connection_id = ?", connection_id).add("actor = ?", actor)
        if event is not None and event.endswith("*"):
            where.add("starts_with(event, ?)", event[:-1])
        else:
            where.add("event = ?", event)
        where.add('"at" >= ?', since).add('"at" <= ?', until)
        if after is not None:
            order = {"at": True, "seq": True}
            where.follow(self._database, ENTRIES.name, connection_id, after, order)
        clause = f'{where} ORDER BY "at" DESC, seq DESC'
        if limit is None:
            return ENTRIES.select(self._database, clause, where.parameters)
        return ENTRIES.select(self._database, f"{clause} LIMIT ?", [*where.parameters, limit])
