"""The doctor: tells what is lost and what is not, repairs what can be, and never dies."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmdeck.errors import CacheDamagedError, CacheError
from crmdeck.home import CACHE_FILE
from crmdeck.model import Choice, DecisionState
from crmdeck.workspace.doctor import DoctorResult, examine, examine_log

from .conftest import Desk, describe, text_field
from .test_damage import ALTERED, LOST, execute, full, put_back

__all__ = ["full"]


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The folder that goes with a database is in the user's data folder.
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def doctor(desk: Desk, *, repair: bool = False, head: str | None = None) -> list[DoctorResult]:
    desk.let_go()
    place = desk.database or desk.workspace.home
    return examine_log(place, repair=repair, head=head, clock=desk.clock)


def wrong(findings: Iterable[DoctorResult]) -> list[DoctorResult]:
    return [finding for finding in findings if not finding.ok]


def test_whole_workspace_passes_doctor(full: Desk) -> None:
    found = doctor(full)
    assert wrong(found) == []
    told = {finding.check: finding.found for finding in found}
    assert "6 field definitions and 3 object definitions" in told["definitions"]
    assert "2 refreshes" in told["refreshes"]
    assert "1 change," in told["references"]
    assert not any(finding.repairable for finding in doctor(full, repair=True))
    assert not list(full.workspace.home.glob("*.zip"))


def test_doctor_creates_no_cache(tmp_path: Path) -> None:
    assert wrong(examine(tmp_path / "home", repair=True)) == []
    assert not (tmp_path / "home").exists()


CASES = ("all fields", "an object", "its order", "no JSON", "another field")


def test_definitions_are_repaired_or_made_ready_for_a_refresh(full: Desk) -> None:
    before = full.workspace.schemas.fields("acme")
    for what in CASES:
        with put_back(full, "field_definition", "object_definition", "object_field"):
            execute(full, (LOST | ALTERED)[what])
            found = wrong(doctor(full))
            assert {finding.check for finding in found} == {"definitions"}, what
            [lost] = [finding.lost for finding in found if finding.lost]
            assert "The current schema of acme: Account" in lost
            assert ("Lead" in lost) is (what not in ("an object", "no JSON"))

            repaired = doctor(full, repair=True)
            if any(finding.repairable for finding in found):
                assert any("crmdeck-before-repair-" in finding.found for finding in repaired)
            left = wrong(repaired)
            assert not any(finding.repairable for finding in left)
            assert all("crmdeck refresh acme" in (finding.remedy or "") for finding in left)
            full.refresh()
            assert full.workspace.schemas.fields("acme") == before
            now = wrong(doctor(full))
            assert not [each for each in now if "current schema" in (each.lost or "")]


def test_bad_rows_and_counts_are_repaired(full: Desk) -> None:
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
    assert {finding.check for finding in found} == {"records", "refreshes", "audit log"} | (
        {"definitions"} if full.database is None else set()
    )
    left = wrong(doctor(full, repair=True))
    assert not [finding for finding in left if finding.repairable]
    # The rows that could not be read are gone, and said to be missing.
    assert full.workspace.drift.report().events == ()
    assert len(full.workspace.health.sync_history("acme")) == 1
    assert [each.found for each in left] == ["1 refresh without its run."]
    assert full.workspace.audit.entries()[0].event == "cache.repaired"
    assert full.workspace.health.status("acme").schema_stats.field_count == 6
    assert full.refresh().drift_events == ()


def test_wrong_verdicts_are_reported_and_judged_again(full: Desk) -> None:
    choice = Choice(partner_field="name", state=DecisionState.ACCEPTED, crm_field="Name")
    full.workspace.mappings.record_decisions("acme", "partner--Account", [choice])
    # The row still says that it was made from the newest schema and decision.
    gone = """UPDATE pair_verdict SET verdicts = replace(verdicts, '"gone": []', '"gone": ["x"]')"""
    execute(full, gone)
    (found,) = wrong(doctor(full))
    assert (found.check, found.repairable) == ("verdicts", True)
    assert "1 pair" in found.found
    assert not wrong(doctor(full, repair=True))
    assert not wrong(doctor(full))


def test_wrong_counts_are_reported_and_counted_again(full: Desk) -> None:
    counted = full.workspace.drift.open_changes()
    execute(full, "UPDATE settlement SET breaking = breaking + 1")
    assert full.workspace.drift.open_changes() != counted
    (found,) = wrong(doctor(full))
    assert (found.check, found.repairable) == ("open changes", True)
    assert "1 connection: acme" in found.found
    assert not wrong(doctor(full, repair=True))
    assert full.workspace.drift.open_changes() == counted


MISSING = {
    "DELETE FROM drift_event": ("1 missing change.", "1 acknowledgment of a missing change."),
    "DELETE FROM refresh WHERE changes = 1": (
        "1 run without its refresh.",
        "1 object state without its refresh.",
    ),
    "DELETE FROM sync_run WHERE drift_events = 0": ("1 refresh without its run.",),
    "DELETE FROM decision WHERE undoes IS NULL": ("1 decision that undoes a missing decision.",),
    "UPDATE drift_event SET story = 'x'": ("1 missing change group.",),
    "UPDATE connection SET id = 'another'": (
        "2 rows of refresh without a connection.",
        "3 rows of object_state without a connection.",
        "2 rows of sync_run without a connection.",
        "1 row of drift_event without a connection.",
        "2 rows of decision without a connection.",
    ),
}


def test_a_missing_row_is_reported_with_a_backup_to_restore(full: Desk) -> None:
    pair = "deal_registration--Account"
    [event] = full.workspace.drift.report().events
    full.workspace.drift.acknowledge([event.id])
    choice = Choice(partner_field="accountName", state=DecisionState.ACCEPTED, crm_field="Name")
    [decision] = full.workspace.mappings.record_decisions("acme", pair, [choice])
    full.workspace.mappings.undo("acme", pair, decision.id)
    for sql, wanted in MISSING.items():
        with put_back(
            full, "audit_entry", "connection", "decision", "drift_event", "refresh", "sync_run"
        ):
            execute(full, sql)
            table = sql.split()[2 if "DELETE" in sql else 1]
            unlike = [each.found for each in wrong(doctor(full)) if "match the audit" in each.found]
            covered = ("connection", "decision", "drift_event")
            assert [each.split()[0] for each in unlike] == [table] * (table in covered)
            found = wrong(doctor(full, repair=True))
            assert tuple(each.found for each in found) == wanted, sql
            for each in found:
                assert each.lost
                assert each.code == CacheDamagedError.code
                assert "crmdeck restore FILE" in (each.remedy or "")


def test_deleted_audit_entries_are_reported(
    full: Desk,
) -> None:
    choice = Choice(partner_field="accountName", state=DecisionState.ACCEPTED, crm_field="Name")
    full.workspace.mappings.record_decisions("acme", "deal_registration--Account", [choice])
    kept = full.workspace.audit.head()
    assert kept
    assert [each.head for each in doctor(full, head=kept.hash) if each.head] == [kept.hash]
    execute(full, "DELETE FROM audit_entry WHERE event = 'mapping.accepted'")
    full.refresh()
    numbers = ["1 missing number in the history."] if full.database is None else []
    found = [each.found for each in wrong(doctor(full))]
    assert found == ["1 decision without an audit entry.", *numbers]
    cut = next(each.found for each in wrong(doctor(full, head=kept.hash)))
    assert cut.startswith(f"The audit log doesn't contain the head {kept.hash}. Its last entry is ")
    assert wrong(doctor(full, repair=True)) == []
    execute(full, "DELETE FROM audit_entry")
    assert "The audit log is empty." in [each.found for each in wrong(doctor(full))]


def test_empty_migrations_table_is_detected_from_tables(full: Desk) -> None:
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
        assert {finding.check for finding in found} >= {"settings and knowledge", "cache"}
    assert (home / "crmdeck.duckdb").read_bytes() == b"no database" * 1000


def test_extreme_clocks_are_tolerated(full: Desk) -> None:
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


def test_the_newest_automatic_backup_is_checked(full: Desk) -> None:
    def backup() -> DoctorResult:
        [found] = [finding for finding in doctor(full) if finding.check == "backup"]
        return found

    if full.database is not None:
        assert backup().ok
        assert "database server" in (backup().remedy or "")
        return
    assert "none yet" in backup().found
    cache = full.workspace.home / CACHE_FILE
    os.utime(cache, (1_000_000_000, 1_000_000_000))
    full.refresh()
    assert backup().ok
    [copy] = (full.workspace.home / "backups").iterdir()
    assert str(copy) in backup().found
    execute(full, "DELETE FROM drift_event")
    [lost] = [each for each in wrong(doctor(full)) if each.check == "references"]
    assert lost.remedy is not None
    assert f"crmdeck restore {copy}" in lost.remedy
    copy.rename(copy.with_name("crmdeck-20200101T000000Z-v" + copy.name.rpartition("-v")[2]))
    assert not backup().ok
    assert "2020-01-01" in backup().found
    copy.write_bytes(b"nothing")
    assert not backup().ok
    assert str(copy) in backup().found
