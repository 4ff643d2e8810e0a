"""From events to the lines of the timeline: titles, stories, events, folded or not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple, TypeVar

from crmdeck.model import Severity, Story
from crmdeck.workspace import Entry, Timeline, place_of, worst

K = TypeVar("K")

STORY_PREFIX = "story:"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `entries` is what it stands for, as far as the filter lets it through.

    `when` is its day, in the margin of the first line of each day only, where `day` is set too.
    `open` tells whether its fold is open, None where there is nothing to fold. `story` is set
    on the line of a story, `parent` is the key of what it is folded into. `is_title` is set on
    what stands above others. `connection` is named where those of several are shown.
    """

    key: str
    entries: tuple[Entry, ...]
    where: str
    what: str
    when: str
    severity: Severity
    at: datetime
    open: bool | None = None
    story: Story | None = None
    day: date | None = None
    parent: str | None = None
    is_title: bool = False
    connection: str = ""

    @property
    def entry(self) -> Entry | None:
        """The event, on the line of one."""
        return self.entries[0] if self.story is None and not self.is_title else None

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
    """Which stories are unfolded."""

    open_stories: frozenset[str] = frozenset()

    def toggled(self, key: str) -> Folds:
        """Return the folds with one story turned over."""
        return Folds(self.open_stories ^ {key})

    def showing(self, entry: Entry) -> Folds:
        """Return the folds with the story open that `entry` is in."""
        story = frozenset({f"{STORY_PREFIX}{entry.event.story}"} if entry.event.story else ())
        return Folds(self.open_stories | story)

    def all_turned(self, keys: Iterable[str]) -> Folds:
        """Return the folds with all stories among `keys` open, or closed where all are."""
        stories = frozenset(keys)
        if stories <= self.open_stories:
            return Folds(self.open_stories - stories)
        return Folds(self.open_stories | stories)

    def is_open(self, key: str) -> bool:
        """Return whether a story is open."""
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
    """Lay out the events that pass: newest first, a day's worst first, stories as `folds` says.

    What breaks a mapping stands above the rest. `flat` leaves the titles out and gives each line
    its day, for a table that is sorted otherwise.
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
    lines: list[Line] = []
    if breaking:
        title = f"BREAKS A MAPPING  {len(breaking):,}   f repairs it"
        lines.append(_title_line("group:breaks", title, breaking))
        lines += _with_days(timeline, (_event_line(timeline, entry) for entry in breaking))
        if rest:
            lines.append(_title_line("group:rest", f"THE REST  {len(rest):,}", rest))
    groups = _grouped(
        rest, lambda entry: (entry.event.detected_at.date(), _connection_of(timeline, entry))
    )
    laid_out = [
        line
        for members in groups.values()
        for line in _laid_out(timeline, members, folds, foldable)
    ]
    lines += _with_days(timeline, laid_out, each=flat)
    return Arrangement(
        lines=tuple(lines),
        entries=tuple(entries),
        ids=frozenset(entry.event.id for entry in entries),
        total=len(timeline.entries),
        days=days,
        foldable=tuple(foldable),
    )


def _with_days(timeline: Timeline, lines: Iterable[Line], *, each: bool = False) -> Iterator[Line]:
    """Yield the lines with their day in the margin: the first of each day, or `each` of them."""
    before: date | None = None
    for line in lines:
        day = line.at.date()
        if each or day != before:
            year = "" if day.year == timeline.now.year else f" {day:%y}"
            line = replace(line, when=f"{day.day:2} {day:%b}{year}", day=day)
        before = day
        yield line


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


def _connection_of(timeline: Timeline, entry: Entry) -> str:
    return entry.event.connection_id if timeline.everywhere else ""


def _laid_out(
    timeline: Timeline, entries: Sequence[Entry], folds: Folds, foldable: list[str]
) -> Iterator[Line]:
    """Yield the lines of one day of a connection, the worst first."""
    tops: list[tuple[tuple[object, ...], Line, tuple[Entry, ...]]] = []
    told: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.event.story in timeline.stories:
            told.setdefault(str(entry.event.story), []).append(entry)
        else:
            tops.append((_rank(timeline, entry), _event_line(timeline, entry), ()))
    for story_id, members in told.items():
        story = timeline.stories[story_id]
        key = f"{STORY_PREFIX}{story_id}"
        foldable.append(key)
        line = _story_line(timeline, key, story, members, is_open=folds.is_open(key))
        rank = (-line.severity.rank, line.mapped == 0, 1, story.title)
        tops.append((rank, line, tuple(members)))
    for _, line, inside in sorted(tops, key=lambda top: top[0]):
        yield line
        if line.open and inside:
            for entry in sorted(inside, key=lambda one: _rank(timeline, one)):
                yield _event_line(timeline, entry, line.key)


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


def _event_line(timeline: Timeline, entry: Entry, parent: str | None = None) -> Line:
    event = entry.event
    return Line(
        key=event.id,
        entries=(entry,),
        where=("  " if parent else "") + place_of(event),
        what=entry.what,
        when="",
        severity=event.severity,
        at=event.detected_at,
        parent=parent,
        connection=_name_of(timeline, event.connection_id),
    )


def _story_line(
    timeline: Timeline, key: str, story: Story, members: Sequence[Entry], *, is_open: bool
) -> Line:
    shown, all_ = len(members), story.event_count
    part = f"{shown:,} of {all_:,} · " if shown < all_ else ""
    return Line(
        key=key,
        entries=tuple(members),
        where=part + story.title,
        what="",
        when="",
        severity=worst(members),
        at=story.detected_at,
        open=is_open,
        story=story,
        connection=_name_of(timeline, story.connection_id),
    )


def _name_of(timeline: Timeline, connection_id: str) -> str:
    return timeline.names.get(connection_id, "") if timeline.everywhere else ""


def _grouped(entries: Iterable[Entry], key: Callable[[Entry], K]) -> dict[K, list[Entry]]:
    """Return the entries by key, in the order in which the keys first come."""
    groups: dict[K, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups
