"""How long going to another connection takes, from the key to the first painted new row, by pane.

`python -m tests.bench switch`. Two connections read the three exports of org-b of the shared data
one after the other, so that there is drift, and have a mapping and its log; where the exports are
not there, made-up ones of ten objects. The terminal's text is drawn, too. By the clock, and in
processor time of all threads, so that other processes are left out; each beside the same two
connections over ten objects, the floor.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.console import SWITCH_INTERVAL
from crmdeck.tui.gc_tuning import freeze_startup_objects
from crmdeck.tui.loading.requests import is_loading
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.bench.bench_search import EXPORT
from tests.bench.bench_table import timed
from tests.bench.figures import Figure, show

ROUNDS = 8
PATIENCE = 60.0
NAMES = ("one", "other")
PAIR = "deal_registration--Opportunity"
SMALL = ("Opportunity", *(f"Thing{number}__c" for number in range(9)))
FIELDS = ("Name", "Amount", "CloseDate", "StageName", "Description")


def is_new(pane: Any, pane_id: str, ref: str) -> bool:
    """Return whether what a pane shows is of the connection `ref`."""
    if pane_id == "health":
        return bool(pane.entry and pane.entry.id == ref and pane.table.cursor_key == ref)
    table = pane.table
    if table.is_ordering or not table.total_count:
        return False
    if pane_id == "schema":
        data = pane.schema.data
        return data is not None and data.ref == ref and table._rows is data.objects
    if pane_id == "audit":
        return all(line.title or line.entry.connection_id == ref for line in table._rows)
    return bool(pane.shown_connection() == ref)


class Watched(CrmdeckApp):
    """Draws for a terminal that nobody looks at, and notes when what one waits for is drawn."""

    wanted: Callable[[], bool] | None = None
    drawn = 0.0
    worked = 0.0

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        super()._display(screen, renderable)
        if screen is self.screen and hasattr(renderable, "render_segments"):
            renderable.render_segments(self.console)
            if self.wanted is not None and self.wanted():
                self.wanted = None
                self.drawn, self.worked = perf_counter(), process_time()


def small_exports(folder: Path) -> list[Path]:
    """Write ten objects of a few fields twice, one field more the second time."""
    paths = []
    for version in (4, 5):
        objects = [
            {
                "name": name,
                "label": name,
                "fields": [
                    {"name": field, "label": field, "type": "string"} for field in FIELDS[:version]
                ],
            }
            for name in SMALL
        ]
        paths.append(folder / f"all.{version}.json")
        paths[-1].write_text(json.dumps(objects))
    return paths


def make_home(home: Path, exports: list[Path]) -> None:
    """Make a workspace of two connections that have read the same exports, and are mapped."""
    with Workspace.open(home, secrets=MemorySecrets()) as workspace:
        for name in NAMES:
            link = home / f"{name}{''.join(exports[0].suffixes[-2:])}"
            workspace.connections.add(
                ConnectionDraft(
                    name=name, source=Source.FILES, platform="salesforce", path=str(link)
                )
            )
            for export in exports:
                link.write_bytes(export.read_bytes())
                workspace.refreshes.run(name)
            answer = workspace.mappings.suggest(name, PAIR, encoder="none")
            found = [each for each in answer.suggestions if each.crm_field][:8]
            picks = {each.partner_field: each.crm_field for each in found}
            workspace.mappings.accept(name, PAIR, picks)


async def quiet(pilot: Pilot[None]) -> None:
    """Wait until nothing is loading, and nothing was begun by what was loaded."""
    for _ in range(4):
        while is_loading(pilot.app.screen_stack[0]):
            await asyncio.sleep(0.001)
        await pilot.pause()


async def in_pane(home: Path, pane_id: str, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of going to the other connection, `rounds` times there and back."""
    spent: dict[str, list[float]] = {"": [], ", processor": [], ", longest stall": []}
    with Workspace.open(home, secrets=MemorySecrets()) as workspace:
        app = Watched(workspace)
        app.host.ui_state.pane = pane_id
        async with app.run_test(size=(140, 40)) as pilot:
            await quiet(pilot)
            main: Any = app.screen
            ids = [status.id for status in main.statuses]

            async def switch() -> tuple[float, float]:
                ref = ids[1 - ids.index(main.connection_id)]
                app.wanted = partial(is_new, main.pane, pane_id, ref)
                app.drawn = 0.0
                began, worked = perf_counter(), process_time()
                await pilot.press("]")
                while not app.drawn:
                    if perf_counter() - began > PATIENCE:
                        raise TimeoutError(f"{pane_id} never showed the other connection")
                    await asyncio.sleep(0.001)
                return (app.drawn - began) * 1000, (app.worked - worked) * 1000

            for number in range(rounds + 1):
                took, processor = await switch()
                await quiet(pilot)
                if number == 0:  # What the others may find kept is read.
                    spent[", the first time"] = [took]
                    spent[", processor, the first time"] = [processor]
                    continue
                spent[""].append(took)
                spent[", processor"].append(processor)

                async def there_and_back() -> None:
                    await switch()

                spent[", longest stall"].append((await timed(there_and_back))[1])
                await quiet(pilot)
    return spent


PANES = ("health", "schema", "drift", "mapping", "audit")


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure each pane over the small and the real exports."""
    freeze_startup_objects()
    sys.setswitchinterval(SWITCH_INTERVAL)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        homes = {"small": small_exports(root)}
        if EXPORT.exists() and not quick:
            homes["org-b"] = [EXPORT.with_name(f"all-objects.{n}.json.gz") for n in (1, 2, 3)]
        for name, exports in homes.items():
            home = root / f"home-{name}"
            make_home(home, exports)
            for pane_id in PANES:
                found = asyncio.run(in_pane(home, pane_id, 2 if quick else ROUNDS))
                for what, each in found.items():
                    peer = "" if name == "small" else f"small: {pane_id}{what}"
                    yield Figure(f"{name}: {pane_id}{what}", "ms", tuple(each), peer)


if __name__ == "__main__":
    show(figures())
