"""What can happen to a database server: it refuses, runs full, is cut down, says nothing."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crmdeck.errors import CacheError, ConflictError
from crmdeck.model import CancelToken
from crmdeck.store import Store
from tests.postgres import OwnServer, execute, with_database
from tests.store.build import START, connection, record, run, schema

psycopg = pytest.importorskip("psycopg")

SECRET = "p:w/d@ ?%41é"


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    folder = Path(tempfile.mkdtemp(prefix="crmdeck-own-"))
    own = OwnServer(folder)
    yield own
    own.end()


def names(store: Store) -> list[str]:
    with store.read() as session:
        return [one.name for one in session.connections.all()]


def put(store: Store, name: str) -> None:
    with store.write() as session:
        session.connections.put(connection(name), START, "me")


def refused(url: str, wait: float = 30) -> CacheError:
    with pytest.raises(CacheError) as caught:
        names(Store(url, wait=wait))
    assert caught.value.remedy
    return caught.value


def test_wrong_password_is_reported_but_hidden(server: OwnServer) -> None:
    execute(
        server.url,
        "CREATE ROLE careful",
        "CREATE ROLE anna LOGIN PASSWORD 'right' IN ROLE careful",
        "GRANT CREATE ON SCHEMA public TO anna",
    )
    server.ask_for_passwords()
    assert names(Store(with_database(server.url, "postgres", "anna", "right"))) == []
    written = with_database(server.url, "postgres", "anna", SECRET)
    encoded = written.partition("anna:")[2].partition("@")[0]
    option = with_database(server.url, "postgres", "anna") + f"&password={encoded}"
    for url in (written, option):
        error = refused(url)
        assert error.code == "DATABASE_SIGN_IN"
        assert "anna" in error.message
        told = f"{error!r} {error} {error.__cause__} {error.__context__}"
        assert SECRET not in told
        assert encoded not in told


def test_hung_host_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        error = refused(f"postgresql://me:secret@127.0.0.1:{port}/db", wait=1)
    assert error.code == "DATABASE_UNREACHABLE"
    assert " since " in error.message


def test_killed_server_keeps_history_and_recovers(server: OwnServer) -> None:
    execute(server.url, "CREATE DATABASE work")
    url = with_database(server.url, "work")
    store = Store(url, wait=30)
    with store.write() as session:
        session.connections.put(connection("acme"), START, "me")
        record(session, 0, schema("Account"))

    def work() -> None:
        with store.alone("acme", "me"), store.write() as session:
            session.runs.add(run(1))
            record(session, 1, schema("Account", "Name"))
            server.cut_down()
            record(session, 2, schema("Lead"))

    with pytest.raises(CacheError) as caught:
        work()
    assert caught.value.code == "DATABASE_UNREACHABLE"
    assert "unreachable since" in refused(url).message
    server.come_back()
    assert names(store) == ["acme"]
    # The lease ends now that its process reaches the database again.
    patience = CancelToken()
    with store.alone("acme", "me", patience), store.write() as session:
        assert session.runs.history("acme") == ()
        assert session.snapshots.latest_refresh("acme") == "acme-0"
        record(session, 3, schema("Account", "Name"))
    store.close()


def kill_backends(url: str, condition: str, done: threading.Event) -> None:
    """Kill each backend of a store that meets a condition, until `done`."""
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name "
        f"LIKE 'crmdeck%' AND datname = current_database() AND {condition}"
    )
    with psycopg.connect(url, autocommit=True) as raw:
        while not done.wait(0.002):
            raw.execute(kill.encode())


@contextmanager
def killing(url: str, condition: str) -> Iterator[None]:
    done = threading.Event()
    thread = threading.Thread(target=kill_backends, args=(url, condition, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_killed_backends_leave_no_false_report(server: OwnServer) -> None:
    execute(server.url, "CREATE DATABASE kills")
    url = with_database(server.url, "kills")
    store = Store(url, wait=2)
    assert names(store) == []
    saved: list[str] = []
    failed: dict[str, str] = {}

    def write(name: str) -> None:
        try:
            put(store, name)
        except CacheError as error:
            failed[name] = error.message
        else:
            saved.append(name)

    # At any moment.
    with killing(url, "random() < 0.3"):
        while len(failed) < 40:
            write(f"a{len(saved) + len(failed):04}")
    assert names(store) == saved
    # In the commit: a trigger delays it before it is valid, a missing standby afterwards.
    execute(
        url,
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(60); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON connection DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW WHEN (NEW.name LIKE 'lost%') EXECUTE FUNCTION wait()",
        "ALTER SYSTEM SET synchronous_standby_names = 'nowhere'",
    )
    execute(url, "SELECT pg_reload_conf()")
    try:
        with killing(url, "wait_event IN ('PgSleep', 'SyncRep')"):
            for number in range(30):
                write(f"lost{number:04}")
                write(f"saved{number:04}")
        assert names(store) == saved
        assert [name for name in saved if name[0] == "s"] == [f"saved{n:04}" for n in range(30)]
        lost = [message for name, message in failed.items() if name[0] == "l"]
        assert all(message.endswith("The change wasn't saved.") for message in lost)

        def cut_down() -> None:
            with psycopg.connect(url, autocommit=True) as raw:
                waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                while not raw.execute(waiting).fetchone():
                    time.sleep(0.01)
            server.cut_down()

        thread = threading.Thread(target=cut_down)
        thread.start()
        with pytest.raises(CacheError, match="can't tell whether the change was saved") as caught:
            put(store, "unknown")
        thread.join()
        assert caught.value.code == "WRITE_UNCONFIRMED"
        assert caught.value.remedy == "Check with crmdeck audit."
        server.come_back()
    finally:
        execute(url, "ALTER SYSTEM RESET synchronous_standby_names")
        execute(url, "SELECT pg_reload_conf()")
    store.close()


REFRESH = """
import sys, time
from crmdeck.store import Store
from tests.store.build import record, schema
store = Store(sys.argv[1])
with store.alone("acme", "bob"), store.write() as session:
    record(session, 0, schema("Account"))
    print("midway", flush=True)
    time.sleep(60)
"""


def test_killed_refresh_frees_its_lease(postgres_url: str) -> None:
    store = Store(postgres_url, wait=30)
    assert names(store) == []
    process = subprocess.Popen(
        [sys.executable, "-c", REFRESH, postgres_url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "midway"
    with pytest.raises(ConflictError), store.alone("acme", "me"):
        pass
    process.kill()
    process.communicate()
    # This waits for the row that the killed one had locked, until the server has noticed.
    with store.write() as session:
        assert session.snapshots.latest_refresh("acme") is None
    # On its own machine at once, on others when it has run out.
    with store.alone("acme", "me"):
        pass
    execute(
        postgres_url,
        "UPDATE lease SET token = 'x', holder = 'bob on elsewhere (process 1)', "
        "since = now(), until = now() AT TIME ZONE 'UTC' + INTERVAL '1 second'",
    )
    with pytest.raises(ConflictError), store.alone("acme", "me"):
        pass
    with store.alone("acme", "me", CancelToken()):
        pass
    store.close()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Yield a folder of the database server's user that holds so much."""
    folder = Path(tempfile.mkdtemp(prefix="crmdeck-small-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        folder.rmdir()
        pytest.skip("a full disk: no mount here")
    if done.returncode:
        folder.rmdir()
        pytest.skip(f"a full disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.skipif(os.name == "nt", reason="POSIX mounts")
@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
def test_full_disk_keeps_history_and_recovers(engine: str, server: OwnServer) -> None:
    many = [schema(f"O{n}", *(f"{n}-{m}" for m in range(40))) for n in range(100)]
    with small_disk(20) as folder:
        filler = folder / "filler"
        place: Path | str = folder / "cache.duckdb"
        admin, name = "", f"small_{os.getpid()}"
        if engine == "postgresql":
            # On the server that all tests share, checkpoints of others would fail meanwhile.
            admin = server.url
            own = folder / "space"
            own.mkdir()
            chown_like(Path(data_folder(admin)), own)
            execute(
                admin,
                f"CREATE TABLESPACE {name} LOCATION '{own}'",
                f"CREATE DATABASE {name} TABLESPACE {name}",
            )
            place = with_database(admin, name)
        store = Store(place)
        try:
            with store.write() as session:
                record(session, 0, schema("Account"))
            fill(filler)
            with pytest.raises(CacheError) as caught, store.write() as session:
                record(session, 1, *many)
            assert caught.value.code == "CACHE_DISK_FULL"
            assert caught.value.remedy
            with store.read() as session:
                assert [i.object_type for i in session.snapshots.current("acme")] == ["Account"]
            filler.unlink()
            with store.write() as session:
                record(session, 1, schema("Account", "Name"))
                assert session.snapshots.latest_refresh("acme") == "acme-1"
        finally:
            store.close()
            if engine == "postgresql":
                execute(admin, f"DROP DATABASE {name} WITH (FORCE)", f"DROP TABLESPACE {name}")


def fill(file: Path) -> None:
    """Leave some 200 kB on the disk that `file` is on."""
    free = os.statvfs(file.parent)
    file.write_bytes(b"\0" * max(0, free.f_bavail * free.f_frsize - 200_000))


def data_folder(url: str) -> str:
    import psycopg

    with psycopg.connect(url) as raw:
        row = raw.execute("SHOW data_directory").fetchone()
    assert row is not None
    return str(row[0])


def chown_like(model: Path, folder: Path) -> None:
    owner = model.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    folder.chmod(0o700)


def test_error_page_lists_each_database_code() -> None:
    root = Path(__file__).parents[2]
    source = "".join(
        (root / "src" / "crmdeck" / "store" / name).read_text("utf-8")
        for name in ("postgres_database.py", "postgres_engine.py", "leases.py")
    )
    codes = set(re.findall(r'"([A-Z]+_[A-Z_]+)"', source)) - {"CACHE_UNREADABLE"}
    page = (root / "docs" / "faults.md").read_text("utf-8")
    assert {"DATABASE_TLS", "REFRESH_RUNNING"} <= codes
    assert codes <= set(re.findall(r"`([A-Z_]+)`", page))
