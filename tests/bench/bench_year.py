"""A log after a year of days beside one after a single day: `python -m tests.bench year`.

On both engines, 50 connections of 1,000 objects. Each time the log is opened anew, as a process
that starts does, to tell how all connections are doing, what the schema of one is now, and what it
was on its first day. The wanted ratio is 1: history costs who asks for history.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from crmdeck.credentials import MemorySecrets
from crmdeck.store import Store
from crmdeck.workspace import Workspace
from tests.bench.bench_log import fill
from tests.bench.bench_store import START
from tests.bench.figures import Figure, show, timed

DAYS = (1, 365)
TIMES = 9


def questions(home: Path | str, days: int) -> dict[str, Callable[[], object]]:
    """Return what is asked of a log that holds so many days, each of a workspace of its own."""
    now = START + timedelta(days=days)

    def asked(work: Callable[[Workspace], object]) -> Callable[[], object]:
        def ask() -> None:
            with Workspace.open(home, secrets=MemorySecrets(), clock=lambda: now) as workspace:
                work(workspace)

        return ask

    return {
        "open, and statuses of all": asked(lambda workspace: workspace.health.statuses()),
        "open, and schema now": asked(lambda workspace: workspace.schemas.objects("c1")),
        "open, and schema of the first day": asked(
            lambda workspace: workspace.schemas.objects("c1", START + timedelta(hours=1))
        ),
    }


def database(days: int) -> str:
    """Return the URL of an empty database on a server that ends with this process."""
    from tests.postgres import execute, server_url, with_database

    name = f"bench_{days}"
    execute(server_url(), f'CREATE DATABASE "{name}"')
    return with_database(server_url(), name)


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Fill both logs on both engines, then measure them by turns."""
    connections, last = (5, 60) if quick else (50, DAYS[1])
    with tempfile.TemporaryDirectory() as scratch:
        for engine in ("DuckDB", "PostgreSQL"):
            asked: dict[int, dict[str, Callable[[], object]]] = {}
            for days in (DAYS[0], last):
                folder = Path(scratch) / f"{days} days"
                folder.mkdir(exist_ok=True)
                home = folder if engine == "DuckDB" else database(days)
                store = Store(folder / "crmdeck.duckdb" if engine == "DuckDB" else home)
                fill(store, connections, days)
                if engine == "PostgreSQL":
                    # As its autovacuum does in the hours after such a load.
                    with store.write() as session:
                        session.database.run("ANALYZE")
                store.close()
                asked[days] = questions(home, days)
            for what in asked[last]:
                samples: dict[int, list[float]] = {days: [] for days in asked}
                for _ in range(3 if quick else TIMES):
                    for days, works in asked.items():
                        samples[days] += timed(works[what], 1)
                peer = f"{engine}, after a day: {what}"
                yield Figure(peer, "ms", tuple(samples[DAYS[0]]))
                name = f"{engine}, after {last} days: {what}"
                yield Figure(name, "ms", tuple(samples[last]), peer)


if __name__ == "__main__":
    show(figures())
