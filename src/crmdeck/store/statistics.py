"""What the cache holds of each connection, in numbers."""

from __future__ import annotations

from datetime import datetime

from crmdeck.model import SchemaStats, to_utc
from crmdeck.store.database import Database, Row
from crmdeck.store.record_table import Where, stored

# A refresh that failed as a whole says nothing about single object types, so the last one that
# reached its source counts.
LAST_REFRESH = """
    SELECT connection_id, arg_max(run_id, seq) AS run_id
    FROM (
        SELECT connection_id, run_id, seq FROM refresh
        UNION ALL
        SELECT connection_id, run_id, seq FROM object_failure
    )
    GROUP BY connection_id"""

_SCHEMA = """
    SELECT
        connection_id,
        count(*),
        sum(field_count)::BIGINT,
        sum(custom_field_count)::BIGINT,
        count(*) FILTER (expires_at <= ?),
        max(discovered_at),
        min(expires_at) FILTER (expires_at > ?)
    FROM (
        SELECT connection_id, gone, content_hash, discovered_at, expires_at
        FROM snapshot {where}
        QUALIFY row_number() OVER (
            PARTITION BY connection_id, object_type ORDER BY seq DESC
        ) = 1
    ) JOIN object_definition USING (content_hash)
    WHERE gone IS NULL
    GROUP BY connection_id"""


def schema_stats(
    database: Database, now: datetime, connection_id: str | None = None
) -> dict[str, SchemaStats]:
    """Return statistics by connection, of one or of all that have a snapshot or a failure.

    What expires at `now` is stale; `next_expiry_at` is the first one after.
    """
    where = Where().add("connection_id = ?", connection_id)
    moment = stored(now)
    held = {
        row[0]: row[1:]
        for row in database.rows(_SCHEMA.format(where=where), [moment, moment, *where.parameters])
    }
    failed: dict[str, int] = dict(
        database.rows(
            f"SELECT connection_id, count(*) FROM object_failure "
            f"JOIN ({LAST_REFRESH}) USING (connection_id, run_id) {where} GROUP BY connection_id",
            where.parameters,
        )
    )
    nothing = (0, 0, 0, 0, None, None)
    return {
        key: _stats(held.get(key, nothing), failed.get(key, 0))
        for key in sorted(held.keys() | failed.keys())
    }


def _stats(held: Row, failed: int) -> SchemaStats:
    objects, fields, custom, stale, last, expiry = held
    return SchemaStats(
        object_count=objects,
        field_count=fields,
        custom_field_count=custom,
        stale_object_count=stale,
        failed_object_count=failed,
        last_discovered_at=last and to_utc(last),
        next_expiry_at=expiry and to_utc(expiry),
    )
