"""A small pool of threads. Neither the process nor a user who cancels waits for it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from crmdeck.model import CancelToken

T = TypeVar("T")
_LOOK_SECONDS = 0.2


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Done:
    pass


def in_parallel(
    take: Callable[[], Callable[[CancelToken], T] | None],
    threads: int,
    cancel: CancelToken,
    name: str,
) -> Iterator[T]:
    """Yield the results of tasks in the order in which they finish.

    `take` returns the next task, or None after the last one. One thread at a time calls it. Each
    task gets a token that is canceled as soon as its result is no longer needed. An exception in
    a task ends all of them. The threads are daemons: a request that hangs runs into its timeout.
    """
    results: queue.SimpleQueue[T | _Raised | _Done] = queue.SimpleQueue()
    stop = CancelToken()
    lock = threading.Lock()

    def work() -> None:
        try:
            while not stop.canceled:
                with lock:
                    task = take()
                if task is None:
                    break
                results.put(task(stop))
        except BaseException as error:  # noqa: BLE001  the caller raises it again
            results.put(_Raised(error))
        results.put(_Done())

    for number in range(threads):
        threading.Thread(target=work, name=f"{name}-{number}", daemon=True).start()
    running = threads
    try:
        while running:
            try:
                result = results.get(timeout=_LOOK_SECONDS)
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
    finally:
        stop.cancel()
