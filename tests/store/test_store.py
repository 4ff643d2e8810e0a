from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import duckdb
import pytest

from crmdeck.errors import (
    CacheBusyError,
    CacheError,
    CacheTooNewError,
    CrmdeckError,
    ExitCode,
    ReadOnlyError,
)
from crmdeck.store import Store, migrations
from crmdeck.store.duckdb_file import explain
from tests.store.build import START, connection, record, schema

ROOT = Path(__file__).parents[2]

PUT_AND_DIE = """
import os
from pathlib import Path
from crmdeck.store import Store
from tests.store.build import START, connection
store = Store(Path({path!r}))
with store.hold():
    with store.write() as session:
        session.connections.put(connection("acme"), START, "me")
    os._exit(0)
"""


def names(store: Store) -> list[str]:
    with store.read() as session:
        return [one.name for one in session.connections.all()]


def put(store: Store, name: str) -> None:
    with store.write() as session:
        session.connections.put(connection(name), START, "me")


def fail(store: Store, name: str) -> None:
    """Write in two nested blocks, and fail in the outer one."""

    def work() -> None:
        with store.write():
            put(store, name)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()


def fingerprint(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_new_store_creates_no_file_until_used(tmp_path: Path) -> None:
    store = Store(tmp_path / "home" / "cache.duckdb")
    assert list(tmp_path.iterdir()) == []
    assert names(store) == []
    put(store, "acme")
    assert names(Store(Path(store.place))) == ["acme"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_files_are_private_to_the_user(tmp_path: Path) -> None:
    store = Store(tmp_path / "home" / "cache.duckdb")
    with store.hold():
        put(store, "acme")
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in Path(store.place).parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "cache.duckdb.wal" in modes
    assert stat.S_IMODE(Path(store.place).parent.stat().st_mode) == 0o700


def test_a_write_is_kept_whole_or_not_at_all(store: Store) -> None:
    fail(store, "lost")
    with store.write() as outer:
        outer.connections.put(connection("outer"), START, "me")
        with store.write() as inner:
            inner.connections.put(connection("inner"), START, "me")
        assert names(store) == ["inner", "outer"]
    assert names(store) == ["inner", "outer"]
    with store.hold():
        put(store, "third")
        fail(store, "joined")
    assert names(store) == ["inner", "outer", "third"]
    with store.read(), pytest.raises(RuntimeError, match="wait for itself"):
        put(store, "fourth")


def test_errors_of_others_pass_through_as_they_are(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), store.write():
        (tmp_path / "missing").read_text()


def test_hold_keeps_the_connection_over_reads_and_writes(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache.duckdb", wait=0.1)
    with store.hold():
        put(store, "one")
        with pytest.raises(CacheBusyError):
            names(Store(Path(store.place), wait=0.1))
        thread = threading.Thread(target=put, args=(store, "two"))
        thread.start()
        thread.join()
        fail(store, "lost")
    assert names(Store(Path(store.place))) == ["one", "two"]


def test_many_threads_keep_all_writes(place: Path | str) -> None:
    store = Store(place, wait=30)
    threads = [threading.Thread(target=put, args=(store, f"{n:02d}")) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(store) == [f"{n:02d}" for n in range(12)]
    store.close()


def test_read_only_store_rejects_writes(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    reader = Store(path, read_only=True)
    assert names(reader) == names(Store(path)) == []
    assert list(tmp_path.iterdir()) == []

    put(Store(path), "acme")
    before = path.read_bytes()
    assert names(reader) == ["acme"]
    with pytest.raises(ReadOnlyError), reader.write():
        pass
    with reader.read() as session, pytest.raises(duckdb.Error):
        session.connections.put(connection("no"), START, "me")
    assert path.read_bytes() == before


# To root all doors are open, so somebody else looks, once all that it takes is imported.
LOOK = """
import os, sys, tempfile
from pathlib import Path
from crmdeck.errors import ReadOnlyError
from crmdeck.store import Store
from tests.store.build import START, connection
with tempfile.TemporaryDirectory() as own, Store(Path(own) / "c").write() as session:
    session.connections.put(connection("warm"), START, "me")
    session.connections.all()
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
store = Store(Path(sys.argv[1]))
with store.read() as session:
    print(session.connections.all()[0].name, store.read_only)
try:
    with store.write() as session:
        session.connections.put(connection("no"), START, "me")
except ReadOnlyError as error:
    print(error.code, "Can't write to" in error.cause)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("left_open", [False, True], ids=["closed", "killed"])
def test_a_folder_that_must_not_be_written_to_can_be_looked_at(left_open: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        path = home / "cache.duckdb"
        if left_open:
            killed = PUT_AND_DIE.format(path=str(path))
            subprocess.run([sys.executable, "-c", killed], cwd=ROOT, check=True)
        else:
            put(Store(path), "acme")
        for each in home.iterdir():
            each.chmod(0o444)
        home.chmod(0o555)
        before = fingerprint(home)
        assert ("cache.duckdb.wal" in before) is left_open
        answer = subprocess.run(
            [sys.executable, "-c", LOOK, str(path)], capture_output=True, text=True, cwd=ROOT
        )
        assert answer.stdout.split() == ["acme", "True", "READ_ONLY", "True"], answer.stderr
        assert fingerprint(home) == before
        home.chmod(0o755)


def test_the_head_is_another_one_after_each_write(place: Path | str) -> None:
    store, other = Store(place), Store(place)
    names(store)
    heads = [store.head()]
    for name in ("one", "two"):
        put(other, name)
        heads.append(store.head())
        names(store)
        assert store.head() == heads[-1]
    assert len(set(heads)) == len(heads)
    store.close()
    other.close()


@pytest.mark.skipif(sys.platform != "linux", reason="/sys refuses new folders, to root too")
def test_a_folder_that_cannot_be_made() -> None:
    with pytest.raises(CacheError) as caught:
        put(Store(Path("/sys/crmdeck/cache.duckdb")), "acme")
    assert caught.value.code == "CACHE_NO_PERMISSION"
    assert caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"not a database\n" * 1000, "half"])
def test_damaged_cache_has_remedy_and_stays_untouched(tmp_path: Path, content: bytes | str) -> None:
    store = Store(tmp_path / "cache.duckdb")
    put(store, "acme")
    if isinstance(content, str):
        content = Path(store.place).read_bytes()[:20_000]
    Path(store.place).write_bytes(content)
    for attempt in (store, Store(Path(store.place), read_only=True)):
        with pytest.raises(CacheError) as caught:
            names(attempt)
        assert caught.value.code == "CACHE_UNREADABLE"
        assert caught.value.exit_code is ExitCode.CACHE_BUSY
        assert caught.value.cause
        assert "crmdeck doctor --repair" in (caught.value.remedy or "")
    assert Path(store.place).read_bytes() == content


def test_foreign_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    with duckdb.connect(str(path)) as theirs:
        theirs.execute("CREATE TABLE theirs AS SELECT 1")
    before = path.read_bytes()
    with pytest.raises(CacheError, match="not a crmdeck cache"):
        names(Store(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("logged", [False, True])
@pytest.mark.parametrize("ahead", [1, 9000])
def test_newer_cache_is_rejected_untouched(tmp_path: Path, logged: bool, ahead: int) -> None:
    newer_version = migrations.newest(migrations.shipped()) + ahead
    path = tmp_path / "cache.duckdb"
    put(Store(path), "acme")
    newer = (
        "import duckdb, os\n"
        f"c = duckdb.connect({str(path)!r})\n"
        f'c.execute("INSERT INTO schema_migration '
        f"VALUES ({newer_version}, 'x', '2030-01-01', {newer_version})\")\n"
    )
    subprocess.run([sys.executable, "-c", newer + ("os._exit(0)" if logged else "c.close()")])
    before = {p.name: p.read_bytes() for p in tmp_path.glob("*.duckdb*") if p.suffix != ".lock"}
    assert ("cache.duckdb.wal" in before) is logged
    for read_only in (False, True):
        with pytest.raises(CacheTooNewError, match="newer") as caught:
            names(Store(path, read_only=read_only))
        assert str(newer_version) in (caught.value.cause or "")
        assert caught.value.remedy
    after = {p.name: p.read_bytes() for p in tmp_path.glob("*.duckdb*") if p.suffix != ".lock"}
    assert after == before


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (OSError(errno.EROFS, "Read-only file system"), CacheError, "CACHE_NO_PERMISSION"),
        (OSError(errno.ENOSPC, "No space left on device"), CacheError, "CACHE_DISK_FULL"),
        (
            duckdb.IOException("IO Error: Could not write file: No space left on device"),
            CacheError,
            "CACHE_DISK_FULL",
        ),
        (
            duckdb.IOException(
                "IO Error: Could not set lock on file: Conflicting lock is held in "
                "/usr/bin/duckdb (PID 42)."
            ),
            CacheBusyError,
            "CACHE_BUSY",
        ),
        (
            duckdb.IOException(
                "IO Error: Trying to read a database file with version number 99, but we can "
                "only read versions between 64 and 67."
            ),
            CacheTooNewError,
            "CACHE_TOO_NEW",
        ),
    ],
)
def test_failures_are_put_into_words(error: Exception, kind: type[CrmdeckError], code: str) -> None:
    explained = explain(error, Path("cache.duckdb"))
    assert type(explained) is kind
    assert explained.code == code
    assert explained.cause
    assert explained.remedy


FULL_DISK = """
import resource, sys
from pathlib import Path
from crmdeck.errors import CacheError
from crmdeck.store import Store
from tests.store.build import record, schema
store = Store(Path(sys.argv[1]))
with store.read():
    pass
limit = Path(store.place).stat().st_size + 300_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
many = [schema(f"O{n}", *(f"{n}-{m}" for m in range(50))) for n in range(200)]
try:
    with store.write() as session:
        record(session, 1, *many)
except CacheError as error:
    print(error.code, bool(error.remedy))
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX resource limits")
def test_full_disk_keeps_existing_rows(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    with Store(path).write() as session:
        record(session, 0, schema("Account"))
    answer = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True
    )
    assert answer.stdout.split() == ["CACHE_DISK_FULL", "True"], answer.stderr
    with Store(path).read() as session:
        assert [i.object_type for i in session.snapshots.current("acme")] == ["Account"]
        assert session.snapshots.latest_refresh("acme") == "acme-0"


def test_importing_the_store_imports_no_database(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from crmdeck.store import Store; "
        f"store = Store(Path({str(tmp_path / 'c.duckdb')!r})); "
        "print(sorted({'duckdb', '_duckdb', 'numpy', 'filelock'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_the_database_cannot_reach_out(tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text("a\n1\n")
    secret = [1]  # the database must not see variables of the program either

    store = Store(tmp_path / "cache.duckdb")
    for sql in (
        f"SELECT * FROM read_csv('{outside}')",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        f"ATTACH '{tmp_path / 'other.duckdb'}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SELECT * FROM secret",
    ):
        with store.read() as session, pytest.raises(duckdb.Error):
            session.connections._database.rows(sql)
    assert secret == [1]
    assert not (tmp_path / "out.csv").exists()


def test_file_is_reopened_and_free_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cache.duckdb"
    store, other = Store(path), Store(path)
    with store.write():
        pass
    with monkeypatch.context() as patch:
        patch.setattr(duckdb, "connect", None)
        for _ in range(2):
            with store.write():
                pass
            with store.read(), other.read():
                pass
    with duckdb.connect(str(path)) as theirs:
        theirs.execute("SELECT 1")


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CacheError) as caught:
            put(Store(home / "crmdeck.duckdb"), "acme")
        assert caught.value.code == "CACHE_NO_FOLDER"
        assert str(home) in caught.value.message
        assert "--home" in (caught.value.remedy or "")
