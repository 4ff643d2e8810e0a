"""The folders and files that a line for a path can walk into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from crmdeck.errors import UsageError
from crmdeck.home import absolute_path
from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.widgets.table import Column, Table

USE_FOLDER, USE_FILE, MISSING = "Use this folder", "Use this file", "No such folder or file"
UP = "../"


class PathEntry(NamedTuple):
    """A row of the list, and the path that it stands for."""

    name: str
    path: str
    is_own: bool = False


_COLUMNS: tuple[Column[PathEntry], ...] = (
    Column(
        "name",
        "",
        lambda entry: entry.name,
        style=lambda entry: (
            "muted" if entry.is_own else "accent" if entry.name.endswith("/") else ""
        ),
    ),
)


class PathList(Widget):
    """The path of a line, then what its folder contains and begins like it.

    The line keeps the focus: its form moves the cursor here with `step`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loader = Loader(self, lambda _: None)
        self._shown_for: str | None = None
        self._waiting: list[Callable[[], object]] = []
        self._table: Table[PathEntry] = Table(
            _COLUMNS, key=lambda entry: entry.name, can_mark=False, empty=""
        )
        self._table.can_focus = False

    @dataclass
    class Picked(Message):
        """A row was clicked twice."""

        entry: PathEntry

    def compose(self) -> ComposeResult:
        yield self._table

    def on_unmount(self) -> None:
        self.loader.close()

    def show(self, text: str) -> None:
        """List what belongs to the path `text`, with the cursor on the path itself."""

        def on_loaded(entries: tuple[PathEntry, ...]) -> None:
            self._shown_for = text
            self._table.set_rows(entries, cursor=entries[0].name)
            waiting, self._waiting = self._waiting, []
            for then in waiting:
                then()

        # Keys that wait for an earlier path never get its list.
        self._shown_for, self._waiting = None, []
        self.loader.load("paths", lambda _: path_entries(text), on_loaded, quiet=True)

    def once_shown(self, then: Callable[[], object]) -> None:
        """Call `then` once the list belongs to the path that was typed last."""
        if self._shown_for is None:
            self._waiting.append(then)
        else:
            then()

    def chosen(self, text: str) -> PathEntry | None:
        """Return the row under the cursor; None for the path `text` itself, or if unknown."""
        row = self._table.cursor_row if text == self._shown_for else None
        return None if row is None or row.is_own else row

    def step(self, direction: int) -> bool:
        """Move the cursor down (1) or up (-1); False if that is the end."""
        before = self._table.cursor
        self._table.move_to(before + direction)
        return self._table.cursor != before

    def on_table_selected(self, message: Table.Selected) -> None:
        message.stop()
        if not message.row.is_own:
            self.post_message(self.Picked(message.row))


def path_entries(text: str) -> tuple[PathEntry, ...]:
    """Return the path itself, its parent, and the folders, then files, that begin like it."""
    folder, slash, start = text.rpartition("/")
    above = f"{folder}{slash}"
    try:
        own, there = absolute_path(text.strip() or "."), absolute_path(above or ".")
        word = USE_FOLDER if own.is_dir() else USE_FILE if own.exists() else MISSING
        found = [PathEntry(word, text, is_own=True)]
        if not start and there != there.parent:
            parent = str(there.parent)
            found.append(PathEntry(UP, parent if parent.endswith("/") else f"{parent}/"))
        names = sorted(
            (not each.is_dir(), each.name)
            for each in there.iterdir()
            # As in a shell, names with a dot show once the dot is typed.
            if each.name.startswith(start) and (start or not each.name.startswith("."))
        )
    except (UsageError, OSError, ValueError):
        return (PathEntry(MISSING, text, is_own=True),)
    for is_file, name in names:
        shown = name if is_file else f"{name}/"
        found.append(PathEntry(shown, f"{above}{shown}"))
    return tuple(found)
