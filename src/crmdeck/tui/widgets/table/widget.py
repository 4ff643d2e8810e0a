"""The table of the console: rows, columns, keys and mouse.

Drawing costs as much as the rows on screen, however many there are. Filtering and sorting go
through all rows in slices, so that the event loop runs in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import Worker

from crmdeck.tui.keys.actions import EVERYWHERE, ActionHost, action
from crmdeck.tui.text import display_block
from crmdeck.tui.widgets.table.columns import (
    Column,
    Gives,
    Placed,
    arranged,
    gaps,
    measured,
    place,
)
from crmdeck.tui.widgets.table.order import Order, Plan, Sort, advance, work
from crmdeck.tui.widgets.table.strips import (
    COMPONENTS,
    GUTTER,
    Look,
    Marks,
    RowState,
    header_strip,
    look_of,
    row_strip,
    window,
    with_more,
)

if TYPE_CHECKING:
    from crmdeck.workspace import SearchIndex

R = TypeVar("R")

CACHED_STRIPS = 1024

LONGEST_TOOLTIP = 600
"""Most characters of a cell that the tooltip shows."""

SIDE_STEP = 12
"""Cells that one key press scrolls sideways."""

RIGHT_BUTTON = 3

SLICE = 0.004
"""Seconds of ordering between two turns of the event loop."""


@dataclass(frozen=True)
class Coming(Generic[R]):
    """Rows that are being ordered, an index over them, and the key that the cursor goes to.

    A search puts the cursor on the first row instead. Other `columns` come with the rows.
    """

    rows: Sequence[R]
    wanted: Hashable | None
    index: SearchIndex[R] | None
    is_search: bool = False
    columns: tuple[Sequence[Column[R]], Gives] | None = None


@dataclass
class TableMessage(Message):
    """Base of the messages; `@on(Table.Selected, "#fields")` selects by the table's id."""

    table: Table[Any]

    @property
    def control(self) -> Table[Any]:
        return self.table


class Table(ActionHost, ScrollView, Generic[R], can_focus=True, inherit_bindings=False):
    """A table of rows `R`.

    `key` names a row, so that cursor and marks survive a reload; by default rows are their own
    keys. `gives` is how columns give way. `empty` is the text of a table without rows, `more` a
    sign after the number of rows.
    """

    SCOPE = "table"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS
    PATIENCE: ClassVar[float] = SLICE
    """Seconds of ordering before the rest is done in the background."""

    opens = "Open"
    """What Enter does, for the footer."""

    @dataclass
    class Highlighted(TableMessage):
        """The cursor is on another row, or on None if the table shows no rows."""

        row: Any

    @dataclass
    class Selected(TableMessage):
        """Enter was pressed on a row, or it was double-clicked."""

        row: Any

    class MenuAsked(TableMessage):
        """The row under the cursor was clicked with the right button."""

    class MarksChanged(TableMessage):
        """Other rows are marked; see `marked()`."""

    class Ordered(TableMessage):
        """Other rows show, or in another order; see `count_text` and `sort`."""

    def __init__(
        self,
        columns: Sequence[Column[R]],
        rows: Sequence[R] = (),
        *,
        gives: Gives = (),
        key: Callable[[R], Hashable] | None = None,
        empty: str = "Nothing to show.",
        can_mark: bool = True,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.gives = gives
        self.column_choice: tuple[str, ...] = ()
        self.empty = empty
        self.can_mark = can_mark
        self.more = ""
        self.marks = Marks()
        self.sort: Sort | None = None
        self.words: tuple[str, ...] = ()
        self.key_of: Callable[[R], Hashable] = key or (lambda row: row)
        self._rows: Sequence[R] = ()
        self._index: SearchIndex[R] | None = None
        self._order: Sequence[int] = range(0)
        self._predicate: Callable[[R], bool] | None = None
        self._beside: Callable[[R], bool] | None = None
        self._tolerant = False
        self._cursor = 0
        # Until rows are set the table is empty because it loads, which it must not call empty.
        self._filled = bool(rows)
        self._hovered = ""
        self._placed: tuple[Placed[R], ...] = ()
        self._placed_for = -1
        self._wanted: Mapping[str, int] | None = None
        self._look: Look | None = None
        self._strips: dict[tuple[int, RowState], Strip] = {}
        self._viewport = Size(0, 0)
        self._coming: Coming[R] | None = None
        if rows:
            self._rows, self._order = rows, range(len(rows))

    @property
    def header_height(self) -> int:
        """Lines of the header: none if no column has a title."""
        return 1 if any(column.title for column in self.columns) else 0

    @property
    def total_count(self) -> int:
        """Number of rows before filtering."""
        return len(self._rows)

    @property
    def shown_count(self) -> int:
        """Number of rows after filtering."""
        return len(self._order)

    @property
    def count_text(self) -> str:
        """The number of rows: `340`, or `12 of 340` if a filter hides some."""
        shown, total = self.shown_count, self.total_count
        return f"{total:,}" if shown == total else f"{shown:,} of {total:,}"

    @property
    def position_text(self) -> str:
        """The place of the cursor among the rows shown: `8 of 21`; empty without rows."""
        shown = f"{self.shown_count:,}{self.more}"
        return f"{self._cursor + 1:,} of {shown}" if self.shown_count else ""

    @property
    def cursor_row(self) -> R | None:
        return self._row_at(self._cursor) if self.shown_count else None

    @property
    def cursor_key(self) -> Hashable | None:
        row = self.cursor_row
        return None if row is None else self.key_of(row)

    @property
    def cursor(self) -> int:
        """Position of the cursor among the rows shown."""
        return self._cursor

    @property
    def all_rows(self) -> Sequence[R]:
        """All rows, in the order of `set_rows`."""
        return self._rows

    def shown(self) -> tuple[R, ...]:
        """Return the rows shown, in their order."""
        return tuple(self._rows[index] for index in self._order)

    def in_view(self) -> tuple[R, ...]:
        """Return the rows that are on the screen."""
        top = self.scroll_offset.y
        return tuple(self._rows[index] for index in self._order[top : top + self.page])

    def marked(self) -> tuple[R, ...]:
        """Return the marked rows shown, including those of an open range."""
        span = self.marks.span(self._cursor)
        if not self.marks.keys and not span:
            return ()
        return tuple(
            row
            for position, row in enumerate(self.shown())
            if position in span or self.key_of(row) in self.marks.keys
        )

    def chosen(self) -> tuple[R, ...]:
        """Return the rows that an action is about: the marked ones, else that under the cursor."""
        row = self.cursor_row
        return self.marked() or (() if row is None else (row,))

    def render_line(self, y: int) -> Strip:
        width = self._viewport.width
        if self._look is None:
            self._look = look_of(self)
        look = self._look
        placed = self._columns_for(width)
        left = self.scroll_offset.x
        sticky = self.sticky
        if not self._filled:
            return Strip.blank(width, look.base)
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
            # Enough for the screens of rows between which a user scrolls back and forth.
            if len(self._strips) > CACHED_STRIPS:
                self._strips.clear()
            row = self._row_at(position)
            cached = row_strip(row, placed, state, self.words, look)
            self._strips[position, state] = cached
        ground = look.base + look.cursor if state.cursor else look.base
        return window(cached, left, width, sticky, ground)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._look = None
        self._strips.clear()

    def _blank_line(self, y: int, width: int, look: Look) -> Strip:
        if y == 2 * self.header_height and self.shown_count == 0:
            text = self.empty if self.total_count == 0 else "No rows match the filter."
            return Strip([Segment("  " + text, look.empty)]).crop_extend(0, width, look.base)
        return Strip.blank(width, look.base)

    def _state_of(self, position: int) -> RowState:
        return RowState(
            cursor=position == self._cursor,
            marked=bool(self.marks.keys) and self.key_of(self._row_at(position)) in self.marks.keys,
            in_range=position in self.marks.span(self._cursor),
        )

    def _columns_for(self, width: int) -> tuple[Placed[R], ...]:
        if self._placed_for != width:
            wanted = self.wanted
            shown = arranged([one for one in self.columns if wanted[one.id]], self.column_choice)
            # The last column leaves a cell free before the frame.
            self._placed = place(shown, width - 1, GUTTER, gives=self.gives, wanted=wanted)
            self._placed_for = width
            self._strips.clear()
        return self._placed

    @property
    def wanted(self) -> Mapping[str, int]:
        """The cells that each column wants for the rows."""
        if self._wanted is None:
            self._wanted = measured(self.columns, self._rows)
        return self._wanted

    def get_content_width(self, container: Size, viewport: Size) -> int:
        wanted = self.wanted
        shown = [column for column in self.columns if wanted[column.id]]
        return GUTTER + sum(wanted.values()) + sum(gaps(shown)) + 1

    def set_columns(self, columns: Sequence[Column[R]], gives: Gives = ()) -> None:
        """Show other columns. The sort stays if its column does."""
        self.columns, self.gives = tuple(columns), gives
        self._wanted = None
        self._place_columns()

    def choose_columns(self, ids: Sequence[str]) -> None:
        """Show only the columns with these ids, in this order; no ids mean all columns."""
        if tuple(ids) != self.column_choice:
            self.column_choice = tuple(ids)
            self._place_columns()

    def _place_columns(self) -> None:
        self._placed_for = -1
        self._resize()
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        self._resize()
        self._scroll_to_cursor()
        self.refresh()

    @property
    def placed(self) -> tuple[Placed[R], ...]:
        """The columns shown, with their places."""
        return self._columns_for(self._viewport.width)

    @property
    def sticky(self) -> int:
        """Cells at the left that don't scroll sideways."""
        placed = self.placed
        if len(placed) > 1:
            return placed[1].start
        return placed[0].start + placed[0].width if placed else 0

    @property
    def page(self) -> int:
        """Number of rows that fit on the screen."""
        return max(1, self._viewport.height - self.header_height)

    def _resize(self) -> None:
        self._viewport = self.scrollable_content_region.size
        placed = self._columns_for(self._viewport.width)
        right = placed[-1].start + placed[-1].width if placed else 0
        self.virtual_size = Size(
            max(right, self._viewport.width), self.shown_count + self.header_height
        )

    def _scroll_to_cursor(self) -> None:
        """Bring the cursor into view, with a title right above it."""
        top, above = self.scroll_offset.y, self._cursor - 1
        titled = 0 <= above < self.shown_count and self.is_passed(self._row_at(above))
        first = above if titled and self.page > 1 else self._cursor
        if first < top:
            self.scroll_to(y=first, animate=False, force=True)
        elif self._cursor >= top + self.page:
            self.scroll_to(y=self._cursor - self.page + 1, animate=False, force=True)

    def _refresh_row(self, position: int) -> None:
        self.refresh_lines(position + self.header_height)

    def _row_at(self, position: int) -> R:
        return self._rows[self._order[position]]

    def on_mount(self) -> None:
        if self.sort is not None or self._predicate is not None:
            self._start(Coming(self._rows, None, self._index))
        elif self.shown_count:
            self.post_message(self.Ordered(self))
            self.post_message(self.Highlighted(self, self.cursor_row))

    def set_rows(
        self,
        rows: Sequence[R],
        *,
        cursor: Hashable | None = None,
        index: SearchIndex[R] | None = None,
        best: bool = False,
        columns: tuple[Sequence[Column[R]], Gives] | None = None,
    ) -> None:
        """Show `rows`, which must not change afterwards. Cursor and marks stay on their keys.

        `cursor` is the key of the row to go to, if it is among them. With an `index` over them, a
        filter shows the best matches first unless the table is sorted. `best` puts the cursor on
        the first row. Other `columns` show with the rows, and how they give way.
        """
        self._filled = True
        wanted = self.cursor_key if cursor is None else cursor
        self._start(Coming(rows, None if best else wanted, index, best, columns))

    def update_rows(self, rows: Sequence[R]) -> None:
        """Show changed `rows`, with the same keys in the same order as before.

        No row moves or disappears, even if the sort or the filter would now have it so.
        """
        self._rows = rows
        self._wanted = None
        self._strips.clear()
        self._place_columns()

    def set_filter(
        self,
        predicate: Callable[[R], bool] | None = None,
        words: Sequence[str] = (),
        *,
        beside: Callable[[R], bool] | None = None,
        tolerant: bool = False,
    ) -> None:
        """Show the rows that pass, and highlight `words`.

        Without a predicate every word must occur in one of the searched columns. If the rows have
        an index, it finds the words instead, and only `beside` is tested; other words move the
        cursor to the best match. `tolerant` is that of the index.
        """
        before = self.words
        self.words = tuple(word.casefold() for word in words if word)
        self._predicate = predicate or (self._has_words if self.words else None)
        self._beside = beside
        self._tolerant = tolerant
        # A filter set while rows are being ordered is about those rows.
        if self._coming is None:
            self._coming = Coming(self._rows, self.cursor_key, self._index)
        if self._coming.index is not None and self.words and self.words != before:
            self._coming = replace(self._coming, wanted=None, is_search=True)
        self._restart()

    def set_sort(self, sort: Sort | None) -> None:
        """Sort the rows; None keeps the order in which they were given."""
        self.sort = sort
        self._restart()

    @property
    def sort_state(self) -> list[object] | None:
        """The sort as JSON values, for `Sort.of`."""
        return [self.sort.column_id, self.sort.descending] if self.sort is not None else None

    def move_to_next(self, wanted: Callable[[R], bool], step: int) -> None:
        """Move to the next (1) or previous (-1) row that is `wanted`, around the end."""
        rows = self.shown()
        for offset in range(1, len(rows) + 1):
            position = (self._cursor + step * offset) % len(rows)
            if wanted(rows[position]):
                self.move_to(position)
                return

    def move_to(self, position: int, *, scroll: bool = True) -> None:
        """Move the cursor to the row at `position` among those shown."""
        position = max(0, min(position, self.shown_count - 1))
        moved = position != self._cursor
        before = self._cursor
        self._cursor = position
        if scroll:
            self._scroll_to_cursor()
        if moved:
            # Two rows are painted, not the table; an open range changes those in between.
            if self.marks.anchor is None:
                self._refresh_row(before)
                self._refresh_row(position)
            else:
                self.refresh()
                self.post_message(self.MarksChanged(self))
            self.post_message(self.Highlighted(self, self.cursor_row))

    def is_passed(self, row: R) -> bool:
        """True if keys pass over a row, such as a title; a click still chooses it."""
        return False

    def _go(self, position: int, step: int) -> None:
        """Move the cursor to a position, or on from there in steps to a row that keys don't pass.

        Without such a row the cursor stays.
        """
        last = self.shown_count - 1
        position = max(0, min(position, last))
        for way in (step, -step):
            at = position
            while 0 <= at <= last and self.is_passed(self._row_at(at)):
                at += way
            if 0 <= at <= last:
                self.move_to(at)
                break

    def clear_marks(self) -> None:
        """Unmark all rows and leave an open range."""
        self._set_marks(Marks())

    @property
    def is_ordering(self) -> bool:
        """True while rows are being ordered or filtered; `Ordered` follows."""
        return self._coming is not None

    def _can_mark(self) -> bool:
        return self.can_mark and self.shown_count > 0

    def _restart(self) -> None:
        """Order the rows again: those that are coming, else those shown."""
        self._start(self._coming or Coming(self._rows, self.cursor_key, self._index))

    def _start(self, coming: Coming[R]) -> None:
        self._coming = coming
        sort = self.sort
        wanted = (column for column in self.columns if sort and column.id == sort.column_id)
        plan = Plan(
            rows=coming.rows,
            predicate=self._predicate if coming.index is None else self._beside,
            index=coming.index,
            words=self.words,
            tolerant=self._tolerant,
            column=next(wanted, None),
            descending=sort is not None and sort.descending,
            key=self.key_of,
            wanted=coming.wanted,
        )
        job = work(plan)
        self.workers.cancel_group(self, "order")
        # Few rows are in order at once, so no frame shows them in between.
        order = advance(job, self.PATIENCE)
        if order is not None:
            self._show(coming, order)
        else:
            rest = partial(self._finish, coming, job)
            # Without the annotation no type checker finds the type of the result.
            _: Worker[None] = self.run_worker(
                rest,
                group="order",
                # Without a description Textual prints all rows that the work refers to.
                description="order",
                exclusive=True,
            )

    async def _finish(self, coming: Coming[R], job: Generator[None, None, Order]) -> None:
        order = None
        while order is None:
            await asyncio.sleep(0)
            order = advance(job, SLICE)
        self._show(coming, order)

    def _show(self, coming: Coming[R], order: Order) -> None:
        before = self.cursor_key
        cursor, in_range = self._cursor, self._keys_in_range()
        self._coming = None
        if coming.columns is not None:
            self.columns, self.gives = tuple(coming.columns[0]), coming.columns[1]
        if coming.columns is not None or coming.rows is not self._rows:
            self._wanted, self._placed_for = None, -1
        self._rows, self._index, self._order = coming.rows, coming.index, order.indexes
        stays = 0 if coming.is_search else min(self._cursor, self.shown_count - 1)
        self._cursor = max(0, order.found if order.found is not None else stays)
        if self.marks.anchor is not None:
            # A result in the background often brings the same rows: their range stays open.
            self.marks = self.marks.range_from(self.marks.anchor + self._cursor - cursor)
            if self._keys_in_range() != in_range:
                self.marks = self.marks.range_from(None)
        self._strips.clear()
        self._resize()
        self._scroll_to_cursor()
        self.refresh()
        self.post_message(self.Ordered(self))
        if self.cursor_key != before or self.shown_count == 0:
            self.post_message(self.Highlighted(self, self.cursor_row))

    def _keys_in_range(self) -> list[Hashable]:
        span = self.marks.span(self._cursor)
        return [self.key_of(self._row_at(at)) for at in span if 0 <= at < self.shown_count]

    def _has_words(self, row: R) -> bool:
        texts = [column.text(row).casefold() for column in self.columns if column.searched]
        return all(any(word in text for text in texts) for word in self.words)

    def _set_marks(self, marks: Marks) -> None:
        if marks != self.marks:
            self.marks = marks
            self.refresh()
            self.refresh_bindings()
            self.post_message(self.MarksChanged(self))

    @action(
        "table.select",
        "Open",
        "enter",
        help="Open the row, or show its steps.",
        hint=96,
        palette=False,
        title_now=lambda table: table.opens,
    )
    def open_row(self) -> None:
        if self.cursor_row is not None:
            self.post_message(self.Selected(self, self.cursor_row))

    @action("table.cursor_down", "Next row", "j", "down", palette=False)
    def next_row(self) -> None:
        self._go(self.cursor + 1, 1)

    @action("table.cursor_up", "Previous row", "k", "up", palette=False)
    def previous_row(self) -> None:
        self._go(self.cursor - 1, -1)

    @action("table.first", "First row", "g", "home", palette=False)
    def first_row(self) -> None:
        self._go(0, 1)

    @action("table.last", "Last row", "G", "end", palette=False)
    def last_row(self) -> None:
        self._go(self.shown_count - 1, -1)

    @action("table.page_down", "Next page", "pagedown", palette=False)
    def next_page(self) -> None:
        self._go(self.cursor + self.page, 1)

    @action("table.page_up", "Previous page", "pageup", palette=False)
    def previous_page(self) -> None:
        self._go(self.cursor - self.page, -1)

    @action("table.left", "Scroll left", "left", palette=False)
    def go_left(self) -> None:
        self.scroll_to(x=self.scroll_offset.x - SIDE_STEP, animate=False)

    @action("table.right", "Scroll right", "right", palette=False)
    def go_right(self) -> None:
        self.scroll_to(x=self.scroll_offset.x + SIDE_STEP, animate=False)

    @action(
        "table.sort",
        "Sort",
        "s",
        help="Sort by the next column; again: reverse.",
    )
    def sort_next(self) -> None:
        sort = self.sort
        if sort is not None and not sort.descending:
            self.set_sort(Sort(sort.column_id, descending=True))
            return
        ids = [one.column.id for one in self.placed if one.column.sortable]
        following = ids.index(sort.column_id) + 1 if sort and sort.column_id in ids else 0
        self.set_sort(Sort(ids[following]) if following < len(ids) else None)

    @action("table.mark", "Mark", "space", help="Mark row and move down.", applies=_can_mark)
    def mark_row(self) -> None:
        span = self.marks.span(self.cursor) or range(self.cursor, self.cursor + 1)
        self._mark(span)
        # The cursor stays at the end of a range.
        if len(span) == 1:
            self._go(self.cursor + 1, 1)

    @action(
        "table.range",
        "Mark a range",
        help="Start a range; move, then press again to mark it.",
        applies=_can_mark,
    )
    def mark_range(self) -> None:
        if self.marks.anchor is None:
            self._set_marks(self.marks.range_from(self.cursor))
        else:
            self._mark(self.marks.span(self.cursor))

    @action("table.mark_all", "Mark all shown", applies=_can_mark)
    def mark_all(self) -> None:
        self._mark(range(self.shown_count))

    @action(
        "table.unmark",
        "Unmark all",
        "escape",
        applies=lambda table: bool(table.marks.keys) or table.marks.anchor is not None,
        palette=False,
    )
    def unmark(self) -> None:
        if self.marks.anchor is not None:
            self._set_marks(self.marks.range_from(None))
        else:
            self.clear_marks()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        position = self.scroll_offset.y + event.y - self.header_height
        at = event.x + self.scroll_offset.x if event.x >= self.sticky else event.x
        cells = (one for one in self.placed if one.start <= at < one.start + one.width)
        cell, text = next(cells, None), ""
        if cell is not None and event.y >= self.header_height and position < self.shown_count:
            row, column = self._row_at(position), cell.column
            if column.tooltip is not None:
                text = column.tooltip(row)
            elif cell_len(whole := cell.text(row)) > cell.width:
                text = display_block(whole, LONGEST_TOOLTIP)
        if text != self._hovered:
            # Textual draws a tooltip again whenever it is set, so not with each movement.
            self._hovered = text
            self.tooltip = Content(text) if text else None

    def on_click(self, event: events.Click) -> None:
        if event.y < self.header_height:
            self._sort_at(event.x)
            return
        position = self.scroll_offset.y + event.y - self.header_height
        if position >= self.shown_count:
            return
        # Don't scroll, so that the second click of two hits the same row.
        self.move_to(position, scroll=False)
        if event.button == RIGHT_BUTTON:
            self.post_message(self.MenuAsked(self))
        elif event.chain == 2:
            self.open_row()
        elif event.x < GUTTER and self.can_mark:
            self._mark(range(position, position + 1))

    def _mark(self, positions: range) -> None:
        keys = [self.key_of(self._row_at(position)) for position in positions]
        self._set_marks(self.marks.toggled(keys))

    def _sort_at(self, x: int) -> None:
        cell = x + self.scroll_offset.x if x >= self.sticky else x
        for placed in self.placed:
            if placed.start <= cell < placed.start + placed.width + 2 and placed.column.sortable:
                ascending = Sort(placed.column.id)
                self.set_sort(replace(ascending, descending=self.sort == ascending))
