"""Read the changes of the drift pane, and arrange those that match the filter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from crmdeck.model import Progress
from crmdeck.tui.filters import Filter, FilterSource, compile_filter, parse
from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.drift.arrangement import STORY_PREFIX, Arrangement, arrange
from crmdeck.tui.panes.drift.columns import filter_keys, searched
from crmdeck.tui.panes.pane import Pane
from crmdeck.workspace import ChangeEntry, DayCount, Timeline

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

# Read whole, the 364,000 changes that 500 connections have in a year took 1.8 GB.
SHORT = 2_000
"""Changes of a timeline that is read whole."""

PART = 500
"""Changes that a part adds, if so many match the filter."""

FILTERED = 5_000
"""Changes that are read at a time to filter them."""

MOST_READ = 20_000
"""Changes that are read for a part before it shows, if few match the filter."""

ALL = sys.maxsize

Show = Callable[[Arrangement, Filter[ChangeEntry], str | None], None]
"""Shows an arrangement: gets the filter it matches too, and the key of the row for the cursor."""


def filter_of(timeline: Timeline, text: str) -> Filter[ChangeEntry]:
    return compile_filter(text, searched=searched, keys=filter_keys(timeline))


def unread(timeline: Timeline, text: str) -> tuple[DayCount, ...]:
    """Return the days with changes that may match the filter and aren't read yet."""
    # All changes that break a mapping are read first.
    if timeline.long is None or _asks(text, "breaks"):
        return ()
    return timeline.long.unread(open_only=_asks(text, "open"))


def read_more(
    workspace: Workspace,
    timeline: Timeline,
    text: str,
    job: Job,
    *,
    lines: int,
    down_to: date | None = None,
) -> Timeline:
    """Return a long timeline with so many `lines` more, read at least to the day `down_to`.

    If few changes match the filter, it has fewer; the next call reads on.
    """
    keep, before = filter_of(timeline, text).predicate, len(timeline.entries)
    open_only, read = _asks(text, "open"), 0
    # If the filter passes few changes, a part fills sooner with larger steps.
    if lines == ALL or down_to == date.min:
        size = MOST_READ
    else:
        size = PART if down_to is None and (keep is None or open_only) else FILTERED
    while left := unread(timeline, text):
        job.cancel.check()
        missing = down_to is not None and left[0].day >= down_to
        if read and not missing and len(timeline.entries) - before >= lines:
            break
        if read >= MOST_READ and not missing and lines != ALL:
            break
        timeline = workspace.drift.read_on(timeline, size, keep=keep, open_only=open_only)
        read += sum(day.events for day in left) - sum(day.events for day in unread(timeline, text))
        job.progress(Progress(read, sum(day.events for day in left)))
    return timeline


def every_entry(workspace: Workspace, start: Timeline, text: str) -> Iterator[ChangeEntry]:
    """Yield all changes of a long timeline that match, with few of them in memory."""
    keep, open_only = filter_of(start, text).predicate, _asks(text, "open")
    yield from (entry for entry in start.entries if keep is None or keep(entry))
    # An export of a year must not be in memory as a whole.
    timeline = replace(start, entries=())
    while unread(timeline, text):
        timeline = workspace.drift.read_on(timeline, SHORT, keep=keep, open_only=open_only)
        yield from (entry for entry in timeline.entries if not start.breaks(entry))
        timeline = replace(timeline, entries=(), by_id={}, stories={})


def _asks(text: str, key: str) -> bool:
    """True if a filter passes only changes for which the flag `key` is yes."""
    # A filter finds a value by its beginning: `open:y` is `open:yes`.
    return any(
        term.key == key and not term.negated and "yes".startswith(term.value)
        for term in parse(text)
    )


class TimelineLoader:
    """The changes read last, and their arrangement on screen.

    `expanded` are the keys of the expanded change groups.
    `everywhere` is True for all connections, `is_flat` for a sorted table without titles.
    `cursor` is the row to go to after the next arrangement. `just_seen` are the changes that
    became seen since the pane came up; they still show as unseen.

    A long timeline is read by days while the user scrolls. It keeps what matches the filter, and is
    read again from its start for another filter.
    """

    def __init__(self, pane: Pane, show: Show) -> None:
        self.arrangement: Arrangement | None = None
        self.ref: str | None = None
        self.everywhere = False
        self.is_flat = False
        self.expanded: frozenset[str] = frozenset()
        self.cursor: str | None = None
        self.just_seen: set[str] = set()
        self._start: Timeline | None = None
        self._timeline: Timeline | None = None
        self._text = ""
        self._is_starting = False
        self._then: Callable[[], object] | None = None
        self._remembered: set[str] = set()
        self._kept: Kept[Timeline] = Kept()
        self._pane = pane
        self._show = show

    def read(self, ref: str | None, *, again: bool = False) -> None:
        """Read the changes of a connection, or of all.

        In `again`, those that were unseen when the pane came up stay so.
        """
        if not again:
            self.just_seen = set()
        before = self._timeline
        fresh = ref == self.ref
        is_same = fresh and self._text == self._pane.filter_text
        self.ref = ref
        if ref is None and not self.everywhere:
            return
        workspace, of = self._pane.host.workspace, None if self.everywhere else ref
        as_far = None
        if before is not None and is_same and before.everywhere == self.everywhere:
            as_far = before.long.read_from if before.long is not None else None

        def start() -> Timeline:
            return self._kept.read(
                workspace, of, lambda: workspace.drift.timeline(of, short=SHORT), fresh=fresh
            )

        self._load(start, "loading drift", lines=PART, down_to=as_far)

    def _load(
        self,
        begin: Callable[[], Timeline],
        label: str,
        *,
        lines: int = ALL,
        down_to: date | None = None,
        is_start: bool = True,
        then: Callable[[], object] | None = None,
    ) -> None:
        """Read what `begin` returns, and so many `lines` more if it is long, in a worker."""
        workspace, text, cursor = self._pane.host.workspace, self._pane.filter_text, self.cursor
        unseen = frozenset(self.just_seen)
        self._is_starting = is_start

        def work(job: Job) -> tuple[Timeline, Timeline]:
            start, to = begin(), down_to
            if cursor and start.long is not None and cursor not in start.by_id:
                # A row that another pane or the last session named.
                day = workspace.drift.found_on(cursor)
                to = min(filter(None, (to, day)), default=None)
            found = read_more(workspace, start, text, job, lines=lines, down_to=to)
            # Their marks must not vanish while the user looks at them.
            return start, found.with_unseen(unseen) if unseen else found

        def done(read: tuple[Timeline, Timeline]) -> None:
            start, timeline = read
            if is_start:
                self._start = start
            self._timeline, self._text = timeline, text
            self._then = then or self._then
            wanted = timeline.by_id.get(self.cursor or "")
            if wanted is not None and wanted.event.story:
                # Only an expanded group has a row for it.
                self.expanded |= {f"{STORY_PREFIX}{wanted.event.story}"}
            self.arrange()

        self._pane.loader.load("timeline", work, done, label=label)

    @property
    def is_part(self) -> bool:
        return self._timeline is not None and bool(unread(self._timeline, self._text))

    def read_ahead(self, *, ends: bool) -> None:
        """Read the next part if the rows end soon, or all of it for a sorted table."""
        timeline = self._timeline
        # What is being read or arranged now may be enough.
        if timeline is None or not self.is_part or self._pane.loader.loads("timeline", "lines"):
            return
        if ends or self.is_flat:
            lines = ALL if self.is_flat else PART
            self._load(lambda: timeline, "reading drift", lines=lines, is_start=False)

    def read_to(self, day: date, then: Callable[[], object]) -> None:
        """Read on to a day, then call `then`, with its rows on screen."""
        timeline = self._timeline
        if timeline is None or not self.is_part:
            then()
            return
        self._load(
            lambda: timeline, "reading drift", lines=0, down_to=day, is_start=False, then=then
        )

    def next_open_day(self) -> date | None:
        """Return the newest unread day with open changes, if there is one."""
        long = self._timeline.long if self._timeline is not None and self.is_part else None
        left = long.unread(open_only=True) if long is not None else ()
        return left[0].day if left else None

    def every(self) -> Iterable[ChangeEntry]:
        """Return the changes that match the filter; an iterator reads those not read yet."""
        if self._start is None or not self.is_part:
            return self.arrangement.entries if self.arrangement is not None else ()
        return every_entry(self._pane.host.workspace, self._start, self._pane.filter_text)

    @property
    def filter_source(self) -> FilterSource[ChangeEntry]:
        if self._timeline is None:
            return FilterSource((), {})
        return FilterSource(self._timeline.entries, filter_keys(self._timeline))

    def arrange(self) -> None:
        timeline, expanded, flat = self._timeline, self.expanded, self.is_flat
        text, begin = self._pane.filter_text, self._start
        if timeline is None or begin is None:
            return
        if timeline.long is not None and text != self._text:
            # What is still read from its start comes back here once it is read.
            if not (self._is_starting and self._pane.loader.loads("timeline")):
                self._load(lambda: begin, "reading drift", lines=PART, is_start=False)
            return

        def work(_: Job) -> tuple[Arrangement, Filter[ChangeEntry]]:
            found = filter_of(timeline, text)
            left = unread(timeline, text)
            arranged = arrange(timeline, found.predicate, expanded, flat=flat, is_part=bool(left))
            if timeline.long is not None and left:
                # The rows read so far don't say how many changes the other days have.
                known = {"": timeline.long.days, "open:yes": timeline.long.open_days}
                if text.strip() in known:
                    arranged = replace(arranged, days=known[text.strip()])
                else:
                    arranged = replace(arranged, unread_before=timeline.long.read_from)
            return arranged, found

        def done(answer: tuple[Arrangement, Filter[ChangeEntry]]) -> None:
            self.arrangement, found = answer
            cursor = self.cursor
            # The wanted row may be in a result that is still loading.
            if not self._pane.loader.is_loading:
                self.cursor = None
            self._show(self.arrangement, found, cursor)
            then, self._then = self._then, None
            if then is not None:
                then()

        self._pane.loader.load("lines", work, done, label="arranging")

    def fold(self, key: str) -> None:
        self.expanded, self.cursor = self.expanded ^ {key}, key
        self.arrange()

    def fold_all(self) -> None:
        """Expand all groups, or collapse them if all are expanded."""
        keys = frozenset(self.arrangement.foldable if self.arrangement is not None else ())
        self.expanded = self.expanded - keys if keys <= self.expanded else self.expanded | keys
        self.arrange()

    def remember(self, shown: Iterable[ChangeEntry]) -> None:
        """Store that these changes were on screen."""
        ids = [one.event.id for one in shown if not one.seen]
        ids = [id_ for id_ in ids if id_ not in self._remembered]
        if not ids:
            return
        self._remembered.update(ids)
        self.just_seen.update(ids)
        workspace = self._pane.host.workspace
        self._pane.loader.load(
            "seen",
            lambda _: workspace.drift.see(ids),
            lambda _: None,
            # What could not be stored is tried again once it is on screen.
            failed=lambda _: self._remembered.difference_update(ids),
            quiet=True,
            cancellable=False,
        )
