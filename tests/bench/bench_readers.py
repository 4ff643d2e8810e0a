"""Measure readers and writers on one cache: `python tests/bench/bench_readers.py [--old DIR]`.

Prints how often, and for how long at most, processes and threads read and write org-b's cache.
With `--old DIR`, the checkout of another version, that one is measured in the same run, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
EXPORT = REPOSITORY.parent / "shared" / "data" / "salesforce" / "org-b" / "all-objects.1.json.gz"


@dataclass(frozen=True)
class Load:
    """Who works on the cache at the same time."""

    name: str
    readers: int
    writers: int
    threads: int = 1


LOADS = (
    Load("8 readers", 8, 0),
    Load("7 readers, 1 writer", 7, 1),
    Load("4 readers, 4 writers", 4, 4),
    Load("one process with 8 reading threads", 1, 0, threads=8),
)


def fill(path: Path) -> None:
    """Record org-b once, and twice unchanged, with whatever version is imported."""
    from crmdeck.store import Store
    from tests.bench.bench_store import read_export, record

    schemas = read_export(EXPORT)
    store = Store(path)
    record(store, 0, discovered=schemas)
    for number in (1, 2):
        record(store, number, unchanged=[schema.object_type for schema in schemas])


def work(path: Path, role: str, threads: int, seconds: float) -> None:
    """Say that all is imported, read or write once told to, and print how long each took."""
    from crmdeck.store import Store
    from tests.bench.bench_store import START
    from tests.store.build import connection

    store = Store(path, wait=120)
    spent: list[float] = []

    def once() -> None:
        if role == "read":
            with store.read() as session:
                session.snapshots.current("org-b")
            return
        with store.write() as session:
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


def run(checkout: Path, path: Path, load: Load, seconds: float) -> dict[str, list[float]]:
    """Return how long each read and each write took under a load."""
    roles = ["read"] * load.readers + ["write"] * load.writers
    processes = [
        (
            role,
            subprocess.Popen(
                [
                    *(sys.executable, __file__, "--work", str(path), role),
                    *(str(load.threads), str(seconds)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=checkout,
                env={**os.environ, "PYTHONPATH": f"{checkout / 'src'}:{REPOSITORY}"},
            ),
        )
        for role in roles
    ]
    spent: dict[str, list[float]] = {"read": [], "write": []}
    for _, process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for _, process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for role, process in processes:
        spent[role] += json.loads(process.communicate()[0])
    return spent


def told(name: str, spent: dict[str, list[float]], seconds: float) -> dict[str, Any]:
    """Print one line, and return what is compared."""
    every = sorted(spent["read"] + spent["write"])
    found = {
        "reads": len(spent["read"]) / seconds,
        "writes": len(spent["write"]) / seconds,
        "longest": every[-1],
    }
    p95 = statistics.quantiles(every, n=20)[-1]
    print(
        f"  {name:<6} {found['reads']:8.1f} reads/s {found['writes']:7.1f} writes/s "
        f"p95 {p95:6.2f} s  longest {found['longest']:6.2f} s"
    )
    return found


def main() -> None:
    """Measure this version, and the other one beside it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--old", type=Path)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--work", nargs=4)
    options = parser.parse_args()
    if options.work:
        path, role, threads, seconds = options.work
        work(Path(path), role, int(threads), float(seconds))
        return
    checkouts = {"now": REPOSITORY, **({"before": options.old} if options.old else {})}
    with tempfile.TemporaryDirectory() as folder:
        for name, checkout in checkouts.items():
            path = Path(folder) / f"{name}.duckdb"
            code = "import sys; from pathlib import Path; from tests.bench.bench_readers import *; "
            subprocess.run(
                [sys.executable, "-c", code + f"fill(Path({str(path)!r}))"],
                check=True,
                env={**os.environ, "PYTHONPATH": f"{checkout / 'src'}:{REPOSITORY}"},
            )
        for load in LOADS:
            print(load.name)
            for name, checkout in checkouts.items():
                path = Path(folder) / f"{name}.duckdb"
                told(name, run(checkout, path, load, options.seconds), options.seconds)


if __name__ == "__main__":
    main()
