"""Drift as people go through it: the events with what is said of them, and their renames."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from crmdeck.drift.open_changes import Standing, count_open, group_of, stands
from crmdeck.drift.wording import ValueChange, place_of, value_changes, what_happened
from crmdeck.model import (
    ChangeState,
    Decision,
    DriftEvent,
    DriftKind,
    ObjectPair,
    OpenChanges,
    Severity,
    Story,
)

Acceptances = Mapping[tuple[str, str], Decision]
"""(connection, `objectPair:partnerField`) -> the acceptance that stands."""

_GONE = (DriftKind.FIELD_REMOVED, DriftKind.FIELD_HIDDEN, DriftKind.FIELD_ABSENT)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `twin` is the id of the other half of a rename.

    `values` are its picklist changes, of which there may be thousands; `texts` are searched;
    `standing` is its state; `seen` marks a row that this user has looked at.
    """

    event: DriftEvent
    what: str
    twin: str | None
    values: tuple[ValueChange, ...]
    texts: tuple[str, ...]
    standing: Standing
    seen: bool = False

    @property
    def is_open(self) -> bool:
        """True if the change is breaking or risky and nothing settled it."""
        return self.standing.state is ChangeState.OPEN

    @property
    def acknowledged(self) -> bool:
        """Whether somebody has acknowledged it."""
        return self.event.acknowledged_at is not None


@dataclass(frozen=True)
class Timeline:
    """All drift of one connection, or of all where it is `everywhere`; `entries` newest first.

    `names` are those of the connections, by id.
    """

    entries: tuple[Entry, ...]
    stories: Mapping[str, Story]
    standing: Acceptances
    names: Mapping[str, str]
    now: datetime
    everywhere: bool
    by_id: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def open_changes(self) -> OpenChanges:
        """The count of open change groups, as every face shows it."""
        return count_open(
            (group_of(entry.event), entry.event.severity) for entry in self.entries if entry.is_open
        )

    def with_unseen(self, ids: Collection[str]) -> Timeline:
        """Return the same with these events as ones that the operator has not seen."""
        entries = tuple(
            replace(entry, seen=False) if entry.event.id in ids else entry for entry in self.entries
        )
        return replace(self, entries=entries, by_id={one.event.id: one for one in entries})

    def twin_of(self, entry: Entry) -> Entry | None:
        """Return the other half of a rename."""
        return self.by_id.get(entry.twin) if entry.twin is not None else None

    def rename_of(self, entry: Entry) -> tuple[Entry, Entry] | None:
        """Return the halves of the rename that `entry` is part of: what left, what came."""
        twin = self.twin_of(entry)
        if twin is None:
            return None
        return (twin, entry) if entry.event.rename_of else (entry, twin)

    def breaks(self, entry: Entry) -> bool:
        """Return whether a change breaks a mapping that stands, and nobody has dealt with it."""
        breaking = entry.event.severity is Severity.BREAKING and not entry.acknowledged
        return breaking and bool(self.mapped_to(entry.event))

    def mapped_to(self, event: DriftEvent) -> tuple[Decision, ...]:
        """Return the acceptances that stand on the field of an event, or on its object."""
        return tuple(
            decision
            for (connection_id, _), decision in self.standing.items()
            if connection_id == event.connection_id
            and ObjectPair.parse(decision.object_pair).crm_object == event.object_type
            and event.field_name in (None, decision.crm_field)
        )


def make_timeline(
    events: Sequence[DriftEvent],
    stories: Iterable[Story],
    *,
    names: Mapping[str, str],
    standing: Iterable[Decision],
    seen: Collection[str] = (),
    standings: Mapping[str, Standing] | None = None,
    now: datetime,
    everywhere: bool,
) -> Timeline:
    """Put together what is known; `events` are newest first, `standing` the acceptances,
    `seen` the ids of the events that the operator has had on screen.
    """
    twins = _twins(events)
    known = standings or {}
    entries = tuple(
        _entry(event, twins.get(event.id), event.id in seen, known.get(event.id))
        for event in events
    )
    return Timeline(
        entries=entries,
        stories={story.id: story for story in stories},
        standing={
            (one.connection_id, f"{one.object_pair}:{one.partner_field}"): one for one in standing
        },
        names=names,
        now=now,
        everywhere=everywhere,
        by_id={entry.event.id: entry for entry in entries},
    )


def once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries, each once, in their order."""
    return tuple({entry.event.id: entry for entry in entries}.values())


def worst(entries: Iterable[Entry]) -> Severity:
    """Return the worst severity among `entries`, safe where there are none."""
    return Severity.worst(entry.event.severity for entry in entries)


def _twins(events: Sequence[DriftEvent]) -> dict[str, DriftEvent]:
    gone = {
        (e.connection_id, e.detected_at, e.object_type, e.field_name): e
        for e in events
        if e.kind in _GONE
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


def _entry(
    event: DriftEvent, twin: DriftEvent | None, seen: bool, standing: Standing | None
) -> Entry:
    new_name = twin.field_name or "" if twin is not None and not event.rename_of else ""
    values = value_changes(event.changes)
    what = what_happened(event, values, new_name)
    return Entry(
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
        seen=seen,
        standing=standing or stands(event),
    )
