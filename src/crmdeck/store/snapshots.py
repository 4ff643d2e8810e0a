"""Snapshots: what each discovery saw of each object type, and what has gone since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from crmdeck.model import (
    FieldRow,
    FieldType,
    GoneReason,
    ObjectSchema,
    SchemaStats,
    Scope,
    Snapshot,
    SnapshotInfo,
    SyncRun,
    to_utc,
)
from crmdeck.store.database import Database, Row
from crmdeck.store.definitions import Definitions
from crmdeck.store.record_table import Where
from crmdeck.store.refresh_record import LATEST, RecordCount, Recording
from crmdeck.store.statistics import schema_stats

_INFO = (
    "snapshot.id, connection_id, refresh_id, object_type, label, custom, field_count, "
    "custom_field_count, schema_hash, structural_hash, content_hash, discovered_at, expires_at, "
    "validator, object_hash, rules_hash"
)


class Snapshots:
    """All snapshots; none is ever changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._definitions = Definitions(database)

    def record(
        self,
        run: SyncRun,
        scope: Scope,
        *,
        discovered: Sequence[tuple[ObjectSchema, str | None]],
        unchanged: Sequence[tuple[str, str | None]],
        gone: Mapping[str, GoneReason],
        expires_at: datetime,
    ) -> RecordCount:
        """Append what a refresh saw, as of the moment when it started.

        `discovered` and `unchanged` come with the validator of the source; where that of an
        unchanged object is None, the known one stays. `gone` becomes tombstones; what had gone
        for the same reason already, or was never there, is left out. Raises CacheError where
        something is called unchanged that was never recorded.
        """
        recording = Recording(self._database, run, expires_at)
        recording.discovered(discovered)
        recording.unchanged(unchanged)
        recording.gone(gone)
        return recording.write(scope)

    def current(self, connection_id: str, at: datetime | None = None) -> tuple[SnapshotInfo, ...]:
        """Return the latest snapshot of each object type as of `at`, by object type."""
        where = _as_of(connection_id, at)
        return self._infos(
            f"(SELECT * FROM snapshot {where} {LATEST})", "", "object_type", where.parameters
        )

    def gone(self, connection_id: str, at: datetime | None = None) -> Mapping[str, GoneReason]:
        """Return the object types that have gone as of `at`, with the reason."""
        where = _as_of(connection_id, at)
        rows = self._database.rows(
            f"SELECT object_type, gone FROM (SELECT * FROM snapshot {where} {LATEST}) "
            "WHERE gone IS NOT NULL ORDER BY object_type",
            where.parameters,
        )
        return {name: GoneReason(reason) for name, reason in rows}

    def last_present(
        self, connection_id: str, object_type: str, at: datetime | None = None
    ) -> SnapshotInfo | None:
        """Return the latest snapshot with content as of `at`, of something gone too."""
        where = _as_of(connection_id, at).add("object_type = ?", object_type)
        found = self._infos("snapshot", str(where), "seq DESC LIMIT 1", where.parameters)
        return found[0] if found else None

    def history(self, connection_id: str, object_type: str) -> tuple[SnapshotInfo, ...]:
        """Return all snapshots of an object type, newest first."""
        where = _as_of(connection_id, None).add("object_type = ?", object_type)
        return self._infos("snapshot", str(where), "seq DESC", where.parameters)

    def load(self, snapshot_ids: Sequence[str]) -> dict[str, Snapshot]:
        """Return snapshots with their fields by id; ids of none are left out."""
        if not snapshot_ids:
            return {}
        infos = self._infos(
            "snapshot",
            "WHERE snapshot.id IN (SELECT unnest(?::VARCHAR[]))",
            "object_type, discovered_at, seq",
            [list(snapshot_ids)],
        )
        contents = self._definitions.load({info.content_hash for info in infos})
        return {
            info.id: Snapshot.model_construct(
                info=info,
                content=contents[info.content_hash].model_copy(
                    update={"object_type": info.object_type}
                ),
            )
            for info in infos
        }

    def get(
        self, connection_id: str, object_type: str, at: datetime | None = None
    ) -> Snapshot | None:
        """Return the snapshot of an object type that holds as of `at`, None where it has gone."""
        where = _as_of(connection_id, at).add("object_type = ?", object_type)
        found = self._infos(
            f"(SELECT * FROM snapshot {where} {LATEST})", "", "object_type", where.parameters
        )
        return self.load([found[0].id])[found[0].id] if found else None

    def field_rows(self, connection_id: str, at: datetime | None = None) -> tuple[FieldRow, ...]:
        """Return all fields of all object types as of `at`, by object type, in field order."""
        where = _as_of(connection_id, at)
        rows = self._database.rows(
            'SELECT object_type, name, label, type, native_type, required, "unique", custom, '
            'calculated, "references" '
            f"FROM (SELECT * FROM snapshot {where} {LATEST}) "
            "JOIN object_field USING (content_hash) JOIN field_definition USING (field_hash) "
            "WHERE gone IS NULL ORDER BY object_type, position",
            where.parameters,
        )
        types = {member.value: member for member in FieldType}
        make = FieldRow._make
        return tuple(
            make((a, b, c, types[d], e, f, g, h, i, j)) for a, b, c, d, e, f, g, h, i, j in rows
        )

    def stats(self, connection_id: str, now: datetime) -> SchemaStats:
        """Return what the cache holds in numbers; `next_expiry_at` is the next one to come."""
        return schema_stats(self._database, now, connection_id).get(connection_id, SchemaStats())

    def stats_by_connection(self, now: datetime) -> dict[str, SchemaStats]:
        """Return the same for every connection of which the cache holds something."""
        return schema_stats(self._database, now)

    def known(self, connection_id: str) -> dict[str, tuple[str, str | None]]:
        """Return schema hash and validator of each object type that is there."""
        return {
            info.object_type: (info.schema_hash, info.validator)
            for info in self.current(connection_id)
        }

    def scope(self, connection_id: str) -> Scope | None:
        """Return what the last refresh asked for."""
        rows = self._database.rows(
            "SELECT scope FROM refresh WHERE connection_id = ? ORDER BY seq DESC LIMIT 1",
            [connection_id],
        )
        return Scope.model_validate_json(rows[0][0]) if rows else None

    def latest_refresh(self, connection_id: str) -> str | None:
        """Return the id of the run that was recorded last, to see whether another one came."""
        rows = self._database.rows(
            "SELECT run_id FROM refresh WHERE connection_id = ? ORDER BY seq DESC LIMIT 1",
            [connection_id],
        )
        return rows[0][0] if rows else None

    def moments(self, connection_id: str) -> tuple[datetime, ...]:
        """Return the times of the refreshes that found a change, newest first."""
        rows = self._database.rows(
            "SELECT DISTINCT discovered_at FROM refresh WHERE connection_id = ? AND changes > 0 "
            "ORDER BY discovered_at DESC",
            [connection_id],
        )
        return tuple(to_utc(moment) for (moment,) in rows)

    def _infos(
        self, source: str, where: str, order: str, parameters: Iterable[object]
    ) -> tuple[SnapshotInfo, ...]:
        rows = self._database.rows(
            f"SELECT {_INFO} FROM {source} AS snapshot "
            f"JOIN object_definition USING (content_hash) {where} ORDER BY {order}",
            list(parameters),
        )
        return tuple(_info(row) for row in rows)


def _as_of(connection_id: str, at: datetime | None) -> Where:
    return Where().add("connection_id = ?", connection_id).add("discovered_at <= ?", at)


def _info(row: Row) -> SnapshotInfo:
    # Built without validation: the rows were validated when they were written, and a connection
    # has a thousand of them.
    return SnapshotInfo.model_construct(
        id=row[0],
        connection_id=row[1],
        refresh_id=row[2],
        object_type=row[3],
        label=row[4],
        custom=row[5],
        field_count=row[6],
        custom_field_count=row[7],
        schema_hash=row[8],
        structural_hash=row[9],
        content_hash=row[10],
        discovered_at=to_utc(row[11]),
        expires_at=to_utc(row[12]),
        validator=row[13],
        object_hash=row[14],
        rules_hash=row[15],
    )
