"""Which columns of a table show, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.text import display_text

Named = tuple[str, str]
"""The id of a column and its title."""


class Columns(Dialog[tuple[str, ...]]):
    """Answers with the ids of the columns that are to show, in order; () is as they come."""

    SCOPE = "columns"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(self, columns: Sequence[Named], chosen: Sequence[str]) -> None:
        super().__init__("Columns", "What does not fit into a narrow window is left out there.")
        self._usual = tuple(columns)
        titles = dict(columns)
        known = [(one, titles[one]) for one in chosen if one in titles]
        self._lines = [*known, *(one for one in columns if one not in known)]
        self._shown = {one for one, _ in known} or set(titles)
        self._at = 0

    def compose_body(self) -> ComposeResult:
        """Yield the columns."""
        with VerticalScroll(can_focus=False):
            yield Static("", id="columns", markup=False)

    def on_mount(self) -> None:
        """Begin at the first."""
        super().on_mount()
        self._paint()

    def step(self, step: int) -> None:
        """Go to another column."""
        self._at = max(0, min(len(self._lines) - 1, self._at + step))
        self._paint()

    def turn(self) -> None:
        """Show the column, or show it no more; one at least stays."""
        column_id = self._lines[self._at][0]
        shown = self._shown ^ {column_id}
        if shown:
            self._shown = shown
        self._paint()

    def move(self, step: int) -> None:
        """Move the column before or after its neighbor."""
        to = self._at + step
        if 0 <= to < len(self._lines):
            lines = self._lines
            lines[self._at], lines[to] = lines[to], lines[self._at]
            self._at = to
        self._paint()

    def reset(self) -> None:
        """Answer that all are to be as they come."""
        self.dismiss(())

    def take(self) -> None:
        """Answer with what shows."""
        ids = tuple(one for one, _ in self._lines if one in self._shown)
        self.dismiss(() if ids == tuple(one for one, _ in self._usual) else ids)

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

    ACTIONS: ClassVar[Actions] = (
        Action("columns.take", "done", ("enter",), take, hint=30, palette=False),
        Action("columns.turn", "show or hide", ("space",), turn, hint=28, palette=False),
        *(
            Action(f"columns.{name}", title, keys, run, hint=hint, palette=False)
            for name, title, keys, run, hint in (
                ("later", "move down", ("J", "shift+down"), lambda one: one.move(1), 26),
                ("earlier", "move up", ("K", "shift+up"), lambda one: one.move(-1), 25),
                ("down", "next", ("j", "down"), lambda one: one.step(1), 0),
                ("up", "previous", ("k", "up"), lambda one: one.step(-1), 0),
            )
        ),
        Action("columns.reset", "as they come", ("r",), reset, hint=20, palette=False),
    )
