"""The bounded form of the crash soak: eight kills, four on each engine; and full disks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.sandbox import Sandbox
from tests.postgres import postgres_url
from tests.soak.crash import Crash
from tests.soak.worker import Workers

__all__ = ["postgres_url"]

KILLS = 4
DISK_FULL = {"CACHE_DISK_FULL", "BACKUP_NOT_WRITTEN"}


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Yield the process that both engines' workers are forks of: it imports for two seconds."""
    workers = Workers()
    yield workers
    workers.end()


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
def test_killed_worker_leaves_whole_writes(
    tmp_path: Path,
    engine: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    workers: Workers,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    home = str(tmp_path / "home")
    place = str(request.getfixturevalue("postgres_url")) if engine == "postgresql" else home
    with Sandbox() as sandbox:
        crash = Crash(tmp_path, place, sandbox, workers)
        for _ in range(KILLS):
            crash.kill_once()
        crash.check()
        assert crash.tally.kills == KILLS
        assert sum(crash.tally.writes.values()) > 0
        assert not _failures(crash)
        if engine == "duckdb":
            _fill_disks(crash)


def _fill_disks(crash: Crash) -> None:
    """Let work go on where files can't grow, after the kills: another workspace would be dear."""
    for longest_file in (6_000, 16_384):
        crash.work_on_full_disk(4, longest_file)
    crash.check()
    failures = _failures(crash)
    assert failures, "the limit was never met"
    assert failures <= DISK_FULL, crash.tally.refused


def _failures(crash: Crash) -> set[str]:
    failed = (each for each in crash.tally.refused if each.startswith("failed"))
    return {each.split(":")[1].strip() for each in failed}
