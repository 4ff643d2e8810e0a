"""A caller that joins a running refresh has its own progress, cancellation, and error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from crmdeck.errors import CanceledError, SourceError
from crmdeck.model import CancelToken, Progress, ProgressCallback
from crmdeck.workspace.single_flight import SingleFlight

PATIENCE = 10


class Work:
    """Work that waits to be let go, and counts how often it was begun."""

    def __init__(self, end: Callable[[], str]) -> None:
        self.begun = 0
        self.started = threading.Event()
        self.proceed = threading.Event()
        self._end = end

    def __call__(self, tell: ProgressCallback) -> str:
        self.begun += 1
        tell(Progress(self.begun, 9))
        self.started.set()
        assert self.proceed.wait(PATIENCE)
        return self._end()


def asked(
    pool: ThreadPoolExecutor,
    flights: SingleFlight[str],
    work: Work,
    what: object = "all",
) -> tuple[Future[str], CancelToken, list[Progress], threading.Event]:
    """Ask for the work in a thread; the event is set at its first progress."""
    cancel, told, heard = CancelToken(), list[Progress](), threading.Event()

    def listen(progress: Progress) -> None:
        told.append(progress)
        heard.set()

    return pool.submit(flights.run, "acme", what, work, listen, cancel), cancel, told, heard


def fail() -> str:
    raise SourceError("It said no.", cause="So it is.", remedy="Ask again.", code="NO")


def test_waiters_get_progress_and_their_own_error() -> None:
    flights, work = SingleFlight[str](), Work(fail)
    with ThreadPoolExecutor(3) as pool:
        asks = [asked(pool, flights, work) for _ in range(3)]
        for _, _, _, heard in asks:
            assert heard.wait(PATIENCE)
        work.proceed.set()
        errors = [ask[0].exception(PATIENCE) for ask in asks]
    assert work.begun == 1
    assert [ask[2] for ask in asks] == [[Progress(1, 9)]] * 3
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert isinstance(error, SourceError)
        assert (error.message, error.cause, error.remedy, error.code) == (
            "It said no.",
            "So it is.",
            "Ask again.",
            "NO",
        )


def test_canceled_wait_leaves_work_running() -> None:
    flights, work = SingleFlight[str](), Work(lambda: "done")
    with ThreadPoolExecutor(2) as pool:
        leader, *_ = asked(pool, flights, work)
        assert work.started.wait(PATIENCE)
        joined, cancel, _, heard = asked(pool, flights, work)
        assert heard.wait(PATIENCE)
        cancel.cancel()
        assert isinstance(joined.exception(PATIENCE), CanceledError)
        assert not leader.done()
        work.proceed.set()
        assert leader.result(PATIENCE) == "done"
    assert work.begun == 1


def test_waiter_takes_over_canceled_work() -> None:
    ends: list[Any] = [CanceledError("Canceled."), "done"]

    def end() -> str:
        found = ends.pop(0)
        if isinstance(found, Exception):
            raise found
        return str(found)

    flights, work = SingleFlight[str](), Work(end)
    with ThreadPoolExecutor(2) as pool:
        leader, *_ = asked(pool, flights, work)
        assert work.started.wait(PATIENCE)
        joined, _, told, heard = asked(pool, flights, work)
        assert heard.wait(PATIENCE)
        work.proceed.set()
        assert isinstance(leader.exception(PATIENCE), CanceledError)
        assert joined.result(PATIENCE) == "done"
    assert work.begun == 2
    assert told == [Progress(1, 9), Progress(2, 9)]


def test_different_request_waits_for_its_own_run() -> None:
    flights, work, other = SingleFlight[str](), Work(fail), Work(lambda: "other")
    other.proceed.set()
    with ThreadPoolExecutor(2) as pool:
        leader, *_ = asked(pool, flights, work)
        assert work.started.wait(PATIENCE)
        second, *_ = asked(pool, flights, other, what="some")
        with pytest.raises(TimeoutError):
            second.result(0.2)
        assert other.begun == 0
        work.proceed.set()
        assert isinstance(leader.exception(PATIENCE), SourceError)
        assert second.result(PATIENCE) == "other"


def test_leaders_bug_ends_the_wait() -> None:
    def bug() -> str:
        raise ZeroDivisionError

    flights, work = SingleFlight[str](), Work(bug)
    with ThreadPoolExecutor(2) as pool:
        leader, *_ = asked(pool, flights, work)
        assert work.started.wait(PATIENCE)
        joined, _, _, heard = asked(pool, flights, work)
        assert heard.wait(PATIENCE)
        work.proceed.set()
        assert isinstance(leader.exception(PATIENCE), ZeroDivisionError)
        assert getattr(joined.exception(PATIENCE), "code", None) == "INTERRUPTED"
