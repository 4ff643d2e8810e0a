"""How long work tells how far it is, and how it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from crmdeck.errors import CanceledError


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is: `done` of `total` (None while unknown), and at what.

    `waiting` says what it waits for, in words, and is empty while it does not.
    """

    done: int
    total: int | None
    label: str = ""
    waiting: str = ""


ProgressCallback = Callable[[Progress], None]


class CancelToken:
    """A flag that long work looks at between steps. Safe to set from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._event.set()

    @property
    def canceled(self) -> bool:
        """Return whether somebody asked the work to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise CanceledError when somebody asked the work to stop."""
        if self.canceled:
            raise CanceledError("Canceled; nothing was written.")

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`, or raise CanceledError as soon as the work is to stop."""
        if self._event.wait(seconds):
            self.check()
