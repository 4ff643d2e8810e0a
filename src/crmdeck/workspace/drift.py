"""Drift: what changed, and what was acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from crmdeck.drift.timeline import Timeline, make_timeline
from crmdeck.errors import NotFoundError
from crmdeck.mapping.state import acceptances
from crmdeck.model import DriftEvent, DriftReport, Severity, UnseenDrift
from crmdeck.store import Session
from crmdeck.text import count
from crmdeck.workspace.context import Context, find_connection, not_found
from crmdeck.workspace.refresh.remote_log import REOPENED, share_acknowledgments


class Noted(NamedTuple):
    """How many events it was news for, and what is to be told of the source's own log, if any."""

    number: int
    not_checked: str = ""


class Drift:
    """Drift events and their acknowledgment."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def report(
        self,
        ref: str | None = None,
        *,
        at_least: Severity | None = None,
        object_type: str | None = None,
        acknowledged: bool | None = None,
        since: datetime | None = None,
        at: datetime | None = None,
    ) -> DriftReport:
        """Return drift events, newest first, and the stories that they belong to.

        As of `at`: what was detected, and acknowledged, by that moment.
        All connections where `ref` is None; `acknowledged` None means both. Raises
        NotFoundError for a connection that is not there, and for an object type that none of
        the connections has or had.
        """
        with self._context.store.read() as session:
            connection_id = None
            if ref is not None:
                connection_id = find_connection(session, ref).id
            if object_type is not None:
                _require_known(session, connection_id, object_type)
            events = session.drift.events(connection_id, since=since, at=at)
            stories = session.drift.stories(connection_id, since=since)
        wanted = tuple(
            event
            for event in events
            if (at_least is None or event.severity.rank >= at_least.rank)
            and (object_type is None or event.object_type == object_type)
            and (acknowledged is None or acknowledged == (event.acknowledged_at is not None))
        )
        told = {event.story for event in wanted}
        return DriftReport(
            events=wanted, stories=tuple(story for story in stories if story.id in told)
        )

    def timeline(self, ref: str | None = None) -> Timeline:
        """Return all drift as people go through it, with the mappings that stand on it.

        Of all connections where `ref` is None. Raises NotFoundError for an unknown one.
        """
        with self._context.store.read() as session:
            connections = session.connections.all()
            wanted = None if ref is None else find_connection(session, ref).id
            events = session.drift.events(wanted)
            concerned = dict.fromkeys(event.connection_id for event in events)
            return make_timeline(
                events,
                session.drift.stories(wanted),
                names={connection.id: connection.name for connection in connections},
                standing=[
                    decision
                    for connection_id in concerned
                    for decision in acceptances(session.decisions.log(connection_id))
                ],
                seen=session.drift.seen(self._context.actor),
                now=self._context.now,
                everywhere=ref is None,
            )

    def unseen(self) -> Mapping[str, UnseenDrift]:
        """Return by connection id how much drift the operator has not had on screen.

        What is acknowledged does not count; connections without any are left out.
        """
        with self._context.store.read() as session:
            return session.drift.unseen(self._context.actor)

    def see(self, event_ids: Sequence[str]) -> None:
        """Note that the operator has had events on screen; nothing in a read-only workspace."""
        if event_ids and not self._context.read_only:
            with self._context.store.write() as session:
                session.drift.see(event_ids, self._context.now, self._context.actor)

    def acknowledge(self, event_ids: Sequence[str], note: str = "") -> Noted:
        """Acknowledge drift events, with a note; return how many were not yet.

        Where a source keeps acknowledgments for a team it is told too, and what was said there
        meanwhile is taken over. Raises NotFoundError where an id is unknown; then none is
        acknowledged.
        """
        self._context.require_writable()
        with self._context.store.write() as session:
            known = session.drift.among(event_ids)
            events = [_known(known.get(event_id), event_id) for event_id in event_ids]
            fresh = [event for event in events if event.acknowledged_at is None]
            session.drift.acknowledge(
                [e.id for e in fresh], self._context.now, self._context.actor, note
            )
            for connection_id in dict.fromkeys(event.connection_id for event in fresh):
                mine = [event.id for event in fresh if event.connection_id == connection_id]
                entry = self._context.entry(
                    "schema.drift_acknowledged",
                    f"Acknowledged {count(len(mine), 'change')}" + (f": {note}" if note else ""),
                    connection_id=connection_id,
                    details={"events": mine, "note": note},
                )
                session.audit.add(entry)
        return self._shared(fresh)

    def take_back(self, event_ids: Sequence[str]) -> Noted:
        """Take back the acknowledgment of drift events; return how many were acknowledged.

        The source is told as by `acknowledge`. Raises NotFoundError where an id is unknown; then
        none is taken back.
        """
        self._context.require_writable()
        with self._context.store.write() as session:
            known = session.drift.among(event_ids)
            events = [_known(known.get(event_id), event_id) for event_id in event_ids]
            done = [event for event in events if event.acknowledged_at is not None]
            session.drift.take_back(
                [event.id for event in done], self._context.now, self._context.actor
            )
            for connection_id in dict.fromkeys(event.connection_id for event in done):
                mine = [event.id for event in done if event.connection_id == connection_id]
                entry = self._context.entry(
                    REOPENED,
                    f"Took back the acknowledgment of {count(len(mine), 'change')}",
                    connection_id=connection_id,
                    details={"events": mine},
                )
                session.audit.add(entry)
        return self._shared(done)

    def _shared(self, events: Sequence[DriftEvent]) -> Noted:
        """Tell the sources of these events what was said of them."""
        with self._context.store.read() as session:
            connections = [
                find_connection(session, connection_id)
                for connection_id in dict.fromkeys(event.connection_id for event in events)
            ]
        told = [share_acknowledgments(self._context, connection) for connection in connections]
        return Noted(len(events), " ".join(filter(None, told)))


def _require_known(session: Session, connection_id: str | None, object_type: str) -> None:
    if connection_id is not None:
        among = [connection_id]
    else:
        among = [connection.id for connection in session.connections.all()]
    if any(session.snapshots.last_present(each, object_type) is not None for each in among):
        return
    known = {info.object_type for each in among for info in session.snapshots.current(each)}
    raise not_found("object type", object_type, sorted(known))


def _known(event: DriftEvent | None, event_id: str) -> DriftEvent:
    if event is None:
        raise NotFoundError(
            f"There is no drift event '{event_id}'.",
            remedy="crmdeck drift NAME --json lists them with their ids.",
            code="DRIFT_EVENT_NOT_FOUND",
        )
    return event
