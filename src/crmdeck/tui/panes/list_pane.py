"""The base of panes that show a list, and the details of the row under its cursor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

from crmdeck.tui.filters import Filter, FilterSource, compile_filter
from crmdeck.tui.host import Host
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.place import NO_BRIEF, Place
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from crmdeck.workspace import Copy


class ListPane(Pane):
    """Shows one place at a time. A subclass fills the `table` of its `place`."""

    def __init__(self, host: Host, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.brief = TextView(id="brief", classes="detail part")
        self._hint = ""
        self._briefed: object = None

    @property
    def place(self) -> Place[Any]:
        """The place on screen."""
        raise NotImplementedError

    @property
    def table(self) -> Table[Any]:
        """The table of the place."""
        raise NotImplementedError

    def open_row(self, row: Any) -> None:
        """Open a row: Enter was pressed on it."""

    def compose_body(self) -> ComposeResult:
        yield self.table

    def compose_details(self) -> ComposeResult:
        yield self.brief

    def focus_target(self) -> Widget | None:
        return self.table

    def read_filter(self) -> Filter[Any]:
        """Return the filter, with the keys of the place."""
        place = self.place
        return compile_filter(self.filter_text, searched=place.searched, keys=place.keys())

    def filter_source(self) -> FilterSource[Any]:
        return FilterSource(self.table.all_rows, self.place.keys())

    def counted(self) -> Iterable[object]:
        return self.table.shown()

    def count_rows(self) -> None:
        """Show the number of rows in the filter bar."""
        self.summarize(self.table.count_text, self._hint)

    def describe(self) -> None:
        """Show the details of the row under the cursor."""
        row = self.table.cursor_row
        brief = self.place.brief(row) if row is not None else NO_BRIEF
        # Not before the data: a first title draws the frame.
        if self.panel.is_drawn or row is not None:
            self.panel.caption(self.brief, *brief.titles, state=brief.state)
        about = (self.table.id, self.table.cursor_key)
        self.brief.show(brief.draw, from_top=about != self._briefed)
        self._briefed = about

    @on(Table.Ordered)
    def _ordered(self, message: Table.Ordered) -> None:
        # A late message may come from the table of another place.
        if message.table is self.table:
            self.count_rows()
            self.describe()

    @on(Table.Highlighted)
    def _highlighted(self, message: Table.Highlighted) -> None:
        if message.table is self.table:
            self.describe()
            self.refresh_bindings()

    @on(Table.Selected)
    def _selected(self, message: Table.Selected) -> None:
        if message.table is self.table:
            self.open_row(message.row)

    def copies(self) -> tuple[Copy, ...]:
        return self.place.copies(self.table.chosen())

    def can_copy(self) -> bool:
        return self.table.cursor_row is not None
