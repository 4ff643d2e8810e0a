"""Arrange changes as rows of the timeline: titles, change groups, changes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

from crmdeck.model import ChangeGroup, ChangeState, Severity
from crmdeck.workspace import ChangeEntry, DayCount, Timeline, name_in, place_of, worst

K = TypeVar("K")

STORY_PREFIX = "story:"


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One row: `entries` are its changes that match the filter.

    `when` is set on all rows but titles, `day` on the first one of each day or on each row of a
    sorted table.
    `open` is True for an expanded change group, False for a collapsed one, else None. `story` is
    set on the row of a change group, `parent` is the key of the group that the row is part of.
    `renamed_to` is the probable new name of a removed field or object. `connection` is empty unless
    all connections show.
    """

    key: str
    entries: tuple[ChangeEntry, ...]
    where: str
    severity: Severity
    at: datetime
    what: str = ""
    when: str = ""
    open: bool | None = None
    story: ChangeGroup | None = None
    day: date | None = None
    parent: str | None = None
    renamed_to: str = ""
    is_title: bool = False
    connection: str = ""

    @property
    def entry(self) -> ChangeEntry | None:
        """The change, on the row of a single one."""
        return self.entries[0] if self.story is None and not self.is_title else None

    @property
    def is_open(self) -> bool:
        return any(entry.is_open for entry in self.entries)

    @property
    def settled(self) -> ChangeState | None:
        """What settled all its changes; acknowledged if it was not the same for all."""
        states = {entry.standing.state for entry in self.entries}
        if not all(state.is_settled for state in states):
            return None
        return states.pop() if len(states) == 1 else ChangeState.ACKNOWLEDGED

    @property
    def is_unseen(self) -> bool:
        """True if this user has not looked at one of its changes."""
        return not all(entry.seen or entry.acknowledged for entry in self.entries)

    @property
    def mapped(self) -> int:
        """Number of mappings that its changes touch."""
        return sum(len(entry.event.affected_mappings) for entry in self.entries)


@dataclass(frozen=True)
class Arrangement:
    """The rows to show, the changes in them, and the number of changes by day.

    `is_part` is True if the rows end where the timeline is read to; the number of changes before
    `unread_before` is unknown then. `foldable` are the keys of the change groups.
    """

    timeline: Timeline
    lines: tuple[TimelineRow, ...]
    entries: tuple[ChangeEntry, ...]
    ids: frozenset[str]
    days: tuple[DayCount, ...]
    foldable: tuple[str, ...]
    is_part: bool = False
    unread_before: date | None = None


def arrange(
    timeline: Timeline,
    passes: Callable[[ChangeEntry], bool] | None,
    expanded: Collection[str],
    *,
    flat: bool = False,
    is_part: bool = False,
) -> Arrangement:
    """Arrange the changes that pass: by day, newest first, and by severity within a day.

    `expanded` are the keys of the expanded change groups. Changes that break a mapping come
    before the others. `flat` leaves out the titles and gives each row its day, for a table that
    the user sorts. `is_part` is True if changes that may pass aren't read yet.
    """
    entries = [entry for entry in timeline.entries if passes is None or passes(entry)]
    days = tuple(
        DayCount(day, len(members), worst(members))
        for day, members in _grouped(entries, lambda entry: entry.event.detected_at.date()).items()
    )
    breaking = [] if flat else [entry for entry in entries if timeline.breaks(entry)]
    above = {entry.event.id for entry in breaking}
    rest = [entry for entry in entries if entry.event.id not in above]
    foldable: list[str] = []
    lines: list[TimelineRow] = []
    if breaking:
        title = f"BREAKS A MAPPING  {timeline.count_groups(breaking):,}"
        lines.append(_title_line("group:breaks", title, breaking))
        lines += _with_days(timeline, (_event_line(timeline, entry) for entry in breaking))
        if rest:
            title = f"OTHER CHANGES  {timeline.count_groups(rest):,}{'+' if is_part else ''}"
            lines.append(_title_line("group:rest", title, rest))
    # Changes of all connections are apart within a day: those of one refresh belong together.
    groups = _grouped(
        rest,
        lambda entry: (
            entry.event.detected_at.date(),
            entry.event.connection_id if timeline.everywhere else "",
        ),
    )
    laid_out = [
        line
        for members in groups.values()
        for line in _laid_out(timeline, members, expanded, foldable)
    ]
    lines += _with_days(timeline, laid_out, each=flat)
    return Arrangement(
        timeline=timeline,
        lines=tuple(lines),
        entries=tuple(entries),
        ids=frozenset(entry.event.id for entry in entries),
        days=days,
        foldable=tuple(foldable),
        is_part=is_part,
    )


def _with_days(
    timeline: Timeline, lines: Iterable[TimelineRow], *, each: bool = False
) -> Iterator[TimelineRow]:
    before: date | None = None
    for line in lines:
        day = line.at.date()
        year = "" if day.year == timeline.now.year else f", {day:%y}"
        # `<` and `>` go from one row with a day to the next.
        is_first = each or day != before
        yield replace(line, when=f"{day:%b} {day.day}{year}", day=day if is_first else None)
        before = day


def _title_line(key: str, title: str, entries: Sequence[ChangeEntry]) -> TimelineRow:
    return TimelineRow(
        key=key,
        entries=tuple(entries),
        where=title,
        severity=worst(entries),
        at=entries[0].event.detected_at,
        is_title=True,
    )


def _laid_out(
    timeline: Timeline,
    entries: Sequence[ChangeEntry],
    expanded: Collection[str],
    foldable: list[str],
) -> Iterator[TimelineRow]:
    tops: list[tuple[tuple[object, ...], TimelineRow]] = []
    by_story: dict[str, list[ChangeEntry]] = {}
    for entry in entries:
        if entry.event.story in timeline.stories:
            by_story.setdefault(str(entry.event.story), []).append(entry)
        else:
            tops.append((_rank(timeline, entry), _event_line(timeline, entry)))
    for story_id, members in by_story.items():
        story = timeline.stories[story_id]
        key = f"{STORY_PREFIX}{story_id}"
        foldable.append(key)
        line = _story_line(timeline, key, story, members, is_open=key in expanded)
        rank = (line.settled is not None, -line.severity.rank, line.mapped == 0, 1, story.title)
        tops.append((rank, line))
    for _, line in sorted(tops, key=lambda top: top[0]):
        yield line
        if line.open:
            for entry in sorted(line.entries, key=lambda one: _rank(timeline, one)):
                yield _event_line(timeline, entry, line.key)


def _rank(timeline: Timeline, entry: ChangeEntry) -> tuple[object, ...]:
    # What is not settled first, then the worst; the added field of a rename comes right after the
    # removed one.
    halves = timeline.rename_of(entry)
    first = halves[0] if halves is not None else entry
    event = first.event
    return (
        first.standing.state.is_settled,
        -event.severity.rank,
        not event.affected_mappings,
        0,
        f"{event.object_type.casefold()}\0{(event.field_name or '').casefold()}",
        # The ID breaks ties, or equal changes could change places with each reading.
        entry is not first,
        event.id,
    )


def _event_line(timeline: Timeline, entry: ChangeEntry, parent: str | None = None) -> TimelineRow:
    event, halves = entry.event, timeline.rename_of(entry)
    # The row of the added half names the old field in `what`.
    renamed_to = name_in(halves[1].event) if halves is not None and entry is halves[0] else ""
    return TimelineRow(
        key=event.id,
        entries=(entry,),
        where=("  " if parent else "") + place_of(event),
        what=entry.what,
        severity=event.severity,
        at=event.detected_at,
        parent=parent,
        renamed_to=renamed_to,
        connection=_name_of(timeline, event.connection_id),
    )


def _story_line(
    timeline: Timeline,
    key: str,
    story: ChangeGroup,
    members: Sequence[ChangeEntry],
    *,
    is_open: bool,
) -> TimelineRow:
    shown, all_ = len(members), story.event_count
    part = f"{shown:,} of {all_:,} · " if shown < all_ else ""
    return TimelineRow(
        key=key,
        entries=tuple(members),
        where=part + story.title,
        # A settled change no longer makes its group urgent.
        severity=worst([entry for entry in members if entry.is_open] or members),
        at=story.detected_at,
        open=is_open,
        story=story,
        connection=_name_of(timeline, story.connection_id),
    )


def _name_of(timeline: Timeline, connection_id: str) -> str:
    return timeline.names.get(connection_id, "") if timeline.everywhere else ""


def _grouped(
    entries: Iterable[ChangeEntry], key: Callable[[ChangeEntry], K]
) -> dict[K, list[ChangeEntry]]:
    """Return the entries by key, in order of first appearance."""
    groups: dict[K, list[ChangeEntry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups
