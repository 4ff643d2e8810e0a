"""Counts of what the cache contains for each connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from crmdeck.model import Freshness, SchemaStats, to_utc
from crmdeck.store.database import Database, Row
from crmdeck.store.kept import KeptAnswers, followed
from crmdeck.store.record_table import Where
from crmdeck.store.source_times import SourceTimes, unpack

# A refresh that failed as a whole has no results for single object types, so the last one that
# reached its source counts.
_REACHED = """
        SELECT connection_id, run_id, seq FROM refresh
        UNION ALL
        SELECT connection_id, run_id, seq FROM object_failure"""
LAST_REFRESH = f"""
    SELECT connection_id, run_id FROM ({_REACHED}) AS reached
    JOIN (
        SELECT max(seq) AS seq FROM ({_REACHED}) AS every GROUP BY connection_id
    ) AS last USING (seq)"""

_COUNTED = """
    SELECT
        connection_id, objects, fields, custom_fields, unread,
        discovered_at, expires_at, source_times, seq, run_id
    FROM refresh"""
# An index finds the last of each connection; GROUP BY reads a table that grows every day.
_SCHEMA = f"""{_COUNTED}
    JOIN (
        SELECT (SELECT max(seq) FROM refresh WHERE connection_id = known.id) AS seq
        FROM ({{known}}) AS known
    ) AS last USING (seq)"""

_FAILED = """
    SELECT connection_id, run_id, count(*), max(seq) FROM object_failure {}
    GROUP BY connection_id, run_id ORDER BY max(seq)"""
_LAST_FAILED = """
    JOIN (
        SELECT connection_id, run_id FROM object_failure
        JOIN (
            SELECT max(seq) AS seq FROM object_failure {where} GROUP BY connection_id
        ) AS last USING (seq)
    ) AS last_failing USING (connection_id, run_id)"""

# The refresh row has the counts; only unread object types have an age of their own.
_UNREAD = """
    SELECT
        state.connection_id, object_type, shown.discovered_at, shown.expires_at, source_times
    FROM (
        SELECT DISTINCT ON (connection_id, object_type) connection_id, object_type, state, seen
        FROM object_state
        WHERE connection_id IN (SELECT unnest(?::VARCHAR[]))
        ORDER BY connection_id, object_type, refresh DESC
    ) AS state
    JOIN refresh AS shown ON shown.seq = state.seen
    WHERE state.state = 'unread'"""


class _Failed(NamedTuple):
    """How many object types a run couldn't read; `seq` is the number of the last of them."""

    run_id: str
    number: int
    seq: int


def schema_stats(
    database: Database,
    now: datetime,
    connection_id: str | None = None,
    kept: KeptAnswers | None = None,
) -> dict[str, SchemaStats]:
    """Return statistics by connection, for one or for all with a snapshot or a failure.

    What expires by `now` is stale; `next_expiry_at` is the first expiry after. For all connections,
    only new rows are read if the result before was kept.
    """
    ages: dict[str, Counter[Freshness]] = {}
    held: dict[str, tuple[int, int, int]] = {}
    last: dict[str, tuple[int, str]] = {}
    refreshes, failures = _read(database, connection_id, kept)
    for key, row in refreshes.items():
        _, objects, fields, custom, unread, seen_at, expires_at, packed, seq, run_id = row
        held[key] = (objects, fields, custom)
        last[key] = (seq, run_id)
        times = _times(seen_at, expires_at, packed)
        ages[key] = Counter(times.counts(read)) if (read := objects - unread) else Counter()
    unread_in = [key for key, read in ages.items() if read.total() < held[key][0]]
    if unread_in:
        for key, name, seen_at, expires_at, packed in database.rows(_UNREAD, [unread_in]):
            ages[key][_times(seen_at, expires_at, packed).of(name)] += 1
    failed: dict[str, int] = {}
    for key, found in failures.items():
        seq, run_id = last.get(key, (0, ""))
        if found.seq > seq or found.run_id == run_id:
            failed[key] = found.number
    stats: dict[str, SchemaStats] = {}
    for key in sorted(held.keys() | failed.keys()):
        objects, fields, custom = held.get(key, (0, 0, 0))
        counts = ages.get(key, Counter())
        stats[key] = SchemaStats(
            object_count=objects,
            field_count=fields,
            custom_field_count=custom,
            stale_object_count=sum(n for age, n in counts.items() if age.expires_at <= now),
            failed_object_count=failed.get(key, 0),
            last_discovered_at=max((age.discovered_at for age in counts), default=None),
            next_expiry_at=min((a.expires_at for a in counts if a.expires_at > now), default=None),
        )
    return stats


def _read(
    database: Database, connection_id: str | None, kept: KeptAnswers | None
) -> tuple[Mapping[str, Row], Mapping[str, _Failed]]:
    """Return by connection its last refresh, and what the last partly failed run couldn't read."""

    def whole() -> tuple[Mapping[str, Row], Mapping[str, _Failed]]:
        where = Where().add("connection_id = ?", connection_id)
        known = "SELECT ?::VARCHAR AS id" if connection_id else "SELECT DISTINCT id FROM connection"
        rows = database.rows(_SCHEMA.format(known=known), where.parameters)
        failed = database.rows(_FAILED.format(_LAST_FAILED.format(where=where)), where.parameters)
        return {row[0]: row for row in rows}, {row[0]: _Failed(*row[1:]) for row in failed}

    def since(
        before: tuple[Mapping[str, Row], Mapping[str, _Failed]], read: Mapping[str, int]
    ) -> tuple[Mapping[str, Row], Mapping[str, _Failed]]:
        after = f"{_COUNTED} WHERE seq > ? ORDER BY seq"
        rows = database.rows(after, [read["refresh"]])
        failures = dict(before[1])
        for key, *found in database.rows(_FAILED.format("WHERE seq > ?"), [read["object_failure"]]):
            failures[key] = _Failed(*found)
        return {**before[0], **{row[0]: row for row in rows}}, failures

    if connection_id is not None:
        return whole()
    return followed(database, kept, "schemas", ("refresh", "object_failure"), whole, since)


def _times(seen_at: datetime, expires_at: datetime, packed: bytes | None) -> SourceTimes:
    if packed is not None:
        return unpack(packed)
    return SourceTimes({}, Freshness(to_utc(seen_at), to_utc(expires_at)))
