"""Who waits for the cache: first come, first served, and nobody for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from crmdeck.clock import utc_now
from crmdeck.store import Store, duckdb_instance
from crmdeck.store.duckdb_file import isolated
from crmdeck.store.turnstile import Turnstile
from tests.store.build import START, connection

PATIENCE = 60.0


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def waiting(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.wait-*"))


def turnstile(path: Path) -> Turnstile:
    return Turnstile(path, wait=PATIENCE, clock=utc_now)


def test_waiters_enter_in_order_and_skip_dead_ones(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    went: list[int] = []

    def go(number: int) -> None:
        with turnstile(path).passing(time.monotonic() + PATIENCE, lambda _: None):
            went.append(number)

    threads = []
    with turnstile(path).passing(time.monotonic() + PATIENCE, lambda _: None):
        # Whoever left this is not there any more: nobody holds it.
        left = tmp_path / "cache.duckdb.wait-00000000000000000001-1-0"
        left.touch()
        for number in range(8):
            threads.append(threading.Thread(target=go, args=(number,)))
            threads[-1].start()
            until(lambda: len(set(waiting(path)) - {left}) == len(threads) and not went)
    for thread in threads:
        thread.join()
    assert went == list(range(8))
    assert waiting(path) == []


def test_holds_that_overlap_without_end_let_others_in(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    store, other = Store(path, wait=PATIENCE), Store(path, wait=PATIENCE)
    order: list[str] = []
    with store.write():
        pass  # Reading a new workspace creates and opens no file.

    def write() -> None:
        with other.write() as session:
            session.connections.put(connection(), START, "me")
            order.append("written")

    def hold_again() -> None:
        with store.hold():
            begun.set()
            assert ended.wait(PATIENCE)
            with store.read() as session:
                order.append(f"read {len(session.connections.all())}")

    begun, ended = threading.Event(), threading.Event()
    writer, reader = threading.Thread(target=write), threading.Thread(target=hold_again)
    with store.hold():
        with store.read() as session:
            assert session.connections.all() == ()
        writer.start()
        until(lambda: turnstile(path).someone_waits())
        reader.start()
        assert begun.wait(PATIENCE)
        # Who began to hold before goes on as it likes.
        with store.read() as session:
            assert session.connections.all() == ()
    ended.set()
    writer.join()
    reader.join()
    assert order == ["written", "read 1"]


def test_duckdb_starts_before_its_process_enters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, started = tmp_path / "cache.duckdb", []
    other = Turnstile(path, wait=0, clock=utc_now)

    def start(place: str) -> duckdb.DuckDBPyConnection:
        started.append(other.someone_waits())
        return isolated(place)

    monkeypatch.setattr(duckdb_instance, "isolated", start)
    with Store(path).write():
        pass
    assert started == [False]
