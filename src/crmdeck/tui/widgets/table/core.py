"""The table without its keys: rows, cursor, marks, and the order in which rows show.

Filtering and sorting walk all rows, in slices between which the event loop breathes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Hashable, Sequence
from typing import ClassVar, TypeVar

from textual.worker import Worker

from crmdeck.tui.widgets.table.columns import Column
from crmdeck.tui.widgets.table.marks import Marks
from crmdeck.tui.widgets.table.messages import Highlighted, MarksChanged, Ordered
from crmdeck.tui.widgets.table.ordering import Order, Plan, Sort, advance, work
from crmdeck.tui.widgets.table.view import TableView

R = TypeVar("R")

SLICE = 0.004
"""Seconds of ordering work between two breaths of the event loop."""


class TableCore(TableView[R], inherit_bindings=False):
    """What changes a table; `Table` adds keys and mouse."""

    PATIENCE: ClassVar[float] = SLICE
    """Seconds that ordering may take before it goes on in the background."""

    def on_mount(self) -> None:
        """Order the first rows."""
        if self.sort is not None or self._predicate is not None:
            self._start(self._rows, wanted=None)
        elif self.shown_count:
            self.post_message(Ordered(self))
            self.post_message(Highlighted(self, self.cursor_row))

    # What changes it

    def set_rows(self, rows: Sequence[R], *, cursor: Hashable | None = None) -> None:
        """Show `rows` (never changed afterwards); cursor and marks stay on their keys.

        `cursor` is the key of the row to go to, if it is among them.
        """
        self._filled = True
        self._start(rows, wanted=self.cursor_key if cursor is None else cursor)

    def update_rows(self, rows: Sequence[R]) -> None:
        """Show `rows`, the same keys in the same order as before, without ordering them anew.

        Nothing moves, even where another value would be sorted or filtered elsewhere.
        """
        self._rows = rows
        self._strips.clear()
        self.refresh()

    def set_filter(
        self, predicate: Callable[[R], bool] | None = None, words: Sequence[str] = ()
    ) -> None:
        """Show the rows that pass, with `words` highlighted.

        Without a predicate every word must occur in one of the searched columns.
        """
        self.words = tuple(word.casefold() for word in words if word)
        self._predicate = predicate or (self._has_words if self.words else None)
        self._restart()

    def set_sort(self, sort: Sort | None) -> None:
        """Sort by `sort`; None is the order in which the rows came."""
        self.sort = sort
        self._restart()

    def move_to(self, position: int, *, scroll: bool = True) -> None:
        """Put the cursor on the row at `position` among those that show."""
        position = max(0, min(position, self.shown_count - 1))
        moved = position != self._cursor
        before = self._cursor
        self._cursor = position
        if scroll:
            self._scroll_to_cursor()
        if moved:
            if self.marks.anchor is None:
                self._refresh_row(before)
                self._refresh_row(position)
            else:
                self.refresh()
                self.post_message(MarksChanged(self))
            self.post_message(Highlighted(self, self.cursor_row))

    def clear_marks(self) -> None:
        """Mark nothing and leave an open range."""
        self._set_marks(Marks())

    # Ordering

    _coming: tuple[Sequence[R], Hashable | None] | None = None
    """Rows that are still being ordered, and the key that the cursor is to go to."""

    @property
    def is_ordering(self) -> bool:
        """Whether rows are still being ordered or filtered; `Ordered` follows."""
        return self._coming is not None

    def _restart(self) -> None:
        """Order anew what shows, or what was about to."""
        if self._coming is not None:
            self._start(*self._coming)
        else:
            self._start(self._rows, wanted=self.cursor_key)

    def _start(self, rows: Sequence[R], wanted: Hashable | None) -> None:
        self._coming = rows, wanted
        column = self._sort_column()
        plan = Plan(
            rows=rows,
            predicate=self._predicate,
            column=column,
            descending=bool(self.sort and self.sort.descending),
            key=self.key_of,
            wanted=wanted,
        )
        job = work(plan)
        self.workers.cancel_group(self, "order")
        order = advance(job, self.PATIENCE)
        if order is not None:
            self._show(rows, order)
        else:

            async def finish() -> None:
                await self._finish(rows, job)

            worker: Worker[None] = self.run_worker(finish, group="order", exclusive=True)
            del worker

    async def _finish(self, rows: Sequence[R], job: Generator[None, None, Order]) -> None:
        order = None
        while order is None:
            await asyncio.sleep(0)
            order = advance(job, SLICE)
        self._show(rows, order)

    def _show(self, rows: Sequence[R], order: Order) -> None:
        before = self.cursor_key
        self._coming = None
        self._rows, self._order = rows, order.indexes
        found = order.found if order.found is not None else min(self._cursor, self.shown_count - 1)
        self._cursor = max(0, found)
        if self.marks.anchor is not None:
            self.marks = self.marks.range_from(None)
        self._strips.clear()
        self._resize()
        self._scroll_to_cursor()
        self.refresh()
        self.post_message(Ordered(self))
        if self.cursor_key != before or self.shown_count == 0:
            self.post_message(Highlighted(self, self.cursor_row))

    def _sort_column(self) -> Column[R] | None:
        if self.sort is None:
            return None
        wanted = self.sort.column_id
        return next((column for column in self.columns if column.id == wanted), None)

    def _has_words(self, row: R) -> bool:
        texts = [column.text(row).casefold() for column in self.columns if column.searched]
        return all(any(word in text for text in texts) for word in self.words)

    def _set_marks(self, marks: Marks) -> None:
        if marks != self.marks:
            self.marks = marks
            self.refresh()
            self.refresh_bindings()
            self.post_message(MarksChanged(self))
