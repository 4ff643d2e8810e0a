"""A small pool of threads that never keeps the process, or a user who cancels, waiting."""

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
    """Yield the results of tasks as they come.

    `take` hands out the next task, None when there are no more; it is called by one thread at a
    time. A task is given a token that tells it when nobody waits for it any more. What a task
    raises ends everything. The threads are daemons: a request that hangs is left to its timeout.
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
        except BaseException as error:  # noqa: BLE001  whatever it is, the caller has to know
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
