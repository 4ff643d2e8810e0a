"""The drift pane: changes day by day, and one of them in full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message

from crmdeck.tui.filters import Filter, FilterSource
from crmdeck.tui.host import Host
from crmdeck.tui.keys.actions import Actions, actions_of, keys_on
from crmdeck.tui.panes.drift.arrangement import Arrangement, TimelineRow
from crmdeck.tui.panes.drift.columns import COLUMNS, GIVES
from crmdeck.tui.panes.drift.commands import DriftCommands
from crmdeck.tui.panes.drift.density import Density
from crmdeck.tui.panes.drift.detail import (
    line_detail,
    line_state,
    line_title,
    nothing_yet,
    summary,
)
from crmdeck.tui.panes.drift.loader import TimelineLoader
from crmdeck.tui.panes.drift.to_do import steps
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane, View
from crmdeck.tui.panes.place import NO_BRIEF, Brief, Place
from crmdeck.tui.panes.to_do import KeyStep
from crmdeck.tui.panes.usage import UsageAsker
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.workspace import ChangeEntry, once

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

OPEN, BREAKS = "open:yes", "breaks:yes"
VIEWS = (
    View("Open", OPEN),
    View("Breaks a mapping", BREAKS),
    View("Unseen", "seen:no"),
    View("All"),
)

SHORT = 100
"""Cells below which the heading is shorter."""

REMEMBER_EVERY = 3.0
"""Seconds after which changes on screen count as seen."""

MOST_FOLDS = 500
"""Number of expanded change groups that are remembered."""


class TimelineTable(Table[TimelineRow]):
    """The table of changes. Left and right collapse and expand, as in a tree."""

    opens = "Steps"

    @dataclass
    class Folded(Message):
        """The user expands or collapses the group `key`."""

        key: str

    def is_passed(self, row: TimelineRow) -> bool:
        return row.is_title

    @property
    def position_text(self) -> str:
        lines = self.shown()
        before = sum(not line.is_title for line in lines[: self.cursor + 1])
        total = sum(not line.is_title for line in lines)
        return f"{before:,} of {total:,}{self.more}" if total else ""

    def go_left(self) -> None:
        line = self.cursor_row
        key = None if line is None else line.key if line.open else line.parent
        if key is not None:
            self.post_message(self.Folded(key))

    def go_right(self) -> None:
        line = self.cursor_row
        if line is not None and line.open is False:
            self.post_message(self.Folded(line.key))


class DriftPane(Pane):
    """The timeline, its density, and one change in full."""

    SCOPE = "drift"
    wants_room = True
    views = VIEWS
    first_filter = OPEN
    COUNTED = ("severity", "kind", "who", "object", "state")
    ACTIONS: ClassVar[Actions] = actions_of(DriftCommands)

    def __init__(self, host: Host, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self._place: Place[TimelineRow] = Place(
            key=lambda line: line.key,
            rows=lambda: self.timeline.arrangement.lines if self.timeline.arrangement else None,
            columns=lambda _: (COLUMNS, GIVES),
            brief=self._brief_of,
            copies=self._copies_of,
            empty="No changes yet.",
        )
        self._table = TimelineTable(COLUMNS, gives=GIVES, key=self._place.key, id="timeline")
        self.timeline = TimelineLoader(self, self._show_lines)
        self.usages = UsageAsker(host, self.loader, self.describe)
        self.commands = DriftCommands(self, self.timeline, self.table, self.usages)
        self._shown: str | None = None

    @property
    def place(self) -> Place[TimelineRow]:
        return self._place

    @property
    def table(self) -> TimelineTable:
        return self._table

    def view_name(self, view: View) -> str:
        arrangement = self.timeline.arrangement
        if arrangement is None:
            return view.name
        numbers = {
            OPEN: arrangement.timeline.open_changes.count,
            BREAKS: arrangement.timeline.breaking_groups,
            "": arrangement.timeline.groups,
        }
        number = numbers.get(view.filter)
        return view.name if number is None else f"{view.name} {number:,}"

    def compose_body(self) -> ComposeResult:
        yield Density(id="density")
        yield self.table

    def on_mount(self) -> None:
        self.watch(self.table, "scroll_y", self._read_ahead, init=False)
        # In a picture no change becomes seen, or a second one would differ.
        if not self.host.is_still:
            self.set_interval(REMEMBER_EVERY, self._remember)

    def _read_ahead(self) -> None:
        table = self.table
        ends = table.scroll_offset.y + 2 * table.page >= table.shown_count
        self.timeline.read_ahead(ends=ends)

    def _remember(self) -> None:
        if self.display and self.screen.is_current:
            # A collapsed group shows none of its changes.
            entries = (line.entry for line in self.table.in_view())
            self.timeline.remember(entry for entry in entries if entry is not None)

    def reload(self) -> None:
        self.timeline.read(self.connection_id)
        self.usages.read(None)

    def wake(self, head: int) -> None:
        self.timeline.read(self.timeline.ref, again=True)

    def filter_source(self) -> FilterSource[ChangeEntry]:
        return self.timeline.filter_source

    def counted(self) -> Iterable[ChangeEntry]:
        return self.timeline.every()

    def apply_filter(self, text: str) -> None:
        self.timeline.arrange()

    def _show_lines(
        self, arrangement: Arrangement, found: Filter[ChangeEntry], cursor: str | None
    ) -> None:
        self._hint = found.hint
        self.table.words = found.words
        self.table.more = "+" if arrangement.is_part else ""
        if not arrangement.timeline.total:
            self.table.empty = self.place.empty
        elif self.filter_text == OPEN:
            self.table.empty = "No open changes. . shows the other views."
        else:
            self.table.empty = "No changes match the filter."
        strip = self.query_one(Density)
        strip.today = arrangement.timeline.now.date()
        strip.days, strip.unread_before = arrangement.days, arrangement.unread_before
        known = {line.key for line in arrangement.lines}
        if cursor not in known and self.table.cursor_key not in known:
            cursor = next((line.key for line in arrangement.lines if not line.is_title), None)
        self.table.set_rows(arrangement.lines, cursor=cursor)
        self.show_views()

    def shown_connection(self) -> str | None:
        return self._shown

    def count_rows(self) -> None:
        arrangement = self.timeline.arrangement
        if arrangement is not None and not self.table.is_ordering:
            of_one = not arrangement.timeline.everywhere and arrangement.entries
            self._shown = arrangement.entries[0].event.connection_id if of_one else None
            if not self.is_left:
                self.dim()
        flat = self.table.sort is not None
        if flat != self.timeline.is_flat:
            self.timeline.is_flat = flat
            self.timeline.arrange()
        self.show_statuses()
        self.call_later(self._read_ahead)

    def show_statuses(self) -> None:
        statuses = self.host.statuses
        chosen = [one for one in statuses if one.id == self.connection_id]
        here = statuses if self.timeline.everywhere else chosen
        elsewhere = sum(one.open_changes.count for one in statuses)
        elsewhere -= sum(one.open_changes.count for one in here)
        notes = f"{elsewhere:,} open in other connections (*)", f"{elsewhere:,} elsewhere (*)"
        findings = [finding for one in here for finding in one.open_findings]
        offered = steps(findings, self.run_on)
        nothing = "Nothing to do: no open changes"
        self.show_to_do(offered, *notes[: 2 * bool(elsewhere)], nothing=nothing)

    def open_row(self, row: TimelineRow) -> None:
        self.commands.open_line()

    @on(TimelineTable.Folded)
    def _folded(self, message: TimelineTable.Folded) -> None:
        self.timeline.fold(message.key)

    @on(Density.Picked)
    def _picked(self, message: Density.Picked) -> None:
        def go() -> None:
            for position, line in enumerate(self.table.shown()):
                if line.day is not None and message.first <= line.day <= message.last:
                    self.table.move_to(position)
                    return

        # The day may be unread.
        self.timeline.read_to(message.first, go)

    @on(events.Resize)
    def describe(self) -> None:
        """Update everything around the table: heading, counts, strip, details, footer."""
        line, arrangement = self.commands.line, self.timeline.arrangement
        if arrangement is None:
            return
        timeline, shown = arrangement.timeline, len(arrangement.entries)
        total = timeline.total
        self.set_heading(
            f"Drift of {'all connections' if timeline.everywhere else self.connection_name}",
            *summary(timeline, short=self.size.width < SHORT),
        )
        if arrangement.is_part and not self.filter_text.strip():
            shown = total
        more = "+" if arrangement.is_part else ""
        number = f"{total:,}" if shown == total else f"{shown:,}{more} of {total:,}"
        self.summarize(f"{number} changes", self._hint)
        self.query_one(Density).current = line.at.date() if line is not None else None
        super().describe()
        if line is None:
            instead = "" if total else nothing_yet(self.host.status)
            self.brief.show(lambda _: Content.styled(instead, "$muted"))
        self.refresh_bindings()

    def _brief_of(self, line: TimelineRow) -> Brief:
        arrangement, place = self.timeline.arrangement, self.commands.field_place
        if arrangement is None:
            return NO_BRIEF
        usage = self.usages.of(place) if place is not None else None
        steps = dict(self.commands.next_steps())
        keys = keys_on(self.screen, steps)
        offered = [KeyStep(id_, keys[id_], text) for id_, text in steps.items() if id_ in keys]
        draw = partial(line_detail, arrangement.timeline, line, usage, offered)
        return Brief([line_title(line)], line_state(line), draw)

    def _copies_of(self, chosen: Sequence[TimelineRow]) -> tuple[Copy, ...]:
        arrangement = self.timeline.arrangement
        if arrangement is None or not chosen:
            return ()
        line = chosen[0] if len(chosen) == 1 else None
        title = ""
        if line is not None and line.entry is None:
            title = line.story.title if line.story is not None else line.where
        entries = once(entry for line in chosen for entry in line.entries)
        return self.host.workspace.copies.changes(arrangement.timeline, entries, title)

    def crm_place(self) -> CrmPlace | None:
        entry = self.commands.entry
        if entry is None:
            return super().crm_place()
        event = entry.event
        return CrmPlace(event.connection_id, event.object_type, event.field_name)

    def export_request(self) -> ExportRequest | None:
        arrangement = self.timeline.arrangement
        only: frozenset[str] | Callable[[], frozenset[str]] | None = frozenset()
        # Changes that match may be unread: the export itself reads them.
        if arrangement is not None and arrangement.is_part:
            every = self.timeline.every()
            only = (lambda: frozenset(e.event.id for e in every)) if self.filter_text else None
        elif arrangement is not None:
            only = arrangement.ids
        return ExportRequest("drift", only=only, everywhere=self.timeline.everywhere)

    def state(self) -> dict[str, object]:
        return {
            "line": str(self.table.cursor_key),
            "sort": self.table.sort_state,
            "open": sorted(self.timeline.expanded)[-MOST_FOLDS:],
            "everywhere": self.timeline.everywhere,
        }

    def restore(self, state: Mapping[str, object]) -> None:
        timeline = self.timeline
        wanted = state.get("event") or state.get("line")
        timeline.cursor = wanted if isinstance(wanted, str) else None
        match state.get("open"):
            case [*keys]:
                timeline.expanded = frozenset(key for key in keys if isinstance(key, str))
        match state.get("everywhere"):
            case bool(everywhere):
                timeline.everywhere = everywhere
        if sort := Sort.of(state.get("sort")):
            self.table.set_sort(sort)
        match state.get("filter"):
            case str(text) if text != self.filter_text:
                self.replace_filter(text)
            case None if state.get("event"):
                # The change may be settled, so the view of open changes may hide it.
                self.replace_filter("")
