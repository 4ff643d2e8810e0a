"""A list of any length to look through and search, nothing to decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column


class Values(Dialog[None]):
    """Shows `rows` under `columns`; what is typed narrows them to those that have the words."""

    SCOPE = "values"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(self, title: str, rows: Sequence[Any], columns: Sequence[Column[Any]]) -> None:
        super().__init__(title)
        self._list = SearchList(rows, columns, empty="")

    def compose_body(self) -> ComposeResult:
        """Yield the list."""
        yield self._list

    def leave(self) -> None:
        """Go back."""
        self.dismiss(None)

    ACTIONS: ClassVar[Actions] = (
        Action("values.take", "close", ("enter",), leave, hint=30, palette=False, priority=True),
    )
