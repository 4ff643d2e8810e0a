"""How long things take to start, as whole processes, medians of several runs.

    python -m tests.bench.bench_start [--runs 7] [--fields 50000]

Prints the wall time of `--help` and `status`, of the console's first paint beside that of a bare
Textual app with the same kinds of widgets, of the demo's first and second start, and how long
after the first paint the schema of a workspace with 50,000 fields is on screen.
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

BARE = """
import asyncio, sys, time
from textual.app import App
from textual.containers import Container, Horizontal
from textual.scroll_view import ScrollView
from textual.widgets import Input, Static
class Bare(App):
    def compose(self):
        yield Static("bare")
        with Horizontal():
            yield ScrollView()
            yield Container(Static("pane"), ScrollView())
        yield Input()
        yield Static("hints")
    def on_ready(self):
        self.call_after_refresh(self.exit)
asyncio.run(Bare().run_async(headless=True, size=(140, 40)))
"""

CONSOLE = """
import asyncio, sys, time
from crmdeck.tui.app import CrmdeckApp
from crmdeck.workspace import Workspace, open_demo
class Probe(CrmdeckApp):
    def on_ready(self):
        self.call_after_refresh(self.exit)
where = sys.argv[1]
with open_demo(later=True) if where == "demo" else Workspace.open(where) as workspace:
    asyncio.run(Probe(workspace).run_async(headless=True, size=(140, 40)))
"""

DATA = """
import asyncio, sys, time
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.loading import Loading
from crmdeck.workspace import Workspace, open_demo
where, started = sys.argv[1], float(sys.argv[2])
async def main(workspace):
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(140, 40)) as pilot:
        painted = time.time()
        await pilot.press("2", "f") if where != "demo" else None
        while not app.screen.status or app.screen.pane is None or app.screen.pane.is_loading:
            await pilot.pause(0.005)
        await pilot.pause()
        print(painted - started, time.time() - painted)
with open_demo(later=True) if where == "demo" else Workspace.open(where) as workspace:
    asyncio.run(main(workspace))
"""


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


def seen(where: str, **environment: str) -> tuple[float, float]:
    """Return seconds to the first paint, and from there to the data."""
    done = subprocess.run(
        [sys.executable, "-c", DATA, where, str(time.time())],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    painted, data = map(float, done.stdout.split())
    return painted, data


def large_workspace(home: Path, fields: int) -> None:
    """Make a workspace over 500 exported objects with `fields` fields in all."""
    from crmdeck.model import Platform, Source
    from crmdeck.secrets import MemorySecrets
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
        workspace.add_connection(
            ConnectionDraft(
                name="large", source=Source.FILES, platform=Platform.SALESFORCE, path=str(path)
            )
        )
        workspace.refresh("large")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--fields", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home, cache = Path(scratch) / "home", Path(scratch) / "cache"
        large_workspace(home, options.fields)
        at_home = {"CRMDECK_HOME": str(home), "XDG_CACHE_HOME": str(cache)}

        def command(*arguments: str) -> float:
            return process("-m", "crmdeck", *arguments, **at_home)

        bare = median(lambda: process("-c", BARE), options.runs)
        console = median(lambda: process("-c", CONSOLE, str(home), **at_home), options.runs)
        print(f"crmdeck --help             {median(lambda: command('--help'), options.runs):.2f} s")
        print(f"crmdeck status             {median(lambda: command('status'), options.runs):.2f} s")
        print(f"bare Textual app           {bare:.2f} s to its first paint and end")
        print(f"console                    {console:.2f} s, {console / bare:.2f} times as long")
        data = statistics.median(seen(str(home), **at_home)[1] for _ in range(options.runs))
        print(f"{options.fields:,} fields on screen    {data:.2f} s after the first paint")
        first = []
        for number in range(min(3, options.runs)):
            fresh = {**at_home, "XDG_CACHE_HOME": f"{cache}-{number}"}
            first.append(seen("demo", **fresh))
        painted, built = (statistics.median(values) for values in zip(*first, strict=True))
        print(
            f"demo, first start          {painted:.2f} s to paint, {built:.2f} s more to the data"
        )
        again = [seen("demo", **at_home) for _ in range(options.runs + 1)][1:]
        painted, built = (statistics.median(values) for values in zip(*again, strict=True))
        print(
            f"demo, second start         {painted:.2f} s to paint, {built:.2f} s more to the data"
        )


if __name__ == "__main__":
    main()
