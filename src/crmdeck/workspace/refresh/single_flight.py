"""One piece of work at a time for each key; callers that come meanwhile share its result."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from crmdeck.errors import CanceledError, CrmdeckError
from crmdeck.model import CancelToken, Progress, ProgressCallback

T = TypeVar("T")

_LOOK = 0.1
"""Seconds between two looks of a waiting thread whether it is to stop."""


class SingleFlight(Generic[T]):
    """Work under way, by key; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight[T]] = {}

    def run(
        self,
        key: str,
        what: object,
        work: Callable[[ProgressCallback], T],
        progress: ProgressCallback,
        cancel: CancelToken,
    ) -> T:
        """Do `work` in this thread, or wait for the same work (an equal `what`) of another.

        A thread that waits gets the progress in its own thread, may cancel without stopping the
        work, and gets an error object of its own where it fails. Where the thread that does the
        work cancels, one that waits does it in turn. Work of another `what` under the same key is
        waited for first. Raises what `work` raises, and CanceledError.
        """
        while True:
            with self._lock:
                flight = self._flights.get(key)
                if flight is None:
                    mine = self._flights[key] = _Flight[T](what)
            if flight is None:
                return self._lead(key, mine, work, progress)
            same = flight.what == what
            flight.wait(progress if same else None, cancel)
            if same and not isinstance(flight.error, CanceledError):
                return flight.outcome()

    def _lead(
        self,
        key: str,
        flight: _Flight[T],
        work: Callable[[ProgressCallback], T],
        progress: ProgressCallback,
    ) -> T:
        def tell(each: Progress) -> None:
            flight.tell(each)
            progress(each)

        try:
            flight.results.append(work(tell))
        except BaseException as error:
            flight.error = error
            raise
        finally:
            # First out of the way, then done: nobody joins what is over.
            with self._lock:
                del self._flights[key]
            flight.end()
        return flight.outcome()


class _Flight(Generic[T]):
    """Work under way: how far it is, and what came of it."""

    def __init__(self, what: object) -> None:
        self.what = what
        self.results: list[T] = []
        self.error: BaseException | None = None
        self._changed = threading.Condition()
        self._latest: Progress | None = None
        self._over = False

    def tell(self, progress: Progress) -> None:
        with self._changed:
            self._latest = progress
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def wait(self, progress: ProgressCallback | None, cancel: CancelToken) -> None:
        told: Progress | None = None
        over = False
        while not over:
            cancel.check()
            with self._changed:
                if not self._over and self._latest is told:
                    self._changed.wait(_LOOK)
                over, latest = self._over, self._latest
            if progress is not None and latest is not None and latest is not told:
                progress(latest)
            told = latest

    def outcome(self) -> T:
        if isinstance(self.error, CrmdeckError):
            # An error object gathers a traceback and notes: none is raised in two threads.
            raise copy.copy(self.error)
        if self.error is not None:
            raise CrmdeckError(
                "What was waited for ended without a result.",
                cause=type(self.error).__name__,
                code="INTERRUPTED",
            )
        return self.results[0]
