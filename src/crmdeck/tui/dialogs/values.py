"""A list of any length to look through and search, nothing to decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from crmdeck.tui.actions import Action
from crmdeck.tui.dialogs.base import Dialog
from crmdeck.tui.filtering import Filter, compile_filter
from crmdeck.tui.widgets.line_input import LineInput
from crmdeck.tui.widgets.table import Column, Table


class Values(Dialog[None]):
    """Shows `rows` under `columns`; what is typed narrows them to those that have the words."""

    SCOPE = "values"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("values.close", "close", ("enter",), hint=30, palette=False, priority=True),
        Action("value.down", "next", ("down",), hint=20, palette=False, priority=True),
        Action("value.up", "previous", ("up",), palette=False, priority=True),
        Action("values.page_down", "next page", ("pagedown",), palette=False, priority=True),
        Action("values.page_up", "previous page", ("pageup",), palette=False, priority=True),
    )

    def __init__(
        self, title: str, rows: Sequence[Any], columns: Sequence[Column[Any]], *, text: str = ""
    ) -> None:
        super().__init__(title, text)
        self._rows = rows
        self._columns = tuple(columns)

    def compose_body(self) -> ComposeResult:
        """Yield the search line and the list."""
        yield LineInput(placeholder="type to search", compact=True)
        table: Table[Any] = Table(self._columns, can_mark=False)
        table.can_focus = False
        yield table

    def on_mount(self) -> None:
        """Fill the list."""
        self.query_one(Table).set_rows(self._rows)
        self.query_one(Input).focus()

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)

    def action_down(self) -> None:
        """Go to the next line."""
        self.query_one(Table).action_cursor_down()

    def action_up(self) -> None:
        """Go to the previous line."""
        self.query_one(Table).action_cursor_up()

    def action_page_down(self) -> None:
        """Go on by a page."""
        self.query_one(Table).action_page_down()

    def action_page_up(self) -> None:
        """Go back by a page."""
        self.query_one(Table).action_page_up()

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        found: Filter[Any] = compile_filter(
            event.value, searched=lambda row: [column.text(row) for column in self._columns]
        )
        self.query_one(Table).set_filter(found.predicate, found.words)
