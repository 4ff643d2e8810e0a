"""Saved views: choose one, save the current one, choose columns, replace one, delete one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult

from crmdeck.tui.dialogs.choose import COLUMNS as CHOICE_COLUMNS
from crmdeck.tui.dialogs.choose import Choice
from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.state.saved_views import SavedView
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.workspace import Searchable

SAVE, COLUMNS, SHOW, REPLACE, DELETE = "save", "columns", "show", "replace", "delete"


class Wish(NamedTuple):
    """The user's wish: a deed, and its view."""

    what: str
    view: SavedView | None = None


class SavedViews(Dialog[Wish]):
    """Answers with the user's wish."""

    SCOPE = "saved views"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(self, views: Sequence[SavedView], titles: Mapping[str, str]) -> None:
        super().__init__("Saved views")
        lines = [Choice(Wish(SHOW, view), view.name, view.summary(titles)) for view in views]
        lines += [
            Choice(Wish(SAVE), "+ Save this view", "filter, sort and layout, under a name"),
            Choice(Wish(COLUMNS), "+ Choose columns", "which ones show, and in which order"),
        ]
        self._list: SearchList[Choice[Wish]] = SearchList(
            lines,
            CHOICE_COLUMNS,
            key=lambda line: line.label,
            searched=lambda line: Searchable(line.label, texts=(line.detail,)),
        )

    @property
    def view(self) -> SavedView | None:
        """The view under the cursor; None on another row."""
        line = self._list.row
        return line.value.view if line is not None else None

    def compose_body(self) -> ComposeResult:
        yield self._list

    @dialog_action("saved.take", "Choose", "enter", hint=30, priority=True)
    def take(self) -> None:
        self._list.take()

    def _has_view(self) -> bool:
        return self.view is not None

    # With Ctrl, because letters search the list.
    @dialog_action(
        "saved.replace",
        "Overwrite with current view",
        "ctrl+r",
        hint=28,
        priority=True,
        applies=_has_view,
    )
    def replace(self) -> None:
        self.dismiss(Wish(REPLACE, self.view))

    @dialog_action(
        "saved.delete", "Delete", "ctrl+d", "ctrl+x", hint=26, priority=True, applies=_has_view
    )
    def delete(self) -> None:
        self.dismiss(Wish(DELETE, self.view))

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        self.dismiss(message.row.value)

    @on(SearchList.Highlighted)
    def _moved_on(self) -> None:
        self.refresh_bindings()
