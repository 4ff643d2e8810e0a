"""The log over both engines, a year old: `python -m tests.bench log`.

Fills a log with connections of 1,000 objects over a year of daily refreshes with 0.2 % changing a
day, on a DuckDB file and on a PostgreSQL server from the wheel. Each question is held against
`SELECT 1` of the same engine. The year is written as rows, as the refreshes would have left them:
half a million refreshes of a thousand objects take days.
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import process_time

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Decision, DecisionState, Field, FieldType, ObjectSchema, Scope
from crmdeck.store import SchemaPacker, Session, Store
from crmdeck.store.drift import EVENTS
from crmdeck.store.snapshots import Snapshots
from crmdeck.workspace import Workspace
from tests.bench.bench_store import START, run_of
from tests.bench.figures import Figure, show, timed
from tests.store.build import connection

OBJECTS, FIELDS = 1000, 17
CHANGED_A_DAY = 2
RISKY = 5
CHANGE = '[{"attribute":"length","before":80,"after":40}]'
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
            discovered=[(SchemaPacker().pack(each), None) for each in schemas],
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
            field, severity = f"F{place % FIELDS}", "safe" if place % RISKY else "risky"
            events.append(
                (
                    *(f"{key}-{day}-{each}", key, name, field, "field_changed", severity, ""),
                    *(CHANGE, "[]", at),
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


def questions(store: Store, engine: str, days: int) -> Iterator[Figure]:
    """Yield what each question takes; all but the decision are asked of an open log."""
    now = START + timedelta(days=days)
    week, middle = now - timedelta(days=7), START + timedelta(days=days // 2)
    one = f"{engine}: SELECT 1"

    def figure(name: str, work: Callable[[], object]) -> Figure:
        return Figure(f"{engine}: {name}", "ms", timed(work, TIMES), one)

    with store.read() as session:
        # What was read before is not kept here, as for a process that has just started.
        ask = Snapshots(session.database)

        def statuses() -> None:
            session.connections.all()
            ask.stats_by_connection(now)
            session.runs.newest()
            session.runs.quota_by_connection()
            ask.incomplete()
            session.drift.unacknowledged()

        yield Figure(one, "ms", timed(lambda: session.database.rows("SELECT 1"), TIMES))
        yield figure("statuses of all connections", statuses)
        yield figure("schema now", lambda: ask.current("c1"))
        session.snapshots.current("c1")
        yield figure("schema now, read before", lambda: session.snapshots.current("c1"))
        yield figure(f"schema as of day {days // 2}", lambda: ask.current("c1", middle))
        yield figure("history of an object", lambda: ask.history("c1", "Object0001"))
        yield figure("an object with its fields", lambda: ask.get("c1", "Object0001"))
        yield figure("drift of a week, all", lambda: session.drift.events(since=week))
        yield figure("drift of a week, one", lambda: session.drift.events("c1", since=week))

    def statuses_again() -> None:
        with store.read() as session:
            session.connections.all()
            session.snapshots.stats_by_connection(now)
            session.runs.newest()
            session.runs.quota_by_connection()
            session.drift.unacknowledged()

    statuses_again()
    spent: list[float] = []
    for number in range(TIMES):
        with store.write() as session:
            session.drift.acknowledge([f"c{number + 1}-1-0"], now, "bench")
        spent += timed(statuses_again, 1)
    yield Figure(f"{engine}: statuses of all, after a write", "ms", tuple(spent), one)
    yield figure("head", store.head)
    yield figure("one decision", lambda: decide(store))


def overviews(home: Path | str, engine: str, days: int) -> Iterator[Figure]:
    """Yield the processor time of overviews of all connections beside that of the rows alone."""
    now = START + timedelta(days=days)
    with (
        Workspace.open(home, secrets=MemorySecrets(), clock=lambda: now) as workspace,
        workspace.context.store.write(),
    ):
        # The rows above went in as they are: the first write counts what is open.
        pass

    def spent(name: str, work: Callable[[], object], times: int, peer: str = "") -> Figure:
        samples = []
        for _ in range(times):
            begun = process_time()
            work()
            samples.append((process_time() - begun) * 1000)
        return Figure(f"{engine}: {name}", "ms", tuple(samples), peer and f"{engine}: {peer}")

    with Workspace.open(home, secrets=MemorySecrets(), clock=lambda: now) as ws, ws.hold():
        order = "ORDER BY detected_at DESC, seq LIMIT 200"
        store, health = ws.context.store, ws.health

        def rows() -> None:
            with store.read() as session:
                session.database.rows(f"SELECT {EVENTS.selection} FROM drift_event {order}")

        def records() -> None:
            with store.read() as session:
                EVENTS.select(session.database, order)

        some = frozenset([each.id for each in ws.connections.all()][:100])
        yield spent("first page of a process", lambda: ws.drift.page(None, 200), 1)
        yield spent("200 changes, rows", rows, TIMES)
        yield spent("200 changes, records", records, TIMES, "200 changes, rows")
        page = "200 changes, records"
        yield spent("a page of 200 changes", lambda: ws.drift.page(None, 200), TIMES, page)
        yield spent("metrics", lambda: health.statuses(with_findings=False), TIMES)
        yield spent("100 integrations, first time", lambda: health.statuses(some), 1)
        yield spent("100 integrations", lambda: health.statuses(some), TIMES)
        yield spent("all findings, first time", health.statuses, 1)
        yield spent("all findings", health.statuses, 3)


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure both engines in one run."""
    from tests.postgres import server_url

    connections, days = (20, 60) if quick else (500, 365)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "crmdeck.duckdb"
        for engine, store in (("DuckDB", Store(file)), ("PostgreSQL", Store(server_url()))):
            fill(store, connections, days)
            if engine == "PostgreSQL":
                # As its autovacuum does in the hours after such a load.
                with store.write() as session:
                    session.database.run("ANALYZE")
                with store.read() as session:
                    size = session.database.rows("SELECT pg_database_size(current_database())")
                    bytes_kept = size[0][0]
            else:
                bytes_kept = file.stat().st_size
            title = f"{engine}: {connections} connections, {days} days"
            yield Figure(title, "MB", (bytes_kept / 1e6,))
            yield from questions(store, engine, days)
            store.close()
            home = file.parent if engine == "DuckDB" else server_url()
            yield from overviews(home, engine, days)


if __name__ == "__main__":
    show(figures())
