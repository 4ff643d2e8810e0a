"""How long our table and Textual's DataTable take over many rows, and how long they stall.

`python -m tests.bench table`. DataTable has no filter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter, thread_time
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from crmdeck.tui.gc_tuning import freeze_startup_objects
from crmdeck.tui.sheets import sheets
from crmdeck.tui.themes import THEMES, roles
from crmdeck.tui.widgets.table import Column, Sort, Table
from tests.bench.figures import Figure, show

Row = tuple[str, str, str, str, str, str]
TITLES = ("name", "label", "type", "object", "required", "references")
THEIR_STEPS = ("load", "scroll", "sort")


def rows(number: int) -> list[Row]:
    """Return rows like those of a schema pane."""
    kinds = ("string", "picklist", "reference", "currency", "datetime")
    return [
        (
            f"Field_{index * 7919 % number:05}__c",
            f"Label of field {index * 104729 % number}",
            kinds[index % 5],
            f"Object_{index // 40:04}",
            "yes" if index % 9 == 0 else "no",
            "Account" if index % 5 == 2 else "",
        )
        for index in range(number)
    ]


def columns() -> list[Column[Row]]:
    """Return six columns, two of them fixed."""
    return [
        Column(
            title,
            title,
            lambda row, position=position: row[position],  # type: ignore[misc]
            width=10 if title in ("type", "required") else None,
        )
        for position, title in enumerate(TITLES)
    ]


class Bench(App[None]):
    """One table on an empty screen."""

    def __init__(self, table: Table[Any] | DataTable[str]) -> None:
        super().__init__(css_path=[*sheets()])
        self.table = table
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        variables |= roles(self.current_theme, variables)
        self.theme_variables = variables
        return variables

    def compose(self) -> ComposeResult:
        yield self.table


class Stalls:
    """Wakes up all the time and remembers the longest it was kept from it.

    In processor time of this thread: what is left when other processes are busy too.
    """

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        worked = thread_time()
        while True:
            await asyncio.sleep(0.001)
            work = thread_time()
            self.longest = max(self.longest, work - worked)
            worked = work


async def timed(step: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Return how long `step` took and the longest stall meanwhile, in ms."""
    stalls = Stalls()
    watcher = asyncio.create_task(stalls.run())
    await asyncio.sleep(0.02)
    stalls.longest = 0.0
    began = perf_counter()
    await step()
    took = perf_counter() - began
    watcher.cancel()
    return took * 1000, stalls.longest * 1000


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until the table has done what it was told and is painted."""
    app = pilot.app
    while any(worker.group == "order" for worker in app.workers):
        await asyncio.sleep(0.001)
    await pilot.pause()


async def open_ours(data: list[Row]) -> float:
    """Return the ms from nothing to a painted table."""
    began = perf_counter()
    table: Table[Row] = Table(columns(), data)
    async with Bench(table).run_test(size=(140, 40)) as pilot:
        await pilot.pause()
        return (perf_counter() - began) * 1000


async def open_theirs(data: list[Row]) -> float:
    """Return the ms from nothing to a painted DataTable."""
    began = perf_counter()
    table: DataTable[str] = DataTable()
    async with Bench(table).run_test(size=(140, 40)) as pilot:
        table.add_columns(*TITLES)
        table.add_rows(data)
        await pilot.pause()
        return (perf_counter() - began) * 1000


async def use_ours(data: list[Row]) -> dict[str, tuple[float, float]]:
    """Return duration and longest stall (ms) of each thing that a user does."""
    table: Table[Row] = Table(columns(), can_mark=True)
    found: dict[str, tuple[float, float]] = {}
    async with Bench(table).run_test(size=(140, 40)) as pilot:
        await pilot.pause()

        async def load() -> None:
            table.set_rows(data)
            await settled(pilot)

        async def filter_() -> None:
            table.set_filter(words=("field 4",))
            await settled(pilot)

        async def unfilter() -> None:
            table.set_filter()
            await settled(pilot)

        async def sort() -> None:
            table.set_sort(Sort("label", descending=True))
            await settled(pilot)

        async def scroll() -> None:
            for _ in range(40):
                table.next_page()
                await pilot.pause()
            table.last_row()
            await settled(pilot)

        for step in (load, scroll, filter_, unfilter, sort):
            found[step.__name__.strip("_")] = await timed(step)
    return found


async def use_theirs(data: list[Row]) -> dict[str, tuple[float, float]]:
    """Return the same of DataTable, which has no filter."""
    table: DataTable[str] = DataTable()
    found: dict[str, tuple[float, float]] = {}
    async with Bench(table).run_test(size=(140, 40)) as pilot:
        keys = table.add_columns(*TITLES)
        await pilot.pause()

        async def load() -> None:
            table.add_rows(data)
            await pilot.pause()

        async def scroll() -> None:
            for _ in range(40):
                table.action_page_down()
                await pilot.pause()

        async def sort() -> None:
            table.sort(keys[1], reverse=True)
            await pilot.pause()

        for step in (load, scroll, sort):
            found[step.__name__] = await timed(step)
    return found


ROWS = 50_000


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure both, by turns, so that whatever else the machine does falls on both."""
    data, repeats = rows(ROWS), 2 if quick else 5
    asyncio.run(open_ours([]))
    freeze_startup_objects()
    pairs = [(asyncio.run(open_ours([])), asyncio.run(open_ours(data))) for _ in range(repeats)]
    empty, full = zip(*pairs, strict=True)
    yield Figure("open our table, empty", "ms", empty)
    yield Figure(f"open our table, {ROWS:,} rows", "ms", full, "open our table, empty")
    theirs = tuple(asyncio.run(open_theirs(data)) for _ in range(min(repeats, 2)))
    yield Figure(f"open DataTable, {ROWS:,} rows", "ms", theirs, f"open our table, {ROWS:,} rows")
    for name, use, times in (("DataTable", use_theirs, 1), ("our table", use_ours, repeats)):
        runs = [asyncio.run(use(data)) for _ in range(times)]
        for step in runs[0]:
            for at, what in ((0, step), (1, f"longest stall as it does {step}")):
                has_peer = name != "DataTable" and step in THEIR_STEPS
                yield Figure(
                    f"{name}, {what}",
                    "ms",
                    tuple(each[step][at] for each in runs),
                    f"DataTable, {what}" if has_peer else "",
                )


if __name__ == "__main__":
    show(figures())
