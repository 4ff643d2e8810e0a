"""Measure the cache on a real org: `python tests/bench/bench_store.py [PATH_TO_EXPORT]`.

Prints the median of several runs in milliseconds. The export is a list of Salesforce describe
answers, gzipped JSON.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crmdeck.connectors.base import Discovered
from crmdeck.connectors.files import open_connector
from crmdeck.model import (
    CancelToken,
    Connection,
    ObjectSchema,
    Platform,
    Quota,
    Scope,
    Source,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store import RecordCount, Store

EXPORT = (
    Path(__file__).parents[3] / "shared" / "data" / "salesforce" / "org-b" / "all-objects.1.json.gz"
)
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class NoSecrets:
    """Files need none."""

    def get(self, name: str) -> str | None:
        """Return None."""
        return None

    def put(self, values: object) -> None:
        """Forget."""


def read_export(path: Path) -> list[ObjectSchema]:
    """Return the object types of an export."""
    connection = Connection(
        id="org-b",
        name="org-b",
        platform=Platform.SALESFORCE,
        source=Source.FILES,
        path=str(path),
        created_at=START,
    )
    source = open_connector(connection, NoSecrets(), lambda event, summary: None)
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
            discovered=[(schema, None) for schema in discovered],
            unchanged=[(name, None) for name in unchanged],
            gone={},
            expires_at=run.started_at + timedelta(days=1),
        )


def measure(label: str, work: Callable[[], object], times: int = 7) -> None:
    """Print how long `work` takes."""
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        spent.append((time.perf_counter() - begun) * 1000)
    print(f"{label:<58} {statistics.median(spent):9.1f} ms  (of {times})")


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


def main() -> None:
    """Measure, on the export named on the command line or the shared one."""
    export = Path(sys.argv[1]) if len(sys.argv) > 1 else EXPORT
    schemas = read_export(export)
    names = [schema.object_type for schema in schemas]
    print(f"{len(schemas)} objects, {sum(len(s.fields) for s in schemas)} fields")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        numbers = iter(range(10_000))
        measure("make a cache", lambda: fresh(home, next(numbers)))
        empty = [fresh(home, next(numbers)) for _ in range(5)]
        measure(
            "first record, in a new cache",
            lambda: record(empty.pop(), 0, discovered=schemas),
            len(empty),
        )
        year(home, schemas)
        store = Store(home / "cache.duckdb")
        record(store, next(numbers), discovered=schemas)
        measure(
            "second record, all objects read again, nothing changed",
            lambda: record(store, next(numbers), discovered=schemas),
        )
        measure(
            "second record, the source says unchanged",
            lambda: record(store, next(numbers), unchanged=names),
        )
        history(store, schemas)
        measure("open and close", lambda: enter(store))
        measure("statuses of 20 connections", lambda: statuses(store))
        with store.read() as session:
            show = session.snapshots
            infos = show.current("org-b")
            rows = sum(len(show.field_rows(f"big-{n}")) for n in range(3))
            measure("current", lambda: show.current("org-b"))
            measure("validators", lambda: show.validators("org-b"))
            measure(f"field_rows, {rows} of three connections", lambda: big(store))
            measure("one object with its fields", lambda: show.get("org-b", "Account"))
            measure("all objects with their fields", lambda: show.load(infos))
            measure("stats", lambda: show.stats("org-b", START))
        size = Path(store.place).stat().st_size / 1e6
        print(f"the file has {size:.1f} MB")
        measure("cold: import crmdeck.store", lambda: cold("import crmdeck.store"))
        measure("cold: import crmdeck.model", lambda: cold("import crmdeck.model"))
        measure("cold: first session", lambda: cold(SESSION.format(path=str(Path(store.place)))))


def year(home: Path, schemas: Sequence[ObjectSchema]) -> None:
    """Print what a year of daily refreshes adds to the file, with a change a week."""
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
    print(f"a year adds {grown / 1e6:.2f} MB to the {first / 1e6:.1f} MB of the first refresh")


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
                        platform=Platform.SALESFORCE,
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
    main()
