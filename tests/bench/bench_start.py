"""How long things take to start, as whole processes: `python -m tests.bench start`.

The help of the command line beside `python -c pass`, `status --json` beside a control (duckdb, one
pydantic model, one query); the wall time of the console's first paint in a terminal, from the
start of the process, beside that of a bare Textual app with the same widgets; how long after it
the data of a workspace with 50,000 fields is on screen; and the demo's first and second start.
All in pairs, since a machine is not always as fast.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, show
from tests.bench.painting import paints

BARE = """
from textual.app import App
from textual.containers import Container, Horizontal
from textual.scroll_view import ScrollView
from textual.widgets import OptionList, Static
class Bare(App):
    def compose(self):
        yield Static("bare")
        yield Static("line")
        with Horizontal():
            yield OptionList()
            yield Container()
        yield Static("hints")
Bare().run()
"""

CONTROL = """
import duckdb, json, pydantic
class Row(pydantic.BaseModel):
    name: str
(name,) = duckdb.connect().execute("select 'acme'").fetchone()
print(json.dumps(Row(name=name).model_dump()))
"""
"""The least that a command over the cache can cost."""

HELP = (("--help",), ("--version",), ("status", "--help"), ("connections", "add", "--help"))

VIEWS = {"its connections": ("1",), "its object types": ("2",), "all its fields": ("2", "f")}

FRAME = "Health"
"""What the console's first paint shows: the title of a pane."""

DEMO = "acme-prod"
"""What shows that the demo's connections are there."""

LOOK = """
import asyncio, sys
from crmdeck.tui.app import CrmdeckApp
from crmdeck.workspace import Workspace
async def main(workspace):
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(140, 40)) as pilot:
        for key in sys.argv[2:]:
            while app.screen.pane is None or app.screen.pane.loader.is_loading:
                await pilot.pause(0.01)
            await pilot.press(key)
        while app.screen.pane.loader.is_loading:
            await pilot.pause(0.01)
        await pilot.press("q")
with Workspace.open(sys.argv[1]) as workspace:
    asyncio.run(main(workspace))
"""
"""Leaves the console where some keys lead, so that it begins there next time."""


FIELDS = 50_000


def process(*command: str, **environment: str) -> float:
    """Run a process to its end and return the seconds that it took."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return time.perf_counter() - started


def data(*command: str, marker: str, **environment: str) -> tuple[float, float]:
    """Return seconds to the first paint of a console, and from there to its data."""
    painted, seen = paints(
        [sys.executable, "-m", "crmdeck", *command], FRAME, marker, environment=environment
    )
    return painted, seen - painted


def large_workspace(home: Path, fields: int) -> None:
    """Make a workspace over 500 exported objects with `fields` fields in all."""
    from crmdeck.credentials import MemorySecrets
    from crmdeck.model import Source
    from crmdeck.workspace import ConnectionDraft, Workspace

    objects = [
        {
            "name": f"Object{number}__c",
            "label": f"Object {number}",
            "custom": True,
            "fields": [
                {"name": f"Field{n}__c", "label": f"Field {n} of {number}", "type": "string"}
                for n in range(fields // 500)
            ],
        }
        for number in range(500)
    ]
    path = home.parent / "objects.json"
    path.write_text(json.dumps(objects))
    with Workspace.open(home, secrets=MemorySecrets()) as workspace:
        workspace.connections.add(
            ConnectionDraft(
                name="large", source=Source.FILES, platform="salesforce", path=str(path)
            )
        )
        workspace.refreshes.run("large")


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure by turns, after one round that does not count."""
    runs = 2 if quick else 7
    with tempfile.TemporaryDirectory() as scratch:
        home, cache = Path(scratch) / "home", Path(scratch) / "cache"
        large_workspace(home, FIELDS)
        # As installed: a Python that keeps no bytecode would compile our modules on each start.
        compiled = {
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(Path(scratch) / "compiled"),
        }
        at_home = {"CRMDECK_HOME": str(home), "XDG_CACHE_HOME": str(cache), **compiled}

        def beside(arguments: tuple[str, ...], peer: str, *control: str) -> Iterator[Figure]:
            pairs = [
                (process(*control, **compiled), process("-m", "crmdeck", *arguments, **at_home))
                for _ in range(runs + 1)
            ][1:]
            floor, ours = zip(*pairs, strict=True)
            name = f"crmdeck {' '.join(arguments)}"
            yield Figure(f"{peer}, beside {name}", "s", floor)
            yield Figure(name, "s", ours, f"{peer}, beside {name}")

        for arguments in HELP:
            yield from beside(arguments, "python -c pass", "-c", "pass")
        yield from beside(("status", "--json"), "its control", "-c", CONTROL)
        for what, keys in VIEWS.items():
            process("-c", LOOK, str(home), *keys)
            marker = "large" if what == "its connections" else f"{FIELDS:,}"
            pairs = [
                (
                    paints([sys.executable, "-c", BARE], "hints", environment=compiled)[0],
                    data(marker=marker, **at_home),
                )
                for _ in range(runs + 1)
            ][1:]
            bare, console = "a bare Textual app paints", "the console paints"
            if what == "its connections":
                yield Figure(bare, "s", tuple(pair[0] for pair in pairs))
                yield Figure(console, "s", tuple(pair[1][0] for pair in pairs), bare)
            loaded = tuple(pair[1][1] for pair in pairs)
            yield Figure(f"{FIELDS:,} fields: {what} after the paint", "s", loaded)
        first = [
            data("demo", marker=DEMO, **{**at_home, "XDG_CACHE_HOME": f"{cache}-{number}"})
            for number in range(min(3, runs))
        ]
        again = [data("demo", marker=DEMO, **at_home) for _ in range(runs + 1)][1:]
        for name, times in (("first", first), ("second", again)):
            painted, built = zip(*times, strict=True)
            yield Figure(f"demo, {name} start, to its paint", "s", painted)
            yield Figure(f"demo, {name} start, from there to its data", "s", built)


if __name__ == "__main__":
    show(figures())
