"""The table with its keys and its mouse."""

from __future__ import annotations

from typing import ClassVar, TypeAlias, TypeVar

from textual import events

from crmdeck.tui.actions import EVERYWHERE, ActionHost, Actions
from crmdeck.tui.widgets.table import messages
from crmdeck.tui.widgets.table.core import TableCore
from crmdeck.tui.widgets.table.keys import TABLE_ACTIONS
from crmdeck.tui.widgets.table.ordering import Sort
from crmdeck.tui.widgets.table.rendering import GUTTER

R = TypeVar("R")

SIDE_STEP = 12
"""Cells that one key press scrolls sideways."""


class Table(ActionHost, TableCore[R], inherit_bindings=False):
    """A table of rows `R`.

    `key` names a row across reloads, so that cursor and marks survive them; without it rows
    are their own keys. `empty` is what stands there when there is no row at all.
    """

    SCOPE = "table"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    ACTIONS: ClassVar[Actions] = TABLE_ACTIONS

    Highlighted: TypeAlias = messages.Highlighted
    Selected: TypeAlias = messages.Selected
    MarksChanged: TypeAlias = messages.MarksChanged
    Ordered: TypeAlias = messages.Ordered

    def action_cursor_down(self) -> None:
        """Go to the next row."""
        self.move_to(self.cursor + 1)

    def action_cursor_up(self) -> None:
        """Go to the previous row."""
        self.move_to(self.cursor - 1)

    def action_first(self) -> None:
        """Go to the first row."""
        self.move_to(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self.move_to(self.shown_count - 1)

    def action_page_down(self) -> None:
        """Go on by what fits on the screen."""
        self.move_to(self.cursor + self.page)

    def action_page_up(self) -> None:
        """Go back by what fits on the screen."""
        self.move_to(self.cursor - self.page)

    def action_left(self) -> None:
        """Scroll left."""
        self.scroll_to(x=self.scroll_offset.x - SIDE_STEP, animate=False)

    def action_right(self) -> None:
        """Scroll right; the first column stands."""
        self.scroll_to(x=self.scroll_offset.x + SIDE_STEP, animate=False)

    def action_select(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_row is not None:
            self.post_message(messages.Selected(self, self.cursor_row))

    def action_sort(self) -> None:
        """Sort by the next column that can be sorted by; after the last, as the rows came."""
        ids = [place.column.id for place in self.placed if place.column.sortable]
        current = self.sort.column_id if self.sort is not None else None
        following = ids.index(current) + 1 if current in ids else 0
        self.set_sort(Sort(ids[following]) if following < len(ids) else None)

    def action_reverse(self) -> None:
        """Turn the sort round."""
        if self.sort is not None:
            self.set_sort(Sort(self.sort.column_id, not self.sort.descending))

    def action_mark(self) -> None:
        """Mark the row, or the open range, and go on to the next row."""
        span = self.marks.span(self.cursor) or range(self.cursor, self.cursor + 1)
        self._mark(span)
        if len(span) == 1:
            self.move_to(self.cursor + 1)

    def action_range(self) -> None:
        """Begin a range at the cursor, or mark the range that is open."""
        if self.marks.anchor is None:
            self._set_marks(self.marks.range_from(self.cursor))
        else:
            self._mark(self.marks.span(self.cursor))

    def action_mark_all(self) -> None:
        """Mark all rows that show, or none where all are marked."""
        self._mark(range(self.shown_count))

    def action_unmark(self) -> None:
        """Leave an open range, else unmark everything."""
        if self.marks.anchor is not None:
            self._set_marks(self.marks.range_from(None))
        else:
            self.clear_marks()

    def on_click(self, event: events.Click) -> None:
        """Sort by a title, go to a row, or open it on the second click."""
        if event.y < self.header_height:
            self._sort_at(event.x)
            return
        position = self.scroll_offset.y + event.y - self.header_height
        if position >= self.shown_count:
            return
        self.move_to(position, scroll=False)
        if event.chain == 2:
            self.action_select()
        elif event.x < GUTTER and self.can_mark:
            self._mark(range(position, position + 1))

    def _mark(self, positions: range) -> None:
        keys = [self.key_of(self._row_at(position)) for position in positions]
        self._set_marks(self.marks.toggled(keys))

    def _sort_at(self, x: int) -> None:
        cell = x + self.scroll_offset.x if x >= self.sticky else x
        for place in self.placed:
            if place.start <= cell < place.start + place.width + 2 and place.column.sortable:
                same = self.sort is not None and self.sort.column_id == place.column.id
                descending = same and not (self.sort is not None and self.sort.descending)
                self.set_sort(Sort(place.column.id, descending))
