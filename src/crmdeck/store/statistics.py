"""Counts of what the cache contains for each connection."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from crmdeck.model import Freshness, SchemaStats, to_utc
from crmdeck.store.database import Database
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

# An index finds the last of each connection; GROUP BY reads a table that grows every day.
_SCHEMA = """
    SELECT
        connection_id, objects, fields, custom_fields, unread,
        discovered_at, expires_at, source_times, seq, run_id
    FROM refresh
    JOIN (
        SELECT (SELECT max(seq) FROM refresh WHERE connection_id = known.id) AS seq
        FROM ({known}) AS known
    ) AS last USING (seq)"""

_FAILED = """
    SELECT connection_id, run_id, count(*), max(seq) FROM object_failure
    JOIN (
        SELECT connection_id, run_id FROM object_failure
        JOIN (
            SELECT max(seq) AS seq FROM object_failure {where} GROUP BY connection_id
        ) AS last USING (seq)
    ) AS last_failing USING (connection_id, run_id)
    GROUP BY connection_id, run_id"""

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


def schema_stats(
    database: Database, now: datetime, connection_id: str | None = None
) -> dict[str, SchemaStats]:
    """Return statistics by connection, for one or for all with a snapshot or a failure.

    What expires by `now` is stale; `next_expiry_at` is the first expiry after.
    """
    ages: dict[str, Counter[Freshness]] = {}
    held: dict[str, tuple[int, int, int]] = {}
    last: dict[str, tuple[int, str]] = {}
    where = Where().add("connection_id = ?", connection_id)
    known = "SELECT ?::VARCHAR AS id" if connection_id else "SELECT DISTINCT id FROM connection"
    for row in database.rows(_SCHEMA.format(known=known), where.parameters):
        key, objects, fields, custom, unread, seen_at, expires_at, packed, seq, run_id = row
        held[key] = (objects, fields, custom)
        last[key] = (seq, run_id)
        times = _times(seen_at, expires_at, packed)
        ages[key] = Counter(times.counts(read)) if (read := objects - unread) else Counter()
    unread_in = [key for key, read in ages.items() if read.total() < held[key][0]]
    if unread_in:
        for key, name, seen_at, expires_at, packed in database.rows(_UNREAD, [unread_in]):
            ages[key][_times(seen_at, expires_at, packed).of(name)] += 1
    failed: dict[str, int] = {}
    for key, run_id, number, seq in database.rows(_FAILED.format(where=where), where.parameters):
        last_seq, last_run = last.get(key, (0, ""))
        if seq > last_seq or run_id == last_run:
            failed[key] = number
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


def _times(seen_at: datetime, expires_at: datetime, packed: bytes | None) -> SourceTimes:
    if packed is not None:
        return unpack(packed)
    return SourceTimes({}, Freshness(to_utc(seen_at), to_utc(expires_at)))
