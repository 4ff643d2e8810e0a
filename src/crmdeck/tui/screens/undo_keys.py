"""The keys that undo and redo, whichever pane made the change."""

from __future__ import annotations

from crmdeck.tui.host import Host
from crmdeck.tui.keys.actions import action
from crmdeck.tui.state.undo import UndoStep


class UndoKeys:
    """Undoes and redoes the changes of all panes."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._steps = host.steps

    def _undo_title(self) -> str:
        number = len(self._steps.done)
        return f"Undo ({number})" if number > 1 else "Undo"

    @action(
        "edit.undo",
        "Undo",
        "u",
        help="Undo the last action in any pane.",
        hint=91,
        blocked=lambda keys: keys._steps.why_no_undo(),
        writes=True,
        title_now=_undo_title,
    )
    def undo(self) -> None:
        step = self._steps.undo()
        self._say("Undone", step, step.undoing)

    @action(
        "edit.redo",
        "Redo",
        "U",
        help="Redo the last undone action.",
        hint=70,
        blocked=lambda keys: keys._steps.why_no_redo(),
        writes=True,
    )
    def redo(self) -> None:
        step = self._steps.redo()
        self._say("Redone", step, step.command)

    def _say(self, what: str, step: UndoStep, command: str) -> None:
        self._host.say(f"{what}: {step.title}  ({step.where})", timeout=4, command=command)
