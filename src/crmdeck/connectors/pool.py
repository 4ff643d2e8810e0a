"""A small pool of threads. Neither the process nor a user who cancels waits for it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from crmdeck.model import CancelToken

T = TypeVar("T")
# A canceled job ends after this time, even if no result arrives.
_CHECK_SECONDS = 0.2


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Done:
    pass


class Running(Generic[T]):
    """Tasks that start in threads immediately.

    `take` returns the next task, or None after the last one. One thread at a time calls it. The
    threads are daemons: a request that hangs runs into its timeout.
    """

    def __init__(
        self, take: Callable[[], Callable[[CancelToken], T] | None], threads: int, name: str
    ) -> None:
        self._take = take
        self._results: queue.SimpleQueue[T | _Raised | _Done] = queue.SimpleQueue()
        self._stop = CancelToken()
        self._lock = threading.Lock()
        self._threads = threads
        for number in range(threads):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def stop(self) -> None:
        """Cancel the token of each task."""
        self._stop.cancel()

    def results(self, cancel: CancelToken) -> Iterator[T]:
        """Yield the results in the order in which the tasks finish.

        An exception in a task ends all of them.
        """
        running = self._threads
        try:
            while running:
                try:
                    result = self._results.get(timeout=_CHECK_SECONDS)
                except queue.Empty:
                    cancel.check()
                    continue
                cancel.check()
                if isinstance(result, _Done):
                    running -= 1
                elif isinstance(result, _Raised):
                    raise result.error
                else:
                    yield result
        # The caller may stop reading after a few results: the other tasks are then of no use.
        finally:
            self.stop()

    def _work(self) -> None:
        try:
            while not self._stop.canceled:
                with self._lock:
                    task = self._take()
                if task is None:
                    break
                self._results.put(task(self._stop))
        except BaseException as error:  # noqa: BLE001  the caller raises it again
            self._results.put(_Raised(error))
        self._results.put(_Done())


def in_parallel(
    take: Callable[[], Callable[[CancelToken], T] | None],
    threads: int,
    cancel: CancelToken,
    name: str,
) -> Iterator[T]:
    """Yield the results of tasks in the order in which they finish; see `Running`.

    Each task gets a token that is canceled as soon as its result is no longer needed.
    """
    yield from Running(take, threads, name).results(cancel)
