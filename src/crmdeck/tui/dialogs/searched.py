"""A list that what is typed narrows, with the cursor in it: what every such dialog is made of."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.dialogs.base import Dialog
from crmdeck.tui.filtering import Filter, KeyTest, compile_filter
from crmdeck.tui.widgets.line_input import LineInput
from crmdeck.tui.widgets.table import Column, Table

T = TypeVar("T")


class SearchedList(Dialog[T]):
    """Shows `rows` under `columns`. The keys that move the cursor work while one types.

    A subclass says by which words and keys rows are found, and what Enter and a double click do.
    With None for `rows` they are not known yet: `fill` brings them.
    """

    SCOPE = "list"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)
    ACTIONS: ClassVar[Actions] = (
        Action("list.down", "next", ("down",), hint=20, palette=False, priority=True),
        Action("list.up", "previous", ("up",), palette=False, priority=True),
        Action("list.page_down", "next page", ("pagedown",), palette=False, priority=True),
        Action("list.page_up", "previous page", ("pageup",), palette=False, priority=True),
    )
    FILTER_KEYS: ClassVar[Mapping[str, KeyTest[Any]]] = {}
    SEARCH_FOR: ClassVar[str] = "type to search"
    EMPTY: ClassVar[str] = "Nothing to choose from."

    def __init__(
        self,
        title: str,
        rows: Sequence[Any] | None,
        columns: Sequence[Column[Any]],
        *,
        text: str = "",
        current: Hashable = None,
    ) -> None:
        super().__init__(title, text)
        self._rows = tuple(rows) if rows is not None else None
        self._columns = tuple(columns)
        self._current = current
        self._sought = ""
        self._takes = False

    @property
    def row(self) -> Any:
        """The row under the cursor, or None."""
        return self.query_one(Table).cursor_row

    def key_of(self, row: Any) -> Hashable:
        """Return what names a row: `current` is one of these."""
        return id(row)

    def searched(self, row: Any) -> Iterable[str]:
        """Return the texts of a row in which words are looked for."""
        return [column.text(row) for column in self._columns if column.searched]

    def compose_body(self) -> ComposeResult:
        """Yield the search line and the list."""
        yield LineInput(placeholder=self.SEARCH_FOR, compact=True)
        table: Table[Any] = Table(self._columns, key=self.key_of, can_mark=False, empty=self.EMPTY)
        table.can_focus = False
        yield table

    def on_mount(self) -> None:
        """Fill the list, with the current row under the cursor."""
        self._show()
        self.query_one(Input).focus()

    def fill(self, rows: Sequence[Any]) -> None:
        """Show `rows`, in the place of those that were there."""
        self._rows = tuple(rows)
        if self.is_mounted:
            self._show()

    def take(self) -> None:
        """Do what Enter and a double click do."""
        raise NotImplementedError

    def action_take(self) -> None:
        """Do what Enter does, on what is found by all that was typed before it."""
        self.once_typed(self._take_what_is_found)

    def action_down(self) -> None:
        """Go to the next row."""
        self.query_one(Table).action_cursor_down()

    def action_up(self) -> None:
        """Go to the previous row."""
        self.query_one(Table).action_cursor_up()

    def action_page_down(self) -> None:
        """Go on by a page."""
        self.query_one(Table).action_page_down()

    def action_page_up(self) -> None:
        """Go back by a page."""
        self.query_one(Table).action_page_up()

    @on(Table.Selected)
    def _double_clicked(self) -> None:
        self.take()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._search(event.value)

    @on(Table.Ordered)
    def _found(self) -> None:
        if self._takes:
            self._takes = False
            self.take()

    def _take_what_is_found(self) -> None:
        self._search(self.query_one(Input).value)
        self._takes = self.query_one(Table).is_ordering
        if not self._takes:
            self.take()

    def _search(self, text: str) -> None:
        if text == self._sought:
            return
        self._sought = text
        found: Filter[Any] = compile_filter(text, searched=self.searched, keys=self.FILTER_KEYS)
        self.query_one(Table).set_filter(found.predicate, found.words)

    def _show(self) -> None:
        if self._rows is not None:
            self.query_one(Table).set_rows(self._rows, cursor=self._current)
