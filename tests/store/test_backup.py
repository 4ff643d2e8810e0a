from __future__ import annotations

import json
import os
import random
import stat
import zipfile
from pathlib import Path

import pytest

from crmdeck.clock import utc_now
from crmdeck.errors import CacheTooNewError, ConflictError, CrmdeckError
from crmdeck.model import (
    Acceptance,
    AuditEntry,
    Decision,
    DecisionState,
    Freshness,
    GoneReason,
    Urgency,
)
from crmdeck.store import Store, migrations
from crmdeck.store.backup import check_backup, restore_backup, write_backup
from tests.store.build import HOSTILE, START, connection, day, record, run, schema


def fill(store: Store) -> None:
    with store.write() as session:
        session.connections.put(connection("acme"), START, HOSTILE)
        session.runs.add(run(0))
        record(session, 0, schema("Account", *map(str, range(70))), schema("Lead", HOSTILE))
        record(session, 1, schema("Account", "x"), gone={"Lead": GoneReason.HIDDEN})
        session.rates.put("acme", "Account", {"x": 0.1}, 10, START)
        accepted = Acceptance(START, "me", START.date(), Urgency.REVIEW, 0, None, ())
        session.acceptances.add("acme", "a", accepted)
        for number in range(3):
            session.audit.add(
                AuditEntry(id=f"a{number}", at=START, actor="me", event="x", summary=HOSTILE)
            )
        session.decisions.add(
            [
                Decision(
                    id="d",
                    connection_id="acme",
                    object_pair="deal--Account",
                    partner_field="name",
                    crm_field=HOSTILE,
                    state=DecisionState.ACCEPTED,
                    value_map={HOSTILE: "b"},
                    confidence=0.1 + 0.2,
                    decided_by="me",
                    decided_at=START,
                )
            ]
        )


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        names = sorted(set(archive.namelist()) - {"manifest.json"})
        return {name: archive.read(name) for name in names}


def restore(store: Store, path: Path, *, force: bool = False) -> None:
    restore_backup(store, path, force=force, clock=utc_now)


def test_round_trip_over_both_engines_is_exact(tmp_path: Path, postgres_url: str) -> None:
    laptop, team = Store(tmp_path / "laptop.duckdb"), Store(postgres_url)
    fill(laptop)
    summary = write_backup(laptop, tmp_path / "1.zip")
    assert summary.rows["audit_entry"] == 3
    assert summary.rows["object_state"] == 4
    assert "text_vector" not in summary.rows
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "1.zip").stat().st_mode) == 0o600

    restore(team, tmp_path / "1.zip")
    with team.write() as session:
        record(session, 2, unchanged=["Account"])
        session.audit.add(AuditEntry(id="t", at=START, actor="t", event="x", summary="team"))
        assert [entry.id for entry in session.audit.entries()] == ["t", "a2", "a1", "a0"]
    write_backup(team, tmp_path / "2.zip")

    restore(laptop, tmp_path / "2.zip", force=True)
    write_backup(laptop, tmp_path / "3.zip")
    assert contents(tmp_path / "3.zip") == contents(tmp_path / "2.zip")
    with laptop.write() as session:
        assert session.snapshots.latest_refresh("acme") == "acme-2"
        assert record(session, 3, unchanged=["Account"]).states == 0
        assert session.snapshots.latest_refresh("acme") == "acme-3"
    team.close()


def test_bytes_round_trip_for_any_rows(tmp_path: Path) -> None:
    laptop, other = Store(tmp_path / "laptop.duckdb"), Store(tmp_path / "other.duckdb")
    with laptop.write() as session:
        record(session, 0, schema("Account"))
        for number in range(1, 70):
            freshness = {"Account": Freshness(day(-number), day(number))} if number % 2 else None
            record(session, number, unchanged=["Account"], freshness=freshness)
    write_backup(laptop, tmp_path / "1.zip")
    restore(other, tmp_path / "1.zip")
    write_backup(other, tmp_path / "2.zip")
    assert contents(tmp_path / "2.zip") == contents(tmp_path / "1.zip")
    with other.read() as session:
        assert session.snapshots.current("acme")[0].discovered_at == day(-69)


def test_existing_file_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other.duckdb")
    fill(other)
    write_backup(other, tmp_path / "b.zip")
    with store.write() as session:
        session.connections.put(connection("mine"), START, "me")
    with pytest.raises(ConflictError) as caught:
        restore(store, tmp_path / "b.zip")
    assert caught.value.code == "WORKSPACE_NOT_EMPTY"
    with store.read() as session:
        assert [one.name for one in session.connections.all()] == ["mine"]
    restore(store, tmp_path / "b.zip", force=True)
    with store.read() as session:
        assert [one.name for one in session.connections.all()] == ["acme"]


def damage(path: Path, how: str) -> None:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    match how:
        case "a row less":
            files["tables/audit_entry.jsonl"] = files["tables/audit_entry.jsonl"][:-1]
        case "another row":
            files["tables/decision.jsonl"] = files["tables/decision.jsonl"].replace(b"me", b"ME")
        case "a table less":
            del files["tables/decision.jsonl"]
        case "no manifest":
            del files["manifest.json"]
        case "not ours":
            manifest["format"] = "other"
        case "no counts":
            manifest["tables"] = {"decision": None}
        case "an unknown table":
            manifest["tables"]["x; DROP TABLE decision"] = {
                "rows": 0,
                "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            }
            files["tables/x; DROP TABLE decision.jsonl"] = b""
    if "manifest.json" in files:
        files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def test_damaged_backup_is_not_restored(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "cache.duckdb"), tmp_path / "b.zip"
    fill(store)
    write_backup(store, path)
    whole, before = path.read_bytes(), contents(path)
    for how in (
        "a row less",
        "another row",
        "a table less",
        "no manifest",
        "not ours",
        "no counts",
        "an unknown table",
    ):
        path.write_bytes(whole)
        damage(path, how)
        with pytest.raises(CrmdeckError) as caught:
            restore(store, path, force=True)
        assert caught.value.code == "BACKUP_DAMAGED", how
    write_backup(store, tmp_path / "after.zip")
    assert contents(tmp_path / "after.zip") == before


def test_random_bytes_are_not_a_backup(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "cache.duckdb"), tmp_path / "b.zip"
    fill(store)
    write_backup(store, path)
    whole, dice = path.read_bytes(), random.Random(7)
    for number in range(20):
        cut = whole[: dice.randrange(len(whole))]
        path.write_bytes(cut if number % 2 else dice.randbytes(200))
        with pytest.raises(CrmdeckError) as caught:
            check_backup(path)
        assert caught.value.code == "BACKUP_DAMAGED"
    with pytest.raises(CrmdeckError) as caught:
        check_backup(tmp_path / "missing.zip")
    assert caught.value.code == "BACKUP_UNREADABLE"
    with pytest.raises(CrmdeckError) as caught:
        write_backup(store, tmp_path / "missing" / "b.zip")
    assert caught.value.code == "BACKUP_NOT_WRITTEN"
    assert not list(tmp_path.glob(".*"))


def test_newer_backup_is_rejected(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "cache.duckdb"), tmp_path / "b.zip"
    fill(store)
    write_backup(store, path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    manifest["schemaVersion"] = migrations.newest(migrations.shipped()) + 1
    files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(CacheTooNewError):
        restore(Store(tmp_path / "new.duckdb"), path)
