"""Snapshots: what each discovery saw of each object type, and what has gone since."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crmdeck.errors import CacheError
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
from crmdeck.store.records import Where, stored
from crmdeck.store.runs import Runs

_COLUMNS = (
    "id",
    "connection_id",
    "refresh_id",
    "object_type",
    "gone",
    "content_hash",
    "discovered_at",
    "expires_at",
    "validator",
)
_INFO = (
    "snapshot.id, connection_id, refresh_id, object_type, label, custom, field_count, "
    "custom_field_count, schema_hash, structural_hash, content_hash, discovered_at, expires_at, "
    "validator"
)
_LATEST = (
    "QUALIFY row_number() OVER (PARTITION BY object_type ORDER BY discovered_at DESC, seq DESC) = 1"
)


@dataclass(frozen=True)
class RecordCount:
    """What recording a refresh wrote.

    `changed` names the object types, in order, that are new, back, gone, or whose schema hash,
    label or custom mark differs from the snapshot before.
    """

    new_definitions: int
    snapshots: int
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Last:
    """The last row of an object type, whatever it says, and its last content."""

    gone: str | None
    content_hash: str
    validator: str | None
    face: tuple[object, ...]


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
        last = self._last_of(run.connection_id)
        definitions, new_definitions = self._definitions.put([schema for schema, _ in discovered])
        at, until = stored(run.started_at), stored(expires_at)
        rows: list[Row] = []
        changed: set[str] = set()

        def append(
            name: str, why: str | None, content_hash: str | None, validator: str | None
        ) -> None:
            rows.append(
                (
                    str(uuid.uuid4()),
                    run.connection_id,
                    run.id,
                    name,
                    why,
                    content_hash,
                    at,
                    until,
                    validator,
                )
            )

        for (schema, validator), definition in zip(discovered, definitions, strict=True):
            name = schema.object_type
            before = last.get(name)
            if before is None or before.gone or before.face != definition.face:
                changed.add(name)
            append(name, None, definition.content_hash, validator)
        for name, validator in unchanged:
            known = last.get(name)
            if known is None:
                raise CacheError(
                    f"The source calls {name} unchanged, but there is no snapshot of it.",
                    remedy="Refresh again; it is then read in full.",
                    code="CACHE_INCOMPLETE",
                )
            if known.gone:
                changed.add(name)
            append(name, None, known.content_hash, validator or known.validator)
        for name, reason in gone.items():
            leaving = last.get(name)
            if leaving is not None and leaving.gone != reason.value:
                changed.add(name)
                append(name, reason.value, None, None)
        self._database.insert("snapshot", _COLUMNS, rows)
        self._database.insert(
            "refresh",
            ("run_id", "connection_id", "scope", "discovered_at", "changes"),
            [(run.id, run.connection_id, scope.to_json(), at, len(changed))],
        )
        return RecordCount(new_definitions, len(rows), tuple(sorted(changed)))

    def current(self, connection_id: str, at: datetime | None = None) -> tuple[SnapshotInfo, ...]:
        """Return the latest snapshot of each object type as of `at`, by object type."""
        where = _as_of(connection_id, at)
        return self._infos(
            f"(SELECT * FROM snapshot {where} {_LATEST})", "", "object_type", where.parameters
        )

    def gone(self, connection_id: str, at: datetime | None = None) -> Mapping[str, GoneReason]:
        """Return the object types that have gone as of `at`, with the reason."""
        where = _as_of(connection_id, at)
        rows = self._database.rows(
            f"SELECT object_type, gone FROM (SELECT * FROM snapshot {where} {_LATEST}) "
            "WHERE gone IS NOT NULL ORDER BY object_type",
            where.parameters,
        )
        return {name: GoneReason(reason) for name, reason in rows}

    def last_present(
        self, connection_id: str, object_type: str, at: datetime | None = None
    ) -> SnapshotInfo | None:
        """Return the latest snapshot with content as of `at`, of something gone too."""
        where = _as_of(connection_id, at).add("object_type = ?", object_type)
        found = self._infos(
            "snapshot", str(where), "discovered_at DESC, seq DESC LIMIT 1", where.parameters
        )
        return found[0] if found else None

    def history(self, connection_id: str, object_type: str) -> tuple[SnapshotInfo, ...]:
        """Return all snapshots of an object type, newest first."""
        where = _as_of(connection_id, None).add("object_type = ?", object_type)
        return self._infos("snapshot", str(where), "discovered_at DESC, seq DESC", where.parameters)

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
                fields=contents[info.content_hash].fields,
                native=contents[info.content_hash].native,
            )
            for info in infos
        }

    def get(
        self, connection_id: str, object_type: str, at: datetime | None = None
    ) -> Snapshot | None:
        """Return the snapshot of an object type that holds as of `at`, None where it has gone."""
        where = _as_of(connection_id, at).add("object_type = ?", object_type)
        found = self._infos(
            f"(SELECT * FROM snapshot {where} {_LATEST})", "", "object_type", where.parameters
        )
        return self.load([found[0].id])[found[0].id] if found else None

    def field_rows(self, connection_id: str, at: datetime | None = None) -> tuple[FieldRow, ...]:
        """Return all fields of all object types as of `at`, by object type, in field order."""
        where = _as_of(connection_id, at)
        rows = self._database.rows(
            'SELECT object_type, name, label, type, native_type, required, "unique", custom, '
            'calculated, "references" '
            f"FROM (SELECT * FROM snapshot {where} {_LATEST}) "
            "JOIN object_field USING (content_hash) JOIN field_definition USING (field_hash) "
            "WHERE gone IS NULL ORDER BY object_type, position",
            where.parameters,
        )
        types = {member.value: member for member in FieldType}
        return tuple(FieldRow(a, b, c, types[d], *rest) for a, b, c, d, *rest in rows)

    def stats(self, connection_id: str, now: datetime) -> SchemaStats:
        """Return what the cache holds in numbers; `next_expiry_at` is the next one to come."""
        where = _as_of(connection_id, None)
        moment = stored(now)
        row = self._database.rows(
            "SELECT count(*), coalesce(sum(field_count), 0), coalesce(sum(custom_field_count), 0), "
            "count(*) FILTER (expires_at <= ?), max(discovered_at), "
            "min(expires_at) FILTER (expires_at > ?) "
            f"FROM (SELECT * FROM snapshot {where} {_LATEST}) "
            "JOIN object_definition USING (content_hash) WHERE gone IS NULL",
            [moment, moment, *where.parameters],
        )[0]
        objects, fields, custom, stale, last, expiry = row
        return SchemaStats(
            object_count=objects,
            field_count=fields,
            custom_field_count=custom,
            stale_object_count=stale,
            failed_object_count=len(Runs(self._database).failures(connection_id)),
            last_discovered_at=last and to_utc(last),
            next_expiry_at=expiry and to_utc(expiry),
        )

    def known(self, connection_id: str) -> dict[str, tuple[str, str | None]]:
        """Return schema hash and validator of each object type that is there."""
        return {
            info.object_type: (info.schema_hash, info.validator)
            for info in self.current(connection_id)
        }

    def scope(self, connection_id: str) -> Scope | None:
        """Return what the last refresh asked for."""
        rows = self._database.rows(
            "SELECT scope FROM refresh WHERE connection_id = ? "
            "ORDER BY discovered_at DESC, seq DESC LIMIT 1",
            [connection_id],
        )
        return Scope.model_validate_json(rows[0][0]) if rows else None

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

    def _last_of(self, connection_id: str) -> dict[str, _Last]:
        rows = self._database.rows(
            "WITH mine AS (SELECT * FROM snapshot WHERE connection_id = ?), "
            f"present AS (SELECT * FROM mine WHERE gone IS NULL {_LATEST}), "
            f"latest AS (SELECT object_type, gone FROM mine {_LATEST}) "
            "SELECT object_type, latest.gone, content_hash, validator, schema_hash, label, custom "
            "FROM present JOIN latest USING (object_type) "
            "JOIN object_definition USING (content_hash)",
            [connection_id],
        )
        return {
            name: _Last(why, content, validator, tuple(face))
            for name, why, content, validator, *face in rows
        }


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
    )
