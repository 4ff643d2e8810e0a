"""Time of go to anything: `python -m tests.bench go_to`.

The fields are those of org-b of the shared data, once and ten times, or invented without it. Keys
and stalls are processor time, which leaves out other processes. A stall is the longest time that
the event loop was blocked; it is measured in a second run, since its meter works, too. Opening is
wall-clock time over a workspace that reads the export, next to its floors: a small dialog, and a
connection of ten objects.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import thread_time

from textual.app import App
from textual.pilot import Pilot

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.go_to import GoTo, GoToRow
from crmdeck.tui.gc_tuning import freeze_startup_objects
from crmdeck.tui.loading.requests import is_loading
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import ConnectionDraft, GoToTarget, PlaceKind, SearchIndex, Workspace
from tests.bench.bench_search import EXPORT, ONE_WORD, TYPED, TYPOS, fields
from tests.bench.bench_table import Bench, timed
from tests.bench.figures import Figure, show

ROUNDS = 3
ALL_TYPED = (*TYPED, *ONE_WORD, *TYPOS)
SMALL = 10
"""Objects of the connections that serve as the floor."""


def places(times: int) -> tuple[GoToTarget, ...]:
    """Return the fields as places, `times` times."""
    found = []
    for line in fields(times):
        row = line.row
        found.append(
            GoToTarget(PlaceKind.FIELD, "c", "org", row.name, row.object_type, row.label or "")
        )
    return tuple(found)


async def found(pilot: Pilot[None], dialog: GoTo, text: str) -> None:
    """Wait until the matches of `text` show."""
    table = dialog.query_one(Table)
    while dialog._list._sought != text or table.is_ordering:
        await asyncio.sleep(0)
    await pilot.pause()


async def type_keys(lines: tuple[GoToTarget, ...], *, stalls: bool) -> list[float]:
    """Return the processor time (ms) of each typed text, or its longest stall."""
    index: SearchIndex[GoToRow] = SearchIndex(lines, lambda line: line.searched)
    index.prepare()
    taken = []
    app: App[None] = Bench(Table([]))
    async with app.run_test(size=(140, 40)) as pilot:
        dialog = GoTo((), lambda _: "", connections=True)
        await app.push_screen(dialog)
        dialog.fill(lines, index)
        await pilot.pause()
        for text in ALL_TYPED:

            async def key(text: str = text) -> None:
                dialog._list._entry.value = text
                await found(pilot, dialog, text)

            if stalls:
                taken.append((await timed(key))[1])
            else:
                before = thread_time()
                await key()
                taken.append((thread_time() - before) * 1000)
    return taken


def small_export(folder: Path) -> Path:
    """Write ten objects of a few fields."""
    for number in range(SMALL):
        named = [{"name": f"F{n}__c", "label": f"F {n}", "type": "string"} for n in range(4)]
        body = {"name": f"Thing{number}__c", "label": "Thing", "fields": named}
        (folder / f"Thing{number}__c.json").write_text(json.dumps(body))
    return folder


def make_home(home: Path, path: Path) -> None:
    """Make a workspace of one connection."""
    with Workspace.open(home, secrets=MemorySecrets()) as workspace:
        workspace.connections.add(
            ConnectionDraft(name="one", source=Source.FILES, platform="salesforce", path=str(path))
        )
        workspace.refreshes.run("one")


async def quiet(pilot: Pilot[None]) -> None:
    """Wait until nothing is loading."""
    while is_loading(pilot.app.screen_stack[0]):
        await asyncio.sleep(0.001)
    await pilot.pause()


async def in_console(home: Path) -> dict[str, list[float]]:
    """Return the milliseconds of opening and its stalls, `ROUNDS` times."""
    kinds = ("open", "open stall", "dialog stall")
    spent: dict[str, list[float]] = {kind: [] for kind in kinds}
    with Workspace.open(home, secrets=MemorySecrets()) as workspace:
        app = CrmdeckApp(workspace)
        app.host.ui_state.pane = "schema"
        async with app.run_test(size=(140, 40)) as pilot:
            await quiet(pilot)
            await quiet(pilot)
            for _ in range(ROUNDS + 1):
                plain = Choose("Plain", [Choice(name, name) for name in "abc"])

                async def show_plain(plain: Choose[str] = plain) -> None:
                    await app.push_screen(plain)
                    await pilot.pause()

                spent["dialog stall"].append((await timed(show_plain))[1])
                plain.dismiss(None)
                await quiet(pilot)

                async def go_to() -> None:
                    await pilot.press("ctrl+k")
                    while app.screen._reading:  # type: ignore[attr-defined]
                        await asyncio.sleep(0.001)
                    await pilot.pause()

                took, stall = await timed(go_to)
                spent["open"].append(took)
                spent["open stall"].append(stall)
                await pilot.press("escape")
                await quiet(pilot)
    # The first round imports modules, so it is left out.
    return {name: times[1:] for name, times in spent.items()}


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure keys at both sizes, then opening over the small and the real export."""
    freeze_startup_objects()
    for times in (1,) if quick else (1, 10):
        lines = places(times)
        size = f"{len(lines):,} fields"
        rounds = range(1 if quick else ROUNDS)
        for what, stalls in (("key", False), ("stall", True)):
            runs = [asyncio.run(type_keys(lines, stalls=stalls)) for _ in rounds]
            for place, text in enumerate(ALL_TYPED):
                name = f"{size}: {what} that makes {text!r}"
                yield Figure(name, "ms", tuple(run[place] for run in runs))
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "small").mkdir()
        sources = {"small": small_export(root / "small")}
        if EXPORT.exists() and not quick:
            sources["org-b"] = EXPORT
        for name, path in sources.items():
            make_home(root / f"home-{name}", path)
            spent = asyncio.run(in_console(root / f"home-{name}"))
            for what, each in spent.items():
                peer = f"small: {what}" if name != "small" else ""
                yield Figure(f"{name}: {what}", "ms", tuple(each), peer)


if __name__ == "__main__":
    show(figures())
