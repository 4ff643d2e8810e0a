"""The roles of docs/teams.md, made as it says: an owner, who writes, who reads, who may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.errors import CacheError, ReadOnlyError
from crmdeck.model import Choice, DecisionState, Source
from crmdeck.server import Accounts
from crmdeck.store import Store, migrations
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.postgres import execute, server_url, with_database

from .conftest import describe, export_to, text_field

psycopg = pytest.importorskip("psycopg")

PAGE = Path(__file__).parents[2] / "docs" / "teams.md"
PAIR = "deal_registration--Opportunity"
ROLES = ("crmdeck_owner", "crmdeck_writers", "crmdeck_readers", "anna", "carol", "dave")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of the database of the page, as far as its owner has opened it and all are in."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    blocks = [
        [line for line in re.sub(r"\s+", " ", block).split(";") if line.strip()]
        for block in re.findall(r"^```sql\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    ]
    cluster, tables, people = blocks
    try:
        execute(server_url(), *cluster)
        inside = with_database(server_url(), "crmdeck")
        execute(inside, *tables)
        with opened("crmdeck_owner") as owner:
            assert owner.health.statuses() == ()
            assert not owner.read_only
        execute(inside, *people, "CREATE ROLE dave LOGIN")
        yield "crmdeck"
    finally:
        roles = [f"DROP ROLE IF EXISTS {role}" for role in reversed(ROLES)]
        execute(server_url(), "DROP DATABASE IF EXISTS crmdeck WITH (FORCE)", *roles)


@contextmanager
def opened(user: str) -> Iterator[Workspace]:
    url = with_database(server_url(), "crmdeck", user)
    with Workspace.open(url, actor=user, secrets=MemorySecrets()) as workspace:
        yield workspace


def test_each_role_may_do_what_the_page_says(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    export_to(folder, describe("Opportunity", text_field("Name")))
    draft = ConnectionDraft(
        name="acme", source=Source.FILES, platform="salesforce", path=str(folder)
    )
    choice = Choice(partner_field="accountName", state=DecisionState.ACCEPTED, crm_field="Name")
    with opened("anna") as anna, opened("carol") as carol:
        anna.connections.add(draft)
        assert anna.refreshes.run("acme").success
        anna.mappings.record_decisions("acme", PAIR, [choice])
        Accounts(anna).add_user("dana@acme.example", "correct horse battery staple")

        (decision,) = carol.mappings.decisions("acme", PAIR)
        assert decision.decided_by == "anna"
        assert carol.read_only
        with pytest.raises(ReadOnlyError) as refused:
            carol.refreshes.run("acme")
        assert "read-only" in (refused.value.cause or "")
        kept = carol.backups.write(tmp_path / "carol.zip").tables
        assert kept == anna.backups.write(tmp_path / "anna.zip").tables
        anna.backups.restore(tmp_path / "carol.zip", force=True)
        assert [each.name for each in carol.health.statuses()] == ["acme"]

    with psycopg.connect(with_database(server_url(), database, "carol")) as raw:
        for statement in ("SELECT * FROM server_document", "CREATE TABLE own (a INT)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                raw.execute(statement.encode())
            raw.rollback()
    with opened("dave") as dave, pytest.raises(CacheError) as caught:
        dave.health.statuses()
    assert caught.value.code == "CACHE_NO_PERMISSION"

    newer = migrations.Migration(9001, "add", "ALTER TABLE connection ADD COLUMN owner VARCHAR;")
    known = migrations.shipped()
    monkeypatch.setattr(migrations, "shipped", lambda: (*known, newer))
    for user in ("anna", "carol"):
        with pytest.raises(CacheError) as caught, opened(user) as workspace:
            workspace.health.statuses()
        assert caught.value.code == "CACHE_TOO_OLD"
        assert "as its owner" in (caught.value.remedy or "")
    with Store(with_database(server_url(), database, "crmdeck_owner")).read() as session:
        assert session.database.rows("SELECT owner FROM connection") == [(None,)]
