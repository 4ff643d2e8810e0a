"""One piece of work at a time for each key; callers that arrive later share its result."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from crmdeck.errors import CanceledError, CrmdeckError
from crmdeck.model import CancelToken, Progress, ProgressCallback

T = TypeVar("T")

_POLL = 0.1
"""Seconds between two checks of a waiting thread whether it was canceled."""


class SingleFlight(Generic[T]):
    """Work in progress by key; thread-safe."""

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
        """Do `work` in this thread, or wait for the same work (an equal `what`) of another thread.

        A waiting thread gets progress in its own thread, may cancel without stopping the work, and
        gets its own error object. If the working thread cancels, a waiting one takes over. Work
        with another `what` under the same key has to finish first. Raises what `work` raises, and
        CanceledError.
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
            # Another try: that work was canceled, or was other work than this.

    def _lead(
        self,
        key: str,
        flight: _Flight[T],
        work: Callable[[ProgressCallback], T],
        progress: ProgressCallback,
    ) -> T:
        def report(each: Progress) -> None:
            flight.report(each)
            progress(each)

        try:
            flight.results.append(work(report))
        except BaseException as error:
            flight.error = error
            raise
        finally:
            # Removed first, so that no thread joins finished work.
            with self._lock:
                del self._flights[key]
            flight.end()
        return flight.outcome()


class _Flight(Generic[T]):
    def __init__(self, what: object) -> None:
        self.what = what
        self.results: list[T] = []
        self.error: BaseException | None = None
        self._changed = threading.Condition()
        self._latest: Progress | None = None
        self._over = False

    def report(self, progress: Progress) -> None:
        with self._changed:
            self._latest = progress
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def wait(self, progress: ProgressCallback | None, cancel: CancelToken) -> None:
        reported: Progress | None = None
        over = False
        while not over:
            cancel.check()
            with self._changed:
                if not self._over and self._latest is reported:
                    self._changed.wait(_POLL)
                over, latest = self._over, self._latest
            if progress is not None and latest is not None and latest is not reported:
                progress(latest)
            reported = latest

    def outcome(self) -> T:
        if isinstance(self.error, CrmdeckError):
            # Raising adds a traceback and notes, so each thread needs its own error object.
            raise copy.copy(self.error)
        if self.error is not None:
            raise CrmdeckError(
                "The refresh that this one waited for was interrupted.",
                cause=type(self.error).__name__,
                code="INTERRUPTED",
            )
        return self.results[0]
