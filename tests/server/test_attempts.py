"""Guessing is slowed down, and nobody is locked out by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crmdeck.server.attempts import Attempts, TooManyAttemptsError
from crmdeck.store import Store
from crmdeck.workspace import SignInAttempts
from tests.postgres import ready_postgres_url

__all__ = ["ready_postgres_url"]

Counting = Callable[..., Attempts]
NOON = datetime(2026, 5, 16, 12, tzinfo=UTC)


class Timer:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=self.now)


@pytest.fixture(params=["duckdb", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "duckdb":
        store = Store(tmp_path / "cache.duckdb")
    else:
        store = Store(request.getfixturevalue("ready_postgres_url"))
    yield store
    store.close()


@pytest.fixture
def counting(store: Store, tmp_path: Path) -> Counting:
    """Servers that share their attempts, each with limits of its own."""

    def opened() -> AbstractContextManager[SignInAttempts]:
        return store.sign_in_attempts(tmp_path / "attempts.sqlite")

    return lambda **limits: Attempts(opened, **{"clock": Timer(), **limits})


def refused(
    attempts: Attempts,
    email: str,
    address: str,
    *,
    known: bool = False,
    device: str | None = None,
) -> int:
    """Return for how many seconds an attempt is refused, 0 where it is not."""
    try:
        attempts.count(email, address, known=known, device=device)
    except TooManyAttemptsError as error:
        return error.retry_after
    return 0


def test_attempts_are_forgotten_in_time_and_after_success(counting: Counting) -> None:
    timer = Timer()
    attempts = counting(per_pair=2, per_address=3, window=timedelta(seconds=10), clock=timer)
    attempts.count("a", "1")
    timer.now = 4.0
    attempts.count("A ", "1")
    assert refused(attempts, "a", "1") == 6
    attempts.succeeded("a", "1")
    attempts.count("a", "1")
    attempts.count("b", "1")
    attempts.count("c", "1")
    assert refused(attempts, "d", "1") == 10
    timer.now = 14.0
    assert refused(attempts, "d", "1") == 0


def test_foreign_wrong_passwords_lock_out_no_user(counting: Counting) -> None:
    attempts = counting(per_pair=10)
    for _ in range(10):
        attempts.count("dana", "203.0.113.7")
    assert refused(attempts, "dana", "203.0.113.7")
    assert not refused(attempts, "dana", "198.51.100.1")


def test_known_device_has_its_own_attempts(
    counting: Counting,
) -> None:
    attempts = counting(per_pair=3, per_address=5)
    for number in range(5):
        refused(attempts, "dana", "203.0.113.7")
        refused(attempts, f"user{number}", "203.0.113.7")
    assert refused(attempts, "dana", "203.0.113.7")
    for _ in range(3):
        assert not refused(attempts, "dana", "203.0.113.7", device="hers")
    # What was given to her once gives whoever has it no more than three.
    assert refused(attempts, "dana", "203.0.113.7", device="hers")
    assert not refused(attempts, "dana", "203.0.113.7", device="her other one")
    attempts.succeeded("dana", "203.0.113.7", device="hers")
    assert not refused(attempts, "dana", "203.0.113.7", device="hers")
    # Nor did any of it free what others had used up.
    assert refused(attempts, "dana", "203.0.113.7")


def test_many_addresses_gain_few_attempts(
    counting: Counting,
) -> None:
    attempts = counting()
    tried = sum(
        not refused(attempts, "dana", f"203.0.{net}.{host}")
        for net in range(10)
        for host in range(10)
        for _ in range(12)
    )
    # The first hundred as they like, then two for each of the 90 addresses that are left.
    assert 250 <= tried <= 320
    assert not refused(attempts, "dana", "198.51.100.1")
    assert not any(refused(attempts, "dana", "192.0.2.1", known=True) for _ in range(10))


def test_household_counts_as_one_address(
    counting: Counting,
) -> None:
    attempts = counting()
    for number in range(40):
        attempts.count(f"user{number}", f"2001:db8:1:2::{number:x}")
    assert refused(attempts, "dana", "2001:db8:1:2:ffff::1")
    assert not refused(attempts, "dana", "2001:db8:1:2:ffff::1", known=True)
    assert not refused(attempts, "dana", "2001:db8:1:3::1")


def test_servers_count_together(counting: Counting) -> None:
    first, second = counting(per_pair=3), counting(per_pair=3)
    first.count("dana", "203.0.113.7")
    second.count("dana", "203.0.113.7")
    first.count("dana", "203.0.113.7")
    assert refused(second, "dana", "203.0.113.7")
    second.succeeded("dana", "203.0.113.7")
    assert not refused(first, "dana", "203.0.113.7")


def test_parallel_attempts_share_the_limit(counting: Counting) -> None:
    attempts = counting(per_pair=5)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: refused(attempts, "dana", "203.0.113.7"), range(24)))
    assert waits.count(0) == 5


def test_attempts_are_bounded(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmdeck.store.sign_in_attempts._MOST", 10)
    with store.sign_in_attempts(tmp_path / "attempts.sqlite") as attempts:
        for number in range(25):
            attempts.add(number, "dana", "here", None)
        assert attempts.time_of(10, email="dana") == 15
        assert attempts.time_of(11, email="dana") is None
