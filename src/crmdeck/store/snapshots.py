"""Snapshots: every object type as each refresh read it, and what was removed since."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from crmdeck.errors import CacheDamagedError
from crmdeck.model import (
    FieldRow,
    FieldType,
    Freshness,
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
from crmdeck.store.definitions import Definitions, PackedSchema, summary_of
from crmdeck.store.recent import RecentSnapshots, RefreshKey
from crmdeck.store.record_table import Where
from crmdeck.store.refresh_record import THERE, UNREAD, RecordCount, RefreshRecord
from crmdeck.store.settlements import forget_settlements
from crmdeck.store.source_times import unpack
from crmdeck.store.statistics import schema_stats
from crmdeck.store.validators import Validators
from crmdeck.text import count

_INFO = (
    "shown.run_id, state.connection_id, object_type, label, custom, field_count, "
    "custom_field_count, schema_hash, structural_hash, content_hash, discovered_at, expires_at, "
    "object_hash, rules_hash"
)

_ROW = 'name, label, type, native_type, required, "unique", custom, calculated, "references"'

# In two steps: one query that also finds the refresh takes DuckDB ten times as long.
_LATEST = (
    "SELECT DISTINCT ON (object_type) connection_id, object_type, state, content_hash, seen "
    "FROM object_state WHERE connection_id = ? AND refresh <= ? {one} "
    "ORDER BY object_type, refresh DESC"
)
# Object types that an error names before it counts the others.
_NAMED = 3
_PRESENT = f"state IN ('{THERE}', '{UNREAD}')"


class _Refresh(NamedTuple):
    seq: int
    run_id: str
    source_times: bytes | None


class Snapshots:
    """All snapshots; none is ever changed.

    Without `recent` and `kept`, nothing is kept for the next read.
    """

    def __init__(
        self,
        database: Database,
        recent: RecentSnapshots | None = None,
    ) -> None:
        self._database = database
        self._recent = recent
        self._definitions = Definitions(database)

    def record(
        self,
        run: SyncRun,
        scope: Scope,
        *,
        discovered: Sequence[tuple[PackedSchema, str | None]],
        unchanged: Sequence[tuple[str, str | None]],
        gone: Mapping[str, GoneReason],
        expires_at: datetime,
        freshness: Mapping[str, Freshness] | None = None,
    ) -> RecordCount:
        """Append what a refresh read, as of its start.

        `discovered` and `unchanged` come with the source's validator; None keeps the known
        validator of an unchanged object. `gone` becomes tombstones; what is gone for the same
        reason already, or never existed, is left out. `freshness` has the object types that the
        source read at another time, or that expire at another time. Raises CacheError if an object
        is called unchanged that was never recorded.
        """
        record = RefreshRecord(self._database, run, expires_at, freshness or {})
        record.discovered(discovered)
        record.unchanged(unchanged)
        record.record_removed(gone)
        count = record.write(scope)
        if count.states:
            forget_settlements(self._database, {run.connection_id})
        return count

    def current(
        self, connection_id: str, at: datetime | None = None, *, whole: bool = True
    ) -> tuple[SnapshotInfo, ...]:
        """Return the latest snapshot of each object type as of `at`, by object type.

        Raises CacheDamagedError for a lost definition; with `whole` False it is left out.
        """
        last = self._last_refresh(connection_id, at)
        if last is None:
            return ()
        known = self._known(connection_id, last)
        if known is not None:
            return known
        found = self._latest(connection_id, last, _PRESENT, whole=whole)
        if self._recent is not None and whole:
            self._recent.put(RefreshKey(connection_id, last.run_id, last.seq), found)
        return found

    def incomplete(
        self, connection_id: str | None = None, *, now: bool = False
    ) -> dict[str, tuple[str, ...]]:
        """Return, by connection, the object types that exist and lack definitions.

        The default is all connections. Unless the caller needs it `now`, nothing is checked again
        within a minute of a check without findings. Altered definitions are found when they are
        loaded.
        """
        if not now and self._recent is not None and self._recent.is_whole(connection_id):
            return {}
        # Nearly always nothing is missing, so missing definitions are searched first.
        lacking = self._definitions.lacking(connection_id)
        if not lacking:
            if not now and self._recent is not None:
                self._recent.note_whole(connection_id)
            return {}
        where = Where().add("connection_id = ?", connection_id)
        rows = self._database.rows(
            "SELECT connection_id, object_type FROM ("
            "SELECT DISTINCT ON (connection_id, object_type) "
            f"connection_id, object_type, state, content_hash FROM object_state {where} "
            "ORDER BY connection_id, object_type, refresh DESC) AS state "
            f"WHERE {_PRESENT} AND content_hash IN (SELECT unnest(?::VARCHAR[])) "
            "ORDER BY connection_id, object_type",
            [*where.parameters, lacking],
        )
        found: dict[str, tuple[str, ...]] = {}
        for key, name in rows:
            found[key] = (*found.get(key, ()), name)
        return found

    def faces(self, connection_id: str) -> dict[str, ObjectSchema]:
        """Return the current objects without their fields and native attributes.

        Objects whose definitions were lost are left out.
        """
        last = self._last_refresh(connection_id, None)
        rows = self._database.rows(
            f"SELECT object_type, label, custom, body FROM ({_LATEST.format(one='')}) AS state "
            f"JOIN object_definition USING (content_hash) WHERE {_PRESENT}",
            [connection_id, last and last.seq],
        )
        return {
            name: summary_of(label, custom, body).model_copy(update={"object_type": name})
            for name, label, custom, body in rows
        }

    def refreshed_at(self, connection_id: str) -> datetime | None:
        """Return when the last refresh began, whatever time its source gives."""
        at = self._of_last_refresh("discovered_at", connection_id)
        return to_utc(at) if at is not None else None

    def gone(self, connection_id: str, at: datetime | None = None) -> Mapping[str, GoneReason]:
        """Return the object types that are gone as of `at`, with the reason."""
        last = self._last_refresh(connection_id, at)
        rows = self._database.rows(
            f"SELECT object_type, state FROM ({_LATEST.format(one='')}) AS state "
            f"WHERE NOT ({_PRESENT}) ORDER BY object_type",
            [connection_id, last and last.seq],
        )
        return {name: GoneReason(reason) for name, reason in rows}

    def last_present(
        self, connection_id: str, object_type: str, at: datetime | None = None
    ) -> SnapshotInfo | None:
        """Return the latest snapshot with content as of `at`, even if the object type is gone."""
        last = self._last_refresh(connection_id, at)
        if last is None:
            return None
        found = self._latest(connection_id, last, "true", object_type, whole=False)
        return found[0] if found else None

    def newest(self, objects: Iterable[tuple[str, str]]) -> dict[tuple[str, str], ObjectSchema]:
        """Return the current content of objects, by connection ID and object type.

        Objects that are gone, or whose definitions were lost, are left out.
        """
        there = self.contents(objects)
        contents = self._definitions.load(set(there.values()))
        return {
            # Objects with equal definitions share one.
            place: contents[content].model_copy(update={"object_type": place[1]})
            for place, content in there.items()
            if content in contents
        }

    def contents(self, objects: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the hash of the current content of objects, as `newest` does the content."""
        wanted = list(objects)
        if not wanted:
            return {}
        rows = self._database.rows(
            "SELECT connection_id, object_type, content_hash FROM ("
            "SELECT DISTINCT ON (connection_id, object_type) "
            "connection_id, object_type, state, content_hash FROM object_state "
            "WHERE (connection_id, object_type) IN "
            "(SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])) "
            f"ORDER BY connection_id, object_type, refresh DESC) AS state WHERE {_PRESENT}",
            [[key for key, _ in wanted], [name for _, name in wanted]],
        )
        return {(key, name): content for key, name, content in rows}

    def before_change(
        self, connection_id: str, object_type: str, event_id: str
    ) -> ObjectSchema | None:
        """Return an object type from before the refresh that found a change.

        None if it wasn't stored, or if its definition was lost.
        """
        rows = self._database.rows(
            "SELECT content_hash FROM object_state WHERE connection_id = ? AND object_type = ? "
            "AND refresh < (SELECT max(seq) FROM refresh WHERE connection_id = ? "
            "AND seq < (SELECT seq FROM drift_event WHERE id = ?)) ORDER BY refresh DESC LIMIT 1",
            [connection_id, object_type, connection_id, event_id],
        )
        found = self._definitions.load([content for (content,) in rows])
        return next(iter(found.values()), None)

    def history(self, connection_id: str, object_type: str) -> tuple[SnapshotInfo, ...]:
        """Return all snapshots of an object type, one per refresh that read it, newest first."""
        rows = self._database.rows(
            f"SELECT {_INFO}, shown.source_times FROM ("
            "SELECT *, lead(refresh) OVER (ORDER BY refresh) AS ended FROM object_state "
            "WHERE connection_id = ? AND object_type = ?"
            ") AS state JOIN object_definition USING (content_hash) "
            "JOIN refresh AS shown ON shown.connection_id = state.connection_id "
            "AND shown.seq >= refresh AND (ended IS NULL OR shown.seq < ended) "
            "WHERE state = ? ORDER BY shown.seq DESC",
            [connection_id, object_type, THERE],
        )
        return tuple(_info(row, row[-1]) for row in rows)

    def load(self, infos: Iterable[SnapshotInfo], *, whole: bool = True) -> dict[str, Snapshot]:
        """Return the snapshots of `infos` with their fields, by ID.

        Each is compared with its SHA-256. Raises CacheDamagedError for a lost or altered one; with
        `whole` False it is left out.
        """
        wanted = list(infos)
        contents = self._definitions.load({info.content_hash for info in wanted})
        lost = [info.object_type for info in wanted if info.content_hash not in contents]
        if lost and whole:
            raise lost_definitions(lost)
        return {
            info.id: Snapshot.model_construct(
                info=info,
                content=contents[info.content_hash].model_copy(
                    update={"object_type": info.object_type}
                ),
            )
            for info in wanted
            if info.content_hash in contents
        }

    def get(
        self, connection_id: str, object_type: str, at: datetime | None = None
    ) -> Snapshot | None:
        """Return the snapshot of an object type as of `at`; None if it is gone."""
        last = self._last_refresh(connection_id, at)
        if last is None:
            return None
        known = self._known(connection_id, last)
        if known is None:
            known = self._latest(connection_id, last, _PRESENT, object_type)
        found = [info for info in known if info.object_type == object_type]
        return self.load(found)[found[0].id] if found else None

    def field_rows(self, connection_id: str, at: datetime | None = None) -> tuple[FieldRow, ...]:
        """Return all fields of all object types as of `at`, by object type, in field order.

        Raises CacheDamagedError if their number differs from what the refresh counted.
        """
        last = self._last_refresh(connection_id, at)
        rows = self._database.rows(
            f"SELECT object_type, {_ROW} "
            f"FROM ({_LATEST.format(one='')}) AS state "
            "JOIN object_field USING (content_hash) JOIN field_definition USING (field_hash) "
            f"WHERE {_PRESENT} ORDER BY object_type, position",
            [connection_id, last and last.seq],
        )
        counted = self._database.rows(
            "SELECT fields FROM refresh WHERE seq = ?", [last and last.seq]
        )
        if counted and counted[0][0] != len(rows):
            raise lost_definitions(self.incomplete(connection_id, now=True).get(connection_id, ()))
        types = {member.value: member for member in FieldType}
        make, same = FieldRow._make, sys.intern
        # Replaced in place, and each name once: there may be 200,000.
        found: list[Any] = rows
        for index, (a, b, c, d, e, f, g, h, i, j) in enumerate(rows):
            found[index] = make((same(a), same(b), c, types[d], same(e), f, g, h, i, j))
        return tuple(found)

    def stats(self, connection_id: str, now: datetime) -> SchemaStats:
        """Return the numbers of a connection; `next_expiry_at` is the next expiry."""
        return schema_stats(self._database, now, connection_id).get(connection_id, SchemaStats())

    def stats_by_connection(self, now: datetime) -> dict[str, SchemaStats]:
        return schema_stats(self._database, now)

    def validators(self, connection_id: str) -> dict[str, str]:
        """Return the source's current validator of each object type that has one."""
        return Validators(self._database).get(connection_id)

    def scope(self, connection_id: str) -> Scope | None:
        """Return the scope of the last refresh."""
        scope = self._of_last_refresh("scope", connection_id)
        return Scope.model_validate_json(scope) if scope is not None else None

    def latest_refresh(self, connection_id: str) -> str | None:
        """Return the ID of the newest refresh, to notice another one."""
        run_id: str | None = self._of_last_refresh("run_id", connection_id)
        return run_id

    def _of_last_refresh(self, column: str, connection_id: str) -> Any:
        rows = self._database.rows(
            f"SELECT {column} FROM refresh WHERE connection_id = ? ORDER BY seq DESC LIMIT 1",
            [connection_id],
        )
        return rows[0][0] if rows else None

    def latest_refreshes(self) -> dict[str, str]:
        """Return the ID of the newest refresh, by connection."""
        # An index finds each; GROUP BY would read a table that grows every day.
        rows = self._database.rows(
            "SELECT connection_id, run_id FROM refresh JOIN ("
            "SELECT (SELECT max(seq) FROM refresh WHERE connection_id = known.id) AS seq "
            "FROM (SELECT DISTINCT id FROM connection) AS known) AS last USING (seq)"
        )
        return dict(rows)

    def moments(self, connection_id: str) -> tuple[datetime, ...]:
        """Return the times of the refreshes that found a change, newest first."""
        rows = self._database.rows(
            "SELECT DISTINCT discovered_at FROM refresh WHERE connection_id = ? AND changes > 0 "
            "ORDER BY discovered_at DESC",
            [connection_id],
        )
        return tuple(to_utc(moment) for (moment,) in rows)

    def _last_refresh(self, connection_id: str, at: datetime | None) -> _Refresh | None:
        """Return the current refresh as of `at`; the order of writing decides, not clocks."""
        where = Where().add("connection_id = ?", connection_id).add("discovered_at <= ?", at)
        rows = self._database.rows(
            f"SELECT seq, run_id, source_times FROM refresh {where} ORDER BY seq DESC LIMIT 1",
            where.parameters,
        )
        return _Refresh(*rows[0]) if rows else None

    def _known(self, connection_id: str, last: _Refresh) -> tuple[SnapshotInfo, ...] | None:
        """Return the result of a refresh, if it was read recently."""
        if self._recent is None:
            return None
        return self._recent.get(RefreshKey(connection_id, last.run_id, last.seq))

    def _latest(
        self,
        connection_id: str,
        last: _Refresh,
        condition: str,
        object_type: str | None = None,
        *,
        whole: bool = True,
    ) -> tuple[SnapshotInfo, ...]:
        """Return each object type, or one, as refresh `last` left it."""
        one = "" if object_type is None else "AND object_type = ?"
        rows = self._database.rows(
            f"SELECT {_INFO}, seen, CASE WHEN seen IS NOT NULL THEN shown.source_times END "
            f"FROM ({_LATEST.format(one=one)}) AS state "
            "LEFT JOIN object_definition USING (content_hash) "
            "LEFT JOIN refresh AS shown ON shown.seq = coalesce(seen, ?) "
            f"WHERE {condition} ORDER BY object_type",
            [
                connection_id,
                last.seq,
                *([] if object_type is None else [object_type]),
                last.seq,
            ],
        )
        known = [row for row in rows if None not in (row[0], row[3])]
        if len(known) < len(rows) and whole:
            raise lost_definitions([row[2] for row in rows if None in (row[0], row[3])])
        # The times of the last refresh aren't sent along with each of a thousand rows.
        return tuple(_info(row, last.source_times if row[-2] is None else row[-1]) for row in known)


def lost_definitions(object_types: Sequence[str]) -> CacheDamagedError:
    """Return the error for object types whose definitions are lost or altered."""
    named = ", ".join(object_types[:_NAMED])
    more = len(object_types) - _NAMED
    if more > 0:
        named += f" and {count(more, 'more object type', 'more object types')}"
    return CacheDamagedError(
        f"The cache lost data of {named or 'some fields'}.",
        cause="Definitions are missing, or don't match their SHA-256.",
        remedy="Refresh to read the current schemas again, or find out what can be repaired: "
        "crmdeck doctor",
    )


@lru_cache(maxsize=1024)
def _utc(moment: datetime) -> datetime:
    return to_utc(moment)


_BLANK = SnapshotInfo.model_construct(
    id="",
    connection_id="",
    refresh_id="",
    object_type="",
    field_count=0,
    schema_hash="",
    structural_hash="",
    content_hash="",
    discovered_at=datetime.min,
    expires_at=datetime.min,
)


def _info(row: Row, source_times: bytes | None) -> SnapshotInfo:
    """Return a row as a record, with the source's times from its refresh."""
    discovered_at, expires_at = row[10], row[11]
    if source_times is not None:
        discovered_at, expires_at = unpack(source_times).of(row[2])
    # Not validated, because the rows were validated when written. Copying takes half as long as
    # building, and a connection has a thousand of them.
    return _BLANK.model_copy(
        update={
            "id": f"{row[0]}/{row[2]}",
            "refresh_id": row[0],
            "connection_id": row[1],
            "object_type": row[2],
            "label": row[3],
            "custom": row[4],
            "field_count": row[5],
            "custom_field_count": row[6],
            "schema_hash": row[7],
            "structural_hash": row[8],
            "content_hash": row[9],
            "discovered_at": _utc(discovered_at),
            "expires_at": _utc(expires_at),
            "object_hash": row[12],
            "rules_hash": row[13],
        }
    )
