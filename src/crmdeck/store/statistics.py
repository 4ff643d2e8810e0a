"""What the cache holds of each connection, in numbers."""

from __future__ import annotations

from datetime import datetime

from crmdeck.model import SchemaStats, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import Where, stored

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
    SELECT connection_id, objects, fields, custom_fields, unread, discovered_at, expires_at
    FROM refresh
    JOIN (
        SELECT max(seq) AS seq FROM refresh {where} GROUP BY connection_id
    ) AS last USING (seq)"""

# Counts stand on the refresh; only what it could not read has an age of its own.
_UNREAD = """
    SELECT state.connection_id, shown.discovered_at, shown.expires_at, count(*)
    FROM (
        SELECT DISTINCT ON (connection_id, object_type) connection_id, state, seen
        FROM object_state
        WHERE connection_id IN (SELECT unnest(?::VARCHAR[]))
        ORDER BY connection_id, object_type, refresh DESC
    ) AS state
    JOIN refresh AS shown ON shown.seq = state.seen
    WHERE state.state = 'unread'
    GROUP BY state.connection_id, shown.discovered_at, shown.expires_at"""

# How many object types were read at a moment and expire at another.
_Age = tuple[int, datetime, datetime]


def schema_stats(
    database: Database, now: datetime, connection_id: str | None = None
) -> dict[str, SchemaStats]:
    """Return statistics by connection, of one or of all that have a snapshot or a failure.

    What expires at `now` is stale; `next_expiry_at` is the first one after.
    """
    where = Where().add("connection_id = ?", connection_id)
    ages: dict[str, list[_Age]] = {}
    held: dict[str, tuple[int, int, int]] = {}
    for key, objects, fields, custom, unread, seen_at, expires_at in database.rows(
        _SCHEMA.format(where=where), where.parameters
    ):
        held[key] = (objects, fields, custom)
        ages[key] = [(objects - unread, seen_at, expires_at)]
    unread_in = [key for key, (age,) in ages.items() if age[0] < held[key][0]]
    if unread_in:
        for key, seen_at, expires_at, count in database.rows(_UNREAD, [unread_in]):
            ages[key].append((count, seen_at, expires_at))
    failed: dict[str, int] = dict(
        database.rows(
            f"SELECT connection_id, count(*) FROM object_failure "
            f"JOIN ({LAST_REFRESH}) AS last USING (connection_id, run_id) {where} "
            "GROUP BY connection_id",
            where.parameters,
        )
    )
    return {
        key: _stats(held.get(key, (0, 0, 0)), ages.get(key, []), failed.get(key, 0), stored(now))
        for key in sorted(held.keys() | failed.keys())
    }


def _stats(held: tuple[int, int, int], ages: list[_Age], failed: int, now: datetime) -> SchemaStats:
    objects, fields, custom = held
    ages = [age for age in ages if age[0]]
    to_come = [expires_at for _, _, expires_at in ages if expires_at > now]
    return SchemaStats(
        object_count=objects,
        field_count=fields,
        custom_field_count=custom,
        stale_object_count=sum(count for count, _, expires_at in ages if expires_at <= now),
        failed_object_count=failed,
        last_discovered_at=max((to_utc(seen_at) for _, seen_at, _ in ages), default=None),
        next_expiry_at=to_utc(min(to_come)) if to_come else None,
    )
