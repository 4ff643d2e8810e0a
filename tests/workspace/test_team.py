"""A team on one PostgreSQL home: several machines, each with settings and secrets of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.errors import ConflictError, ReauthRequiredError
from crmdeck.home import resolve_database, resolve_home
from crmdeck.model import Choice, DecisionState, Source, Status
from crmdeck.sandbox import Sandbox
from crmdeck.workspace import ConnectionDraft, Workspace

from .conftest import Desk, describe, text_field

PAIR = "deal_registration--Opportunity"
NAME = Choice(partner_field="accountName", state=DecisionState.ACCEPTED, crm_field="Name")


@contextmanager
def machine(home: str, who: str) -> Iterator[Workspace]:
    with Workspace.open(home, actor=who, secrets=MemorySecrets()) as workspace:
        yield workspace


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    desk = Desk.__new__(Desk)
    desk.folder = folder
    desk.export(describe("Opportunity", text_field("Name"), text_field("StageName")))
    return folder


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_users_see_each_others_changes(postgres_url: str, export: Path) -> None:
    draft = ConnectionDraft(
        name="acme", source=Source.FILES, platform="salesforce", path=str(export)
    )
    with machine(postgres_url, "anna") as anna, machine(postgres_url, "bob") as bob:
        anna.connections.add(draft)
        anna.refreshes.run("acme")
        assert [o.object_type for o in bob.schemas.objects("acme").objects] == ["Opportunity"]

        before = bob.head()
        anna.mappings.record_decisions("acme", PAIR, [NAME])
        assert bob.head() != before
        (decision,) = bob.mappings.decisions("acme", PAIR)
        assert (decision.decided_by, decision.crm_field) == ("anna", "Name")

        assert {entry.actor for entry in bob.audit.entries()} == {"anna"}
        bob.mappings.undo("acme", PAIR)
        assert anna.mappings.decisions("acme", PAIR)[-1].decided_by == "bob"


def test_one_refresh_at_a_time_over_all_machines(postgres_url: str, export: Path) -> None:
    draft = ConnectionDraft(
        name="acme", source=Source.FILES, platform="salesforce", path=str(export)
    )
    with machine(postgres_url, "anna") as anna, machine(postgres_url, "bob") as bob:
        acme = anna.connections.add(draft)
        with (
            anna.context.store.alone(acme.id, "anna"),
            pytest.raises(ConflictError) as caught,
        ):
            bob.refreshes.run("acme")
        assert caught.value.code == "REFRESH_RUNNING"
        assert "anna" in (caught.value.cause or "")
        assert bob.health.sync_history("acme") == ()
        assert bob.refreshes.run("acme").success


def test_missing_secrets_leave_connection_status(postgres_url: str) -> None:
    with (
        Sandbox() as sandbox,
        machine(postgres_url, "anna") as anna,
        machine(postgres_url, "bob") as bob,
    ):
        access = sandbox.access("legacy-portal")
        draft = ConnectionDraft(name="portal", source="hubspot", endpoint=access.endpoint)
        anna.connections.add(draft, {"access_token": access.private_app_token})
        with pytest.raises(ReauthRequiredError) as never:
            bob.refreshes.run("portal")
        assert never.value.cause == "The credentials are on another machine."
        anna.refreshes.run("portal")

        assert bob.schemas.objects("portal").objects
        with pytest.raises(ReauthRequiredError) as caught:
            bob.refreshes.run("portal")
        assert caught.value.code == "SECRETS_ELSEWHERE"
        assert "anna refreshed it last" in (caught.value.cause or "")
        assert anna.health.status("portal").status is Status.ACTIVE
        assert len(anna.health.sync_history("portal")) == 1


def test_settings_and_secrets_stay_with_the_person(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = "postgresql://anna:s3cret@db.example.com:5433/crm?sslmode=verify-full"
    folder = resolve_home(home)
    assert folder == tmp_path / "data" / "crmdeck" / "teams" / "db.example.com-5433-crm"
    assert resolve_database(home) == home
    monkeypatch.setenv("CRMDECK_HOME", home)
    assert (resolve_home(), resolve_database()) == (folder, home)
    assert resolve_database(tmp_path) is None

    own = tmp_path / "own"
    own.mkdir()
    (own / "settings.toml").write_text(f'database = "{postgres_url}"\n')
    with machine(postgres_url, "anna") as anna, Workspace.open(own) as bob:
        assert bob.home == own
        assert bob.context.shared
        assert anna.head() == bob.head()
    assert not (own / "crmdeck.duckdb").exists()
