"""What the drift pane shows: the timeline, how dense it is, and one change in full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from textual import on
from textual.app import ComposeResult

from crmdeck.model import Decision, Severity
from crmdeck.tui.filtering import Filter, compile_filter
from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.drift.columns import COLUMNS, filter_keys, searched
from crmdeck.tui.panes.drift.density import Density
from crmdeck.tui.panes.drift.detail_view import DetailView
from crmdeck.tui.panes.drift.empty import nothing_yet
from crmdeck.tui.panes.drift.lines import Arrangement, Folds, Line, arrange
from crmdeck.tui.panes.drift.places import Kept, to_state
from crmdeck.tui.panes.drift.telling import line_text
from crmdeck.tui.panes.drift.timeline import TimelineTable
from crmdeck.tui.panes.pane import ExportRequest, Pane
from crmdeck.tui.requests import Job
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import Entry, Timeline

Arranged = tuple[Arrangement, Filter[Entry]]


class Board(Pane):
    """Reads, filters, lays out and describes; what the keys do is in `DriftPane`."""

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.everywhere = False
        self.folds = Folds()
        self.book: Timeline | None = None
        self.arrangement: Arrangement | None = None
        self.is_flat = False
        self.is_zoomed = False
        self._wanted: str | None = None
        self._hint = ""

    def compose_body(self) -> ComposeResult:
        """Yield the strip, the timeline, and what is under the cursor."""
        yield Density(id="density")
        yield TimelineTable(COLUMNS, key=lambda line: line.key, id="timeline")
        yield DetailView(id="event")

    # What is under the cursor, for the actions

    @property
    def timeline(self) -> TimelineTable:
        """The table."""
        return self.query_one(TimelineTable)

    @property
    def line(self) -> Line | None:
        """The line under the cursor."""
        return self.timeline.cursor_row

    @property
    def item(self) -> Entry | None:
        """The event under the cursor."""
        return self.line.item if self.line is not None else None

    def open_items(self, *, everything: bool = False) -> Iterator[Entry]:
        """Yield what can be acknowledged: of the chosen lines, or of all that pass the filter.

        What is chosen twice, as an event and in its story, comes twice.
        """
        if everything:
            items: Iterable[Entry] = self.arrangement.items if self.arrangement is not None else ()
        else:
            items = (item for line in self.timeline.chosen() for item in line.items)
        return (item for item in items if not item.acknowledged)

    def broken(self) -> tuple[Decision, ...]:
        """Return the mappings that still stand on the field of an event that may break them."""
        item = self.item
        if item is None or self.book is None or item.event.severity is Severity.SAFE:
            return ()
        return self.book.mapped_to(item.event)

    def rename(self) -> tuple[Entry, Entry] | None:
        """Return the rename under the cursor, unless it is taken already."""
        halves = self.book.rename_of(self.item) if self.book and self.item else None
        if halves is None or self.book is None:
            return None
        settled = all(half.acknowledged for half in halves)
        return None if settled and not self.book.mapped_to(halves[0].event) else halves

    # Loading

    def reload(self) -> None:
        """Read the drift."""
        ref = None if self.everywhere else self.connection_id
        if ref is None and not self.everywhere:
            return
        self.load(
            "book",
            lambda _: self.workspace.drift.timeline(ref),
            self._took,
            label="reading drift",
        )

    def apply_filter(self, text: str) -> None:
        """Lay out what passes the filter."""
        self._arrange()

    def _took(self, book: Timeline) -> None:
        self.book = book
        wanted = book.by_id.get(self._wanted or "")
        if wanted is not None:
            self.folds = self.folds.showing(wanted, everywhere=book.everywhere)
        self._arrange()

    def _arrange(self) -> None:
        book = self.book
        if book is None:
            return
        self.load(
            "lines",
            partial(_arranged, book, self.filter_text, self.folds, self.is_flat),
            self._show,
            label="arranging",
        )

    def _show(self, arranged: Arranged) -> None:
        self.arrangement, found = arranged
        self._hint = found.hint
        timeline, strip = self.timeline, self.query_one(Density)
        timeline.words = found.words
        timeline.empty = (
            "No change passes the filter." if self.arrangement.total else "No drift yet."
        )
        strip.today = self.book.now.date() if self.book is not None else None
        strip.days = self.arrangement.days
        first = next((line.key for line in self.arrangement.lines if line.day is None), None)
        wanted = self._wanted or (first if timeline.cursor_row is None else None)
        timeline.set_rows(self.arrangement.lines, cursor=wanted)
        self._wanted = None

    @on(Table.Ordered)
    def _ordered(self) -> None:
        flat = self.timeline.sort is not None
        if flat != self.is_flat:
            self.is_flat = flat
            self._arrange()
        self._describe()

    @on(Table.Highlighted)
    def _highlighted(self) -> None:
        self._describe()

    def _describe(self) -> None:
        """Say what there is, and what the cursor is on."""
        line, arrangement, book = self.line, self.arrangement, self.book
        if arrangement is None or book is None:
            return
        where = "all connections" if self.everywhere else self.connection_name
        total, shown = arrangement.total, len(arrangement.items)
        waiting = sum(not item.acknowledged for item in book.entries)
        self.set_heading(
            "Drift",
            where,
            count(total, "change"),
            f"{waiting:,} to do" if waiting else "all acknowledged" if total else "",
        )
        number = f"{total:,}" if shown == total else f"{shown:,} of {total:,}"
        self.post_message(self.Summary(number, self._hint))
        self.query_one(Density).current = line.at.date() if line is not None else None
        instead = "" if total else nothing_yet(self.status)
        self.query_one(DetailView).show(book, line, instead)
        self.refresh_bindings()

    def say_done(self, text: str) -> None:
        """Say what was done, and show it."""
        self.deck.say(text)
        self.timeline.clear_marks()
        self.post_message(self.Changed())
        self.reload()

    # Where one is

    def copy_text(self) -> str:
        """Return the line under the cursor as text."""
        return line_text(self.book, self.line) if self.book and self.line else ""

    def can_copy(self) -> bool:
        """Return whether there is a line to copy."""
        return self.line is not None

    def export_request(self) -> ExportRequest | None:
        """Export what passes the filter, folded or not."""
        shown = self.arrangement.ids if self.arrangement is not None else frozenset()
        return ExportRequest("drift", only=shown, everywhere=self.everywhere)

    def state(self) -> dict[str, Any]:
        """Keep the line, the sort, the folds, and whether all connections are shown."""
        return to_state(
            str(self.timeline.cursor_key), self.timeline.sort, self.folds, self.everywhere
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where the user was, or a place: an `event` or a `filter`."""
        kept = Kept.of(state, self.folds, everywhere=self.everywhere)
        self.everywhere, self.folds = kept.everywhere, kept.folds
        self._wanted = kept.cursor
        if kept.sort is not None:
            self.timeline.set_sort(kept.sort)
        if kept.filter is not None and kept.filter != self.filter_text:
            self.replace_filter(kept.filter)


def _arranged(book: Timeline, text: str, folds: Folds, flat: bool, _job: Job) -> Arranged:
    found = compile_filter(text, searched=searched, keys=filter_keys(book.now, book.names))
    return arrange(book, found.predicate, folds, flat=flat), found
