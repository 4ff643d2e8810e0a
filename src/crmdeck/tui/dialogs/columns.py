"""Choose the columns of a table and their order."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.text import display_text

Named = tuple[str, str]
"""The id of a column and its title."""


class Columns(Dialog[tuple[str, ...]]):
    """Answers with the ids of the columns to show, in order, or () for the default."""

    SCOPE = "columns"

    def __init__(self, columns: Sequence[Named], chosen: Sequence[str]) -> None:
        super().__init__("Columns", "A narrow window hides columns that don't fit.")
        self._usual = tuple(columns)
        titles = dict(columns)
        known = [(one, titles[one]) for one in chosen if one in titles]
        self._lines = [*known, *(one for one in columns if one not in known)]
        self._shown = {one for one, _ in known} or set(titles)
        self._at = 0

    def compose_body(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Static("", id="columns", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self._paint()

    @dialog_action("columns.take", "Done", "enter", hint=30)
    def take(self) -> None:
        ids = tuple(one for one, _ in self._lines if one in self._shown)
        self.dismiss(() if ids == tuple(one for one, _ in self._usual) else ids)

    @dialog_action("columns.turn", "Show or hide", "space", hint=28)
    def toggle(self) -> None:
        column_id = self._lines[self._at][0]
        shown = self._shown ^ {column_id}
        # A table needs a column.
        if shown:
            self._shown = shown
        self._paint()

    @dialog_action("columns.later", "Move down", "J", "shift+down", hint=26)
    def move_down(self) -> None:
        self._move(1)

    @dialog_action("columns.earlier", "Move up", "K", "shift+up", hint=25)
    def move_up(self) -> None:
        self._move(-1)

    @dialog_action("columns.down", "Next", "j", "down")
    def next_column(self) -> None:
        self._step(1)

    @dialog_action("columns.up", "Previous", "k", "up")
    def previous_column(self) -> None:
        self._step(-1)

    @dialog_action("columns.reset", "Default columns", "r", hint=20)
    def reset(self) -> None:
        self.dismiss(())

    def _step(self, step: int) -> None:
        self._at = max(0, min(len(self._lines) - 1, self._at + step))
        self._paint()

    def _move(self, step: int) -> None:
        to = self._at + step
        if 0 <= to < len(self._lines):
            lines = self._lines
            lines[self._at], lines[to] = lines[to], lines[self._at]
            self._at = to
        self._paint()

    def _paint(self) -> None:
        lines = []
        for index, (column_id, title) in enumerate(self._lines):
            here, shown = index == self._at, column_id in self._shown
            lines.append(
                Content.assemble(
                    ("▌ " if here else "  ", "bold $primary"),
                    ("✓ " if shown else "  ", "$good"),
                    (display_text(title, 60), "bold" if here else "" if shown else "$muted"),
                )
            )
        self.query_one("#columns", Static).update(Content("\n").join(lines))
