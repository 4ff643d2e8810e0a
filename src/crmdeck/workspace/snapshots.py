"""Stored schemas by name, and the errors for those that don't exist."""

from __future__ import annotations

from datetime import datetime

from crmdeck.errors import SchemaNotDiscoveredError
from crmdeck.model import Connection, EffectiveAccess, Snapshot
from crmdeck.model.access import as_seen_by
from crmdeck.store import Session
from crmdeck.workspace.context import not_found

FIELDS_AT_ONCE = 2_000
"""The number of fields in memory while all objects are read."""


def read_access(
    session: Session, connection: Connection, at: datetime | None = None
) -> EffectiveAccess | None:
    """Return the sync user's access; None if no sync user is set."""
    found = session.access.get(connection, at)
    return found.access if found is not None else None


def find_snapshot(
    session: Session, connection: Connection, object_type: str, at: datetime | None = None
) -> Snapshot:
    """Return the snapshot of an object, as its sync user sees it.

    Raises SchemaNotDiscoveredError and NotFoundError.
    """
    snapshot = session.snapshots.get(connection.id, object_type, at)
    if snapshot is not None:
        access = read_access(session, connection, at)
        seen = as_seen_by(snapshot.content, access)
        return snapshot.model_copy(update={"content": seen}) if access else snapshot
    current = session.snapshots.current(connection.id, at)
    if not current:
        raise never_discovered(connection, at)
    raise not_found("object type", object_type, [info.object_type for info in current])


def require_known(session: Session, connection: Connection, object_type: str) -> None:
    """Raise NotFoundError if there is a schema that never had this object."""
    # An object that is gone still has a history, and may have decisions.
    if session.snapshots.last_present(connection.id, object_type) is not None:
        return
    current = session.snapshots.current(connection.id)
    if current:
        raise not_found("object type", object_type, [info.object_type for info in current])


def never_discovered(
    connection: Connection, at: datetime | None = None
) -> SchemaNotDiscoveredError:
    """Return the error for a connection without a schema."""
    if at is not None:
        return SchemaNotDiscoveredError(
            f"No schema of '{connection.name}' as of {at:%Y-%m-%d %H:%M} UTC.",
            cause="crmdeck first refreshed the connection later.",
            remedy="Use a later date, or the current schema.",
        )
    return SchemaNotDiscoveredError(
        f"'{connection.name}' was never refreshed: no schema yet.",
        remedy=f"Refresh it: crmdeck refresh {connection.name}",
    )
