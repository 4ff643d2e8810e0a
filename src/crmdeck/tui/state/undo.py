"""Undo: one stack of steps for the whole console, whichever pane did them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False, frozen=True)
class Undoable(Generic[T]):
    """A change that the user can undo: `title` names it, `where` the data it changes.

    `do` stores it and `undo` stores its reversal, in a worker. `turned` shows the result of an undo
    or a redo, `done` that of the first time. `command` is the command that does the same, or empty.
    """

    title: str
    where: str
    do: Callable[[], T]
    undo: Callable[[], T]
    turned: Callable[[T], object]
    done: Callable[[T], object]
    command: str = ""
    label: str = "saving"


@dataclass(eq=False, frozen=True)
class UndoStep:
    """One step of the user at a time in UTC: `title` names it, `where` the data it changed.

    `back` undoes it, `again` redoes it; both start the work and return immediately. `subject`
    identifies the step where it was done. `command` is the command that does the same, `undoing`
    the one that undoes it; each may be empty.
    """

    title: str
    where: str
    at: datetime
    back: Callable[[], object]
    again: Callable[[], object]
    subject: object = None
    command: str = ""
    undoing: str = ""


class UndoStack:
    """The steps in the order in which they were done. Event loop only.

    `changed` is called after every change of the stack, `noted` with each new step. `done` are the
    steps to undo and `undone` those to redo, both latest last.
    """

    def __init__(self, changed: Callable[[], object], noted: Callable[[UndoStep], object]) -> None:
        self._changed = changed
        self._noted = noted
        self.done: list[UndoStep] = []
        self.undone: list[UndoStep] = []

    def why_no_undo(self) -> str | None:
        return None if self.done else "Nothing to undo yet."

    def why_no_redo(self) -> str | None:
        return None if self.undone else "Nothing to redo."

    def did(self, step: UndoStep) -> None:
        """Add a step that was done; the undone ones can't be redone after it."""
        self.done.append(step)
        self.undone.clear()
        self._noted(step)
        self._changed()

    def undo(self) -> UndoStep:
        """Undo the last step and return it. Raises IndexError if the stack is empty."""
        step = self.done.pop()
        self.undone.append(step)
        step.back()
        self._changed()
        return step

    def redo(self) -> UndoStep:
        """Redo the last undone step and return it. Raises IndexError if the stack is empty."""
        step = self.undone.pop()
        self.done.append(step)
        step.again()
        self._changed()
        return step

    def forget(self, subject: object) -> None:
        """Remove the step of `subject`, which could not be stored."""
        for steps in (self.done, self.undone):
            steps[:] = [step for step in steps if step.subject is not subject]
        self._changed()

    def put_back(self, subject: object) -> None:
        """Move the step of `subject` back, because undoing or redoing it failed."""
        for here, there in ((self.done, self.undone), (self.undone, self.done)):
            found = [step for step in here if step.subject is subject]
            if found:
                here.remove(found[0])
                there.append(found[0])
                break
        self._changed()
