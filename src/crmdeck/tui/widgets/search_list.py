"""A list with a search, which puts the cursor on the best match, or a menu without a search."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from crmdeck.tui.filters import FilterKeys, compile_filter
from crmdeck.tui.keys.actions import ActionHost, action
from crmdeck.tui.widgets.inputs import LineInput
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.tui.widgets.table.columns import Gives
from crmdeck.workspace import Searchable, SearchIndex

R = TypeVar("R")

LEAST_LINES = 3
HELP_KEY = "question_mark"
"""No name contains it, so that help can open while the user types."""


class SearchList(ActionHost, Widget, Generic[R]):
    """Rows in a table below an input; the keys that move the cursor work while the user types.

    `rows` are None until `fill` is called. `key` names a row, `current` is the name of the first
    one to select. A search looks in the texts that `searched` returns, by default in those shown,
    and lists the best matches first. `resting` are shown instead of all rows while the input is
    empty. A first character of `prefixes` stands for a filter. Keys in `passed_on` go to the dialog
    first. A menu (`is_menu`) has no input.
    """

    SCOPE = "list"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    @dataclass
    class Highlighted(Message):
        """The cursor is on another row, or on None if the list is empty."""

        row: Any

    @dataclass
    class Taken(Message):
        """A row was double-clicked, or chosen by `take`."""

        row: Any

    def __init__(
        self,
        rows: Sequence[R] | None,
        columns: Sequence[Column[R]],
        *,
        gives: Gives = (),
        key: Callable[[R], Hashable] = id,
        searched: Callable[[R], Searchable] | None = None,
        filter_keys: FilterKeys[R] | None = None,
        resting: Sequence[R] | None = None,
        prefixes: Mapping[str, str] | None = None,
        current: Hashable = None,
        placeholder: str = "Type to search",
        empty: str = "Nothing to choose from.",
        passed_on: Iterable[str] = (),
        is_menu: bool = False,
    ) -> None:
        super().__init__()
        self.can_focus = self._is_menu = is_menu
        self._key = key
        self._room = 0
        self._resting = tuple(resting) if resting is not None else None
        self._rows = tuple(rows) if rows is not None else None
        self._index: SearchIndex[R] | None = None
        self._current = current
        shown = [column.text for column in columns if column.searched]
        self._searched = searched or (
            lambda row: Searchable("", texts=tuple(text(row) for text in shown))
        )
        self._filter_keys = filter_keys or {}
        self._prefixes = prefixes or {}
        self._entry = LineInput(placeholder=placeholder, compact=True)
        self._entry.passed_on = frozenset((HELP_KEY, *passed_on))
        self._table: Table[R] = Table(columns, gives=gives, key=key, can_mark=False, empty=empty)
        # The input keeps the focus, and passes on the keys that move the cursor.
        self._table.can_focus = False
        self._sought = ""
        self._takes = False
        self._is_filled = False
        self._moved = False

    @property
    def row(self) -> R | None:
        return self._table.cursor_row

    @property
    def position_text(self) -> str:
        """The place of the cursor, as in a table."""
        return self._table.position_text

    @property
    def count_text(self) -> str:
        """The number of rows, as in a table."""
        return self._table.count_text

    def compose(self) -> ComposeResult:
        if not self._is_menu:
            yield self._entry
        yield self._table

    def on_mount(self) -> None:
        self._show()
        (self if self._is_menu else self._entry).focus()

    def key_of(self, row: R) -> Hashable:
        return self._key(row)

    def go_to(self, row: R) -> None:
        """Move the cursor to a row that is shown."""
        keys = [self._key(one) for one in self._table.shown()]
        self._table.move_to(keys.index(self._key(row)))

    def fit(self, room: int) -> None:
        """Give the table the lines of `room` that all rows need, however few a search finds."""
        self._room = room
        # The line of the input, and the margins below it and the table.
        room -= 1 if self._is_menu else 3
        least = 1 if self._is_menu else LEAST_LINES
        rows = max(len(self._rows or ()), len(self._resting or ()), least)
        self._table.styles.height = min(rows + self._table.header_height, max(LEAST_LINES, room))

    def fill(
        self,
        rows: Sequence[R],
        index: SearchIndex[R] | None = None,
        *,
        resting: Sequence[R] | None = None,
    ) -> None:
        """Show `rows`, with an index over them if there is one, and other `resting` rows."""
        self._rows, self._index = tuple(rows), index
        if resting is not None:
            self._resting = tuple(resting)
        if self.is_mounted:
            self._show()

    def unfold(self, current: Hashable) -> None:
        """Show all rows even while the input is empty, with the cursor on `current`."""
        self._resting, self._current = None, current
        if self.is_mounted:
            self._show_rows()

    def take(self) -> None:
        """Choose the row that matches all keys typed so far, once it is found."""
        if self._is_menu:
            self._take_row()
            return
        # Letters wait in the queue of the input; a key of the dialog would overtake them.
        self._entry.call_later(self._take_what_is_found)

    @action("list.down", "Next", "down", help="Next row.", hint=20, palette=False, priority=True)
    @action("list.next", "Next", "j", applies=lambda one: one._is_menu, palette=False)
    def next_row(self) -> None:
        self._moved = True
        self._table.next_row()

    @action("list.up", "Previous", "up", help="Previous row.", palette=False, priority=True)
    @action("list.previous", "Previous", "k", applies=lambda one: one._is_menu, palette=False)
    def previous_row(self) -> None:
        self._moved = True
        self._table.previous_row()

    @action("list.page_down", "Next page", "pagedown", palette=False, priority=True)
    def next_page(self) -> None:
        self._moved = True
        self._table.next_page()

    @action("list.page_up", "Previous page", "pageup", palette=False, priority=True)
    def previous_page(self) -> None:
        self._moved = True
        self._table.previous_page()

    @on(Table.Highlighted)
    def _highlighted(self, message: Table.Highlighted) -> None:
        # The list posts its own message instead of that of the table.
        message.stop()
        self.post_message(self.Highlighted(message.row))

    @on(Table.Selected)
    def _double_clicked(self, message: Table.Selected) -> None:
        self.post_message(self.Taken(message.row))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._search(event.value)

    @on(Table.Ordered)
    def _found(self) -> None:
        if self._takes:
            self._takes = False
            self._take_row()

    def _take_what_is_found(self) -> None:
        self._search(self._entry.value)
        # Rows may be loaded but not in the table yet; then one is chosen when they are.
        coming = self._rows is not None and not self._is_filled
        self._takes = coming or self._table.is_ordering
        if not self._takes:
            self._take_row()

    def _take_row(self) -> None:
        if self.row is not None:
            self.post_message(self.Taken(self.row))

    def _search(self, text: str) -> None:
        if text == self._sought:
            return
        # The rows change when the first letter is typed, and when the last one is deleted.
        rests = self._rests
        self._sought, self._moved = text, False
        if self._rests != rests:
            self._show_rows()
        if text[:1] in self._prefixes:
            text = f"{self._prefixes[text[0]]} {text[1:]}"
        found = compile_filter(text, searched=self._texts, keys=self._filter_keys)
        self._table.set_filter(found.predicate, found.words, beside=found.beside, tolerant=True)

    def _texts(self, row: R) -> tuple[str, ...]:
        one = self._searched(row)
        return (one.name, one.within, *one.texts)

    @property
    def _rests(self) -> bool:
        return self._resting is not None and not self._sought.strip()

    def _show(self) -> None:
        if self._rows is not None:
            self._is_filled = True
            # A list without an index of its own is short: to index it here doesn't show.
            if self._index is None:
                self._index = SearchIndex(self._rows, self._searched)
            self._show_rows()

    def _show_rows(self) -> None:
        if self._rests:
            self._table.set_rows(self._resting or (), cursor=self._current, best=not self._moved)
        elif self._rows is not None:
            best = bool(self._sought.strip()) and not self._moved
            self._table.set_rows(self._rows, cursor=self._current, index=self._index, best=best)
        if self._room:
            self.fit(self._room)
