"""Decisions and history that a team keeps in PartnerOS, and their copy in the cache.

The log of the source is the original: decisions are made there, and the copy adds what it lacks,
in the same order. So every copy is a beginning of the same log. Acknowledgments are made on
either side and carried over; the later one wins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import Connector, TeamLog
from crmdeck.errors import CacheError, CrmdeckError
from crmdeck.model import AuditEntry, Connection, DriftEvent, DriftReport, Source
from crmdeck.store import Session
from crmdeck.store.audit import HOST
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.verdicts import keep_verdicts

_log = logging.getLogger(__name__)

REOPENED = "schema.drift_reopened"
_KEPT_HERE = "schema.drift_kept_here"


def take_over(context: Context, connector: Connector, connection_id: str) -> TeamLog | None:
    """Copy decisions and history from the source, and send local acknowledgments to it.

    Return the connector if its source keeps a log for a team.
    """
    if not isinstance(connector, TeamLog):
        return None
    decisions = connector.decisions()
    if decisions is None:
        return None
    entries = connector.history()
    with context.store.read() as session:
        first = session.snapshots.latest_refresh(connection_id) is None
    # Asked before the transaction: no one waits for a lock while PartnerOS answers.
    there = connector.drift() or DriftReport()
    # After the first refresh, crmdeck finds drift itself. Earlier drift comes from the source.
    before = there if first else DriftReport()
    with context.store.write() as session:
        session.drift.add(before.events, before.stories)
        unsent = _agree(session, connection_id, there.events, entries)
        known = {decision.id for decision in session.decisions.log(connection_id)}
        known |= {entry.id for entry in session.audit.entries(connection_id=connection_id)}
        session.decisions.add([each for each in decisions if each.id not in known])
        keep_verdicts(context, session, find_connection(session, connection_id))
        # The source lists the newest first, the log is in the order of events.
        for entry in entries:
            # Only a sign-in on this side decides which host gets the secrets.
            entry.details.pop(HOST, None)
        session.audit.add(*(entry for entry in reversed(entries) if entry.id not in known))
    try:
        _send(connector, unsent)
    except CrmdeckError as error:
        # The refresh or the decision is done; the next acknowledgment reports the failure.
        _log.warning("Acknowledgments did not reach PartnerOS: %s", error)
    return connector


def share_acknowledgments(context: Context, connection: Connection) -> str:
    """Exchange acknowledgments with the source; return a message for the user, if any.

    A source that can't be reached, or doesn't support acknowledgments, is not an error: they stay
    here, and the next refresh sends them.
    """
    if connection.source != Source.PARTNEROS or connection.disconnected_at is not None:
        return ""
    if context.rehearsing:
        return ""
    try:
        with fault_barrier(connection):
            connector = context.open_connector(connection)
            if not isinstance(connector, TeamLog):
                return ""
            there, entries = connector.drift(), connector.history()
            if there is not None:
                with context.store.write() as session:
                    unsent = _agree(session, connection.id, there.events, entries)
                if _send(connector, unsent):
                    return ""
    except CacheError:
        # This isn't a failure of the source, which would stop later attempts.
        raise
    except CrmdeckError as error:
        return f"Not sent to PartnerOS yet: {error.message} The next refresh sends it."
    message = "PartnerOS doesn't support acknowledgments: they stay in this workspace."
    with context.store.write() as session:
        # Once for each connection is enough.
        if session.audit.entries(connection_id=connection.id, event=_KEPT_HERE, limit=1):
            return ""
        session.audit.add(context.entry(_KEPT_HERE, message, connection_id=connection.id))
    return message


@dataclass
class _Unsent:
    """IDs of the source's changes to acknowledge, by note, and to reopen."""

    acknowledged: dict[str, list[str]] = field(default_factory=dict)
    reopened: list[str] = field(default_factory=list)


def _agree(
    session: Session,
    connection_id: str,
    there: Sequence[DriftEvent],
    entries: Iterable[AuditEntry],
) -> _Unsent:
    """Apply later acknowledgments of the source, and return the later ones from here.

    Each side gives its own IDs to changes, so they are matched by place and content.
    """
    unsent = _Unsent()
    others = {_change(event): event for event in there}
    words = session.drift.last_words(connection_id)
    reopened: dict[str, tuple[datetime, str]] = {}
    for entry in entries:
        if entry.event == REOPENED:
            events = entry.details.get("events")
            for event_id in events if isinstance(events, list) else ():
                reopened.setdefault(event_id, (entry.at, entry.actor))
    for event in session.drift.events(connection_id) if others else ():
        other = others.get(_change(event))
        mine = words.get(event.id)
        if other is None or (other.acknowledged_at is None) == (event.acknowledged_at is None):
            continue
        if other.acknowledged_at is not None:
            if mine is None or mine.at < other.acknowledged_at:
                by = other.acknowledged_by or ""
                session.drift.acknowledge([event.id], other.acknowledged_at, by, other.note)
            else:
                unsent.reopened.append(other.id)
        elif mine is not None:
            at, by = reopened.get(other.id, (None, ""))
            if at is not None and mine.at < at:
                session.drift.take_back([event.id], at, by)
            else:
                unsent.acknowledged.setdefault(mine.note or "", []).append(other.id)
    return unsent


def _send(connector: TeamLog, unsent: _Unsent) -> bool:
    """Send acknowledgments; return False if the source doesn't support them."""
    for note, ids in unsent.acknowledged.items():
        if not connector.acknowledge(ids, note):
            return False
    return not unsent.reopened or connector.reopen(unsent.reopened)


def _change(event: DriftEvent) -> tuple[object, ...]:
    changes = tuple(change.to_json() for change in event.changes)
    return event.object_type, event.field_name, event.rule, event.kind, changes
