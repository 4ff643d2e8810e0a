"""How long the health of 20 connections takes: `python -m tests.bench health`.

Each has 60 refreshes of 200 object types and 1,000 drift events.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crmdeck.credentials import MemorySecrets
from crmdeck.model import (
    Connection,
    DriftEvent,
    DriftKind,
    Field,
    FieldType,
    ObjectSchema,
    Quota,
    Scope,
    Severity,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store import SchemaPacker, Store
from crmdeck.workspace import Workspace
from tests.bench.figures import Figure, show, timed

CONNECTIONS, REFRESHES, OBJECTS, EVENTS = 20, 60, 200, 1_000
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def fill(path: Path) -> None:
    """Make a cache as a team has one after two months."""
    fields = tuple(
        Field(name=f"f{i}", label=f"F {i}", type=FieldType.STRING, native_type="string")
        for i in range(20)
    )
    schemas = [
        ObjectSchema(object_type=f"Object{i}", label=f"Object {i}", fields=fields)
        for i in range(OBJECTS)
    ]
    store = Store(path)
    with store.hold(), store.write() as session:
        for number in range(CONNECTIONS):
            key = f"connection-{number:02}"
            connection = Connection(
                id=key,
                name=key,
                platform="salesforce",
                source="salesforce",
                api_version="66.0",
                created_at=START,
            )
            session.connections.put(connection, START, "bench")
            for day in range(REFRESHES):
                at = START + timedelta(days=day)
                run = SyncRun(
                    id=f"{key}-{day}",
                    connection_id=key,
                    outcome=SyncOutcome.FAILED if day % 7 == 3 else SyncOutcome.OK,
                    started_at=at,
                    finished_at=at,
                )
                session.runs.add(run)
                session.runs.add_quota(key, Quota(used=day, limit=100), at)
                session.snapshots.record(
                    run,
                    Scope(),
                    discovered=[(SchemaPacker().pack(schema), None) for schema in schemas]
                    if day == 0
                    else [],
                    unchanged=[(schema.object_type, None) for schema in schemas] if day else [],
                    gone={},
                    expires_at=at + timedelta(days=1),
                )
            session.drift.add(
                [
                    DriftEvent(
                        id=f"{key}-{i}",
                        connection_id=key,
                        object_type="Object1",
                        field_name=f"f{i}",
                        kind=DriftKind.FIELD_CHANGED,
                        severity=Severity.BREAKING if i % 3 else Severity.SAFE,
                        affected_mappings=("deal--Object1:name",) if i % 10 == 0 else (),
                        detected_at=START,
                    )
                    for i in range(EVENTS)
                ],
                [],
            )


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Fill a cache and measure: as a face asks, and with the cache held open."""
    times = 5 if quick else 15
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder) / "crmdeck.duckdb")
        with Workspace.open(folder, secrets=MemorySecrets()) as workspace:
            health = workspace.health
            one, every = "status of one connection", f"statuses of all {CONNECTIONS}"
            yield Figure(one, "ms", timed(lambda: health.status("connection-07"), times))
            yield Figure(every, "ms", timed(health.statuses, times), one)
            with workspace.hold():
                yield Figure(f"{every}, cache held", "ms", timed(health.statuses, times), every)


if __name__ == "__main__":
    show(figures())
