"""Many refreshes at the same time: none waits for another, and each is complete."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from crmdeck.connectors.base import Connector, Credentials, Discovery, Known, TokenListener
from crmdeck.connectors.files import open_connector
from crmdeck.connectors.limits import Limits
from crmdeck.credentials import MemorySecrets
from crmdeck.errors import CanceledError, NotFoundError, ReadOnlyError, SourceError
from crmdeck.model import CancelToken, Connection, Progress, Scope, Source, SyncOutcome
from crmdeck.workspace import ConnectionDraft, Workspace
from crmdeck.workspace.refresh.service import AT_ONCE
from tests.workspace.conftest import Clock, describe, text_field

NAMES = ("acme", "beta", "gamma")
Before = Callable[[str, CancelToken], None]


class Delayed:
    """The connector of the source files, before whose discovery something happens."""

    def __init__(self, inner: Connector, name: str, before: Before) -> None:
        self._inner, self._name, self._before = inner, name, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def discover(
        self, scope: Scope, known: Mapping[str, Known], cancel: CancelToken
    ) -> Iterator[Discovery]:
        self._before(self._name, cancel)
        yield from self._inner.discover(scope, known, cancel)


def opened(home: Path, before: Before, names: tuple[str, ...] = NAMES) -> Workspace:
    def connect(
        connection: Connection, credentials: Credentials, listener: TokenListener, limits: Limits
    ) -> Any:
        inner = open_connector(connection, credentials, listener, limits)
        return Delayed(inner, connection.name, before)

    workspace = Workspace.open(
        home, clock=Clock(), actor="dana", secrets=MemorySecrets(), connect=connect
    )
    for name in names:
        folder = home.parent / name
        folder.mkdir()
        account = describe("Account", text_field("Name"), text_field(f"{name}__c"))
        (folder / "Account.json").write_text(json.dumps(account))
        draft = ConnectionDraft(
            name=name, source=Source.FILES, platform="salesforce", path=str(folder)
        )
        workspace.connections.add(draft)
    return workspace


def test_slow_connection_delays_no_other(tmp_path: Path) -> None:
    together = threading.Barrier(len(NAMES))
    with opened(tmp_path / "home", lambda _name, _cancel: _wait(together)) as ws:
        told: list[Progress] = []
        attempts = ws.refreshes.run_many(["gamma", "acme", "beta"], progress=told.append)
        assert [attempt.name for attempt in attempts] == ["gamma", "acme", "beta"]
        assert all(attempt.result and attempt.result.baseline for attempt in attempts)
        assert max(progress.done for progress in told) == len(NAMES)
        assert {progress.total for progress in told} == {len(NAMES)}
        assert any("acme Account" in progress.label for progress in told)
        for name in NAMES:
            assert {row.name for row in ws.schemas.fields(name)} == {"Id", "Name", f"{name}__c"}
            assert [entry.event for entry in ws.audit.entries(name)] == [
                "schema.refreshed",
                "connection.added",
            ]


def _wait(barrier: threading.Barrier) -> None:
    try:
        barrier.wait(10)
    except threading.BrokenBarrierError:
        raise SourceError("They did not run at the same time.") from None


def test_no_more_than_a_few_at_once(tmp_path: Path) -> None:
    turn = threading.Lock()
    running: list[str] = []
    most = 0
    full = threading.Barrier(AT_ONCE)

    def before(name: str, _cancel: CancelToken) -> None:
        nonlocal most
        with turn:
            running.append(name)
            most = max(most, len(running))
        _wait(full)
        with turn:
            running.remove(name)

    names = tuple(f"org-{number}" for number in range(2 * AT_ONCE))
    with opened(tmp_path / "home", before, names) as ws:
        attempts = ws.refreshes.run_many([connection.id for connection in ws.connections.all()])
        assert [attempt.name for attempt in attempts] == sorted(names)
        assert most == AT_ONCE


def test_unknown_name_stops_all_and_failure_stops_one(tmp_path: Path) -> None:
    def before(name: str, _cancel: CancelToken) -> None:
        if name == "beta":
            raise SourceError("It is down.", code="DOWN")

    with opened(tmp_path / "home", before) as ws:
        with pytest.raises(NotFoundError):
            ws.refreshes.run_many(["acme", "beta", "delta", "gamma"])
        assert ws.health.sync_history("acme") == ()
        acme, beta, gamma = ws.refreshes.run_many(["acme", "beta", "gamma"])
        assert acme.result
        assert gamma.result
        assert beta.error
        assert (beta.error.code, beta.error.connection) == ("DOWN", "beta")
        assert ws.health.sync_history("beta")[0].outcome is SyncOutcome.FAILED
        (alone,) = ws.refreshes.run_many(["beta"])
        assert alone.error
        assert alone.error.code == "DOWN"


def test_cancel_keeps_finished_connections(tmp_path: Path) -> None:
    cancel = CancelToken()
    held = threading.Event()

    def before(name: str, stop: CancelToken) -> None:
        if name != "acme":
            held.set()
            stop.wait(10)
            raise AssertionError("The refresh was not canceled.")

    def progress(told: Progress) -> None:
        if told.done:
            held.wait(10)
            cancel.cancel()

    with opened(tmp_path / "home", before) as ws:
        with pytest.raises(CanceledError):
            ws.refreshes.run_many(NAMES, progress=progress, cancel=cancel)
        outcomes = {name: [run.outcome for run in ws.health.sync_history(name)] for name in NAMES}
        assert outcomes["acme"] == [SyncOutcome.OK]
        assert outcomes["beta"] in ([SyncOutcome.CANCELED], [])
        assert SyncOutcome.CANCELED in outcomes["beta"] + outcomes["gamma"]
        assert not any(SyncOutcome.OK in outcomes[name] for name in ("beta", "gamma"))


def test_read_only_workspace_rejects_refresh(tmp_path: Path) -> None:
    opened(tmp_path / "home", lambda _name, _cancel: None).close()
    with (
        Workspace.open(tmp_path / "home", read_only=True, secrets=MemorySecrets()) as ws,
        pytest.raises(ReadOnlyError),
    ):
        ws.refreshes.run_many(NAMES)
