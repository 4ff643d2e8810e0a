"""What a key costs with 500 connections and 10,000 fields: `python -m tests.bench keys`.

Processor time of all threads from the key to rest, next to the same key with 12 connections and
68 fields. Each change of the connection is to one that wasn't shown yet.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time
from typing import Any

from textual.pilot import Pilot

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.host import Location
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.bench.bench_findings import fill
from tests.bench.bench_switch import quiet
from tests.bench.figures import Figure, show

FIELDS = 10_000
CONNECTION, OBJECT = "large", "Huge__c"
PANES = ("health", "schema", "drift", "mapping", "audit")
KEYS = {"j": "next row", "right_square_bracket": "next connection"}


def make_home(home: Path, connections: int, fields: int) -> None:
    """Make a workspace of so many connections, and one with an object of so many fields."""
    home.mkdir()
    fill(home / "crmdeck.duckdb", connections)
    made = [{"name": f"Field_{n}__c", "label": f"F {n}", "type": "string"} for n in range(fields)]
    export = home / "large.json"
    export.write_text(json.dumps([{"name": OBJECT, "label": "Huge", "fields": made}]))
    with Workspace.open(home, secrets=MemorySecrets()) as workspace:
        workspace.connections.add(
            ConnectionDraft(
                name=CONNECTION, source=Source.FILES, platform="salesforce", path=str(export)
            )
        )
        workspace.refreshes.run(CONNECTION)


async def _cost(pilot: Pilot[None], key: str, times: int) -> tuple[float, ...]:
    """Return the milliseconds of processor time from a key to rest, each time."""
    found = []
    for _ in range(times):
        began = process_time()
        await pilot.press(key)
        await quiet(pilot)
        found.append(1000 * (process_time() - began))
    return tuple(found)


async def costs(workspace: Workspace, times: int) -> dict[str, tuple[float, ...]]:
    """Return what keys cost: in each pane from a connection on, and in the fields of an object."""
    app = CrmdeckApp(workspace, still=True)
    found = {}
    async with app.run_test(size=(120, 36)) as pilot:
        await quiet(pilot)
        main: Any = app.screen
        for place, pane in enumerate(PANES, 1):
            main.show_connection(workspace.connections.get("connection-000").id)
            await pilot.press(str(place))
            await quiet(pilot)
            for key, title in KEYS.items():
                found[f"{pane}, {title}"] = await _cost(pilot, key, times)
        main.show_connection(workspace.connections.get(CONNECTION).id)
        main.host.go_to("schema", Location(object=OBJECT))
        await quiet(pilot)
        found["fields, next row"] = await _cost(pilot, "j", times)
        await pilot.press("slash")
        found["fields, letter of a filter"] = await _cost(pilot, "e", 3)
    return found


def _measured(
    home: Path, connections: int, fields: int, times: int
) -> dict[str, tuple[float, ...]]:
    # In a process of its own, whose memory isn't the console's.
    maker = get_context("spawn").Process(target=make_home, args=(home, connections, fields))
    maker.start()
    maker.join()
    with Workspace.open(home, secrets=MemorySecrets()) as workspace:
        return asyncio.run(costs(workspace, times))


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure the keys in a small workspace and in a large one."""
    times = 5 if quick else 11
    with tempfile.TemporaryDirectory() as folder:
        large = _measured(Path(folder) / "large", 50 if quick else 500, FIELDS, times)
        yield Figure(
            "memory with many connections", "MB", (getrusage(RUSAGE_SELF).ru_maxrss / 1024,)
        )
        small = _measured(Path(folder) / "small", 12, 68, times)
    for name, samples in small.items():
        yield Figure(f"{name}, 12 connections", "ms", samples)
        yield Figure(f"{name}, many connections", "ms", large[name], f"{name}, 12 connections")


if __name__ == "__main__":
    show(figures(quick="--quick" in sys.argv))
