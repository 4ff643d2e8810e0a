"""A list to read and search, of any length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column

R = TypeVar("R")


class Values(Dialog[None], Generic[R]):
    """Shows `rows` under `columns`. Without rows, call `fill` later.

    Enter calls `show`, or closes.
    """

    SCOPE = "values"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(
        self,
        title: str,
        rows: Sequence[R] | None,
        columns: Sequence[Column[R]],
        *,
        show: Callable[[R], object] | None = None,
        empty: str = "",
    ) -> None:
        super().__init__(title)
        self._show = show
        self._list = SearchList(rows, columns, empty=empty)

    def fill(self, rows: Sequence[R]) -> None:
        self._list.fill(rows)

    def compose_body(self) -> ComposeResult:
        yield self._list

    @dialog_action(
        "values.take",
        "Close",
        "enter",
        hint=30,
        priority=True,
        title_now=lambda dialog: "Show in full" if dialog._show else "Close",
    )
    def take(self) -> None:
        if self._show is None:
            self.dismiss(None)
        else:
            self._list.take()

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        if self._show is not None:
            self._show(message.row)
