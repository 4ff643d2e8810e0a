"""The copies that crmdeck keeps by itself: when they are made, what they hold, which are kept."""

from __future__ import annotations

import logging
import os
import random
import shutil
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmdeck.clock import utc_now
from crmdeck.errors import CacheError, SourceError
from crmdeck.store import Store
from crmdeck.store.automatic_backups import AutomaticBackups, CacheCopy, verify
from crmdeck.store.backup import restore_backup
from tests.store.build import START, connection
from tests.store.test_migrations import EXPAND, KNOWN, use

DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A cache with one connection, last written three days ago."""
    path = tmp_path / "home" / "cache.duckdb"
    put(Store(path), "one")
    age(path, 3 * DAY)
    return path


def put(store: Store, name: str) -> None:
    with store.write() as session:
        session.connections.put(connection(name), START, "me")


def names(place: Store | Path) -> list[str]:
    store = place if isinstance(place, Store) else Store(place, read_only=True)
    with store.read() as session:
        return [each.name for each in session.connections.all()]


def age(path: Path, span: timedelta) -> None:
    then = (datetime.now(UTC) - span).timestamp()
    os.utime(path, (then, then))


def named(folder: Path, at: datetime, version: int) -> Path:
    return folder / f"crmdeck-{at:%Y%m%dT%H%M%S}Z-v{version}.duckdb"


def backups(path: Path) -> AutomaticBackups:
    return AutomaticBackups(path.parent / "backups")


def test_first_write_of_day_makes_verified_copy(path: Path) -> None:
    whole = path.read_bytes()
    assert names(Store(path)) == ["one"]
    assert backups(path).all() == []
    put(Store(path), "two")
    put(Store(path), "three")
    [copy] = backups(path).all()
    assert copy.path.read_bytes() == whole
    assert verify(copy) > 0
    assert (datetime.now(UTC) - copy.at) < timedelta(minutes=1)
    assert names(Store(path)) == ["one", "three", "two"]
    if os.name != "nt":
        assert stat.S_IMODE(copy.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(copy.path.parent.stat().st_mode) == 0o700


def test_new_or_unchanged_cache_is_not_copied(tmp_path: Path, path: Path) -> None:
    put(Store(tmp_path / "new.duckdb"), "one")
    put(Store(tmp_path / "new.duckdb"), "two")
    assert not (tmp_path / "backups").exists()
    put(Store(path), "two")
    age(path, 2 * DAY)
    [copy] = backups(path).all()
    yesterday = named(path.parent / "backups", utc_now() - DAY, copy.version)
    copy.path.rename(yesterday)
    put(Store(path), "three")
    assert [each.path for each in backups(path).all()] == [yesterday]


def test_setting_turns_off_daily_copies_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = AutomaticBackups(path.parent / "elsewhere", daily=False)
    put(Store(path, backups=off), "two")
    assert off.all() == []
    age(path, 3 * DAY)
    use(monkeypatch, *KNOWN, EXPAND)
    put(Store(path, backups=off), "three")
    assert [each.version for each in off.all()] == [KNOWN[-1].number]
    assert not (path.parent / "backups").exists()


def test_a_copy_that_fails_does_not_keep_from_writing(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path.parent / "backups").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        put(Store(path), "two")
    assert "daily backup" in caplog.text
    (path.parent / "backups").unlink()
    age(path, 3 * DAY)

    def truncated(source: Any, target: Any, length: int) -> None:
        target.write(source.read()[:-70_000])

    monkeypatch.setattr(shutil, "copyfileobj", truncated)
    put(Store(path), "three")
    assert list((path.parent / "backups").iterdir()) == []
    assert names(Store(path)) == ["one", "three", "two"]


def test_a_full_disk_stops_a_migration_and_keeps_no_half_copy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    use(monkeypatch, *KNOWN, EXPAND)
    whole = path.read_bytes()
    # Python would cut the byte code of what is imported from now on, and break it for everyone.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(CacheError) as caught:
            names(Store(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "CACHE_DISK_FULL"
    assert list((path.parent / "backups").iterdir()) == []
    assert path.read_bytes() == whole


def test_a_file_that_is_open_is_never_copied(path: Path) -> None:
    other = Store(path)
    with other.hold():
        with other.write():
            pass
        for copy in backups(path).all():
            copy.path.unlink()
        age(path, 3 * DAY)
        # The two share what is open in this process.
        put(Store(path), "two")
        assert backups(path).all() == []
    assert names(Store(path)) == ["one", "two"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child is killed")
def test_killed_copy_leaves_no_backup(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (child := os.fork()) == 0:
        try:
            monkeypatch.setattr(os, "fsync", lambda _: os._exit(9))
            put(Store(path), "two")
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    [half] = (path.parent / "backups").iterdir()
    assert half.name.endswith(".new")
    assert backups(path).all() == []
    age(path, 3 * DAY)
    put(Store(path), "three")
    assert [each.path for each in backups(path).all()] == list((path.parent / "backups").iterdir())
    assert names(Store(path)) == ["one", "three"]


def test_seven_daily_and_six_monthly_copies_are_kept(path: Path) -> None:
    folder = path.parent / "backups"
    folder.mkdir()
    begin, version = utc_now() - 300 * DAY, KNOWN[-1].number
    for day in range(300):
        named(folder, begin + day * DAY, version if day > 40 else version - 1).touch()
    (folder / "mine.duckdb").touch()
    backups(path).make(path, version)
    kept = backups(path).all()
    latest, rest = kept[:7], kept[7:]
    assert [(latest[0].at - each.at).days for each in latest] == list(range(7))
    *months, before_upgrade = rest
    assert before_upgrade.version == version - 1
    assert before_upgrade.at == (begin + 40 * DAY).replace(microsecond=0)
    assert len({f"{each.at:%Y-%m}" for each in months}) == len(months) in (4, 5)
    assert all((each.at + DAY).month != each.at.month for each in months)
    assert (folder / "mine.duckdb").exists()


def test_unsalvageable_cache_restores_newest_backup(
    path: Path,
) -> None:
    put(Store(path), "two")
    [good] = backups(path).all()
    dice = random.Random(7)
    broken = named(good.path.parent, utc_now() + DAY, good.version)
    broken.write_bytes(good.path.read_bytes()[:8192] + dice.randbytes(100_000))
    damaged = dice.randbytes(path.stat().st_size)
    path.write_bytes(damaged)
    with pytest.raises(CacheError) as caught:
        names(Store(path))
    done = Store(path).salvage(caught.value.code)
    assert done[-1].startswith("restored the backup of")
    assert names(Store(path)) == ["one"]
    [aside] = path.parent.glob("cache.duckdb.damaged-*")
    assert (aside / path.name).read_bytes() == damaged


def test_copy_is_restored_like_a_backup(tmp_path: Path, path: Path, place: Path | str) -> None:
    put(Store(path), "two")
    [copy] = backups(path).all()
    store = Store(place)
    summary = restore_backup(store, copy.path, force=False, clock=utc_now)
    assert names(store) == ["one"]
    assert summary.schema_version == copy.version
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(copy.path.read_bytes()[:9000])
    with pytest.raises(SourceError):
        restore_backup(store, broken, force=True, clock=utc_now)
    assert names(store) == ["one"]
    store.close()


def test_copy_with_damaged_block_is_not_verified(path: Path) -> None:
    with Store(path).write() as session:
        for number in range(50):
            session.connections.put(connection(f"c{number}"), START, "me" * 500)
    age(path, 3 * DAY)
    put(Store(path), "two")
    copy = backups(path).all()[0]
    whole = copy.path.read_bytes()

    def is_refused(start: int) -> bool:
        copy.path.write_bytes(
            whole[:start] + bytes(b ^ 1 for b in whole[start : start + 512]) + whole[start + 512 :]
        )
        try:
            verify(CacheCopy(copy.path, copy.at, copy.version))
        except CacheError:
            return True
        return False

    # Not every block of the file is in use.
    assert any(map(is_refused, range(12_288, len(whole), 4096)))
