"""What a refresh found, found again from the states and schemas that are stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.detect import detect
from crmdeck.drift.renames import FieldWords
from crmdeck.mapping.state import accepted_fields
from crmdeck.model import Connection, DriftReport, GoneReason, ObjectSchema
from crmdeck.store import Session
from crmdeck.store.decisions import DECISIONS
from crmdeck.store.definitions import Definitions
from crmdeck.store.drift import GONE_KINDS
from crmdeck.store.refresh_record import THERE, UNREAD

DRIFT_DETECTED = "schema.drift_detected"
"""The entry of the audit log that tells of drift; its detail DETECTED_AT has the moment."""

DETECTED_AT = "detectedAt"

State = tuple[str, str]
"""How an object type stands, and the hash of its content."""


class Sides(NamedTuple):
    """What a refresh changed, as `detect` takes it."""

    before: dict[str, ObjectSchema]
    after: dict[str, ObjectSchema]
    gone: dict[str, GoneReason]
    returned: dict[str, GoneReason]


class States(NamedTuple):
    """The object types before a refresh, and those whose state it changed."""

    before: dict[str, State]
    changed: dict[str, State]


class LostSchemaError(Exception):
    """A schema that is needed is not stored any more."""


def states_at(session: Session, connection_id: str, refresh: int) -> States:
    """Return how the object types of a connection stood at a refresh."""
    before: dict[str, State] = {}
    changed: dict[str, State] = {}
    for number, name, state, content in session.database.rows(
        "SELECT refresh, object_type, state, content_hash FROM object_state "
        "WHERE connection_id = ? AND refresh <= ? ORDER BY refresh",
        [connection_id, refresh],
    ):
        (changed if number == refresh else before)[name] = (state, content)
    return States(before, changed)


def sides_of(session: Session, states: States) -> Sides:
    """Return both sides of what changed; raises LostSchemaError."""
    before, changed = states
    return Sides(
        before={
            name: _schema(session, name, before[name][1])
            for name, (state, _) in changed.items()
            if name in before and state == THERE
        },
        after={
            name: _schema(session, name, content)
            for name, (state, content) in changed.items()
            if state == THERE
        },
        gone={
            name: GoneReason(state)
            for name, (state, _) in changed.items()
            if state not in (THERE, UNREAD)
        },
        returned={
            name: GoneReason(before[name][0])
            for name, (state, _) in changed.items()
            if state == THERE and name in before and before[name][0] not in (THERE, UNREAD)
        },
    )


def derive_report(
    session: Session,
    connection: Connection,
    refresh: int,
    detected_at: datetime,
    field_words: FieldWords,
) -> DriftReport:
    """Return the drift that a refresh (by number) must have found.

    Why a field was gone only the source could say: it is called absent. Raises LostSchemaError.
    """
    states = states_at(session, connection.id, refresh)
    sides = sides_of(session, states)
    news = _no_news(session, connection.id, refresh)
    after = {
        name: schema
        for name, schema in sides.after.items()
        if name in states.before or news is None or name in news
    }
    log = DECISIONS.select(
        session.database,
        "WHERE connection_id = ? AND seq < ? ORDER BY seq",
        [connection.id, refresh],
    )
    present = {
        name: content
        for name, (state, content) in (states.before | states.changed).items()
        if state == THERE
    }
    return detect(
        connection_id=connection.id,
        vendor=vendor_of(connection.platform),
        detected_at=detected_at,
        before=sides.before,
        after=after,
        gone_objects=sides.gone,
        returned=sides.returned,
        accepted=accepted_fields(log),
        present=_Present(session, present),
        left=_left(session, connection.id, refresh),
        field_words=field_words,
    )


class _Present(Mapping[str, ObjectSchema]):
    """Object types by name, each loaded when it is asked for."""

    def __init__(self, session: Session, contents: Mapping[str, str]) -> None:
        self._session = session
        self._contents = contents

    def __getitem__(self, name: str) -> ObjectSchema:
        return _schema(self._session, name, self._contents[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._contents)

    def __len__(self) -> int:
        return len(self._contents)


def _schema(session: Session, name: str, content: str) -> ObjectSchema:
    found = Definitions(session.database).load([content]).get(content)
    if found is None:
        raise LostSchemaError(name)
    return found.model_copy(update={"object_type": name})


def _no_news(session: Session, connection_id: str, refresh: int) -> set[str] | None:
    """Return the new object types that count as added; None where all do.

    Not what a changed scope brought in, nor what had failed before it was ever read.
    """
    rows = session.database.rows(
        "SELECT scope, run_id FROM refresh WHERE connection_id = ? AND seq <= ? "
        "ORDER BY seq DESC LIMIT 2",
        [connection_id, refresh],
    )
    if len(rows) == 2 and rows[0][0] != rows[1][0]:
        return set()
    failed = {
        name
        for (name,) in session.database.rows(
            "SELECT object_type FROM object_failure WHERE run_id = ?",
            [rows[-1][1] if rows else ""],
        )
    }
    if not failed:
        return None
    changed = states_at(session, connection_id, refresh).changed
    return {name for name in changed if name not in failed}


def _left(session: Session, connection_id: str, refresh: int) -> set[tuple[str, str | None]]:
    rows = session.database.rows(
        "SELECT DISTINCT object_type, field_name FROM drift_event WHERE connection_id = ? "
        "AND seq < ? AND kind IN (SELECT unnest(?::VARCHAR[]))",
        [connection_id, refresh, [kind.value for kind in GONE_KINDS]],
    )
    return {(object_type, name) for object_type, name in rows}
