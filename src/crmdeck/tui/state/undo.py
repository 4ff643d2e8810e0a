"""What can be undone: one stack of steps for the whole console, whichever pane did them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

NOTHING_DONE = "Nothing was done since the console was opened."


@dataclass(eq=False, frozen=True)
class UndoStep:
    """One thing that the operator did at `at`: `title` says what, `where` to which data.

    `back` undoes it, `again` does it once more; both begin the work and return at once.
    `subject` is what the step is known by where it was done, `command` the command line that does
    the same, empty where none does.
    """

    title: str
    where: str
    at: datetime
    back: Callable[[], object]
    again: Callable[[], object]
    subject: object = None
    command: str = ""


class UndoStack:
    """The steps in the order in which they were done; all on the event loop.

    `changed` is called whenever there are others, `noted` with each that was done.
    """

    def __init__(
        self,
        changed: Callable[[], object],
        noted: Callable[[UndoStep], object] = lambda _: None,
    ) -> None:
        self._changed = changed
        self._noted = noted
        self._done: list[UndoStep] = []
        self._undone: list[UndoStep] = []

    @property
    def done(self) -> tuple[UndoStep, ...]:
        """What can be undone, the latest last."""
        return tuple(self._done)

    @property
    def undone(self) -> tuple[UndoStep, ...]:
        """What was undone and can be done again, the latest last."""
        return tuple(self._undone)

    def why_no_undo(self) -> str | None:
        """Say why there is nothing to undo; None where there is something."""
        return None if self._done else NOTHING_DONE

    def why_no_redo(self) -> str | None:
        """Say why there is nothing to do again; None where there is something."""
        return None if self._undone else "Nothing was undone."

    def did(self, step: UndoStep) -> None:
        """Take note of a step; what was undone before can't be done again from here on."""
        self._done.append(step)
        self._undone.clear()
        self._noted(step)
        self._changed()

    def undo(self) -> UndoStep:
        """Undo the latest step and return it; raises IndexError where there is none."""
        step = self._done.pop()
        self._undone.append(step)
        step.back()
        self._changed()
        return step

    def redo(self) -> UndoStep:
        """Do again what was undone last; raises IndexError where there is nothing."""
        step = self._undone.pop()
        self._done.append(step)
        step.again()
        self._changed()
        return step

    def forget(self, subject: object) -> None:
        """Take out the step of `subject`, which could not be stored."""
        for steps in (self._done, self._undone):
            steps[:] = [step for step in steps if step.subject is not subject]
        self._changed()

    def put_back(self, subject: object) -> None:
        """Note that undoing the step of `subject`, or doing it again, did not work."""
        for here, there in ((self._done, self._undone), (self._undone, self._done)):
            found = [step for step in here if step.subject is subject]
            if found:
                here.remove(found[0])
                there.append(found[0])
                break
        self._changed()
