"""One refresh for however many threads, and none after a refusal."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from crmdeck.connectors.tokens import Grant, TokenKeeper
from crmdeck.errors import ReauthRequiredError


class Purse:
    def __init__(self, **values: str) -> None:
        self.values = values
        self.events: list[str] = []

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def put(self, values: Mapping[str, str]) -> None:
        self.values |= values

    def __call__(self, event: str, summary: str) -> None:
        self.events.append(event)


def test_many_threads_one_refresh() -> None:
    purse = Purse(access_token="old", refresh_token="r0")
    calls: list[int] = []
    start = threading.Barrier(8)

    def grant() -> Grant:
        calls.append(1)
        return Grant("new", refresh_token="r1")

    keeper = TokenKeeper(purse, purse, grant, "Salesforce")

    def work(_: int) -> str:
        start.wait()
        return keeper.renew("old")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(8))) == {"new"}
    assert len(calls) == 1
    assert purse.values == {"access_token": "new", "refresh_token": "r1"}
    assert purse.events == ["token.rotated"]


def test_rejected_renewal_is_final() -> None:
    purse = Purse(access_token="old")
    calls: list[int] = []

    def grant() -> Grant:
        calls.append(1)
        raise ReauthRequiredError("No.", cause="Revoked.")

    keeper = TokenKeeper(purse, purse, grant, "Salesforce")
    for _ in range(3):
        with pytest.raises(ReauthRequiredError):
            keeper.renew("old")
    assert len(calls) == 1
    assert purse.events == ["token.refresh_failed"]


def test_token_rotated_by_another_process_is_reloaded() -> None:
    purse = Purse(access_token="old", refresh_token="r0")

    def grant() -> Grant:
        purse.values |= {"access_token": "theirs", "refresh_token": "r1"}
        raise ReauthRequiredError("No.", cause="invalid_grant: r0 was used.")

    keeper = TokenKeeper(purse, purse, grant, "Salesforce")
    assert keeper.renew("old") == keeper.token() == "theirs"
    assert purse.events == []


def test_rejected_fresh_token_is_not_refreshed_again() -> None:
    purse = Purse(access_token="old")
    keeper = TokenKeeper(purse, purse, lambda: Grant("new"), "Salesforce")
    fresh = keeper.renew("old")
    with pytest.raises(ReauthRequiredError) as caught:
        keeper.renew(fresh)
    assert caught.value.code == "FRESH_TOKEN_REFUSED"


def test_a_token_that_worked_for_a_while_is_refreshed_again() -> None:
    purse = Purse(access_token="t0")
    tokens = iter(["t1", "t2"])
    keeper = TokenKeeper(purse, purse, lambda: Grant(next(tokens)), "Salesforce")
    keeper.accepted(keeper.renew("t0"))
    assert keeper.renew("t1") == "t2"


def test_another_process_has_refreshed_it() -> None:
    purse = Purse(access_token="old")
    keeper = TokenKeeper(purse, purse, lambda: Grant("unused"), "Salesforce")
    purse.values["access_token"] = "theirs"
    assert keeper.renew("old") == "theirs"
    assert purse.events == []


def test_it_is_renewed_ahead_of_its_end() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    tokens = iter(["t1", "t2"])
    purse = Purse()
    keeper = TokenKeeper(
        purse,
        purse,
        lambda: Grant(next(tokens), expires_in=1800),
        "Salesforce",
        clock=lambda: now[0],
    )
    assert keeper.token() == "t1"
    now[0] += timedelta(seconds=1700)
    assert keeper.token() == "t1"
    now[0] += timedelta(seconds=50)
    assert keeper.token() == "t2"


def test_missing_credentials_are_reported() -> None:
    purse = Purse()
    with pytest.raises(ReauthRequiredError) as caught:
        TokenKeeper(purse, purse, None, "Salesforce").token()
    assert caught.value.code == "NO_CREDENTIALS"


def test_no_secret_is_shown() -> None:
    assert "t0p" not in repr(Grant("t0p", refresh_token="t0p"))
