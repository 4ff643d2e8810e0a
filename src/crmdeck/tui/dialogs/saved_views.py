"""Saved views: choose one, save what shows, choose columns, replace one, delete one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.state.saved_views import SavedView
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import Searchable

SAVE, COLUMNS, SHOW, REPLACE, DELETE = "save", "columns", "show", "replace", "delete"


class Wish(NamedTuple):
    """What is wanted, and of which view."""

    what: str
    view: SavedView | None = None


class Line(NamedTuple):
    """One line: a view, or something else to do."""

    wish: Wish
    title: str
    detail: str


LINES: tuple[Column[Line], ...] = (
    Column("title", "", lambda line: line.title, weight=2),
    Column("detail", "", lambda line: line.detail, style=lambda _: "muted", min_width=40, weight=3),
)


def _has_view(dialog: SavedViews) -> bool:
    return dialog.view is not None


class SavedViews(Dialog[Wish]):
    """Answers with what is wanted."""

    SCOPE = "saved views"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(self, views: Sequence[SavedView], titles: Mapping[str, str]) -> None:
        super().__init__("Saved views")
        lines = [Line(Wish(SHOW, view), view.name, view.summary(titles)) for view in views]
        lines += [
            Line(Wish(SAVE), "+ save what shows", "filter, sort and columns, under a name"),
            Line(Wish(COLUMNS), "+ columns", "which show, and in which order"),
        ]
        self._list: SearchList[Line] = SearchList(
            lines,
            LINES,
            key=lambda line: line.title,
            searched=lambda line: Searchable(line.title, texts=(line.detail,)),
        )

    @property
    def view(self) -> SavedView | None:
        """The view under the cursor; None on another line."""
        line = self._list.row
        return line.wish.view if line is not None else None

    def compose_body(self) -> ComposeResult:
        """Yield the list."""
        yield self._list

    def take(self) -> None:
        """Do what the line under the cursor says."""
        self._list.take()

    def replace(self) -> None:
        """Save what shows under the name of this view."""
        self.dismiss(Wish(REPLACE, self.view))

    def delete(self) -> None:
        """Delete the view under the cursor."""
        self.dismiss(Wish(DELETE, self.view))

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        self.dismiss(message.row.wish)

    @on(SearchList.Highlighted)
    def _moved_on(self) -> None:
        self.refresh_bindings()

    ACTIONS: ClassVar[Actions] = (
        Action("saved.take", "choose", ("enter",), take, hint=30, palette=False, priority=True),
        Action(
            "saved.replace",
            "replace by what shows",
            ("ctrl+r",),
            replace,
            hint=28,
            palette=False,
            priority=True,
            applies=_has_view,
        ),
        Action(
            "saved.delete",
            "delete",
            ("ctrl+d", "ctrl+x"),
            delete,
            hint=26,
            palette=False,
            priority=True,
            applies=_has_view,
        ),
    )
