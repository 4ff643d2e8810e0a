"""What a table shows and how it is drawn: rows in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from crmdeck.tui.widgets.table.columns import GAP, Column, Placed, place
from crmdeck.tui.widgets.table.looks import COMPONENTS, look_of
from crmdeck.tui.widgets.table.marks import Marks
from crmdeck.tui.widgets.table.ordering import Sort
from crmdeck.tui.widgets.table.rendering import (
    GUTTER,
    Look,
    RowState,
    header_strip,
    row_strip,
    window,
    with_more,
)

R = TypeVar("R")

CACHED_STRIPS = 1024


class TableView(ScrollView, Generic[R], can_focus=True, inherit_bindings=False):
    """The lines of a table. Costs as much as the lines that show, however many rows there are."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS

    def __init__(
        self,
        columns: Sequence[Column[R]],
        rows: Sequence[R] = (),
        *,
        key: Callable[[R], Hashable] | None = None,
        sort: Sort | None = None,
        empty: str = "Nothing here.",
        can_mark: bool = True,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.empty = empty
        self.header_height = 1 if any(column.title for column in self.columns) else 0
        self.can_mark = can_mark
        self.marks = Marks()
        self.sort: Sort | None = sort
        self.words: tuple[str, ...] = ()
        self.key_of: Callable[[R], Hashable] = key or _itself
        self._rows: Sequence[R] = ()
        self._order: Sequence[int] = range(0)
        self._predicate: Callable[[R], bool] | None = None
        self._cursor = 0
        self._filled = bool(rows)
        self._placed: tuple[Placed[R], ...] = ()
        self._placed_for = -1
        self._look: Look | None = None
        self._strips: dict[tuple[int, RowState], Strip] = {}
        self._viewport = Size(0, 0)
        if rows:
            self._rows, self._order = rows, range(len(rows))

    # What is shown

    @property
    def total_count(self) -> int:
        """The number of rows, filtered or not."""
        return len(self._rows)

    @property
    def shown_count(self) -> int:
        """The number of rows that pass the filter."""
        return len(self._order)

    @property
    def count_text(self) -> str:
        """`340`, or `12 of 340` where a filter hides some."""
        shown, total = self.shown_count, self.total_count
        return f"{total:,}" if shown == total else f"{shown:,} of {total:,}"

    @property
    def cursor_row(self) -> R | None:
        """The row under the cursor."""
        return self._row_at(self._cursor) if self.shown_count else None

    @property
    def cursor_key(self) -> Hashable | None:
        """The key of the row under the cursor."""
        row = self.cursor_row
        return None if row is None else self.key_of(row)

    @property
    def cursor(self) -> int:
        """The position of the cursor among the rows that show."""
        return self._cursor

    def shown(self) -> tuple[R, ...]:
        """Return the rows that show, in their order."""
        return tuple(self._rows[index] for index in self._order)

    def in_view(self) -> tuple[R, ...]:
        """Return the rows that are on the screen."""
        top = self.scroll_offset.y
        return tuple(self._rows[index] for index in self._order[top : top + self.page])

    def marked(self) -> tuple[R, ...]:
        """Return the marked rows that show, those of an open range included."""
        span = self.marks.span(self._cursor)
        if not self.marks.keys and not span:
            return ()
        return tuple(
            row
            for position, row in enumerate(self.shown())
            if position in span or self.key_of(row) in self.marks.keys
        )

    def chosen(self) -> tuple[R, ...]:
        """Return what an action is about: the marked rows, else the one under the cursor."""
        row = self.cursor_row
        return self.marked() or (() if row is None else (row,))

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen: the titles first, then the rows that show."""
        width = self._viewport.width
        look = self._current_look()
        placed = self._columns_for(width)
        left = self.scroll_offset.x
        sticky = self.sticky
        if y < self.header_height:
            header = header_strip(placed, self.sort, look)
            line = window(header, left, width, sticky, look.header)
            return with_more(line, width, look) if self.max_scroll_x > left else line
        position = self.scroll_offset.y + y - self.header_height
        if position >= self.shown_count:
            return self._blank_line(y, width, look)
        state = self._state_of(position)
        cached = self._strips.get((position, state))
        if cached is None:
            if len(self._strips) > CACHED_STRIPS:
                self._strips.clear()
            row = self._row_at(position)
            cached = row_strip(row, placed, state, self.words, look)
            self._strips[position, state] = cached
        ground = look.base + look.cursor if state.cursor else look.base
        return window(cached, left, width, sticky, ground)

    def notify_style_update(self) -> None:
        """Forget what was drawn in the old look."""
        super().notify_style_update()
        self._look = None
        self._strips.clear()

    def _blank_line(self, y: int, width: int, look: Look) -> Strip:
        if y == 2 * self.header_height and self.shown_count == 0:
            text = self.empty if self.total_count == 0 else "No row passes the filter."
            text = text if self._filled else ""
            return Strip([Segment("  " + text, look.empty)]).crop_extend(0, width, look.base)
        return Strip.blank(width, look.base)

    def _state_of(self, position: int) -> RowState:
        return RowState(
            cursor=position == self._cursor,
            marked=bool(self.marks.keys) and self.key_of(self._row_at(position)) in self.marks.keys,
            in_range=position in self.marks.span(self._cursor),
        )

    def _current_look(self) -> Look:
        if self._look is None:
            self._look = look_of(self)
        return self._look

    def _columns_for(self, width: int) -> tuple[Placed[R], ...]:
        if self._placed_for != width:
            self._placed = place(self.columns, width, GUTTER)
            self._placed_for = width
            self._strips.clear()
        return self._placed

    def set_columns(self, columns: Sequence[Column[R]]) -> None:
        """Show the rows in other columns from here on; the sort stays where its column does."""
        self.columns = tuple(columns)
        self._placed_for = -1
        self._strips.clear()
        self.refresh()

    # Geometry

    def on_resize(self, _event: events.Resize) -> None:
        """Share the new width among the columns."""
        self._resize()
        self._scroll_to_cursor()
        self.refresh()

    @property
    def placed(self) -> tuple[Placed[R], ...]:
        """The columns that show, with their places."""
        return self._columns_for(self._viewport.width)

    @property
    def sticky(self) -> int:
        """The cells at the left that stand still while the rest scrolls sideways."""
        return self.placed[0].start + self.placed[0].width + GAP if self.placed else 0

    @property
    def page(self) -> int:
        """The number of rows that fit on the screen."""
        return max(1, self._viewport.height - self.header_height)

    def _resize(self) -> None:
        self._viewport = self.scrollable_content_region.size
        placed = self._columns_for(self._viewport.width)
        right = placed[-1].start + placed[-1].width if placed else 0
        self.virtual_size = Size(
            max(right, self._viewport.width), self.shown_count + self.header_height
        )

    def _scroll_to_cursor(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + self.page:
            self.scroll_to(y=self._cursor - self.page + 1, animate=False, force=True)

    def _refresh_row(self, position: int) -> None:
        self.refresh_lines(position + self.header_height)

    def _row_at(self, position: int) -> R:
        return self._rows[self._order[position]]


def _itself(row: R) -> Hashable:
    return row
