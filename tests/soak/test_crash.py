"""The bounded form of the crash soak: ten kills, five on each engine; and full disks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crmdeck.sandbox import Sandbox
from tests.postgres import postgres_url
from tests.soak.crash import Crash

__all__ = ["postgres_url"]

KILLS = 5


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
def test_who_is_killed_at_work_leaves_what_was_reported_and_no_half(
    tmp_path: Path,
    engine: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    home = str(tmp_path / "home")
    place = str(request.getfixturevalue("postgres_url")) if engine == "postgresql" else home
    with Sandbox() as sandbox:
        crash = Crash(tmp_path, place, sandbox)
        try:
            for _ in range(KILLS):
                crash.kill_once()
            crash.check()
        finally:
            crash.end()
    assert crash.tally.kills == KILLS
    assert sum(crash.tally.writes.values()) > 0
    assert not [each for each in crash.tally.refused if each.startswith("failed")]


@pytest.mark.skipif(os.name == "nt", reason="a limit on the length of files")
def test_a_full_disk_loses_nothing_that_was_reported_and_leaves_no_half(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        crash = Crash(tmp_path, str(tmp_path / "home"), sandbox)
        try:
            for longest_file in (6_000, 16_384):
                crash.work_on_full_disk(6, longest_file)
            crash.check()
        finally:
            crash.end()
    told = {each.split(":")[1].strip() for each in crash.tally.refused if each.startswith("failed")}
    assert told, "the limit was never met"
    assert told <= {"CACHE_DISK_FULL", "BACKUP_NOT_WRITTEN"}
