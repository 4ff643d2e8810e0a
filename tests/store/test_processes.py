"""Real processes: some are killed, some write at once, some wait for others."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crmdeck.errors import CacheBusyError
from crmdeck.store import Store
from tests.store.build import START, connection

OBJECTS = 40

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
    with Store(path).read():
        pass
    path.unlink()
"""

PUT_MANY = """
import sys
from pathlib import Path
from crmdeck.store import Store
from tests.store.build import START, connection
store = Store(Path(sys.argv[1]), wait=60)
for number in range(10):
    with store.write() as session:
        session.connections.put(connection(f"{sys.argv[2]}-{number}"), START, sys.argv[2])
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
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
def test_killed_at_any_moment_a_refresh_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    moments = random.Random(7)
    announced: list[int] = []
    for _ in range(6):
        process = start(REFRESH_FOREVER, str(path))
        wait_for(process, "ready")
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
def test_killed_in_mid_transaction_nothing_is_kept_and_nobody_waits(tmp_path: Path) -> None:
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
    for _ in range(4):
        process = start(MAKE_FOREVER, str(path))
        wait_for(process, "ready")
        time.sleep(moments.uniform(0.25, 0.5))
        kill(process)
        with Store(path).read() as session:
            assert session.connections.all() == ()


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    processes = [start(PUT_MANY, str(path), name) for name in ("a", "b", "c")]
    assert [process.wait() for process in processes] == [0, 0, 0]
    with Store(path).read() as session:
        found = {one.name for one in session.connections.all()}
    assert found == {f"{name}-{number}" for name in "abc" for number in range(10)}


@posix
def test_who_waits_in_vain_learns_who_holds_the_cache_and_since_when(tmp_path: Path) -> None:
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
    with Store(path).read():
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


@posix
def test_a_dead_holder_is_not_blamed(tmp_path: Path) -> None:
    path = tmp_path / "cache.duckdb"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    store = Store(path)
    with store.hold():
        note = path.with_name("cache.duckdb.holder")
        told = json.loads(note.read_text())
        assert told["pid"] == os.getpid()
        assert set(told) == {"pid", "host", "command", "since"}
        note.write_text(json.dumps({**told, "pid": gone.pid}))
        with pytest.raises(CacheBusyError) as caught, Store(path, wait=0).read():
            pass
        assert str(gone.pid) not in str(caught.value)
    assert not note.exists()
    with store.write() as session:
        session.connections.put(connection(), START, "me")
