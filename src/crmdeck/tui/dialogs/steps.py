"""The actions that can be undone or redone, the latest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from textual.app import ComposeResult

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.state.undo import NOTHING_DONE, UndoStack, UndoStep
from crmdeck.tui.widgets.table import Column, Table


class StepRow(NamedTuple):
    """A step, done or undone."""

    step: UndoStep
    undone: bool


COLUMNS: tuple[Column[StepRow], ...] = (
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
        least=16,
    ),
    Column("where", "Where", lambda line: line.step.where, style=lambda _: "muted"),
)


class Steps(Dialog[None]):
    """Lists the steps of `stack`. `undo` and `redo` are those of the main screen."""

    SCOPE = "steps"

    def __init__(
        self, stack: UndoStack, undo: Callable[[], object], redo: Callable[[], object]
    ) -> None:
        super().__init__("Actions to undo or redo")
        self.stack = stack
        self._undo = undo
        self._redo = redo

    def compose_body(self) -> ComposeResult:
        # Not by title and time: the same action may be done twice within a second.
        yield Table(
            COLUMNS, key=lambda line: id(line.step), can_mark=False, empty=NOTHING_DONE, id="steps"
        )

    def on_mount(self) -> None:
        super().on_mount()
        self._fill()
        self.query_one(Table).focus()

    @dialog_action(
        "steps.undo", "Undo", "u", hint=40, blocked=lambda dialog: dialog.stack.why_no_undo()
    )
    def undo(self) -> None:
        self._undo()
        self._fill()

    @dialog_action(
        "steps.redo", "Redo", "U", hint=38, blocked=lambda dialog: dialog.stack.why_no_redo()
    )
    def redo(self) -> None:
        self._redo()
        self._fill()

    def _fill(self) -> None:
        done = [StepRow(step, False) for step in reversed(self.stack.done)]
        # The step to redo first comes right above the step to undo first.
        undone = [StepRow(step, True) for step in self.stack.undone]
        self.query_one(Table).set_rows((*undone, *done))
        self.refresh_bindings()
