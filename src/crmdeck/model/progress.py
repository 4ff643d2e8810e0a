"""Progress of long work, and how to cancel it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from crmdeck.errors import CanceledError


@dataclass(frozen=True)
class Progress:
    """The progress of some work: `done` of `total` (None if unknown), and the current item.

    `waiting` is a sentence about what it waits for; empty while it doesn't wait.
    """

    done: int
    total: int | None
    label: str = ""
    waiting: str = ""


ProgressCallback = Callable[[Progress], None]


class CancelToken:
    """A flag that long work checks between steps. Safe to set from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def canceled(self) -> bool:
        """True if the work should stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise CanceledError if the work should stop."""
        if self.canceled:
            raise CanceledError("Canceled; nothing was written.")

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`; raise CanceledError as soon as the work should stop."""
        if self._event.wait(seconds):
            self.check()
