"""What the cache holds of each connection, in numbers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from crmdeck.model import Freshness, SchemaStats, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import Where
from crmdeck.store.source_times import SourceTimes, unpack

# A refresh that failed as a whole says nothing about single object types, so the last one that
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

_SCHEMA = """
    SELECT
        connection_id, objects, fields, custom_fields, unread,
        discovered_at, expires_at, source_times
    FROM refresh
    JOIN (
        SELECT max(seq) AS seq FROM refresh {where} GROUP BY connection_id
    ) AS last USING (seq)"""

# Counts stand on the refresh; only what it could not read has an age of its own.
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
    """Return statistics by connection, of one or of all that have a snapshot or a failure.

    What expires at `now` is stale; `next_expiry_at` is the first one after.
    """
    where = Where().add("connection_id = ?", connection_id)
    ages: dict[str, Counter[Freshness]] = {}
    held: dict[str, tuple[int, int, int]] = {}
    for key, objects, fields, custom, unread, seen_at, expires_at, packed in database.rows(
        _SCHEMA.format(where=where), where.parameters
    ):
        held[key] = (objects, fields, custom)
        times = _times(seen_at, expires_at, packed)
        ages[key] = Counter(times.counts(read)) if (read := objects - unread) else Counter()
    unread_in = [key for key, read in ages.items() if read.total() < held[key][0]]
    if unread_in:
        for key, name, seen_at, expires_at, packed in database.rows(_UNREAD, [unread_in]):
            ages[key][_times(seen_at, expires_at, packed).of(name)] += 1
    failed: dict[str, int] = dict(
        database.rows(
            f"SELECT connection_id, count(*) FROM object_failure "
            f"JOIN ({LAST_REFRESH}) AS last USING (connection_id, run_id) {where} "
            "GROUP BY connection_id",
            where.parameters,
        )
    )
    return {
        key: _stats(held.get(key, (0, 0, 0)), ages.get(key, Counter()), failed.get(key, 0), now)
        for key in sorted(held.keys() | failed.keys())
    }


def _times(seen_at: datetime, expires_at: datetime, packed: bytes | None) -> SourceTimes:
    if packed is not None:
        return unpack(packed)
    return SourceTimes({}, Freshness(to_utc(seen_at), to_utc(expires_at)))


def _stats(
    held: tuple[int, int, int], ages: Counter[Freshness], failed: int, now: datetime
) -> SchemaStats:
    objects, fields, custom = held
    return SchemaStats(
        object_count=objects,
        field_count=fields,
        custom_field_count=custom,
        stale_object_count=sum(count for age, count in ages.items() if age.expires_at <= now),
        failed_object_count=failed,
        last_discovered_at=max((age.discovered_at for age in ages), default=None),
        next_expiry_at=min((age.expires_at for age in ages if age.expires_at > now), default=None),
    )
