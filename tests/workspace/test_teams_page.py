"""The roles of docs/teams.md and `crmdeck team grants`: owner, writer, reader, server, no role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmdeck.cli.app import app
from crmdeck.credentials import MemorySecrets
from crmdeck.errors import CacheError, CrmdeckError, ReadOnlyError
from crmdeck.model import Choice, DecisionState, SecretsPlace, Source
from crmdeck.server import Accounts
from crmdeck.store import Store, migrations
from crmdeck.workspace import ConnectionDraft, Workspace, new_secrets_key
from crmdeck.workspace.doctor import DoctorResult, examine_log
from tests.postgres import execute, server_url, with_database

from .conftest import describe, export_to, text_field

psycopg = pytest.importorskip("psycopg")

PAGE = Path(__file__).parents[2] / "docs" / "teams.md"
PAIR = "deal_registration--Opportunity"
GROUPS = ("crmdeck_writers", "crmdeck_readers", "crmdeck_servers")
ROLES = ("crmdeck_owner", *GROUPS, "anna", "carol", "deck", "dave")
HISTORY_CHANGES = (
    "DELETE FROM audit_entry",
    "INSERT INTO audit_entry (seq, id, at, actor, event, summary, details, hash) "
    "VALUES (9223372036854775807, 'f', now(), 'ceo', 'x', 'x', '{}', 'x')",
    "SELECT add_audit_entry('f', now()::TIMESTAMP, 'me', 'cache.repaired', NULL, '', '{}')",
    "UPDATE head SET seq = 9223372036854775807",
    "DELETE FROM lease",
    "INSERT INTO lease (kind, connection_id, until) VALUES ('refresh', 'x', '9999-12-31')",
    "UPDATE lease SET until = '9999-12-31'",
    "SELECT lease_end(1e9)",
    "UPDATE decision SET decided_by = 'ceo'",
    "TRUNCATE drift_event",
    "INSERT INTO schema_migration VALUES (99, 'x', now(), 99)",
    "SELECT * FROM server_document",
    "SELECT * FROM secret_key",
    "SELECT * FROM sealed_secret",
    "CREATE TABLE own (a INT)",
    "ALTER TABLE decision ADD COLUMN own INT",
    "DROP TABLE decision",
    "CREATE OR REPLACE FUNCTION advance_head() RETURNS INT LANGUAGE sql RETURN 1",
    "CREATE TRIGGER own BEFORE INSERT ON decision FOR EACH ROW EXECUTE FUNCTION own()",
    "SELECT setval('happened', 9223372036854775807)",
    "SELECT * FROM pg_authid",
    "SET SESSION AUTHORIZATION crmdeck_owner",
    "SET ROLE crmdeck_owner",
    "COPY decision TO PROGRAM 'true'",
)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database of the page, as far as its owner has opened it and all are in."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    blocks = [
        [line for line in re.sub(r"\s+", " ", block).split(";") if line.strip()]
        for block in re.findall(r"^```sql\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    ]
    cluster, people = blocks
    try:
        execute(server_url(), *cluster)
        inside = with_database(server_url(), "crmdeck")
        with opened("crmdeck_owner") as owner:
            assert owner.health.statuses() == ()
            assert not owner.read_only
        # What an earlier version of the page granted.
        execute(
            inside,
            "CREATE ROLE dave LOGIN",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO dave",
        )
        assert "1 role with wider rights: dave" in grants_finding().found
        for _ in range(2):
            printed = CliRunner().invoke(app, ["team", "grants", "--home", url_of("crmdeck_owner")])
            assert printed.exit_code == 0
            execute(inside, printed.stdout)
        execute(inside, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM dave", *people)
        yield
    finally:
        roles = [f"DROP ROLE IF EXISTS {role}" for role in reversed(ROLES)]
        execute(server_url(), "DROP DATABASE IF EXISTS crmdeck WITH (FORCE)", *roles)


def url_of(user: str) -> str:
    return with_database(server_url(), "crmdeck", user)


def grants_finding() -> DoctorResult:
    found = examine_log(url_of("crmdeck_owner"))
    return next(each for each in found if each.check == "grants")


@contextmanager
def opened(user: str, actor: str | None = None) -> Iterator[Workspace]:
    with Workspace.open(url_of(user), actor=actor or user, secrets=MemorySecrets()) as workspace:
        yield workspace


@pytest.mark.usefixtures("database")
def test_roles_match_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        monkeypatch.setenv("CRMDECK_SECRETS_KEY", new_secrets_key())
        with opened("deck") as deck:
            deck.context.sealed.put("an-id", {"access_token": "s3cret"})
            assert deck.context.sealed.get("an-id", "access_token") == "s3cret"
        for other in (anna, carol):
            assert other.context.sealed.get("an-id", "access_token") is None
            with pytest.raises(CrmdeckError) as ungranted:
                other.context.require_place(SecretsPlace.WORKSPACE)
            assert ungranted.value.code == "SECRETS_NOT_GRANTED"
        with pytest.raises(CacheError):
            Accounts(anna).add_user("dana@acme.example", "correct horse battery staple")
        with opened("deck") as deck:
            Accounts(deck).add_user("dana@acme.example", "correct horse battery staple")
            [report] = deck.fleet.run(every=timedelta(hours=1))
            assert report.success

        with opened("anna", actor="ceo") as claiming:
            claiming.connections.update("acme", ttl_hours=12)
        log = carol.audit.entries()
        assert (log[0].actor, log[0].db_user) == ("ceo", "anna")
        assert {each.db_user for each in log} == {"anna", "deck"}
        # Only the owner can remove it, so that a backup is restorable again.
        with psycopg.connect(url_of("crmdeck_owner")) as raw:
            raw.execute("DELETE FROM audit_entry WHERE id = 'f'")
        log = carol.audit.entries()

        (decision,) = carol.mappings.decisions("acme", PAIR)
        assert decision.decided_by == "anna"
        assert carol.read_only
        with pytest.raises(ReadOnlyError) as refused:
            carol.refreshes.run("acme")
        assert "read-only" in (refused.value.cause or "")
        kept = carol.backups.write(tmp_path / "carol.zip").tables
        assert kept == anna.backups.write(tmp_path / "anna.zip").tables
        with pytest.raises(CacheError, match="doesn't let this user") as caught:
            anna.backups.restore(tmp_path / "carol.zip", force=True)
        assert "need the owner" in (caught.value.remedy or "")
        with opened("crmdeck_owner") as owner:
            owner.backups.restore(tmp_path / "carol.zip", force=True)
            assert owner.audit.entries() == log
        assert [each.name for each in carol.health.statuses()] == ["acme"]

    for user in ("anna", "carol"):
        with psycopg.connect(url_of(user)) as raw:
            of_writers = ("SELECT advance_head()",) if user == "carol" else ()
            for statement in (*HISTORY_CHANGES, *of_writers):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    raw.execute(statement.encode())
                raw.rollback()
    assert grants_finding().ok
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
    with Store(url_of("crmdeck_owner")).read() as session:
        assert set(session.database.rows("SELECT owner FROM connection")) == {(None,)}


_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
_OF_SERVERS = {"server_document", "sign_in_attempt", "secret_key", "sealed_secret"}
_BY_FUNCTIONS = {"head", "lease", "audit_entry", "schema_migration"}
_OVERWRITTEN = {"validators", "pair_verdict", "settlement"}
_FUNCTIONS = {
    "advance_head": "",
    "add_audit_entry": "'a', now()::TIMESTAMP, 'me', 'x', NULL, '', '{}'",
    "take_lease": "'a', 'b', 'c', 1",
    "claim_lease": "'{}', 'b', 'c', 1, now()::TIMESTAMP",
    "enroll_checks": "'{}'",
    "extend_lease": "'refresh', 'a', 'b', 1",
    "end_lease": "'refresh', 'a', 'b', NULL",
}


def allowed(user: str, table: str) -> set[str]:
    """Return what the page promises to a user about a table."""
    if table in _OF_SERVERS:
        return {"SELECT", "INSERT", "DELETE"} if user == "deck" else set()
    if user == "carol":
        return {"SELECT"}
    if table in _BY_FUNCTIONS:
        return {"SELECT"}
    return {"SELECT", "INSERT", *(["DELETE"] if table in _OVERWRITTEN else [])}


@pytest.mark.usefixtures("database")
def test_every_forbidden_statement_is_rejected() -> None:
    with psycopg.connect(url_of("crmdeck_owner")) as raw:
        columns: dict[str, list[str]] = {}
        for table, column in raw.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "JOIN information_schema.tables USING (table_schema, table_name) "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY ordinal_position"
        ):
            columns.setdefault(table, []).append(f'"{column}"')
        definers = {
            name
            for (name,) in raw.execute(
                "SELECT proname FROM pg_proc "
                "WHERE prosecdef AND pronamespace = 'public'::regnamespace"
            )
        }
    assert definers == set(_FUNCTIONS)
    cases: list[tuple[str, str, bool]] = []
    for user in ("anna", "carol", "deck"):
        for table, names in columns.items():
            free = next((name for name in names if name != '"seq"'), names[0])
            statements = {
                "SELECT": f"SELECT {free} FROM {table} LIMIT 1",
                "INSERT": f"INSERT INTO {table} ({free}) VALUES (NULL)",
                "UPDATE": f"UPDATE {table} SET {free} = NULL WHERE false",
                "DELETE": f"DELETE FROM {table} WHERE false",
                "TRUNCATE": f"TRUNCATE {table}",
            }
            rights = allowed(user, table)
            cases += [(user, statements[right], right in rights) for right in _RIGHTS]
            if '"seq"' in names:
                cases.append((user, f"INSERT INTO {table} (seq) VALUES (9)", False))
                cases.append((user, f"UPDATE {table} SET seq = 9 WHERE false", False))
        calls = (f"SELECT {name}({given})" for name, given in _FUNCTIONS.items())
        cases += [(user, call, user != "carol") for call in calls]
        forbidden = [each for each in HISTORY_CHANGES if not each.startswith("SELECT * FROM s")]
        cases += [(user, statement, False) for statement in forbidden]
        cases.append((user, "SELECT nextval('happened')", user != "carol"))
    wrong = []
    for user in ("anna", "carol", "deck"):
        with psycopg.connect(url_of(user)) as raw:
            for _, statement, permitted in (case for case in cases if case[0] == user):
                try:
                    raw.execute(statement.encode())
                    done = True
                except psycopg.errors.InsufficientPrivilege:
                    done = False
                except psycopg.Error:
                    # Rejected for what it would write, so it was permitted.
                    done = True
                raw.rollback()
                if done is not permitted:
                    wrong.append((user, statement, permitted))
    assert wrong == []
    assert sum(not permitted for *_, permitted in cases) > 250
