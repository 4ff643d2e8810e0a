"""The cache on a real org, org-b of the shared data: `python -m tests.bench store`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crmdeck.connectors.base import Discovered
from crmdeck.connectors.files import FilesConnector
from crmdeck.model import (
    CancelToken,
    Connection,
    ObjectSchema,
    Quota,
    Scope,
    Source,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store import RecordCount, SchemaPacker, Store
from tests.bench.figures import Figure, show, timed

EXPORT = (
    Path(__file__).parents[3] / "shared" / "data" / "salesforce" / "org-b" / "all-objects.1.json.gz"
)
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def read_export(path: Path) -> list[ObjectSchema]:
    """Return the object types of an export."""
    connection = Connection(
        id="org-b",
        name="org-b",
        platform="salesforce",
        source=Source.FILES,
        path=str(path),
        created_at=START,
    )
    source = FilesConnector(connection)
    found = source.discover(Scope(), {}, CancelToken())
    return [each.schema for each in found if isinstance(each, Discovered)]


def run_of(connection_id: str, number: int) -> SyncRun:
    """Return the run of day `number`."""
    started = START + timedelta(days=number)
    return SyncRun(
        id=f"{connection_id}-{number}",
        connection_id=connection_id,
        outcome=SyncOutcome.OK,
        started_at=started,
        finished_at=started + timedelta(minutes=1),
    )


def record(
    store: Store,
    number: int,
    *,
    connection_id: str = "org-b",
    discovered: Sequence[ObjectSchema] = (),
    unchanged: Sequence[str] = (),
) -> RecordCount:
    """Record one refresh as the workspace does."""
    run = run_of(connection_id, number)
    with store.write() as session:
        session.runs.add(run)
        session.runs.add_quota(connection_id, Quota(used=1, limit=2), run.started_at)
        return session.snapshots.record(
            run,
            Scope(),
            discovered=[(SchemaPacker().pack(schema), None) for schema in discovered],
            unchanged=[(name, None) for name in unchanged],
            gone={},
            expires_at=run.started_at + timedelta(days=1),
        )


def statuses(store: Store) -> None:
    """Read what the list of connections shows."""
    now = START + timedelta(days=200)
    with store.read() as session:
        session.connections.all()
        session.snapshots.stats_by_connection(now)
        session.runs.newest()
        session.runs.quota_by_connection()


def cold(code: str) -> None:
    """Run `code` in a new interpreter."""
    subprocess.run([sys.executable, "-c", code], check=True)


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure on org-b."""
    schemas = read_export(EXPORT)
    names = [schema.object_type for schema in schemas]
    times = 3 if quick else 7

    def figure(name: str, work: Callable[[], object], peer: str = "") -> Figure:
        return Figure(name, "ms", timed(work, times), peer)

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        numbers = iter(range(10_000))
        opened = "open and close a cache"
        yield figure("make a cache", lambda: fresh(home, next(numbers)))
        empty = [fresh(home, next(numbers)) for _ in range(times)]
        first = "record org-b in a new cache"
        yield figure(first, lambda: record(empty.pop(), 0, discovered=schemas))
        if not quick:
            yield from year(home, schemas)
        store = Store(home / "cache.duckdb")
        record(store, next(numbers), discovered=schemas)
        yield figure(
            "record it again, all read, nothing changed",
            lambda: record(store, next(numbers), discovered=schemas),
            first,
        )
        yield figure(
            "record it again, the source says unchanged",
            lambda: record(store, next(numbers), unchanged=names),
            first,
        )
        history(store, schemas)
        yield figure(opened, lambda: enter(store))
        yield figure("statuses of 20 connections", lambda: statuses(store), opened)
        with store.read() as session:
            snapshots = session.snapshots
            infos = snapshots.current("org-b")
            yield figure("current", lambda: snapshots.current("org-b"))
            yield figure("validators", lambda: snapshots.validators("org-b"))
            yield figure("the field rows of three connections", lambda: big(store))
            yield figure("one object with its fields", lambda: snapshots.get("org-b", "Account"))
            yield figure("all objects with their fields", lambda: snapshots.load(infos))
            yield figure("stats", lambda: snapshots.stats("org-b", START))
        yield Figure("the file", "MB", (Path(store.place).stat().st_size / 1e6,))
        floor = "python -c pass"
        yield figure(floor, lambda: cold("pass"))
        yield figure("import crmdeck.model", lambda: cold("import crmdeck.model"), floor)
        yield figure("import crmdeck.store", lambda: cold("import crmdeck.store"), floor)
        code = SESSION.format(path=str(Path(store.place)))
        yield figure("first session of a process", lambda: cold(code), floor)


def year(home: Path, schemas: Sequence[ObjectSchema]) -> Iterator[Figure]:
    """Yield what a year of daily refreshes adds to the file, with a change a week."""
    store = Store(home / "year.duckdb")
    record(store, 0, discovered=schemas)
    first = (home / "year.duckdb").stat().st_size
    names = [schema.object_type for schema in schemas]
    for day in range(1, 366):
        if day % 7:
            record(store, day, unchanged=names)
            continue
        place = day % len(schemas)
        field = schemas[place].fields[0].model_copy(update={"name": f"New{day}__c"})
        changed = schemas[place].model_copy(update={"fields": (*schemas[place].fields, field)})
        record(store, day, discovered=[changed], unchanged=names[:place] + names[place + 1 :])
    grown = (home / "year.duckdb").stat().st_size - first
    yield Figure("the file after the first refresh", "MB", (first / 1e6,))
    yield Figure("what a year adds to it", "MB", (grown / 1e6,))


SESSION = """
from pathlib import Path
from crmdeck.store import Store
with Store(Path({path!r})).read() as session:
    session.connections.all()
"""


def fresh(home: Path, number: int) -> Store:
    """Return a new cache."""
    store = Store(home / f"{number}.duckdb")
    enter(store)
    return store


def enter(store: Store) -> None:
    """Open and close."""
    with store.read():
        pass


def big(store: Store) -> None:
    """Read more than 50,000 field rows."""
    with store.read() as session:
        for number in range(3):
            session.snapshots.field_rows(f"big-{number}")


def history(store: Store, schemas: Sequence[ObjectSchema]) -> None:
    """Fill the cache with 20 connections and, for four of them, 90 refreshes."""
    names = [schema.object_type for schema in schemas]
    with store.hold():
        for number in range(20):
            with store.write() as session:
                session.connections.put(
                    Connection(
                        id=f"big-{number}",
                        name=f"big-{number}",
                        platform="salesforce",
                        source=Source.FILES,
                        created_at=START,
                    ),
                    START,
                    "bench",
                )
            record(store, 0, connection_id=f"big-{number}", discovered=schemas)
        for number in range(4):
            for day in range(1, 90):
                record(store, day, connection_id=f"big-{number}", unchanged=names)


if __name__ == "__main__":
    show(figures())
