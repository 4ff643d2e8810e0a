"""What the drift pane knows: the events with what is said of them, read in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from crmdeck.model import Decision, DecisionState, DriftEvent, ObjectPair, Severity, Story, in_force
from crmdeck.tui.panes.drift.words import ValueChange, value_changes, what_happened

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

Standing = Mapping[tuple[str, str], Decision]
"""(connection, `objectPair:partnerField`) -> the acceptance that stands."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event. `twin` is the id of the other half of a rename.

    `values` are its picklist changes, of which there may be thousands; `texts` are searched.
    """

    event: DriftEvent
    what: str
    twin: str | None
    values: tuple[ValueChange, ...]
    texts: tuple[str, ...]

    @property
    def acknowledged(self) -> bool:
        """Whether somebody has acknowledged it."""
        return self.event.acknowledged_at is not None


@dataclass(frozen=True)
class Book:
    """All drift of one connection, or of all: `items` newest first."""

    items: tuple[Item, ...]
    stories: Mapping[str, Story]
    standing: Standing
    names: Mapping[str, str]
    now: datetime
    everywhere: bool
    by_id: Mapping[str, Item] = field(default_factory=dict)

    def twin_of(self, item: Item) -> Item | None:
        """Return the other half of a rename."""
        return self.by_id.get(item.twin) if item.twin is not None else None

    def rename_of(self, item: Item) -> tuple[Item, Item] | None:
        """Return the halves of the rename that `item` is part of: what left, what came."""
        twin = self.twin_of(item)
        if twin is None:
            return None
        return (twin, item) if item.event.rename_of else (item, twin)

    def mapped_to(self, event: DriftEvent) -> tuple[Decision, ...]:
        """Return the acceptances that stand on the field of an event, or on its object."""
        return tuple(
            decision
            for (connection_id, _), decision in self.standing.items()
            if connection_id == event.connection_id
            and ObjectPair.parse(decision.object_pair).crm_object == event.object_type
            and event.field_name in (None, decision.crm_field)
        )


def read_book(workspace: Workspace, ref: str | None, *, everywhere: bool) -> Book:
    """Read the drift of a connection (None: of all), with names and standing mappings."""
    report = workspace.drift.report(ref)
    concerned = {event.connection_id for event in report.events}
    return make_book(
        report.events,
        report.stories,
        names={connection.id: connection.name for connection in workspace.connections.all()},
        logs={one: workspace.mappings.decisions(one) for one in concerned},
        now=workspace.now,
        everywhere=everywhere,
    )


def make_book(
    events: Sequence[DriftEvent],
    stories: Iterable[Story],
    *,
    names: Mapping[str, str],
    logs: Mapping[str, Sequence[Decision]],
    now: datetime,
    everywhere: bool,
) -> Book:
    """Put together what is known; `logs` are the decisions of each connection, oldest first."""
    twins = _twins(events)
    items = tuple(_item(event, twins.get(event.id)) for event in events)
    return Book(
        items=items,
        stories={story.id: story for story in stories},
        standing={
            (connection_id, key): decision
            for connection_id, log in logs.items()
            for key, decision in standing_in(log).items()
        },
        names=names,
        now=now,
        everywhere=everywhere,
        by_id={item.event.id: item for item in items},
    )


def standing_in(log: Sequence[Decision]) -> dict[str, Decision]:
    """Return the acceptances that stand, by `objectPair:partnerField`."""
    last = {f"{d.object_pair}:{d.partner_field}": d for d in in_force(log)}
    return {
        key: decision for key, decision in last.items() if decision.state is DecisionState.ACCEPTED
    }


def place_of(event: DriftEvent) -> str:
    """Return `Object.field`, or the object alone."""
    return f"{event.object_type}.{event.field_name}" if event.field_name else event.object_type


def once(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return the items, each once, in their order."""
    return tuple({item.event.id: item for item in items}.values())


def worst(items: Iterable[Item]) -> Severity:
    """Return the worst severity among `items`."""
    return max(
        (item.event.severity for item in items),
        key=lambda severity: severity.rank,
        default=Severity.SAFE,
    )


def _twins(events: Sequence[DriftEvent]) -> dict[str, DriftEvent]:
    gone = {
        (e.connection_id, e.detected_at, e.object_type, e.field_name): e
        for e in events
        if e.field_name is not None and e.kind.value.removeprefix("field_") in _GONE
    }
    twins: dict[str, DriftEvent] = {}
    for event in events:
        if event.rename_of is not None:
            old = gone.get(
                (event.connection_id, event.detected_at, event.object_type, event.rename_of)
            )
            if old is not None:
                twins[event.id], twins[old.id] = old, event
    return twins


_GONE = frozenset({"removed", "hidden", "absent"})


def _item(event: DriftEvent, twin: DriftEvent | None) -> Item:
    new_name = twin.field_name or "" if twin is not None and not event.rename_of else ""
    values = value_changes(event.changes)
    what = what_happened(event, values, new_name)
    return Item(
        event=event,
        what=what,
        twin=twin.id if twin is not None else None,
        values=values,
        texts=(
            place_of(event),
            what,
            event.reason,
            event.note or "",
            event.changed_by or "",
            *event.affected_mappings,
        ),
    )
