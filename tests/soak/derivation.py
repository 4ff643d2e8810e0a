"""Drift found again from the history, to be held against the drift that was stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.detect import detect
from crmdeck.model import DriftEvent, GoneReason, ObjectSchema
from crmdeck.store import Session
from crmdeck.store.definitions import Definitions
from crmdeck.store.refresh_record import THERE, UNREAD

Told = tuple[str, str | None, str | None, str, str]


class DriftOfRun(NamedTuple):
    """What a refresh found, as it was stored and as its states say."""

    seq: int
    run_id: str
    stored: set[Told]
    derived: set[Told]


def derive(session: Session, connection_id: str, *, after: int = -1) -> Iterator[DriftOfRun]:
    """Yield the refreshes of a connection whose number is above `after`, the baseline aside.

    What is gone is compared as gone: why, only the source could say at the time.
    """
    connection = session.connections.get(connection_id)
    assert connection is not None
    rows = session.database.rows
    windows = {
        run: (seq, end)
        for run, seq, end in rows(
            "SELECT id, seq, lead(seq) OVER (ORDER BY seq) FROM sync_run ORDER BY seq"
        )
    }
    stored: dict[int, list[str]] = {}
    for seq, event in rows(
        "SELECT seq, id FROM drift_event WHERE connection_id = ? ORDER BY seq", [connection_id]
    ):
        stored.setdefault(seq, []).append(event)
    states = rows(
        "SELECT refresh, object_type, state, content_hash FROM object_state "
        "WHERE connection_id = ? ORDER BY refresh",
        [connection_id],
    )
    now: dict[str, tuple[str, str]] = {}
    refreshes = rows(
        "SELECT seq, run_id FROM refresh WHERE connection_id = ? ORDER BY seq", [connection_id]
    )
    for number, (seq, run_id) in enumerate(refreshes):
        changed = {name: (state, content) for r, name, state, content in states if r == seq}
        if number and seq > after:
            start, end = windows[run_id]
            ids = [
                event
                for place, events in stored.items()
                if place > start and (end is None or place < end)
                for event in events
            ]
            events = session.drift.by_ids(ids).values()
            report = detect(
                connection_id=connection_id,
                vendor=vendor_of(connection.platform),
                detected_at=connection.created_at,
                field_words=lambda fields: [((), ()) for _ in fields],
                before={
                    name: _schema(session, name, now[name][1])
                    for name, (state, _) in changed.items()
                    if name in now and state == THERE
                },
                after={
                    name: _schema(session, name, content)
                    for name, (state, content) in changed.items()
                    if state == THERE
                },
                gone_objects={
                    name: GoneReason(state)
                    for name, (state, _) in changed.items()
                    if state not in (THERE, UNREAD)
                },
                returned={
                    name: GoneReason(now[name][0])
                    for name, (state, _) in changed.items()
                    if state == THERE and name in now and now[name][0] not in (THERE, UNREAD)
                },
            )
            yield DriftOfRun(seq, run_id, set(map(_told, events)), set(map(_told, report.events)))
        now |= changed


def _schema(session: Session, name: str, content: str) -> ObjectSchema:
    [found] = Definitions(session.database).load([content]).values()
    return found.model_copy(update={"object_type": name})


def _told(event: DriftEvent) -> Told:
    kind = event.kind.value
    for gone in ("removed", "hidden", "absent", "out_of_scope"):
        kind = kind.replace(gone, "gone")
    changes = sorted((c.attribute, repr(c.before), repr(c.after)) for c in event.changes)
    return (event.object_type, event.field_name, event.rule, kind, repr(changes))
