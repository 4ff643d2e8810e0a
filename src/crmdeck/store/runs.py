"""Attempts to reach each CRM, their failures, and the quota on the way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from crmdeck.model import ObjectFailure, Quota, SyncOutcome, SyncRun, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import RecordTable, Where, stored
from crmdeck.store.statistics import LAST_REFRESH

RUNS = RecordTable("sync_run", SyncRun)
QUOTAS = RecordTable("quota", Quota, extra=("connection_id", "read_at"))
FAILURES = RecordTable("object_failure", ObjectFailure, extra=("run_id", "connection_id"))
_SORTS = ", ".join(f"('{kind}', '{one}')" for kind in ("refresh", "test") for one in SyncOutcome)
_NEWEST = "ORDER BY seq DESC"


class Runs:
    """The history of refreshes and probes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, run: SyncRun) -> None:
        RUNS.insert(self._database, [run])

    def latest(self, connection_id: str, kind: str | None = None) -> SyncRun | None:
        """Return the newest run, of any kind or of one."""
        where = Where().add("connection_id = ?", connection_id).add("kind = ?", kind)
        found = RUNS.select(self._database, f"{where} {_NEWEST}", where.parameters, 1)
        return found[0] if found else None

    def newest(self, connection_id: str | None = None) -> tuple[SyncRun, ...]:
        """Return the last run of each connection, kind and outcome, oldest first.

        The default is all connections.
        """
        known = "SELECT ?::VARCHAR AS id" if connection_id else "SELECT DISTINCT id FROM connection"
        # An index finds the last of each; GROUP BY reads a table that grows every day.
        last = self._database.rows(
            f"SELECT seq FROM (SELECT (SELECT max(seq) FROM {RUNS.name} WHERE "
            "connection_id = known.id AND kind = sort.kind AND outcome = sort.outcome) AS seq "
            f"FROM ({known}) AS known, (VALUES {_SORTS}) AS sort (kind, outcome)) AS last "
            "WHERE seq IS NOT NULL",
            [connection_id] if connection_id else [],
        )
        clause = "WHERE seq IN (SELECT unnest(?::BIGINT[])) ORDER BY seq"
        return RUNS.select(self._database, clause, [[seq for (seq,) in last]])

    def first_after(
        self, connection_id: str, moment: datetime | None, outcomes: Iterable[SyncOutcome]
    ) -> datetime | None:
        """Return when the first run with this outcome ended after `moment`; None if none did."""
        wanted = [outcome.value for outcome in outcomes]
        where = Where().add("connection_id = ?", connection_id).add("finished_at > ?", moment)
        # For so few values, DuckDB takes twice as long with a list as one parameter.
        marks = ", ".join("?" * len(wanted))
        rows = self._database.rows(
            f"SELECT min(finished_at) FROM {RUNS.name} {where} AND outcome IN ({marks})",
            [*where.parameters, *wanted],
        )
        return to_utc(rows[0][0]) if rows[0][0] is not None else None

    def history(self, connection_id: str, limit: int = 200) -> tuple[SyncRun, ...]:
        """Return the runs of a connection, newest first."""
        clause = f"WHERE connection_id = ? {_NEWEST}"
        return RUNS.select(self._database, clause, [connection_id], limit)

    def recent(self, since: datetime, least: int) -> dict[str, list[SyncRun]]:
        """Return by connection the runs that ended after `since`, newest first.

        The newest `least` of each are among them, whenever they ended.
        """
        numbered = (
            "SELECT seq, finished_at, row_number() OVER "
            f"(PARTITION BY connection_id ORDER BY seq DESC) AS place FROM {RUNS.name}"
        )
        wanted = f"SELECT seq FROM ({numbered}) AS runs WHERE finished_at > ? OR place <= ?"
        found: dict[str, list[SyncRun]] = {}
        for run in RUNS.select(
            self._database, f"WHERE seq IN ({wanted}) {_NEWEST}", [stored(since), least]
        ):
            found.setdefault(run.connection_id, []).append(run)
        return found

    def after(self, number: int | None) -> tuple[int, tuple[SyncRun, ...]]:
        """Return the number of the newest run, and the refreshes after `number`; None: no one's."""
        [(newest,)] = self._database.rows(f"SELECT coalesce(max(seq), 0) FROM {RUNS.name}")
        if number is None or newest == number:
            return newest, ()
        where = "WHERE seq > ? AND kind = 'refresh' ORDER BY seq"
        return newest, RUNS.select(self._database, where, [number])

    def add_quota(self, connection_id: str, quota: Quota, at: datetime) -> None:
        QUOTAS.insert(self._database, [quota], connection_id, stored(at))

    def quota_by_connection(self) -> dict[str, Quota]:
        """Return the last quota of every connection that has one."""
        return {
            key: quota for (key,), quota in QUOTAS.latest(self._database, "connection_id").items()
        }

    def quota_recovered(self, low: float) -> dict[str, datetime]:
        """Return by connection when more than the share `low` of the quota was last left."""
        rows = self._database.rows(
            'SELECT connection_id, max(read_at) FROM quota WHERE used < "limit" * ? '
            "GROUP BY connection_id",
            [1 - low],
        )
        return {key: to_utc(at) for key, at in rows}

    def add_failures(
        self, run_id: str, connection_id: str, failures: Iterable[ObjectFailure]
    ) -> None:
        """Append the object types that a refresh couldn't read."""
        FAILURES.insert(self._database, failures, run_id, connection_id)

    def failures(self, connection_id: str) -> tuple[ObjectFailure, ...]:
        """Return the failures of the last refresh that reached its source."""
        # Most connections never had a failure, and DuckDB finds that out in a fifth of the time.
        [(last,)] = self._database.rows(
            f"SELECT max(seq) FROM {FAILURES.name} WHERE connection_id = ?", [connection_id]
        )
        if last is None:
            return ()
        return FAILURES.select(
            self._database,
            "WHERE connection_id = ? AND run_id IN "
            f"(SELECT run_id FROM ({LAST_REFRESH}) AS last WHERE connection_id = ?) "
            "ORDER BY object_type, seq",
            [connection_id, connection_id],
        )
