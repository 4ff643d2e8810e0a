"""Measure the log over both engines: `python -m tests.bench.bench_log [--connections N --days N]`.

Fills a log with connections of 1,000 objects over a year of daily refreshes with 0.2 % changing a
day, on a DuckDB file and on a PostgreSQL server from the wheel, and prints for each engine what a
question takes: in milliseconds (median of 9), and as a ratio to `SELECT 1` there in the same run.
The year is written as rows, as the refreshes would have left them: half a million refreshes of a
thousand objects take days.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from crmdeck.model import Decision, DecisionState, Field, FieldType, ObjectSchema, Scope
from crmdeck.store import Session, Store
from tests.bench.bench_store import START, run_of
from tests.store.build import connection

OBJECTS, FIELDS = 1000, 17
CHANGED_A_DAY = 2
TIMES = 9


def schema(number: int) -> ObjectSchema:
    """Return an object type with as many fields as those of a real org have on average."""
    fields = tuple(
        Field(name=f"F{number}_{each}", label=f"Field {each}", type=FieldType.STRING, length=80)
        for each in range(FIELDS)
    )
    return ObjectSchema(object_type=f"Object{number:04d}", label=f"Object {number}", fields=fields)


def fill(store: Store, connections: int, days: int) -> None:
    """Record one org in full, and the year of all of them as rows."""
    schemas = [schema(number) for number in range(OBJECTS)]
    with store.write() as session:
        session.snapshots.record(
            run_of("c0", 0),
            Scope(),
            discovered=[(each, None) for each in schemas],
            unchanged=[],
            gone={},
            expires_at=START + timedelta(days=1),
        )
        contents = session.database.rows("SELECT object_type, content_hash FROM object_state")
    names = [name for name, _ in contents]
    hashes = [content for _, content in contents]
    for first in range(1, connections + 1, 50):
        with store.write() as session:
            for number in range(first, min(first + 50, connections + 1)):
                _year(session, f"c{number}", names, hashes, days)


def _year(session: Session, key: str, names: list[str], hashes: list[str], days: int) -> None:
    session.connections.put(connection(key), START, "bench")
    last = session.database.rows(
        "SELECT max(nextval('happened')) FROM generate_series(1, ?)", [days]
    )
    begin = last[0][0] - days + 1
    states, refreshes, runs, events = [], [], [], []
    for name, content in zip(names, hashes, strict=True):
        states.append((key, name, begin, "there", content, None))
    for day in range(days):
        at = (START + timedelta(days=day)).replace(tzinfo=None)
        run = f"{key}-{day}"
        changes = CHANGED_A_DAY if day else OBJECTS
        refreshes.append(
            (
                *(begin + day, run, key, "{}", at, at + timedelta(days=1), changes),
                *(OBJECTS, 0, OBJECTS * FIELDS, OBJECTS * FIELDS),
            )
        )
        runs.append((run, key, "refresh", "ok", at, at, OBJECTS, OBJECTS * FIELDS, changes))
        if day == 0:
            continue
        for each in range(CHANGED_A_DAY):
            place = int(hashlib.sha256(f"{key}{day}{each}".encode()).hexdigest(), 16)
            name, content = names[place % OBJECTS], hashes[(place + day) % OBJECTS]
            states.append((key, name, begin + day, "there", content, None))
            events.append(
                (
                    *(f"{key}-{day}-{each}", key, name, "F", "field_changed", "risky", "", "[]"),
                    *("[]", at),
                )
            )
    insert = session.database.insert
    insert(
        "object_state",
        ("connection_id", "object_type", "refresh", "state", "content_hash", "seen"),
        list({(row[1], row[2]): row for row in states}.values()),
    )
    insert(
        "refresh",
        (
            *("seq", "run_id", "connection_id", "scope", "discovered_at", "expires_at", "changes"),
            *("objects", "unread", "fields", "custom_fields"),
        ),
        refreshes,
    )
    insert(
        "sync_run",
        (
            *("id", "connection_id", "kind", "outcome", "started_at", "finished_at", "objects"),
            *("fields", "drift_events"),
        ),
        runs,
    )
    insert(
        "drift_event",
        (
            *("id", "connection_id", "object_type", "field_name", "kind", "severity", "reason"),
            *("changes", "affected_mappings", "detected_at"),
        ),
        events,
    )


def measure(work: Callable[[], object]) -> float:
    """Return the median of several runs in milliseconds."""
    spent = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        work()
        spent.append((time.perf_counter() - begun) * 1000)
    return statistics.median(spent)


def decide(store: Store) -> None:
    """Record one decision, as a transaction of its own."""
    with store.write() as session:
        session.decisions.add(
            [
                Decision(
                    id=str(uuid.uuid4()),
                    connection_id="c1",
                    object_pair="deal--Object0001",
                    partner_field="name",
                    crm_field="F1_1",
                    state=DecisionState.ACCEPTED,
                    decided_by="bench",
                    decided_at=START,
                )
            ]
        )


def questions(store: Store, days: int) -> dict[str, float]:
    """Return what each question takes; all but the decision are asked of an open log."""
    found: dict[str, float] = {}
    now = START + timedelta(days=days)
    with store.read() as session:
        ask = session.snapshots
        found["SELECT 1"] = measure(lambda: session.database.rows("SELECT 1"))

        def statuses() -> None:
            session.connections.all()
            ask.stats_by_connection(now)
            session.runs.newest()
            session.runs.quota_by_connection()

        found["statuses of all connections"] = measure(statuses)
        found["schema now"] = measure(lambda: ask.current("c1"))
        found["schema as of day 180"] = measure(
            lambda: ask.current("c1", START + timedelta(days=min(180, days // 2)))
        )
        found["history of an object"] = measure(lambda: ask.history("c1", "Object0001"))
        found["an object with its fields"] = measure(lambda: ask.get("c1", "Object0001"))
        week = now - timedelta(days=7)
        found["drift of a week, all"] = measure(lambda: session.drift.events(since=week))
        found["drift of a week, one"] = measure(lambda: session.drift.events("c1", since=week))
    found["head"] = measure(store.head)
    found["one decision"] = measure(lambda: decide(store))
    return found


def main() -> None:
    """Measure both engines in one run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args()
    from tests.postgres import server_url

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.duckdb"
        stores = {"DuckDB": Store(file), "PostgreSQL": Store(server_url())}
        found: dict[str, dict[str, float]] = {}
        for name, store in stores.items():
            begun = time.perf_counter()
            fill(store, options.connections, options.days)
            print(f"{name}: filled in {time.perf_counter() - begun:.0f} s")
            if name == "PostgreSQL":
                # As its autovacuum does in the hours after such a load.
                with store.write() as session:
                    session.database.run("ANALYZE")
            found[name] = questions(store, options.days)
        with stores["PostgreSQL"].read() as session:
            size = session.database.rows("SELECT pg_database_size(current_database())")[0][0]
        print(f"size: DuckDB {file.stat().st_size / 1e6:.0f} MB, PostgreSQL {size / 1e6:.0f} MB")
        print(f"{'':<32}{'DuckDB ms':>12}{'/ SELECT 1':>12}{'PostgreSQL':>14}{'/ SELECT 1':>12}")
        for question in found["DuckDB"]:
            cells = ""
            for engine in stores:
                took = found[engine][question]
                cells += f"{took:12.2f}{took / found[engine]['SELECT 1']:12.0f}  "
            print(f"{question:<32}{cells}")
        for store in stores.values():
            store.close()


if __name__ == "__main__":
    main()
