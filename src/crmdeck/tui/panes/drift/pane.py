"""The drift pane: what changed, day by day, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult

from crmdeck.tui.filters import Filter
from crmdeck.tui.host import PaneHost
from crmdeck.tui.keys.actions import Actions, keys_on
from crmdeck.tui.panes.drift.actions import DRIFT_ACTIONS
from crmdeck.tui.panes.drift.columns import columns_for
from crmdeck.tui.panes.drift.commands import DriftCommands
from crmdeck.tui.panes.drift.density import Density
from crmdeck.tui.panes.drift.detail import line_detail, nothing_yet, summary
from crmdeck.tui.panes.drift.loader import TimelineLoader
from crmdeck.tui.panes.drift.table import TimelineTable
from crmdeck.tui.panes.drift.view_state import ViewState, to_state
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane, View
from crmdeck.tui.panes.usage import UsageAsker
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.text_view import TextView
from crmdeck.workspace import Entry, once

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

VIEWS = (
    View("unseen", "seen:no"),
    View("mine", "mapped:yes"),
    View("breaking", "severity:breaking"),
    View("all"),
)

SHORT = 100
"""Cells below which the heading says less."""

REMEMBER_EVERY = 3.0
"""Seconds between two looks at what is on screen, which counts as seen from then on."""


class DriftPane(Pane):
    """The timeline, how dense it is, and one change in full."""

    SCOPE = "drift"
    ACTIONS: ClassVar[Actions] = DRIFT_ACTIONS

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.table = TimelineTable(columns_for((), 0), key=lambda line: line.key, id="timeline")
        self.timeline = TimelineLoader(host, self.loader, self)
        self.usages = UsageAsker(host, self.loader, self._describe)
        self.commands = DriftCommands(
            host, self.loader, self.timeline, self.table, self, self.usages
        )
        self._widths: tuple[tuple[str, int | None], ...] = ()
        self._hint = ""
        self._shown: str | None = None
        self._described: str | None = None

    @property
    def views(self) -> tuple[View, ...]:
        """Not seen, mapped, breaking, all."""
        return VIEWS

    @property
    def wants_room(self) -> bool:
        """What changed, how and by whom stands on one line."""
        return True

    def compose_body(self) -> ComposeResult:
        """Yield the strip, the timeline, and what is under the cursor."""
        yield Density(id="density")
        yield self.table
        yield TextView(id="event", classes="detail")

    def on_mount(self) -> None:
        """Begin to remember what was on screen."""
        if not self.host.is_still:
            self.set_interval(REMEMBER_EVERY, self._remember)

    def _remember(self) -> None:
        """Remember the changes that are on screen, once they have been for a while."""
        if self.display and self.screen.is_current:
            lines = (line for line in self.table.in_view() if not line.is_title)
            self.timeline.look(entry for line in lines for entry in line.entries)
        self.timeline.remember()

    def reload(self) -> None:
        """Read the drift."""
        self.timeline.read(self.connection_id)
        self.usages.read(None)

    def wake(self, head: int) -> None:
        """Read the drift again; what is new stays so while it shows."""
        self.timeline.read_again()

    def apply_filter(self, text: str) -> None:
        """Lay out what passes the filter."""
        self.timeline.arrange()

    def show_lines(self, found: Filter[Entry], cursor: str | None) -> None:
        """Show the arrangement; `found` is the filter that it passed."""
        arrangement, timeline = self.timeline.arrangement, self.timeline.timeline
        if arrangement is None or timeline is None:
            return
        self._hint = found.hint
        self.table.words = found.words
        self.table.empty = "No change passes the filter." if arrangement.total else "No drift yet."
        strip = self.query_one(Density)
        strip.today = timeline.now.date()
        strip.days = arrangement.days
        known = {line.key for line in arrangement.lines}
        if cursor not in known and self.table.cursor_key not in known:
            cursor = next((line.key for line in arrangement.lines if not line.is_title), None)
        self._fit_columns()
        self.table.set_rows(arrangement.lines, cursor=cursor)

    def shown_connection(self) -> str | None:
        """Return the connection whose lines are on screen; None where those of all are."""
        return self._shown

    def _fit_columns(self) -> None:
        """Share the width anew where other names or another window ask for it."""
        lines = self.timeline.arrangement.lines if self.timeline.arrangement is not None else ()
        columns = columns_for(lines, self.table.scrollable_content_region.width)
        widths = tuple((column.id, column.width) for column in columns)
        if widths != self._widths:
            self._widths = widths
            self.table.set_columns(columns)

    def on_resize(self, _event: events.Resize) -> None:
        """Share the new width among the columns."""
        self.call_after_refresh(self._fit_columns)

    @property
    def is_zoomed(self) -> bool:
        """Whether the details have the most of the room."""
        return self.detail_size > 0

    def zoom(self, zoomed: bool) -> None:
        """Give the details more room, or less again."""
        self.size_details(int(zoomed) - self.detail_size)

    def show_done(self, text: str) -> None:
        """Say what was done, where that is not said yet, and show what has become of it."""
        if text:
            self.host.say(text)
        self.table.clear_marks()
        self.post_message(self.Changed())
        self.reload()

    @on(Table.Ordered)
    def _ordered(self) -> None:
        arrangement, timeline = self.timeline.arrangement, self.timeline.timeline
        if arrangement is not None and timeline is not None and not self.table.is_ordering:
            of_one = not timeline.everywhere and arrangement.entries
            self._shown = arrangement.entries[0].event.connection_id if of_one else None
            if not self.is_left:
                self.dim()
        flat = self.table.sort is not None
        if flat != self.timeline.is_flat:
            self.timeline.is_flat = flat
            self.timeline.arrange()
        self._describe()

    @on(Table.Highlighted)
    def _highlighted(self) -> None:
        self._describe()

    @on(Table.Selected)
    def _selected(self) -> None:
        self.commands.open_line()

    @on(TimelineTable.Folded)
    def _folded(self, message: TimelineTable.Folded) -> None:
        self.timeline.fold(message.key)

    @on(Density.Picked)
    def _picked(self, message: Density.Picked) -> None:
        for position, line in enumerate(self.table.shown()):
            if line.day is not None and message.first <= line.day <= message.last:
                self.table.move_to(position)
                return

    def _describe(self) -> None:
        """Say how much is listed, and what the cursor is on."""
        line, arrangement = self.commands.line, self.timeline.arrangement
        timeline = self.timeline.timeline
        if arrangement is None or timeline is None:
            return
        total, shown = arrangement.total, len(arrangement.entries)
        self.set_heading(
            "all connections" if self.timeline.everywhere else self.connection_name,
            *summary(timeline, self.timeline.just_seen, short=self.size.width < SHORT),
        )
        number = f"{total:,}" if shown == total else f"{shown:,} of {total:,}"
        self.post_message(self.Summary(number, self._hint))
        self.query_one(Density).current = line.at.date() if line is not None else None
        instead = "" if total else nothing_yet(self.host.status)
        place = self.commands.field_place
        usage = self.usages.of(place) if place is not None else None
        other = line is None or line.key != self._described
        self._described = line.key if line is not None else None
        draw = partial(line_detail, timeline, line, instead, usage, self._steps())
        self.query_one("#event", TextView).show(draw, anew=other)
        self.refresh_bindings()

    def _steps(self) -> tuple[tuple[str, str], ...]:
        """Return what can be done about the change under the cursor: keys, and what they do."""
        if self.commands.entry is None:
            return ()
        wanted = dict(self.commands.what_helps(read_only=self.host.workspace.read_only))
        keys = keys_on(self.screen, wanted)
        return tuple((keys[id_], text) for id_, text in wanted.items() if id_ in keys)

    def copies(self) -> tuple[Copy, ...]:
        """Return the forms of the marked changes, or of what is chosen."""
        chosen, timeline = self.table.chosen(), self.timeline.timeline
        if timeline is None or not chosen:
            return ()
        line = chosen[0] if len(chosen) == 1 else None
        title = ""
        if line is not None and line.entry is None:
            title = line.story.title if line.story is not None else line.where
        entries = once(entry for line in chosen for entry in line.entries)
        return self.host.workspace.copies.changes(timeline, entries, title)

    def crm_place(self) -> CrmPlace | None:
        """Return the field or the object of the change under the cursor."""
        entry = self.commands.entry
        if entry is None:
            return super().crm_place()
        event = entry.event
        return CrmPlace(event.connection_id, event.object_type, event.field_name)

    def can_copy(self) -> bool:
        """Return whether there is a line to copy."""
        return self.commands.line is not None

    def export_request(self) -> ExportRequest | None:
        """Export what passes the filter, folded or not."""
        arrangement = self.timeline.arrangement
        shown = arrangement.ids if arrangement is not None else frozenset()
        return ExportRequest("drift", only=shown, everywhere=self.timeline.everywhere)

    def state(self) -> dict[str, Any]:
        """Keep the line, the sort, the folds, and whether all connections are shown."""
        loader = self.timeline
        return to_state(
            str(self.table.cursor_key), self.table.sort, loader.folds, loader.everywhere
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where the user was, or a place: an `event` or a `filter`."""
        loader = self.timeline
        kept = ViewState.of(state, loader.folds, everywhere=loader.everywhere)
        loader.everywhere, loader.folds, loader.cursor = kept.everywhere, kept.folds, kept.cursor
        if kept.sort is not None:
            self.table.set_sort(kept.sort)
        if kept.filter is not None and kept.filter != self.filter_text:
            self.replace_filter(kept.filter)
