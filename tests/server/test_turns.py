"""One user doesn't use up the server, and one cookie has one session."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from crmdeck.workspace.explore.schemas import Schemas

from .conftest import PASSWORD, House


def test_caller_waits_for_own_turn(served: House, monkeypatch: pytest.MonkeyPatch) -> None:
    served.workspace.refreshes.run("acme")
    served.workspace.refreshes.run("other")
    lock, running, most, go = threading.Lock(), [0], [0], threading.Event()
    full = threading.Event()
    real = Schemas.all

    def slow(self: Schemas, ref: str) -> Any:
        if ref == served.ids["other"]:
            return real(self, ref)
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == 2:
                full.set()
        go.wait(60)
        with lock:
            running[0] -= 1
        return real(self, ref)

    monkeypatch.setattr(Schemas, "all", slow)
    mine, other = (f"/integrations/{served.ids[name]}/schemas" for name in ("acme", "other"))
    with (
        served.client() as dana,
        served.client("rob@rival.example") as rob,
        ThreadPoolExecutor(8) as pool,
    ):
        asked = [pool.submit(dana.get, mine) for _ in range(8)]
        assert full.wait(60)
        # Another user doesn't wait for any of them.
        assert rob.get(other).status_code == 200
        go.set()
        assert {each.result().status_code for each in asked} == {200}
    assert most[0] == 2


def test_sign_in_over_live_cookie_ends_old_session(served: House) -> None:
    deck = served.app.state.deck
    with served.client(None) as client:
        body = {"email": "dana@acme.example", "password": PASSWORD}
        client.post("/auth/sign-in/email", json=body)
        first = client.cookies["session_token"]
        assert deck.sessions.find(first, deck.accounts.book())
        client.post("/auth/sign-in/email", json={**body, "email": "vera@acme.example"})
        assert deck.sessions.find(first, deck.accounts.book()) is None
        assert client.get("/auth/session").json()["user"]["email"] == "vera@acme.example"
