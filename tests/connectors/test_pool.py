"""The pool of threads: what comes is yielded, what fails ends it, who cancels does not wait."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import CanceledError, SourceError
from crmdeck.model import CancelToken


def handing_out(
    tasks: list[Callable[[CancelToken], int]],
) -> Callable[[], Callable[[CancelToken], int] | None]:
    return lambda: tasks.pop(0) if tasks else None


def test_results_arrive_once() -> None:
    def numbered(number: int) -> Callable[[CancelToken], int]:
        return lambda _: number

    tasks = [numbered(number) for number in range(50)]
    assert sorted(in_parallel(handing_out(tasks), 4, CancelToken(), "t")) == list(range(50))


def test_an_error_ends_it() -> None:
    started: list[int] = []

    def fail(_: CancelToken) -> int:
        started.append(1)
        raise SourceError("Down.")

    with pytest.raises(SourceError):
        list(in_parallel(handing_out([fail] * 50), 2, CancelToken(), "t"))
    assert len(started) <= 2


def test_cancel_does_not_wait_for_hung_request() -> None:
    hanging, release = threading.Event(), threading.Event()
    told: list[CancelToken] = []
    cancel = CancelToken()

    def hang(stop: CancelToken) -> int:
        told.append(stop)
        hanging.set()
        release.wait(30)
        return 0

    results = in_parallel(handing_out([hang]), 1, cancel, "t")
    threading.Timer(0.05, cancel.cancel).start()
    with pytest.raises(CanceledError):
        next(results)
    assert hanging.is_set()
    assert told[0].canceled
    release.set()


def test_the_process_may_end_while_a_request_hangs() -> None:
    code = (
        "import time\n"
        "from crmdeck.connectors.pool import in_parallel\n"
        "from crmdeck.model import CancelToken\n"
        "tasks = [lambda stop: 1, lambda stop: time.sleep(60)]\n"
        "take = lambda: tasks.pop(0) if tasks else None\n"
        "print(next(in_parallel(take, 2, CancelToken(), 't')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.strip() == "1"
