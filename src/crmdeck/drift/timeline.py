"""Changes in the order in which users review them, with their renames and mappings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple

from crmdeck.drift.differences import RENAMED_KINDS
from crmdeck.drift.open_changes import Standing, count_open, group_of, settlement_of
from crmdeck.drift.wording import ValueChange, place_of, value_changes, what_happened
from crmdeck.model import (
    ChangeGroup,
    ChangeState,
    Decision,
    DriftEvent,
    DriftKind,
    ObjectPair,
    OpenChanges,
    Severity,
)
from crmdeck.model.wire import wire_record

Acceptances = Mapping[tuple[str, str], Decision]
"""The active acceptance by connection ID and `objectPair:partnerField`."""


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """One change with its state.

    `twin` is the ID of the other half of a rename; `values` has the changed picklist values, which
    may be thousands; `texts` are searched; `seen` marks a change that this user has looked at.
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
        """True if a user acknowledged the change."""
        return self.event.acknowledged_at is not None


class DayCount(NamedTuple):
    """Number of changes of a day (UTC), and their worst severity."""

    day: date
    events: int
    worst: Severity


@dataclass(frozen=True)
class LongTimeline:
    """The counts of a timeline that is read by days.

    `days` and `open_days` count all changes and the open ones, newest first. `open_ids` are the
    open changes by day, `standings` the states of those that no one acknowledged. The days from
    `read_from` on are read; None if none is.
    """

    ref: str | None
    total: int
    groups: int
    breaking_groups: int
    open_changes: OpenChanges
    days: tuple[DayCount, ...]
    open_days: tuple[DayCount, ...]
    open_ids: Mapping[date, tuple[str, ...]]
    standings: Mapping[str, Standing]
    read_from: date | None = None

    def unread(self, *, open_only: bool) -> tuple[DayCount, ...]:
        """Return the days that aren't read yet, newest first."""
        days = self.open_days if open_only else self.days
        return tuple(one for one in days if self.read_from is None or one.day < self.read_from)


@dataclass(frozen=True)
class Timeline:
    """The changes of one connection, or of all if `everywhere`; `entries` newest first.

    `names` has the connection names by ID. A `long` timeline may have some of the changes only:
    those of the days that were read and match a filter, and all that break a mapping.
    """

    entries: tuple[ChangeEntry, ...]
    stories: Mapping[str, ChangeGroup]
    standing: Acceptances
    names: Mapping[str, str]
    now: datetime
    everywhere: bool
    by_id: Mapping[str, ChangeEntry] = field(default_factory=dict, repr=False)
    long: LongTimeline | None = field(default=None, repr=False)

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return wire_record(self)

    @property
    def open_changes(self) -> OpenChanges:
        """The count of open change groups, as every interface shows it."""
        if self.long is not None:
            return self.long.open_changes
        return count_open(
            (group_of(entry.event), entry.event.severity) for entry in self.entries if entry.is_open
        )

    @property
    def total(self) -> int:
        """The number of all changes."""
        return len(self.entries) if self.long is None else self.long.total

    @property
    def groups(self) -> int:
        """The number of all change groups."""
        return self.count_groups(self.entries) if self.long is None else self.long.groups

    @property
    def breaking_groups(self) -> int:
        """The number of change groups that break a mapping."""
        if self.long is not None:
            return self.long.breaking_groups
        return self.count_groups(filter(self.breaks, self.entries))

    def count_groups(self, entries: Iterable[ChangeEntry]) -> int:
        """Return the number of change groups among entries."""
        return len({group_of(entry.event) for entry in entries})

    def with_unseen(self, ids: Collection[str]) -> Timeline:
        """Return the timeline with these changes marked as unseen."""
        entries = tuple(
            replace(entry, seen=False) if entry.event.id in ids else entry for entry in self.entries
        )
        known = {one.event.id: one for one in entries}
        return replace(self, entries=entries, by_id={**self.by_id, **known})

    def with_more(self, other: Timeline, keep: Callable[[ChangeEntry], bool] | None) -> Timeline:
        """Return the timeline with the changes of `other` that pass."""
        more = [one for one in other.entries if keep is None or keep(one)]
        # Changes of one time keep their order.
        entries = {one.event.id: one for one in (*more, *self.entries)}
        newest = sorted(entries.values(), key=lambda one: one.event.detected_at, reverse=True)
        halves = [half for one in more if (half := other.twin_of(one)) is not None]
        return replace(
            self,
            entries=tuple(newest),
            stories={**self.stories, **other.stories},
            by_id={**self.by_id, **{half.event.id: half for half in halves}, **entries},
        )

    def twin_of(self, entry: ChangeEntry) -> ChangeEntry | None:
        """Return the other half of a rename."""
        return self.by_id.get(entry.twin) if entry.twin is not None else None

    def rename_of(self, entry: ChangeEntry) -> tuple[ChangeEntry, ChangeEntry] | None:
        """Return the removed and the added half of the rename that `entry` is part of, if any."""
        twin = self.twin_of(entry)
        if twin is None:
            return None
        return (twin, entry) if entry.event.rename_of else (entry, twin)

    def breaks(self, entry: ChangeEntry) -> bool:
        """Return whether an open change breaks a mapping that is still accepted."""
        breaking = entry.is_open and entry.event.severity is Severity.BREAKING
        return breaking and bool(self.mapped_to(entry.event))

    def mapped_to(self, event: DriftEvent) -> tuple[Decision, ...]:
        """Return the accepted mappings to the field of a change, or to its object."""
        return tuple(
            decision
            for (connection_id, _), decision in self.standing.items()
            if connection_id == event.connection_id
            and ObjectPair.parse(decision.object_pair).crm_object == event.object_type
            and event.field_name in (None, decision.crm_field)
        )


def make_timeline(
    events: Sequence[DriftEvent],
    stories: Iterable[ChangeGroup],
    *,
    names: Mapping[str, str],
    standing: Iterable[Decision],
    seen: Collection[str] = (),
    standings: Mapping[str, Standing] | None = None,
    now: datetime,
    everywhere: bool,
) -> Timeline:
    """Return the timeline of `events`, which are newest first.

    `standing` has the active acceptances, `seen` the IDs of the changes that this user has looked
    at, `standings` the states of changes that no one acknowledged.
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


def once(entries: Iterable[ChangeEntry]) -> tuple[ChangeEntry, ...]:
    """Return the entries in their order, without duplicates."""
    return tuple({entry.event.id: entry for entry in entries}.values())


def worst(entries: Iterable[ChangeEntry]) -> Severity:
    """Return the worst severity of `entries`, or safe without any."""
    return Severity.worst(entry.event.severity for entry in entries)


def find_rename(
    event: DriftEvent, events: Sequence[DriftEvent]
) -> tuple[DriftEvent, DriftEvent] | None:
    """Return the removed and the added half of the rename that `event` is part of, if any.

    `events` has the other changes of its refresh.
    """
    twin = _twins(events).get(event.id)
    if twin is None:
        return None
    return (twin, event) if event.rename_of is not None else (event, twin)


def name_in(event: DriftEvent) -> str:
    """Return the name of the field that a change is about, or of its object."""
    return event.field_name or event.object_type


def _twins(events: Sequence[DriftEvent]) -> dict[str, DriftEvent]:
    gone = {
        (e.connection_id, e.detected_at, e.object_type, e.field_name): e
        for e in events
        if e.kind in RENAMED_KINDS
    }
    # A change stores only the old name, so the other half is the field or the object that was lost
    # under this name in the same refresh.
    twins: dict[str, DriftEvent] = {}
    for event in events:
        if event.rename_of is not None:
            is_object = event.kind is DriftKind.OBJECT_ADDED
            place = (event.rename_of, None) if is_object else (event.object_type, event.rename_of)
            old = gone.get((event.connection_id, event.detected_at, *place))
            if old is not None:
                twins[event.id], twins[old.id] = old, event
    return twins


def _entry(
    event: DriftEvent, twin: DriftEvent | None, seen: bool, standing: Standing | None
) -> ChangeEntry:
    new_name = name_in(twin) if twin is not None and not event.rename_of else ""
    values = value_changes(event.changes)
    what = what_happened(event, values, new_name)
    return ChangeEntry(
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
        standing=standing or settlement_of(event),
    )
