"""Time of a key in the search over all fields, with and without its index; fields by meaning.

`python -m tests.bench search`. The fields are those of org-b of the shared data, once and ten
times, or invented without it. Both ways alternate in one run, painting included. Times are
processor time, which leaves out other processes. A stall is the longest time that the event loop
was blocked. A search by meaning is measured with all vectors stored, the first one and later ones.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import process_time, thread_time

from crmdeck.credentials import MemorySecrets
from crmdeck.model import FieldRow, FieldType, Source
from crmdeck.tui.filters import compile_filter
from crmdeck.tui.gc_tuning import freeze_startup_objects
from crmdeck.tui.panes.schema.fields import all_columns, field_keys, field_texts
from crmdeck.tui.panes.schema.rows import FieldLine
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import (
    ConnectionDraft,
    Searchable,
    SearchIndex,
    Workspace,
    field_relevance,
)
from crmdeck.workspace.explore.meaning import _index_of
from tests.bench.bench_table import Bench, settled, timed
from tests.bench.figures import Figure, show
from tests.bench.figures import timed as timed_once

EXPORT = Path(__file__).parents[3] / "shared/data/salesforce/org-b/all-objects.1.json.gz"
MADE_UP = 18_000
TYPED = ("e", "em", "ema", "emai", "email", "email ", "email b", "email bo")
ONE_WORD = ("registration_st", "stagename", "opp")
TYPOS = ("contct", "contct em", "contct email", "contact emial", "opportunty", "oppstg")
"""Texts that no row contains: the search falls back to names that resemble them."""


def now() -> datetime:
    return datetime(2026, 11, 25, tzinfo=UTC)


def fields(times: int) -> list[FieldLine]:
    """Return org-b's fields `times` times, each copy with its own labels."""
    if EXPORT.exists():
        with gzip.open(EXPORT) as file:
            named = [
                (one["name"], field["name"], field["label"], field["custom"])
                for one in json.load(file)
                for field in one["fields"]
            ]
    else:
        named = [
            (f"Object{i // 18}__c", f"Email{i % 18}Field{i}__c", f"E-mail {i}", True)
            for i in range(MADE_UP)
        ]
    kind = FieldType.STRING
    lines = []
    for copy in range(times):
        mark = str(copy) if copy else ""
        for of, name, label, custom in named:
            row = FieldRow(
                of + mark, name, f"{label} {mark}", kind, "string", None, None, custom, None, ""
            )
            lines.append(FieldLine(row, "", None, None))
    return lines


def index_over(lines: list[FieldLine]) -> SearchIndex[FieldLine]:
    """Return the index of the schema pane, built."""

    def searched(line: FieldLine) -> Searchable:
        row = line.row
        custom = bool(row.custom)
        relevance = field_relevance(
            row.object_type, custom_object=False, custom=custom, mapped=False
        )
        return Searchable(row.name, row.object_type, (row.label, line.mapped), relevance)

    index = SearchIndex(lines, searched)
    index.prepare()
    return index


async def type_keys(
    lines: list[FieldLine], index: SearchIndex[FieldLine] | None
) -> list[tuple[float, float]]:
    """Return the processor time (ms) of each typed text, and its longest stall."""
    columns, gives = all_columns(now, lines)
    table: Table[FieldLine] = Table(columns, gives=gives, key=lambda line: line.key)
    taken = []
    async with Bench(table).run_test(size=(140, 40)) as pilot:
        table.set_rows(lines, index=index)
        await settled(pilot)
        for text in (*TYPED, *ONE_WORD):

            async def key(text: str = text) -> None:
                found = compile_filter(text, searched=field_texts, keys=field_keys(now))
                table.set_filter(found.predicate, found.words, beside=found.beside)
                await settled(pilot)

            before = thread_time()
            _, stall = await timed(key)
            taken.append(((thread_time() - before) * 1000, stall))
    return taken


def by_meaning() -> Iterator[Figure]:
    """Measure searches by meaning over the export."""
    queries = ("partner tier", "closedate", "Telefonnummer", "how much the deal is worth")
    with (
        tempfile.TemporaryDirectory() as folder,
        Workspace.open(folder, secrets=MemorySecrets()) as workspace,
    ):
        draft = ConnectionDraft(
            name="one", source=Source.FILES, platform="salesforce", path=str(EXPORT)
        )
        workspace.connections.add(draft)
        workspace.refreshes.run("one")
        spent = []
        not_checked: tuple[str, ...] = ("all",)
        while not_checked:
            not_checked = workspace.fields.find(queries[0]).not_checked
        # What a new process does first.
        _index_of.cache_clear()
        for query in queries:
            before = process_time()
            workspace.fields.find(query)
            spent.append(process_time() - before)
    first = "fields by meaning, the first search"
    yield Figure(first, "s", tuple(spent[:1]))
    yield Figure("fields by meaning, later ones", "s", tuple(spent[1:]), first)


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure at both sizes: each text typed without the index, then with it."""
    freeze_startup_objects()
    for times in (1,) if quick else (1, 10):
        lines = fields(times)
        size = f"{len(lines):,} fields"
        yield Figure(f"{size}: build the index", "ms", timed_once(partial(index_over, lines), 1))
        without, having = [], []
        for _ in range(1 if quick else 3):
            without.append(asyncio.run(type_keys(lines, None)))
            having.append(asyncio.run(type_keys(lines, index_over(lines))))
        for place, text in enumerate((*TYPED, *ONE_WORD)):
            for at, what in ((0, "key"), (1, "stall")):
                name = f"{size}: {what} that makes {text!r}"
                old = f"{name}, no index"
                yield Figure(old, "ms", tuple(run[place][at] for run in without))
                yield Figure(name, "ms", tuple(run[place][at] for run in having), old)
    if EXPORT.exists():
        yield from by_meaning()


if __name__ == "__main__":
    show(figures())
