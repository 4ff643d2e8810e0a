"""The demo: its packed history, unpacked once with the times moved."""

from __future__ import annotations

import json
import re
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmdeck.errors import CrmdeckError
from crmdeck.model import Severity, Status
from crmdeck.store import Store
from crmdeck.store.backup import unpack_backup, write_backup
from crmdeck.workspace import open_demo
from crmdeck.workspace.demo import HISTORY, STAMP
from tests.cli.shell import PAIR, Shell
from tests.demo_pack import ANCHOR, pack

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?")


def rows_of(backup: Path) -> dict[str, list[dict[str, Any]]]:
    with zipfile.ZipFile(backup) as archive:
        return {
            Path(name).stem: [json.loads(line) for line in archive.read(name).splitlines()]
            for name in archive.namelist()
            if name.startswith("tables/")
        }


def test_packed_history_equals_a_replay(tmp_path: Path) -> None:
    pack(tmp_path / "now.zip")
    packed, replayed = rows_of(HISTORY), rows_of(tmp_path / "now.zip")
    differing = [name for name in replayed if packed.get(name) != replayed[name]]
    assert not differing, f"{differing} differ: make the demo again: python -m tests.demo_pack"


def test_demo_shifts_only_times(tmp_path: Path) -> None:
    """The IDs of changes are derived from their times, and keep those of the packed times."""
    at = ANCHOR + timedelta(days=195, hours=2, seconds=7)
    unpack_backup(HISTORY, tmp_path / "moved.duckdb", at)
    write_backup(Store(tmp_path / "moved.duckdb", clock=lambda: at), tmp_path / "moved.zip")

    def moved(value: object) -> object:
        if not isinstance(value, str) or not _MOMENT.match(value):
            # Vendors' dates inside definitions stay: their texts are what is hashed.
            return value
        return (datetime.fromisoformat(value) + (at - ANCHOR)).isoformat(timespec="microseconds")

    packed, unpacked = rows_of(HISTORY), rows_of(tmp_path / "moved.zip")
    for rows in (packed, unpacked):
        # These cover the times.
        assert all(entry.pop("hash") for entry in rows["audit_entry"])
    assert unpacked == {
        table: [{name: moved(value) for name, value in row.items()} for row in rows]
        for table, rows in packed.items()
    }
    inside = {
        (table, name)
        for table, rows in packed.items()
        for row in rows
        for name, value in row.items()
        if isinstance(value, str) and _MOMENT.search(value) and not _MOMENT.match(value)
    }
    bodies = {("field_definition", "body"), ("object_definition", "body")}
    assert inside <= bodies, "a time in a text that nothing moves"


def test_demo_has_real_problems_and_uses_the_sandbox(tmp_path: Path) -> None:
    killed = tmp_path / ".demo-of-one-who-was-killed"
    killed.mkdir()
    with open_demo(folder=tmp_path, later=True) as workspace:
        workspace.prepare()
        found = {status.name: status for status in workspace.health.statuses()}
        drift = workspace.drift.report("acme-prod")
        lines = workspace.mappings.get("acme-prod", "deal_registration--Opportunity").lines
        newest = max(event.detected_at for event in drift.events)
        assert timedelta(0) < workspace.now - newest < timedelta(days=1)
        refreshed = workspace.refreshes.run("acme-prod")
        assert refreshed.success
        assert refreshed.drift_events == ()
    assert not killed.exists()
    assert {name: status.status for name, status in found.items()} == {
        "acme-emea": Status.REAUTH_REQUIRED,
        "acme-marketing": Status.ACTIVE,
        "acme-prod": Status.ACTIVE,
        "legacy-portal": Status.DISCONNECTED,
    }
    assert "QUOTA_RESERVE" in [one.code for one in found["acme-marketing"].findings]
    assert any(line.drift for line in lines)
    assert any(event.rename_of for event in drift.events)
    assert {event.severity for event in drift.events} == set(Severity)
    assert "field_everywhere" in [story.kind for story in drift.stories]
    assert any(event.changed_by for event in drift.events)


def test_demo_is_kept_until_history_or_duckdb_changes(
    tmp_path: Path,
) -> None:
    def made() -> int:
        with open_demo(folder=tmp_path) as workspace:
            assert len(workspace.health.statuses()) == 4
            return (workspace.home / STAMP).stat().st_ino

    first = made()
    assert made() == first
    (stamp,) = tmp_path.glob(f"*/{STAMP}")
    told = json.loads(stamp.read_text())
    stamp.write_text(json.dumps(told | {"duckdb": "1.3.0"}))
    (stamp.parent / "crmdeck.duckdb").write_bytes(b"what DuckDB 1.3.0 wrote")
    assert made() != first


def test_unwritable_cache_makes_temporary_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    with open_demo(later=True) as workspace:
        assert tmp_path not in workspace.home.parents
    with pytest.raises(CrmdeckError) as caught, open_demo(folder=tmp_path / "file"):
        pass
    assert caught.value.code == "DEMO_NOT_BUILT"
    assert "XDG_CACHE_HOME" in (caught.value.remedy or "")


def test_demo_reset_discards_changes(tmp_path: Path) -> None:
    shell, cache = Shell(tmp_path / "home"), {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    notice = "The demo was changed just now. Restore it with crmdeck demo --reset.\n"
    assert notice not in shell.run("drift", "acme-prod", "--demo", env=cache).stderr
    shell.run("refresh", "acme-prod", "--demo", env=cache)
    assert notice not in shell.run("drift", "acme-prod", "--demo", env=cache).stderr
    shell.run("connections", "rename", "acme-prod", "x", "--demo", env=cache)
    assert shell.run("drift", "x", "--demo", env=cache).stderr.count(notice) == 1
    assert notice not in shell.run("drift", "x", "--demo", "--json", env=cache).stderr
    shell.run("demo", "--reset", env=cache)
    assert notice not in shell.run("drift", "acme-prod", "--demo", env=cache).stderr


def test_demo_of_another_store_version_is_unpacked_again(tmp_path: Path) -> None:
    shell, cache = Shell(tmp_path / "home"), {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    shell.run("demo", "--reset", env=cache)
    stamp = next((tmp_path / "cache").rglob(STAMP))
    stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"store": "0"}))
    (stamp.parent / "crmdeck.duckdb").write_bytes(b"of another version")
    shell.run("drift", "acme-prod", "--demo", env=cache)


def test_dry_run_discards_decisions_after_their_checks(tmp_path: Path) -> None:
    shell, cache = Shell(tmp_path / "home"), {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    def states() -> list[str]:
        shown = shell.json("mapping", "show", "acme-prod", PAIR, "--demo", env=cache)
        return [line["state"] for line in shown["lines"]]

    before = states()
    common = ("acme-prod", PAIR, "--demo", "--encoder", "none")
    tried = ("mapping", "accept", *common, "--confidence", "0.9", "--dry-run")
    assert "Dry run: nothing was changed." in shell.run(*tried, env=cache).stderr
    assert len(shell.json(*tried, env=cache)) > 1
    assert states() == before
    wrong = ("mapping", "accept", *common, "nosuch", "--dry-run")
    shell.run(*wrong, code=2, env=cache)
    shell.run(*tried[:-1], "--yes", env=cache)
    assert states() != before
