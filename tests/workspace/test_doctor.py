"""The doctor: tells what is lost and what is not, repairs what can be, and never dies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmdeck.errors import CacheDamagedError, CacheError
from crmdeck.model import Choice, DecisionState
from crmdeck.workspace.doctor import Finding, examine, examine_log

from .conftest import Desk, describe, text_field
from .test_damage import ALTERED, LOST, execute, full

__all__ = ["full"]


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The folder that goes with a database is in the user's data folder.
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def doctor(desk: Desk, *, repair: bool = False) -> list[Finding]:
    return examine_log(desk.database or desk.workspace.home, repair=repair, clock=desk.clock)


def wrong(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.ok]


def test_a_workspace_that_is_whole_is_told_to_be(full: Desk) -> None:
    found = doctor(full)
    assert wrong(found) == []
    told = {finding.check: finding.found for finding in found}
    assert "6 field definitions and 3 object definitions" in told["definitions"]
    assert "2 refreshes" in told["refreshes"]
    assert "1 drift event," in told["references"]
    assert not any(finding.repairable for finding in doctor(full, repair=True))
    assert not list(full.workspace.home.glob("*.zip"))


def test_where_there_is_no_cache_none_is_made(tmp_path: Path) -> None:
    assert wrong(examine(tmp_path / "home", repair=True)) == []
    assert not (tmp_path / "home").exists()


CASES = ("all fields", "an object", "its order", "no JSON", "another field")


@pytest.mark.parametrize("what", CASES)
def test_definitions_are_repaired_or_made_ready_for_a_refresh(full: Desk, what: str) -> None:
    before = full.workspace.schemas.fields("acme")
    execute(full, (LOST | ALTERED)[what])
    found = wrong(doctor(full))
    assert {finding.check for finding in found} == {"definitions"}
    [lost] = [finding.lost for finding in found if finding.lost]
    assert "acme: Account" in lost
    assert ("Lead" in lost) is (what not in ("an object", "no JSON"))

    repaired = doctor(full, repair=True)
    if any(finding.repairable for finding in found):
        assert any("kept in" in finding.found for finding in repaired if finding.ok)
    left = wrong(repaired)
    assert not any(finding.repairable for finding in left)
    assert all("crmdeck refresh acme" in (finding.remedy or "") for finding in left)
    full.refresh()
    assert full.workspace.schemas.fields("acme") == before
    assert not [finding for finding in wrong(doctor(full)) if " as now" in (finding.lost or "")]


MORE = (text_field("Name", length=40), text_field("Shared__c"), text_field("New__c"))


def test_what_neighbors_prove_comes_back_without_the_crm(full: Desk) -> None:
    now = full.clock.now
    full.export(describe("Account", *MORE))
    full.refresh()
    before = full.workspace.schemas.all("acme"), full.workspace.schemas.all("acme", at=now)
    execute(full, "DELETE FROM object_definition WHERE field_count = 3 AND label = 'Account'")
    execute(full, "DELETE FROM object_field WHERE position = 0")
    execute(full, "UPDATE field_definition SET label = 'Nonsense'")
    found = wrong(doctor(full))
    assert any("as in the past" in (finding.lost or "") for finding in found)
    assert wrong(doctor(full, repair=True)) == []
    assert before == (
        full.workspace.schemas.all("acme"),
        full.workspace.schemas.all("acme", at=now),
    )
    assert full.workspace.audit.entries()[0].event == "cache.repaired"


def test_bad_rows_and_wrong_counts_are_told_and_mended(full: Desk) -> None:
    for sql in (
        "UPDATE drift_event SET changes = '{'",
        "UPDATE sync_run SET outcome = 'splendid' WHERE drift_events = 1",
        "INSERT INTO connection SELECT * FROM connection",
        "UPDATE audit_entry SET details = '[1' WHERE event = 'connection.added'",
        "UPDATE refresh SET fields = 1000, scope = 'x' WHERE changes = 1",
        "INSERT INTO field_definition SELECT * FROM field_definition WHERE name = 'Shared__c'"
        if full.database is None
        else "SELECT 1",
        "UPDATE validators SET answers = answers || answers",
    ):
        execute(full, sql)
    for read in (full.workspace.drift.report, full.workspace.audit.entries):
        with pytest.raises(CacheDamagedError) as caught:
            read()
        assert "crmdeck doctor" in (caught.value.remedy or "")
    found = wrong(doctor(full))
    assert {finding.check for finding in found} == {"records", "refreshes"} | (
        {"definitions"} if full.database is None else set()
    )
    left = wrong(doctor(full, repair=True))
    assert not [finding for finding in left if finding.repairable]
    # What stood in rows that could not be read is put together again from what is left.
    [event] = full.workspace.drift.report().events
    assert (event.object_type, event.field_name) == ("Account", "Name")
    assert len(full.workspace.health.sync_history("acme")) == 2
    assert full.workspace.health.status("acme").schema_stats.field_count == 6
    assert full.refresh().drift_events == ()


def test_what_points_to_nothing_is_told(full: Desk) -> None:
    [event] = full.workspace.drift.report().events
    full.workspace.drift.acknowledge([event.id])
    execute(full, "DELETE FROM drift_event")
    told = [finding.found for finding in wrong(doctor(full))]
    assert any(each.startswith("1 drift event that refreshes found is not there") for each in told)
    assert "1 acknowledgment of a change that is not there." in told
    for sql in ("DELETE FROM sync_run", "DELETE FROM refresh"):
        execute(full, sql)
    execute(full, "UPDATE connection SET id = 'another'")
    found = wrong(doctor(full, repair=True))
    assert {finding.check for finding in found} == {"refreshes", "references"}
    assert all(finding.lost for finding in found)
    assert any("no connection" in finding.found for finding in found)


WIDE = tuple(text_field(f"F{number}__c", length=number + 1) for number in range(8))


@pytest.fixture
def rich(full: Desk) -> Desk:
    """The same after a third refresh that found a lot, and a fourth that found nothing."""
    full.export(
        describe("Account", text_field("Name", length=20), *WIDE),
        describe("Contact", text_field("Phone")),
    )
    assert len(full.refresh().drift_events) > 8
    full.refresh()
    return full


def told(desk: Desk) -> list[tuple[object, ...]]:
    """Return all drift, but for what only the source could say."""
    return [
        (e.id, e.object_type, e.field_name, e.kind, e.severity, e.reason, e.changes, e.story)
        for e in desk.workspace.drift.report().events
    ]


def test_lost_drift_is_derived_again_from_the_schemas(rich: Desk) -> None:
    before, stories = told(rich), rich.workspace.drift.report().stories
    [first] = [
        event for event in rich.workspace.drift.report().events if event.field_name == "Name"
    ][1:]
    execute(rich, "DELETE FROM drift_event WHERE field_name LIKE 'F%' OR object_type = 'Lead'")
    execute(rich, "DELETE FROM story")
    found = [finding for finding in wrong(doctor(rich)) if finding.check == "drift"]
    assert found[0].repairable
    repaired = doctor(rich, repair=True)
    assert wrong(repaired) == []
    assert any("derived again" in finding.found for finding in repaired)
    # Those that were left say when, so that ids are what they were: acknowledgments hold.
    assert told(rich) == before
    assert rich.workspace.drift.report().stories == stories
    # The audit log says when too, where none is left: what was acknowledged still is.
    rich.workspace.drift.acknowledge([first.id], "fine")
    execute(rich, "DELETE FROM drift_event")
    execute(rich, "DELETE FROM story")
    assert wrong(doctor(rich, repair=True)) == []
    assert told(rich) == before
    [again] = [e for e in rich.workspace.drift.report().events if e.id == first.id]
    assert again.note == "fine"
    # Where that is lost too the moment is that of the refresh's end, and the ids are others.
    execute(rich, "DELETE FROM drift_event")
    execute(rich, "DELETE FROM audit_entry")
    [left] = wrong(doctor(rich, repair=True))
    assert left.found == "1 acknowledgment of a change that is not there."
    assert [each[1:6] for each in told(rich)] == [each[1:6] for each in before]
    assert first.id not in {each[0] for each in told(rich)}
    assert rich.refresh().drift_events == ()


def test_drift_that_no_schema_tells_any_more_is_told_in_words(rich: Desk) -> None:
    execute(rich, "DELETE FROM drift_event")
    execute(rich, "DELETE FROM object_field")
    execute(rich, "UPDATE field_definition SET body = '{}'")
    left = wrong(doctor(rich, repair=True))
    told_lost = [finding for finding in left if finding.check == "drift"]
    assert told_lost
    assert all("can't be derived" in finding.found and finding.lost for finding in told_lost)
    assert all(finding.code == CacheDamagedError.code for finding in told_lost)


@pytest.mark.parametrize("what", ["refresh", "sync_run"])
def test_lost_refreshes_and_runs_are_put_together_again(rich: Desk, what: str) -> None:
    def seen() -> list[object]:
        schemas = rich.workspace.schemas
        history = [
            run.model_dump(exclude={"finished_at"})
            for run in rich.workspace.health.sync_history("acme")
        ]
        moments = [run["started_at"] for run in history]
        return [
            history,
            [schemas.all("acme", at=at) for at in moments],
            rich.workspace.health.status("acme").schema_stats,
        ]

    before = seen()
    for condition in ("drift_events = 0", "true") if what == "sync_run" else ("true",):
        execute(rich, f"DELETE FROM {what} WHERE {condition}")
        assert [f.check for f in wrong(doctor(rich)) if f.repairable] == ["refreshes"]
        assert wrong(doctor(rich, repair=True)) == []
        assert seen() == before
    assert rich.refresh().drift_events == ()


def test_lost_decisions_are_brought_back_from_the_audit_log(full: Desk) -> None:
    pair = "deal_registration--Account"
    mappings = full.workspace.mappings
    choices = [
        Choice(partner_field=left, state=DecisionState.ACCEPTED, crm_field=right)
        for left, right in (("accountName", "Name"), ("contactName", "Shared__c"))
    ]
    _, wrong_one = mappings.record_decisions("acme", pair, choices)
    mappings.record_decisions(
        "acme", pair, [Choice(partner_field="accountDomain", state=DecisionState.REJECTED)]
    )
    mappings.undo("acme", pair, wrong_one.id)

    def lines() -> list[object]:
        return [
            (line.partner_field, line.state, line.crm_field, line.direction, line.decided_by)
            for line in mappings.get("acme", pair).lines
        ]

    before = lines()
    execute(full, "DELETE FROM decision")
    [found] = [finding for finding in wrong(doctor(full)) if finding.check == "decisions"]
    assert found.found == "4 decisions that the audit log names are not there."
    assert "Value maps" in (found.lost or "")
    assert wrong(doctor(full, repair=True)) == []
    assert lines() == before
    with full.workspace.context.store.read() as session:
        assert [each.partner_field for each in session.decisions.log()] == [
            *("accountName", "contactName", "accountDomain", "contactName"),
        ]


def test_an_empty_table_of_migrations_is_filled_by_what_is_there(full: Desk) -> None:
    fields = full.workspace.schemas.fields("acme")
    execute(full, "DELETE FROM schema_migration")
    with pytest.raises(CacheError) as caught:
        full.again().schemas.fields("acme")
    assert caught.value.code == "CACHE_VERSION_LOST"
    assert "crmdeck doctor --repair" in (caught.value.remedy or "")
    [found] = wrong(doctor(full))
    assert found.code == caught.value.code
    assert found.repairable
    assert wrong(doctor(full, repair=True)) == []
    assert full.again().schemas.fields("acme") == fields


def test_whatever_the_workspace_is_the_doctor_answers(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text("[")
    (home / "crmdeck.duckdb").write_bytes(b"no database" * 1000)
    for repair in (False, True):
        found = wrong(examine(home, repair=repair))
        assert {finding.check for finding in found} >= {"settings and knowledge", "log"}
    assert (home / "crmdeck.duckdb").read_bytes() == b"no database" * 1000


def test_clocks_at_the_end_of_the_calendar_and_back_are_lived_with(full: Desk) -> None:
    full.clock.now = datetime(9999, 12, 31, 22, tzinfo=UTC)
    assert full.refresh().drift_events == ()
    assert full.workspace.health.status("acme").schema_stats.stale_object_count == 0
    full.clock.now = datetime(2026, 5, 20, tzinfo=UTC)
    [found] = wrong(doctor(full))
    assert found.check == "clock"
    assert "9999-12-31" in found.found
    full.export(describe("Account", text_field("Name")))
    assert len(full.refresh().drift_events) == 3
    assert len(full.workspace.schemas.all("acme")) == 1
