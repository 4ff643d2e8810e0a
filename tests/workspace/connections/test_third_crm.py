"""A CRM that crmdeck doesn't ship: one package and one row of the registry are enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmdeck.cli.app import app
from crmdeck.connectors.registry import CRMS
from crmdeck.credentials import MemorySecrets
from crmdeck.errors import NotFoundError, ReauthRequiredError, UsageError
from crmdeck.model import Status
from crmdeck.tui.screens.add_connection import kinds
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.connectors import made_up

DRAFT = ConnectionDraft(name="books", source="ledger")


@pytest.fixture(autouse=True)
def ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CRMS, "ledger", made_up.MODULE)


def test_it_connects_refreshes_and_shows_its_status(tmp_path: Path) -> None:
    with Workspace.open(tmp_path, secrets=MemorySecrets()) as ws:
        with pytest.raises(ReauthRequiredError):
            ws.signin.connect(DRAFT, {"access_token": "wrong"})
        assert ws.connections.all() == ()
        signed_in = ws.signin.connect(DRAFT, {"access_token": "key"})
        assert (signed_in.flow, signed_in.connection.platform) == ("access-token", "ledger")
        assert signed_in.connection.organization == "42"
        result = ws.refreshes.run("books")
        assert result.baseline
        assert result.total_fields == 1
        status = ws.health.status("books")
        assert (status.platform, status.source, status.status) == (
            "ledger",
            "ledger",
            Status.ACTIVE,
        )
        assert status.instance_url is None
        assert ws.connections.page("books", "invoice").url == "https://ledger.example/invoice"


def test_the_command_line_adds_it_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMDECK_HOME", str(tmp_path))
    monkeypatch.setenv("CRMDECK_BOOKS_ACCESS_TOKEN", "key")

    def run(*command: str) -> str:
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        return done.stdout

    run("connections", "add", "books", "--source", "ledger", "--secrets", "environment")
    run("refresh", "books")
    [status] = json.loads(run("status", "--json"))
    assert (status["platform"], status["status"]) == ("ledger", "active")
    assert "invoice" in run("schema", "books")


def test_the_console_offers_it() -> None:
    offered = {kind.id: kind for kind in kinds()}
    assert (offered["ledger"].label, offered["ledger"].detail) == (
        "Ledger CRM",
        "sign in to your book",
    )


def test_a_crm_that_is_not_registered_is_named_with_the_others(tmp_path: Path) -> None:
    with (
        Workspace.open(tmp_path, secrets=MemorySecrets()) as ws,
        pytest.raises(NotFoundError) as caught,
    ):
        ws.connections.add(ConnectionDraft(name="books", source="ledgr"))
    assert caught.value.code == "SOURCE_NOT_FOUND"
    assert "ledger" in (caught.value.remedy or "")


def test_a_connection_of_an_unknown_crm_still_has_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(tmp_path, secrets=MemorySecrets()) as ws:
        ws.connections.add(DRAFT, {"access_token": "key"})
        monkeypatch.delitem(CRMS, "ledger")
        assert ws.health.status("books").platform == "ledger"
        with pytest.raises(UsageError) as caught:
            ws.refreshes.run("books")
        assert caught.value.code == "UNKNOWN_SOURCE"
