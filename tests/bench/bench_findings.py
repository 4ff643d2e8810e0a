"""How long the findings of 500 connections take: `python -m tests.bench findings`.

Each has two object pairs of eleven accepted rows, and eight open changes. The console over them is
measured in a pseudo-terminal, next to one without connections.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

from crmdeck.credentials import MemorySecrets
from crmdeck.model import (
    AttributeChange,
    Connection,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    DriftKind,
    ObjectSchema,
    Scope,
    Severity,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store import SchemaPacker, Store
from crmdeck.workspace import Workspace, open_demo
from crmdeck.workspace.verdicts import keep_verdicts
from tests.bench.bench_rest import until_rest
from tests.bench.figures import Figure, show

CONNECTIONS = 500
START = datetime(2026, 5, 1, 12, tzinfo=UTC)
CHANGED = ("End_Customer_Name__c", "Amount", "Description", "CloseDate")
FREE = ("NextStep", "Type", "LeadSource", "Probability")


def _from_demo() -> tuple[dict[str, ObjectSchema], tuple[Decision, ...]]:
    """Return two objects of the demo, and the decisions on them."""
    with open_demo() as demo, demo.context.store.read() as session:
        key = demo.connections.get("acme-prod").id
        objects = session.snapshots.newest([(key, "Opportunity"), (key, "Account")])
        log = demo.mappings.decisions("acme-prod")
    return {name: schema for (_, name), schema in objects.items()}, log


def fill(path: Path, connections: int = CONNECTIONS) -> None:
    """Make a history of many connections; each has schemas of its own."""
    objects, log = _from_demo()
    made = [one for one in log if one.state is DecisionState.ACCEPTED]
    store = Store(path)
    with store.hold(), store.write() as session:
        for number in range(connections):
            key = f"connection-{number:03}"
            connection = Connection(
                id=key, name=key, platform="salesforce", source="salesforce", created_at=START
            )
            session.connections.put(connection, START, "bench")
            run = SyncRun(
                id=key,
                connection_id=key,
                outcome=SyncOutcome.OK,
                started_at=START,
                finished_at=START,
            )
            session.runs.add(run)
            own = [
                schema.model_copy(update={"object_type": name, "label": f"{schema.label} {number}"})
                for name, schema in objects.items()
            ]
            session.snapshots.record(
                run,
                Scope(),
                discovered=[(SchemaPacker().pack(schema), None) for schema in own],
                unchanged=[],
                gone={},
                expires_at=START + timedelta(days=1),
            )
            session.decisions.add(
                [
                    one.model_copy(
                        update={
                            "id": f"{key}-{position}",
                            "connection_id": key,
                            "decided_at": START,
                            "direction": Direction.PUSH,
                        }
                    )
                    for position, one in enumerate(made)
                ]
            )
            pair = "deal_registration--Opportunity"
            rows = {one.crm_field: one.partner_field for one in made if one.object_pair == pair}
            session.drift.add(
                [
                    DriftEvent(
                        id=f"{key}-{name}",
                        connection_id=key,
                        object_type="Opportunity",
                        field_name=name,
                        kind=DriftKind.FIELD_CHANGED,
                        severity=Severity.BREAKING if name in CHANGED else Severity.RISKY,
                        changes=(AttributeChange(attribute="length", before=255, after=80),),
                        affected_mappings=(f"{pair}:{rows[name]}",) if name in rows else (),
                        detected_at=START + timedelta(hours=1),
                    )
                    for name in CHANGED + FREE
                ],
                [],
            )
    with (
        Workspace.open(path.parent, secrets=MemorySecrets()) as ws,
        ws.context.store.write() as out,
    ):
        for connection in out.connections.all():
            keep_verdicts(ws.context, out, connection)


def _processor(call: Callable[[], object]) -> float:
    begin = process_time()
    call()
    return process_time() - begin


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Fill a history, and measure processor time: the first time in a process, and again."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder) / "crmdeck.duckdb", 50 if quick else CONNECTIONS)
        with Workspace.open(folder, secrets=MemorySecrets()) as workspace, workspace.hold():
            cold = "findings of all, cold"
            yield Figure(cold, "s", (_processor(workspace.health.statuses),))
            again = tuple(_processor(workspace.health.statuses) for _ in range(3))
            yield Figure("findings of all, warm", "s", again, cold)
            one = tuple(
                _processor(lambda: workspace.health.status("connection-007")) for _ in "123"
            )
            yield Figure("findings of one", "s", one, cold)
        (Path(folder) / "empty").mkdir()
        floor = "empty console"
        for name, home in ((floor, f"{folder}/empty"), ("console", folder)):
            command = (sys.executable, "-m", "crmdeck", "--home", home)
            spent = [until_rest(command, 4.0 if quick else 10.0) for _ in "123"]
            for when, unit, samples in (
                ("until it rests", "s", [busy for busy, _ in spent]),
                ("at rest", "% of a core", [share for _, share in spent]),
            ):
                peer = f"{floor}, {when}" if name != floor else ""
                yield Figure(f"{name}, {when}", unit, tuple(samples), peer)


if __name__ == "__main__":
    show(figures())
