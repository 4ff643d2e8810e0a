"""Real processes: some are killed, some write at once, some wait for others."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from crmdeck.errors import CacheBusyError
from crmdeck.store import Store, duckdb_engine
from tests.store.build import START, connection

OBJECTS = 12

# Each refresh is run, refresh and snapshots; it is announced once it is kept.
REFRESH_FOREVER = f"""
import sys
from pathlib import Path
from crmdeck.store import Store
from tests.store.build import record, run, schema
store = Store(Path(sys.argv[1]))
with store.read() as session:
    number = len(session.runs.history("acme", 100000))
print("ready", flush=True)
while True:
    with store.write() as session:
        session.runs.add(run(number))
        record(session, number, *(schema(f"O{{n}}", f"F{{number}}") for n in range({OBJECTS})))
    print(number, flush=True)
    number += 1
"""

HOLD_MIDWAY = """
import sys, time
from pathlib import Path
from crmdeck.store import Store
from tests.store.build import record, run, schema
store = Store(Path(sys.argv[1]))
with store.write() as session:
    session.runs.add(run(0))
    record(session, 0, schema("Account", "Name"))
    print("midway", flush=True)
    time.sleep(60)
"""

MAKE_FOREVER = """
import sys
from pathlib import Path
from crmdeck.store import Store
path = Path(sys.argv[1])
print("ready", flush=True)
while True:
    with Store(path).write():
        pass
    path.unlink()
"""

PUT_MANY = """
import sys
from pathlib import Path
from crmdeck.store import Store
from tests.store.build import START, connection
store = Store(Path(sys.argv[1]), wait=300)
for number in range(10):
    with store.write() as session:
        session.connections.put(connection(f"{sys.argv[2]}-{number}"), START, sys.argv[2])
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Kill -9, and return what the process had still announced."""
    process.kill()
    output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    return [line for line in output.splitlines() if line.isdigit()]


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


posix = pytest.mark.skipif(os.name == "nt", reason="kill -9")


@posix
def test_killed_refresh_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    moments = random.Random(7)
    announced: list[int] = []
    for number in range(4):
        process = start(REFRESH_FOREVER, str(path))
        wait_for(process, "ready")
        if number % 2:
            assert process.stdout is not None
            announced.append(int(process.stdout.readline()))
        time.sleep(moments.uniform(0.01, 0.4))
        announced += [int(line) for line in kill(process)]
        with Store(path).read() as session:
            runs = {run.id for run in session.runs.history("acme", 100_000)}
            histories = [session.snapshots.history("acme", f"O{n}") for n in range(OBJECTS)]
        assert runs >= {f"acme-{number}" for number in announced}
        for history in histories:
            assert {info.refresh_id for info in history} == runs
            assert len(history) == len(runs)
    assert announced


@posix
def test_killed_transaction_leaves_no_rows_or_lock(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    process = start(HOLD_MIDWAY, str(path))
    wait_for(process, "midway")
    kill(process)
    with Store(path, wait=0).read() as session:
        assert session.runs.history("acme") == ()
        assert session.snapshots.current("acme") == ()


@posix
def test_killed_while_a_cache_is_made_the_next_one_can_be_made(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    moments = random.Random(7)
    for _ in range(2):
        process = start(MAKE_FOREVER, str(path))
        wait_for(process, "ready")
        time.sleep(moments.uniform(0.25, 0.5))
        kill(process)
        with Store(path).read() as session:
            assert session.connections.all() == ()


def test_concurrent_processes_keep_all_writes(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    processes = [start(PUT_MANY, str(path), name) for name in ("a", "b", "c")]
    failures = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], "\n".join(failures)
    with Store(path).read() as session:
        found = {one.name for one in session.connections.all()}
    assert found == {f"{name}-{number}" for name in "abc" for number in range(10)}


@pytest.mark.parametrize("way", ["read", "write"])
def test_cache_that_appears_during_a_look_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    path, made = tmp_path / "cache.duckdb", tmp_path / "made.duckdb"
    with Store(made).hold(), Store(made).write():
        pass

    def wal_after_another_process_began(cache: Path) -> Path:
        wal = cache.with_name(f"{cache.name}.wal")
        if not cache.exists():
            shutil.copy(made, cache)
            wal.touch()
        return wal

    monkeypatch.setattr(duckdb_engine, "wal_of", wal_after_another_process_began)
    with getattr(Store(path), way)() as session:
        assert session.connections.all() == ()


@posix
def test_timed_out_wait_reports_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    process = start(HOLD_MIDWAY, str(path))
    wait_for(process, "midway")
    try:
        for read_only in (False, True):
            with (
                pytest.raises(CacheBusyError) as caught,
                Store(path, wait=0.1, read_only=read_only).read(),
            ):
                pass
            cause = caught.value.cause or ""
            assert f"process {process.pid}" in cause
            assert socket.gethostname() in cause
            assert "since 20" in cause
            assert str(process.pid) in (caught.value.remedy or "")
    finally:
        kill(process)


def test_a_program_that_ignores_the_lock_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    with Store(path).write():
        pass
    code = (
        "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); "
        "print('open', flush=True); time.sleep(60)"
    )
    process = start(code, str(path))
    wait_for(process, "open")
    try:
        with pytest.raises(CacheBusyError) as caught, Store(path, wait=0.1).read():
            pass
        assert str(process.pid) in (caught.value.cause or "")
    finally:
        process.kill()
        process.communicate()
    with Store(path).read():
        pass


READ_MIDWAY = """
import sys
from pathlib import Path
from crmdeck.store import Store
with Store(Path(sys.argv[1])).read() as session:
    print("midway", flush=True)
    sys.stdin.read()
    print(len(session.connections.all()), flush=True)
"""

READ_WITHOUT_END = """
import sys, threading
from pathlib import Path
from crmdeck.store import Store
store = Store(Path(sys.argv[1]), wait=60)
def read():
    while True:
        with store.read() as session:
            session.connections.all()
for _ in range(3):
    threading.Thread(target=read, daemon=True).start()
print("reading", flush=True)
sys.stdin.read()
"""


def test_writer_waits_for_readers_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cache.duckdb"
    with Store(path).write() as session:
        session.connections.put(connection(), START, "me")
    readers = [start(READ_MIDWAY, str(path)) for _ in range(2)]
    for reader in readers:
        wait_for(reader, "midway")
    with Store(path, wait=0).read() as session:
        assert len(session.connections.all()) == 1
    with pytest.raises(CacheBusyError) as caught, Store(path, wait=0.1).write():
        pass
    assert any(str(reader.pid) in (caught.value.cause or "") for reader in readers)
    assert "postgresql://" in (caught.value.remedy or "")
    told: list[str] = []
    monkeypatch.setattr(duckdb_engine, "LONG_WAIT", 0)
    patient = Store(path, wait=0.1)
    patient.report_waits(told.append)
    with pytest.raises(CacheBusyError), patient.write():
        pass
    (whom,) = told
    assert whom.startswith("Waiting for the cache ")
    assert any(str(reader.pid) in whom for reader in readers)

    for reader in readers:
        assert reader.communicate()[0].strip() == "1"
    with Store(path, wait=0).write() as session:
        session.connections.put(connection("beta"), START, "me")


def test_readers_without_end_do_not_keep_a_writer_out(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    with Store(path).read():
        pass
    readers = start(READ_WITHOUT_END, str(path))
    try:
        wait_for(readers, "reading")
        store = Store(path, wait=60)
        for number in range(3):
            with store.write() as session:
                session.connections.put(connection(f"c{number}"), START, "me")
        with store.read() as session:
            assert len(session.connections.all()) == 3
    finally:
        readers.communicate()


def test_threads_share_the_store_and_see_commits(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache.duckdb", wait=60)
    begun, done = threading.Event(), threading.Event()
    seen: list[int] = []

    def read() -> None:
        assert begun.wait(60)
        with store.read() as session:
            seen.append(len(session.connections.all()))
            done.set()

    thread = threading.Thread(target=read)
    thread.start()
    with store.write() as session:
        session.connections.put(connection(), START, "me")
        begun.set()
        assert done.wait(60)
    thread.join()
    assert seen == [0]


def test_a_read_sees_one_moment_while_another_thread_writes(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache.duckdb", wait=60)

    def put() -> None:
        with store.write() as session:
            session.connections.put(connection("later"), START, "me")

    with store.hold():
        with store.write() as session:
            session.connections.put(connection("first"), START, "me")
        with store.read() as session:
            before = session.connections.all()
            writer = threading.Thread(target=put)
            writer.start()
            writer.join()
            assert session.connections.all() == before
        with store.read() as session:
            assert len(session.connections.all()) == 2


@posix
def test_a_dead_holder_is_not_blamed(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    store = Store(path)
    with store.write():
        own, dead, living = (
            path.with_name(f"cache.duckdb.holder.{pid}")
            for pid in (os.getpid(), gone.pid, os.getppid())
        )
        told = json.loads(own.read_text())
        assert told["pid"] == os.getpid()
        assert set(told) == {"pid", "host", "command", "since"}
        dead.write_text(json.dumps({**told, "pid": gone.pid}))
        living.write_text(json.dumps({**told, "pid": os.getppid()}))
        with pytest.raises(CacheBusyError) as caught, Store(path, wait=0).read():
            pass
        assert f"process {os.getppid()} on" in str(caught.value)
        assert str(gone.pid) not in str(caught.value)
    living.unlink()
    with store.write() as session:
        session.connections.put(connection(), START, "me")
    assert not own.exists()
    assert not dead.exists()
