"""A cache that is out of reach, cut, altered or half gone: refused in words, never replaced."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crmdeck.errors import CacheError, ExitCode
from crmdeck.store import Store
from tests.store.build import START, connection

ROOT = Path(__file__).parents[2]


def names(store: Store) -> list[str]:
    with store.read() as session:
        return [one.name for one in session.connections.all()]


def put(store: Store, name: str) -> None:
    with store.write() as session:
        session.connections.put(connection(name), START, "me")


def refused(store: Store) -> CacheError:
    """Return why a store can be neither read nor written."""
    with pytest.raises(CacheError) as written:
        put(store, "new")
    with pytest.raises(CacheError) as caught:
        names(store)
    assert caught.value.exit_code is ExitCode.CACHE_BUSY
    assert caught.value.cause
    assert caught.value.remedy
    assert written.value.code == caught.value.code
    return caught.value


links = pytest.mark.skipif(os.name == "nt", reason="links are a right of their own")


@links
@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("what", ["file", "home", "above"])
def test_a_link_to_a_volume_that_is_not_mounted_is_left_alone(
    tmp_path: Path, what: str, read_only: bool
) -> None:
    volume, home = tmp_path / "volume", tmp_path / "home"
    place = {"file": home, "home": home, "above": home / "below"}[what]
    link = place / "cache.duckdb" if what == "file" else home
    if what == "file":
        home.mkdir()
    link.symlink_to(volume)
    path = place / "cache.duckdb"
    if read_only:
        with pytest.raises(CacheError) as caught:
            names(Store(path, read_only=True))
        error = caught.value
    else:
        error = refused(Store(path))
    assert error.code == "CACHE_LINK_BROKEN"
    assert str(volume) in (error.cause or "")
    assert link.is_symlink()
    assert link.readlink() == volume
    assert not link.exists()
    if what == "file":
        assert list(home.iterdir()) == [link]


@links
def test_link_to_existing_cache_works(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    put(Store(volume / "cache.duckdb"), "acme")
    (tmp_path / "home").mkdir()
    link = tmp_path / "home" / "cache.duckdb"
    link.symlink_to(volume / "cache.duckdb")
    put(Store(link), "beta")
    assert names(Store(volume / "cache.duckdb")) == ["acme", "beta"]
    assert link.is_symlink()


def test_vanished_cache_is_not_recreated(tmp_path: Path) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    store = Store(home / "cache.duckdb")
    put(store, "acme")
    home.rename(away)
    assert refused(store).code == "CACHE_GONE"
    assert not home.exists()
    away.rename(home)
    assert names(store) == ["acme"]


# What is written stays in the log, as after a kill.
PUT_AND_DIE = """
import os, sys
from pathlib import Path
from crmdeck.store import Store
from tests.store.build import START, connection
store = Store(Path(sys.argv[1]))
with store.hold():
    for name in ("one", "two", "three"):
        with store.write() as session:
            session.connections.put(connection(name), START, "me")
    os._exit(0)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cache whose process was killed: what it wrote is in the log."""
    home = tmp_path_factory.mktemp("killed")
    subprocess.run(
        [sys.executable, "-c", PUT_AND_DIE, str(home / "cache.duckdb")], cwd=ROOT, check=True
    )
    assert (home / "cache.duckdb.wal").stat().st_size > 0
    return home


@pytest.mark.parametrize("how", ["gone", "cut", "zeroed", "noise", "alone"])
def test_a_log_that_was_lost_or_cut_is_missed(tmp_path: Path, killed: Path, how: str) -> None:
    home = tmp_path / "home"
    shutil.copytree(killed, home)
    path, log, dice = home / "cache.duckdb", home / "cache.duckdb.wal", random.Random(7)
    whole = log.read_bytes()
    match how:
        case "gone":
            log.unlink()
        case "cut":
            log.write_bytes(whole[: len(whole) // 2])
        case "zeroed":
            log.write_bytes(whole[:-40] + bytes(40))
        case "noise":
            log.write_bytes(whole[:100] + dice.randbytes(60) + whole[160:])
        case "alone":
            path.unlink()
    files = ("cache.duckdb", "cache.duckdb.wal", "cache.duckdb.wal.mark")
    before = {name: (home / name).read_bytes() for name in files if (home / name).exists()}
    error = refused(Store(path))
    expected = {"alone": ("CACHE_GONE",)}.get(how, ("CACHE_LOG_LOST", "CACHE_LOG_DAMAGED"))
    assert error.code in expected
    assert "wal" in str(error)
    after = {each.name: each.read_bytes() for each in home.glob("cache.duckdb*")}
    assert {name: after[name] for name in before} == before
    if how == "alone":
        return

    done = Store(path).salvage(error.code)
    assert "the last writes are lost" in done[-1]
    assert names(Store(path)) == [] if how in ("gone", "noise") else names(Store(path)) != []
    put(Store(path), "four")
    assert "four" in names(Store(path))
    [aside] = home.glob("cache.duckdb.damaged-*")
    kept = {each.name: each.read_bytes() for each in aside.iterdir()}
    assert kept == {name: before[name] for name in kept}
    assert path.name in kept


def test_whole_log_is_reused(tmp_path: Path, killed: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(killed, home)
    path = home / "cache.duckdb"
    assert names(Store(path, read_only=True)) == ["one", "three", "two"]
    assert names(Store(path)) == ["one", "three", "two"]
    put(Store(path), "four")
    assert names(Store(path)) == ["four", "one", "three", "two"]
    assert not list(home.glob("*.mark"))


@pytest.mark.parametrize("name", ["h?x", "h\udcff"])
def test_path_that_duckdb_misreads_is_rejected(tmp_path: Path, name: str) -> None:
    home = tmp_path / name / "home"
    error = refused(Store(home / "cache.duckdb"))
    assert error.code == "CACHE_NO_FOLDER"
    str(error).encode()
    assert not home.exists()


@pytest.mark.parametrize(
    "name", ["h#x", "h%41 %s", "two words", "für 東京", "'; DROP --", "a" * 200]
)
def test_a_path_that_looks_odd_is_one_like_another(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    put(Store(home / "cache.duckdb"), "acme")
    assert names(Store(home / "cache.duckdb", read_only=True)) == ["acme"]
    assert [each.name for each in tmp_path.iterdir()] == [name]
