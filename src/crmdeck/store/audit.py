"""The audit log."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime

from crmdeck.model import AuditEntry, AuditHead, to_utc
from crmdeck.store.chain import COLUMNS, NO_NUMBER, ROWS, START, link, row_digests
from crmdeck.store.database import Database, quote
from crmdeck.store.record_table import RecordTable, Where

HOST = "secretsFor"
"""The detail of an entry that names the host for which secrets were entered."""
ENTRIES = RecordTable("audit_entry", AuditEntry, nested=("details",), filled=("db_user",))


class AuditLog:
    """Who did what, when. Entries are added and never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *entries: AuditEntry) -> None:
        """Append entries in their order, each with its hash."""
        if not entries:
            return
        head = self.head()
        last, running = (-(2**62), START) if head is None else (head.number, head.hash)
        covered: dict[str, object] = dict(row_digests(self._database, last).get(0, {}))
        rows = []
        for entry in entries:
            details = {key: value for key, value in entry.details.items() if key != ROWS}
            details |= {ROWS: covered} if covered else {}
            covered = {}
            rows.append(ENTRIES.encode(entry.model_copy(update={"details": details})))
        names = ENTRIES.columns
        if self._database.has_functions:
            # The function has its parameters in this order.
            columns = ", ".join(map(quote, names))
            arrays = (f"?::{'TIMESTAMP' if name == 'at' else 'VARCHAR'}[]" for name in names)
            self._database.rows(
                f"SELECT count(add_audit_entry({columns})) "
                f"FROM unnest({', '.join(arrays)}) AS entry ({columns})",
                [list(values) for values in zip(*rows, strict=True)],
            )
            return
        # Only one process writes at a time, so no other entry can follow the same hash.
        hashed = []
        for row in rows:
            named = dict(zip(names, row, strict=True))
            running = link(running, tuple(named.get(column) for column in COLUMNS))
            hashed.append((*row, running))
        self._database.insert(ENTRIES.name, (*names, "hash"), hashed)

    def head(self) -> AuditHead | None:
        """Return the last entry; None without one."""
        rows = self._database.rows(
            f"SELECT seq, hash FROM audit_entry WHERE seq < {NO_NUMBER} ORDER BY seq DESC LIMIT 1"
        )
        return AuditHead(number=rows[0][0], hash=rows[0][1]) if rows else None

    def latest_by_connection(self, *events: str) -> dict[str, datetime]:
        """Return when one of `events` last happened, by connection ID."""
        marks = ", ".join("?" * len(events))
        rows = self._database.rows(
            'SELECT connection_id, max("at") FROM audit_entry '
            f"WHERE event IN ({marks}) AND connection_id IS NOT NULL GROUP BY connection_id",
            list(events),
        )
        return {connection_id: to_utc(at) for connection_id, at in rows}

    def sign_in_hosts(self) -> dict[str, str]:
        """Return the host that the last secrets were entered for, by connection ID."""
        hosts = {}
        for key, details in self._database.rows(
            "SELECT connection_id, details FROM audit_entry WHERE seq IN (SELECT max(seq) "
            f"FROM audit_entry WHERE details LIKE '%\"{HOST}\":%' GROUP BY connection_id)"
        ):
            with suppress(ValueError, TypeError, AttributeError, RecursionError):
                hosts[key] = json.loads(details).get(HOST)
        return {key: host for key, host in hosts.items() if isinstance(host, str)}

    def count(self, connection_id: str | None = None) -> int:
        """Return the number of entries, of one connection or of all."""
        where = Where().add("connection_id = ?", connection_id)
        rows = self._database.rows(f"SELECT count(*) FROM audit_entry {where}", where.parameters)
        return int(rows[0][0])

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
        that they follow; raises NotFoundError without such an entry.
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
        return ENTRIES.select(self._database, clause, where.parameters, limit)
