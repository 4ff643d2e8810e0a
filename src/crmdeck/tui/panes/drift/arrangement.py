"""From events to the lines of the timeline: days, stories, events, folded or not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple, TypeVar

from rich.cells import cell_len

from crmdeck.model import Severity, Story
from crmdeck.tui.health import ago
from crmdeck.tui.text import count, display_text, pad
from crmdeck.workspace import Entry, Timeline, place_of, worst

K = TypeVar("K")

LONGEST_NAME = 20
"""Cells of a connection's name on the line of a day."""

DAY_PREFIX, STORY_PREFIX = "day:", "story:"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `entries` is what it stands for, as far as the filter lets it through.

    `open` tells whether its fold is open, None where there is nothing to fold. `story` is set
    on the line of a story, `day` on that of a day, `parent` is the key of what it is folded
    into. `is_title` is set on what stands above the changes that break a mapping.
    """

    key: str
    entries: tuple[Entry, ...]
    where: str
    what: str
    when: str
    severity: Severity
    at: datetime
    depth: int = 0
    open: bool | None = None
    story: Story | None = None
    day: date | None = None
    parent: str | None = None
    is_title: bool = False

    @property
    def is_heading(self) -> bool:
        """Whether it stands above others: a day, or a title."""
        return self.day is not None or self.is_title

    @property
    def entry(self) -> Entry | None:
        """The event, on the line of one."""
        return self.entries[0] if self.story is None and not self.is_heading else None

    @property
    def acknowledged(self) -> bool:
        """Whether all that it stands for is acknowledged."""
        return all(entry.acknowledged for entry in self.entries)

    @property
    def mapped(self) -> int:
        """How many mappings it touches."""
        return sum(len(entry.event.affected_mappings) for entry in self.entries)


class DayCount(NamedTuple):
    """How much happened on a day, and the worst of it."""

    day: date
    events: int
    worst: Severity


@dataclass(frozen=True)
class Folds:
    """What is folded otherwise than at first: days are open then, stories are not."""

    closed_days: frozenset[str] = frozenset()
    open_stories: frozenset[str] = frozenset()

    def toggled(self, key: str) -> Folds:
        """Return the folds with one day or story turned over."""
        if key.startswith(DAY_PREFIX):
            return Folds(self.closed_days ^ {key}, self.open_stories)
        return Folds(self.closed_days, self.open_stories ^ {key})

    def showing(self, entry: Entry, *, everywhere: bool) -> Folds:
        """Return the folds with those open that `entry` is in."""
        connection_id = entry.event.connection_id if everywhere else ""
        day = _day_key(entry.event.detected_at.date(), connection_id)
        story = frozenset({f"{STORY_PREFIX}{entry.event.story}"} if entry.event.story else ())
        return Folds(self.closed_days - {day}, self.open_stories | story)

    def all_turned(self, keys: Iterable[str]) -> Folds:
        """Return the folds with all stories among `keys` open, or closed where all are."""
        stories = frozenset(key for key in keys if key.startswith(STORY_PREFIX))
        if stories <= self.open_stories:
            return Folds(frozenset(), self.open_stories - stories)
        return Folds(frozenset(), self.open_stories | stories)

    def is_open(self, key: str) -> bool:
        """Return whether a day or story is open."""
        if key.startswith(DAY_PREFIX):
            return key not in self.closed_days
        return key in self.open_stories


@dataclass(frozen=True)
class Arrangement:
    """The lines to show, the events that they stand for, and how much happened when."""

    lines: tuple[Line, ...]
    entries: tuple[Entry, ...]
    ids: frozenset[str]
    total: int
    days: tuple[DayCount, ...]
    foldable: tuple[str, ...]


def arrange(
    timeline: Timeline, passes: Callable[[Entry], bool] | None, folds: Folds, *, flat: bool = False
) -> Arrangement:
    """Lay out the events that pass: by day, the worst first, stories folded as `folds` says.

    What breaks a mapping stands above all days. `flat` leaves the days out, for a table that is
    sorted otherwise.
    """
    entries = [entry for entry in timeline.entries if passes is None or passes(entry)]
    days = tuple(
        DayCount(day, len(members), worst(members))
        for day, members in _grouped(entries, lambda entry: entry.event.detected_at.date()).items()
    )
    breaking = [] if flat else [entry for entry in entries if timeline.breaks(entry)]
    lines = list(_breaking_lines(timeline, breaking))
    foldable: list[str] = []
    above = {entry.event.id for entry in breaking}
    rest = [entry for entry in entries if entry.event.id not in above]
    if breaking and rest:
        lines.append(_title_line("group:rest", f"THE REST  {len(rest):,}", rest))
    groups = _grouped(
        rest, lambda entry: (entry.event.detected_at.date(), _connection_of(timeline, entry))
    )
    for (moment_day, connection_id), members in groups.items():
        key = _day_key(moment_day, connection_id)
        foldable.append(key)
        is_open = flat or folds.is_open(key)
        if not flat:
            lines.append(_day_line(timeline, key, moment_day, connection_id, members, is_open))
        if is_open:
            lines += _in_a_day(timeline, members, folds, foldable, parent=None if flat else key)
    return Arrangement(
        lines=tuple(lines),
        entries=tuple(entries),
        ids=frozenset(entry.event.id for entry in entries),
        total=len(timeline.entries),
        days=days,
        foldable=tuple(foldable),
    )


def _breaking_lines(timeline: Timeline, breaking: Sequence[Entry]) -> Iterator[Line]:
    if breaking:
        title = f"BREAKS A MAPPING  {len(breaking):,}   f repairs it"
        yield _title_line("group:breaks", title, breaking)
    for entry in breaking:
        line = _event_line(timeline, entry, None, flat=timeline.everywhere)
        yield replace(line, when=f"{entry.event.detected_at:%d %b}")


def _title_line(key: str, title: str, entries: Sequence[Entry]) -> Line:
    return Line(
        key=key,
        entries=tuple(entries),
        where=title,
        what="",
        when="",
        severity=worst(entries),
        at=entries[0].event.detected_at,
        is_title=True,
    )


def _day_key(day: date, connection_id: str) -> str:
    return f"{DAY_PREFIX}{day.isoformat()}" + (f":{connection_id}" if connection_id else "")


def _connection_of(timeline: Timeline, entry: Entry) -> str:
    return entry.event.connection_id if timeline.everywhere else ""


def _in_a_day(
    timeline: Timeline,
    entries: Sequence[Entry],
    folds: Folds,
    foldable: list[str],
    parent: str | None,
) -> Iterator[Line]:
    tops: list[tuple[tuple[object, ...], Line, tuple[Entry, ...]]] = []
    told: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.event.story in timeline.stories:
            told.setdefault(str(entry.event.story), []).append(entry)
        else:
            line = _event_line(timeline, entry, parent, flat=parent is None)
            tops.append((_rank(timeline, entry), line, ()))
    for story_id, members in told.items():
        story = timeline.stories[story_id]
        key = f"{STORY_PREFIX}{story_id}"
        foldable.append(key)
        line = _story_line(timeline, key, story, members, parent, is_open=folds.is_open(key))
        rank = (-line.severity.rank, line.mapped == 0, 1, story.title)
        tops.append((rank, line, tuple(members)))
    for _, line, inside in sorted(tops, key=lambda top: top[0]):
        yield line
        if line.open and inside:
            for entry in sorted(inside, key=lambda one: _rank(timeline, one)):
                yield _event_line(timeline, entry, line.key, flat=parent is None, depth=1)


def _rank(timeline: Timeline, entry: Entry) -> tuple[object, ...]:
    """The worst first; what came by a rename stands below what left."""
    halves = timeline.rename_of(entry)
    first = halves[0] if halves is not None else entry
    event = first.event
    return (
        -event.severity.rank,
        not event.affected_mappings,
        0,
        f"{event.object_type.casefold()}\0{(event.field_name or '').casefold()}",
        entry is not first,
        event.id,
    )


def _event_line(
    timeline: Timeline, entry: Entry, parent: str | None, *, flat: bool, depth: int = 0
) -> Line:
    event = entry.event
    where = place_of(event)
    if flat and timeline.everywhere:
        where = f"{timeline.names.get(event.connection_id, '')}: {where}"
    return Line(
        key=event.id,
        entries=(entry,),
        where=("  " * depth) + where,
        what=entry.what,
        when=_when(event.detected_at, flat=flat),
        severity=event.severity,
        at=event.detected_at,
        depth=depth,
        parent=parent,
    )


def _story_line(
    timeline: Timeline,
    key: str,
    story: Story,
    members: Sequence[Entry],
    parent: str | None,
    *,
    is_open: bool,
) -> Line:
    shown, all_ = len(members), story.event_count
    part = f"{shown:,} of {all_:,} · " if shown < all_ else ""
    return Line(
        key=key,
        entries=tuple(members),
        where=part + story.title,
        what="",
        when=_when(story.detected_at, flat=parent is None),
        severity=worst(members),
        at=story.detected_at,
        open=is_open,
        story=story,
        parent=parent,
    )


def _day_line(
    timeline: Timeline,
    key: str,
    day: date,
    connection_id: str,
    members: Sequence[Entry],
    is_open: bool,
) -> Line:
    at = members[0].event.detected_at
    date_ = f"{day:%a} {day.day:2} {day:%b}"
    if day.year != timeline.now.year:
        date_ += f" {day.year}"
    breaking = sum(entry.event.severity is Severity.BREAKING for entry in members)
    parts = [
        date_,
        *([_name_cell(timeline, connection_id)] if connection_id else []),
        f"{count(len(members), 'change'):<10}",
        f"{f'{breaking:,} breaking' if breaking else '':<10}",
        ago(at, timeline.now),
    ]
    return Line(
        key=key,
        entries=tuple(members),
        where="  ".join(parts),
        what="",
        when="",
        severity=worst(members),
        at=at,
        open=is_open,
        day=day,
    )


def _name_cell(timeline: Timeline, connection_id: str) -> str:
    """Return a connection's name as wide as the longest, within reason."""
    width = min(LONGEST_NAME, max(map(cell_len, timeline.names.values()), default=0))
    return pad(display_text(timeline.names.get(connection_id, ""), width), width)


def _when(moment: datetime, *, flat: bool) -> str:
    return f"{moment:%y-%m-%d %H:%M}" if flat else f"{moment:%H:%M}"


def _grouped(entries: Iterable[Entry], key: Callable[[Entry], K]) -> dict[K, list[Entry]]:
    """Return the entries by key, in the order in which the keys first come."""
    groups: dict[K, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups
