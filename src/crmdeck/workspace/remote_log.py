"""Decisions and history that a team keeps in one place, and their copy in the cache.

Where a source keeps them, its log is the true one: decisions are made there, and the copy grows
by what it lacks, in the order of the source. So every copy is a beginning of the same log.
"""

from __future__ import annotations

from collections.abc import Sequence

from crmdeck.connectors.base import Connector, Sharing
from crmdeck.model import DriftEvent, DriftReport
from crmdeck.store import Session, Store


def take_over(store: Store, connector: Connector, connection_id: str) -> Sharing | None:
    """Copy what the source has decided and done; return it as one that shares, if it is one."""
    if not isinstance(connector, Sharing):
        return None
    decisions = connector.decisions()
    if decisions is None:
        return None
    entries = connector.history()
    with store.read() as session:
        first = session.snapshots.latest_refresh(connection_id) is None
    there = connector.drift()
    # From the first look on, drift is found by comparing; what came before is the source's word.
    before = there if first else DriftReport()
    with store.write() as session:
        session.drift.add(before.events, before.stories)
        _acknowledge(session, connection_id, there.events)
        known = {decision.id for decision in session.decisions.log(connection_id)}
        known |= {entry.id for entry in session.audit.entries(connection_id=connection_id)}
        session.decisions.add([each for each in decisions if each.id not in known])
        session.audit.add(*(entry for entry in reversed(entries) if entry.id not in known))
    return connector


def _acknowledge(session: Session, connection_id: str, there: Sequence[DriftEvent]) -> None:
    """Acknowledge here what is acknowledged at the source.

    Each side finds drift by comparing and gives it ids of its own: the same change of the same
    thing is the same event.
    """
    done = {_change(event): event for event in there if event.acknowledged_at is not None}
    for event in session.drift.events(connection_id) if done else ():
        other = done.get(_change(event))
        if event.acknowledged_at is None and other is not None and other.acknowledged_at:
            session.drift.acknowledge(
                [event.id], other.acknowledged_at, other.acknowledged_by or "", other.note
            )


def _change(event: DriftEvent) -> tuple[object, ...]:
    changes = tuple(change.to_json() for change in event.changes)
    return event.object_type, event.field_name, event.rule, event.kind, changes
