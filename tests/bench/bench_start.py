"""How long things take to start, as whole processes, medians of several runs.

    python -m tests.bench.bench_start [--runs 7] [--fields 50000]

Prints how many times as long as `python -c pass` the help of the command line takes, and how many
times as long as a control (duckdb, one pydantic model, one query) `status --json` does; the wall
time of the console's first paint in a terminal, from the
start of the process, beside that of a bare Textual app with the same widgets (in pairs, since a
machine is not always as fast); how long after it the data of a workspace with 50,000 fields is on
screen; and the demo's first and second start.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

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


def median(run: Callable[[], float], runs: int) -> float:
    """Return the median of `runs` runs after one that does not count."""
    run()
    return statistics.median(run() for _ in range(runs))


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
    from crmdeck.model import Platform, Source
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
                name="large", source=Source.FILES, platform=Platform.SALESFORCE, path=str(path)
            )
        )
        workspace.refreshes.run("large")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--fields", type=int, default=50_000)
    options = parser.parse_args()
    # A user's machine has byte code; without it each start would compile crmdeck anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as scratch:
        home, cache = Path(scratch) / "home", Path(scratch) / "cache"
        large_workspace(home, options.fields)
        at_home = {"CRMDECK_HOME": str(home), "XDG_CACHE_HOME": str(cache)}

        def command(*arguments: str) -> float:
            return process("-m", "crmdeck", *arguments, **at_home)

        def ratio(arguments: tuple[str, ...], *control: str) -> float:
            return median(lambda: command(*arguments) / process(*control), options.runs)

        for arguments in HELP:
            passes = ratio(arguments, "-c", "pass")
            print(f"crmdeck {' '.join(arguments):<22} {passes:.1f} times python -c pass")
        controls = ratio(("status", "--json"), "-c", CONTROL)
        print(f"crmdeck status --json          {controls:.2f} times its control")
        pairs, loads = [], {}
        for what, keys in VIEWS.items():
            process("-c", LOOK, str(home), *keys)
            marker = "large" if what == "its connections" else f"{options.fields:,}"
            pairs = [
                (paints([sys.executable, "-c", BARE], "hints")[0], data(marker=marker, **at_home))
                for _ in range(options.runs + 1)
            ][1:]
            loads[what] = statistics.median(pair[1][1] for pair in pairs)
        bare = statistics.median(pair[0] for pair in pairs)
        console = statistics.median(pair[1][0] for pair in pairs)
        times = statistics.median(pair[1][0] / pair[0] for pair in pairs)
        print(f"bare Textual app           {bare:.2f} s to its first paint")
        print(f"console                    {console:.2f} s, {times:.2f} times as long")
        print(f"a workspace of {options.fields:,} fields, after the first paint:")
        for what, seconds in loads.items():
            print(f"  {what:<24} {seconds:.2f} s")
        first = [
            data("demo", marker=DEMO, **{**at_home, "XDG_CACHE_HOME": f"{cache}-{number}"})
            for number in range(min(3, options.runs))
        ]
        again = [data("demo", marker=DEMO, **at_home) for _ in range(options.runs + 1)][1:]
        for name, runs in (("first", first), ("second", again)):
            painted, built = (statistics.median(values) for values in zip(*runs, strict=True))
            print(
                f"demo, {name + ' start':<20} {painted:.2f} s to paint, "
                f"{built:.2f} s more to the data"
            )


if __name__ == "__main__":
    main()
