"""What was done and undone, the latest first, to undo more or do it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.state.undo import NOTHING_DONE, UndoStack, UndoStep
from crmdeck.tui.widgets.table import Column, Table


class Line(NamedTuple):
    """A step, and whether it was undone."""

    step: UndoStep
    undone: bool


COLUMNS: tuple[Column[Line], ...] = (
    Column(
        "state",
        "",
        lambda line: "undone" if line.undone else "done",
        style=lambda line: "muted" if line.undone else "ok",
        width=10,
    ),
    Column(
        "at",
        "UTC",
        lambda line: line.step.at.strftime("%H:%M"),
        style=lambda _: "muted",
        width=5,
    ),
    Column(
        "title",
        "What",
        lambda line: line.step.title,
        style=lambda line: "muted" if line.undone else "",
        weight=3,
    ),
    Column("where", "Where", lambda line: line.step.where, style=lambda _: "muted", weight=2),
)


class Steps(Dialog[None]):
    """Lists the steps of `stack`; `undo` and `redo` do what their keys do everywhere."""

    SCOPE = "steps"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(
        self, stack: UndoStack, undo: Callable[[], object], redo: Callable[[], object]
    ) -> None:
        super().__init__("What can be undone")
        self._stack = stack
        self._undo = undo
        self._redo = redo

    def compose_body(self) -> ComposeResult:
        """Yield the list."""
        yield Table(
            COLUMNS, key=lambda line: id(line.step), can_mark=False, empty=NOTHING_DONE, id="steps"
        )

    def on_mount(self) -> None:
        """Show the steps."""
        super().on_mount()
        self._fill()
        self.query_one(Table).focus()

    def undo(self) -> None:
        """Undo the latest step."""
        self._undo()
        self._fill()

    def redo(self) -> None:
        """Do again what was undone last."""
        self._redo()
        self._fill()

    def _fill(self) -> None:
        done = [Line(step, False) for step in reversed(self._stack.done)]
        # Next to what is done stands what would be done again first.
        undone = [Line(step, True) for step in self._stack.undone]
        self.query_one(Table).set_rows((*undone, *done))
        self.refresh_bindings()

    def why_no_undo(self) -> str | None:
        """Say why there is nothing to undo."""
        return self._stack.why_no_undo()

    def why_no_redo(self) -> str | None:
        """Say why there is nothing to do again."""
        return self._stack.why_no_redo()

    ACTIONS: ClassVar[Actions] = (
        Action("steps.undo", "undo", ("u",), undo, hint=40, palette=False, blocked=why_no_undo),
        Action("steps.redo", "redo", ("U",), redo, hint=38, palette=False, blocked=why_no_redo),
    )
