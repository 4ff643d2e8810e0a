"""Schemas from the cache: now, or as of a moment."""

from __future__ import annotations

from datetime import datetime

from crmdeck.drift import ObjectState, compare_schemas
from crmdeck.errors import SchemaNotDiscoveredError
from crmdeck.model import (
    Comparison,
    Connection,
    FieldRow,
    ObjectDetail,
    ObjectSummary,
    SchemaSummary,
    Snapshot,
    SnapshotInfo,
)
from crmdeck.store import Session
from crmdeck.workspace.base import UseCases, find_connection, not_found


class Browsing(UseCases):
    """What the cache knows of schemas. `at` asks for what was known at that moment."""

    def objects(self, ref: str, at: datetime | None = None) -> SchemaSummary:
        """Return one line an object type; raises SchemaNotDiscoveredError."""
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            current = session.snapshots.current(connection.id, at)
        if not current:
            raise never_discovered(connection, at)
        return SchemaSummary(objects=tuple(self._summary(info, at) for info in current))

    def schema(self, ref: str, object_type: str, at: datetime | None = None) -> ObjectDetail:
        """Return one object type with its fields.

        Raises SchemaNotDiscoveredError, or NotFoundError naming the nearest object types.
        """
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            snapshot = find_snapshot(session, connection, object_type, at)
        return self._detail(snapshot, at)

    def schemas(self, ref: str, at: datetime | None = None) -> tuple[ObjectDetail, ...]:
        """Return all object types with their fields, by name; none where none is cached."""
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            current = session.snapshots.current(connection.id, at)
            loaded = session.snapshots.load([info.id for info in current])
        return tuple(self._detail(loaded[info.id], at) for info in current)

    def field_rows(self, ref: str, at: datetime | None = None) -> tuple[FieldRow, ...]:
        """Return all fields of all object types, slim, ordered by object type and position."""
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            return session.snapshots.field_rows(connection.id, at)

    def snapshots(self, ref: str, object_type: str) -> tuple[SnapshotInfo, ...]:
        """Return the snapshots of an object type, newest first."""
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            return session.snapshots.history(connection.id, object_type)

    def moments(self, ref: str) -> tuple[datetime, ...]:
        """Return when the cached schema changed, newest first."""
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            return session.snapshots.moments(connection.id)

    def compare(
        self,
        left: str,
        right: str,
        *,
        left_at: datetime | None = None,
        right_at: datetime | None = None,
        object_type: str | None = None,
    ) -> Comparison:
        """Return how two cached schemas differ: two connections, or one at two moments.

        With `object_type` only that one is compared. Raises NotFoundError for a connection that
        there is not, or an object type that neither side has, and SchemaNotDiscoveredError for
        a connection of which nothing is cached.
        """
        names = []
        with self._store.read() as session:
            sides = []
            for ref, at in ((left, left_at), (right, right_at)):
                connection = find_connection(session.connections.all(), ref)
                names.append(connection.name)
                sides.append(
                    {i.object_type: i for i in session.snapshots.current(connection.id, at)}
                )
                if not sides[-1]:
                    raise never_discovered(connection, at)
            if object_type is not None:
                known = sorted(sides[0].keys() | sides[1].keys())
                sides = [
                    {name: info for name, info in side.items() if name == object_type}
                    for side in sides
                ]
                if not any(sides):
                    raise not_found("object type", object_type, known)
            # What is the same to the last bit need not be read to be called the same.
            same = {
                name
                for name in sides[0].keys() & sides[1].keys()
                if sides[0][name].content_hash == sides[1][name].content_hash
            }
            loaded = session.snapshots.load(
                [
                    info.id
                    for side in sides
                    for info in side.values()
                    if info.object_type not in same
                ]
            )
        left_states, right_states = (
            {
                name: ObjectState(name, info.label, info.custom, ())
                if name in same
                else _state(loaded[info.id])
                for name, info in side.items()
            }
            for side in sides
        )
        return compare_schemas(
            left_states,
            right_states,
            left_name=names[0],
            right_name=names[1],
            left_at=left_at,
            right_at=right_at,
        )

    def _detail(self, snapshot: Snapshot, at: datetime | None) -> ObjectDetail:
        info = snapshot.info
        return ObjectDetail(
            object_type=info.object_type,
            fields=snapshot.fields,
            schema_hash=info.schema_hash,
            discovered_at=info.discovered_at,
            expires_at=info.expires_at,
            is_stale=info.expires_at <= (at or self.now),
        )

    def _summary(self, info: SnapshotInfo, at: datetime | None) -> ObjectSummary:
        return ObjectSummary(
            object_type=info.object_type,
            label=info.label,
            custom=info.custom,
            field_count=info.field_count,
            schema_hash=info.schema_hash,
            discovered_at=info.discovered_at,
            expires_at=info.expires_at,
            is_stale=info.expires_at <= (at or self.now),
        )


def find_snapshot(
    session: Session, connection: Connection, object_type: str, at: datetime | None = None
) -> Snapshot:
    """Return the cached snapshot of an object type.

    Raises SchemaNotDiscoveredError where nothing was discovered, NotFoundError where the object
    type is not among what was.
    """
    snapshot = session.snapshots.get(connection.id, object_type, at)
    if snapshot is not None:
        return snapshot
    current = session.snapshots.current(connection.id, at)
    if not current:
        raise never_discovered(connection, at)
    raise not_found("object type", object_type, [info.object_type for info in current])


def require_known(session: Session, connection: Connection, object_type: str) -> None:
    """Raise NotFoundError where other object types were discovered, and never this one."""
    if session.snapshots.last_present(connection.id, object_type) is not None:
        return
    current = session.snapshots.current(connection.id)
    if current:
        raise not_found("object type", object_type, [info.object_type for info in current])


def never_discovered(
    connection: Connection, at: datetime | None = None
) -> SchemaNotDiscoveredError:
    """Return the error for a connection of which no schema is cached."""
    if at is not None:
        return SchemaNotDiscoveredError(
            f"No schema of '{connection.name}' is cached as of {at:%Y-%m-%d %H:%M} UTC.",
            cause="It was discovered later, if at all.",
            remedy="Ask for a later moment, or for what holds now.",
        )
    return SchemaNotDiscoveredError(
        f"No schema of '{connection.name}' is cached.",
        remedy=f"Discover it first: crmdeck refresh {connection.name}",
    )


def _state(snapshot: Snapshot) -> ObjectState:
    info = snapshot.info
    return ObjectState(info.object_type, info.label, info.custom, snapshot.fields)
