"""Readers and writers on one log at the same time: `python -m tests.bench readers`.

How often, and for how long at most, processes and threads read and write org-b: over a DuckDB file
and over PostgreSQL, beside a file that is opened alone, behind one lock, for each of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from crmdeck.store import Session, Store
from crmdeck.store.duckdb_file import DuckDBFile
from tests.bench.bench_store import EXPORT, START, read_export, record
from tests.bench.figures import Figure, show
from tests.store.build import connection

ALONE, DUCKDB, POSTGRESQL = "each alone", "DuckDB", "PostgreSQL"


@dataclass(frozen=True)
class Load:
    """Who works on the log at the same time: processes, each with so many threads."""

    name: str
    readers: int
    writers: int
    threads: int = 1


LOADS = (
    Load("8 threads", 1, 0, threads=8),
    Load("7 readers, 1 writer", 7, 1),
    Load("8 readers", 8, 0),
    Load("4 readers, 4 writers", 4, 4),
)


class Opened(Protocol):
    """What is measured of a log."""

    def read(self) -> AbstractContextManager[Session]:
        """Yield a session to read with."""

    def write(self) -> AbstractContextManager[Session]:
        """Yield a session to write with."""


class Alone:
    """The file opened for each read and each write, with nobody beside: the least there can be."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.alone", thread_local=False)
        self._turn = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open, yield, close."""
        with self._turn, self._lock.acquire(poll_interval=0.02):
            file = DuckDBFile.open(self._path)
            try:
                with file.transaction():
                    yield Session(file)
            finally:
                file.close()

    write = read


def open_log(variant: str, place: str) -> Opened:
    """Return the log at `place` as one of the three is used."""
    if variant == ALONE:
        return Alone(Path(place))
    return Store(place if variant == POSTGRESQL else Path(place), wait=120)


def work(variant: str, place: str, role: str, threads: int, seconds: float) -> None:
    """Say that all is imported, read or write once told to, and print how long each took."""
    log = open_log(variant, place)
    spent: list[float] = []

    def once() -> None:
        if role == "read":
            with log.read() as session:
                session.snapshots.current("org-b")
            return
        with log.write() as session:
            session.connections.put(connection("bench"), START, "bench")

    def loop() -> None:
        while time.monotonic() < end:
            begun = time.perf_counter()
            once()
            spent.append(time.perf_counter() - begun)

    once()
    spent.clear()
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + seconds
    workers = [threading.Thread(target=loop) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps(spent))


def run(variant: str, place: str, load: Load, seconds: float) -> dict[str, list[float]]:
    """Return how long each read and each write took under a load."""
    code = f"from {__name__} import work; work"
    roles = ["read"] * load.readers + ["write"] * load.writers
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", f"{code}{(variant, place, role, load.threads, seconds)!r}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for role in roles
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    spent: dict[str, list[float]] = {"read": [], "write": []}
    for role, process in zip(roles, processes, strict=True):
        spent[role] += json.loads(process.communicate()[0])
    return spent


def measure(load: Load, places: dict[str, str], seconds: float, rounds: int) -> Iterator[Figure]:
    """Yield what each variant does under one load; they take turns, since machines have moods."""
    found: dict[str, list[dict[str, list[float]]]] = {variant: [] for variant in places}
    for _ in range(rounds):
        for variant, place in places.items():
            found[variant].append(run(variant, place, load, seconds))
    for kind, who in (("read", load.readers), ("write", load.writers)):
        if not who:
            continue
        for variant, spents in found.items():
            rates = tuple(len(spent[kind]) / seconds for spent in spents)
            peer = f"{load.name}: {kind}s, {ALONE}" if variant != ALONE else ""
            name = f"{load.name}: {kind}s, {variant}"
            yield Figure(name, "/s", rates, peer, more_is_better=True)
    for variant, spents in found.items():
        longest = tuple(max(spent["read"] + spent["write"]) for spent in spents)
        peer = f"{load.name}: longest, {ALONE}" if variant != ALONE else ""
        yield Figure(f"{load.name}: longest, {variant}", "s", longest, peer)


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure all in one run."""
    from tests.postgres import server_url

    schemas = read_export(EXPORT)
    with tempfile.TemporaryDirectory() as folder:
        places = {ALONE: "alone.duckdb", DUCKDB: "shared.duckdb"}
        places = {variant: str(Path(folder) / name) for variant, name in places.items()}
        places[POSTGRESQL] = server_url()
        for place in places.values():
            store = Store(place if "://" in place else Path(place))
            record(store, 0, discovered=schemas)
            for number in (1, 2):
                record(store, number, unchanged=[schema.object_type for schema in schemas])
            store.close()
        for load in LOADS[:2] if quick else LOADS:
            yield from measure(load, places, 4 if quick else 10, 1 if quick else 3)


if __name__ == "__main__":
    show(figures())
