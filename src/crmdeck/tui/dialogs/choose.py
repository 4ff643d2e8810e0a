"""Choose one of a list, with a search that narrows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from crmdeck.tui.actions import Action
from crmdeck.tui.dialogs.base import Dialog
from crmdeck.tui.filtering import Filter, compile_filter
from crmdeck.tui.widgets.line_input import LineInput
from crmdeck.tui.widgets.table import Column, Table


@dataclass(frozen=True)
class Choice:
    """One thing to choose: `value` is the answer, `label` and `detail` what is shown."""

    value: Any
    label: str
    detail: str = ""


class Choose(Dialog[Any]):
    """Answers with the value of the chosen line. Any number of choices."""

    SCOPE = "choose"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("choose.take", "choose", ("enter",), hint=30, palette=False, priority=True),
        Action("choose.down", "next", ("down",), hint=20, palette=False, priority=True),
        Action("choose.up", "previous", ("up",), palette=False, priority=True),
    )

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        *,
        text: str = "",
        current: Any = None,
        columns: Sequence[Column[Choice]] | None = None,
    ) -> None:
        super().__init__(title, text)
        self._choices = tuple(choices)
        self._current = current
        self._columns = columns or (
            Column("label", "", lambda choice: choice.label, weight=2),
            Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted", weight=3),
        )

    def compose_body(self) -> ComposeResult:
        """Yield the search line and the list."""
        yield LineInput(placeholder="type to search", compact=True)
        table: Table[Choice] = Table(
            self._columns,
            key=lambda choice: choice.value,
            can_mark=False,
            empty="Nothing to choose from.",
        )
        table.can_focus = False
        yield table

    def on_mount(self) -> None:
        """Fill the list, with the current value under the cursor."""
        self.query_one(Table).set_rows(self._choices, cursor=self._current)
        self.query_one(Input).focus()

    def fill(self, choices: Sequence[Choice]) -> None:
        """Offer `choices`; for who opened the dialog before they were known."""
        self._choices = tuple(choices)
        if self.is_mounted:
            self.query_one(Table).set_rows(self._choices, cursor=self._current)

    def action_take(self) -> None:
        """Answer with the line under the cursor."""
        row = self.query_one(Table).cursor_row
        if row is not None:
            self.dismiss(row.value)

    def action_down(self) -> None:
        """Go to the next line."""
        self.query_one(Table).action_cursor_down()

    def action_up(self) -> None:
        """Go to the previous line."""
        self.query_one(Table).action_cursor_up()

    @on(Table.Selected)
    def _double_clicked(self) -> None:
        self.action_take()

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        found: Filter[Choice] = compile_filter(
            event.value, searched=lambda choice: (choice.label, choice.detail)
        )
        self.query_one(Table).set_filter(found.predicate, found.words)
