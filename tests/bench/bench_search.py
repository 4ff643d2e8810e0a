"""How long a key of the search over all fields takes, with its index and without.

Run: python tests/bench/bench_search.py [TIMES] [REPEATS]

The fields are those of org-b of `../shared/data` TIMES over (1), made up where it is not there.
Both ways are taken by turns in one run, painting included. Times are those of the processor, so
that other processes are left out; a stall is the most that the event loop was kept from anything
else.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, thread_time

from crmdeck.model import FieldRow, FieldType
from crmdeck.tui.gc_tuning import calm
from crmdeck.tui.panes.schema.columns import all_columns
from crmdeck.tui.panes.schema.filter_keys import filter_of
from crmdeck.tui.panes.schema.rows import FieldLine
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import Searchable, SearchIndex, field_standing
from tests.bench.bench_table import Bench, settled, timed

EXPORT = Path(__file__).parents[3] / "shared/data/salesforce/org-b/all-objects.1.json.gz"
MADE_UP = 18_000
TYPED = ("e", "em", "ema", "emai", "email", "email ", "email b", "email bo")
ONE_WORD = ("registration_st", "stagename", "opp")


def now() -> datetime:
    return datetime(2026, 11, 25, tzinfo=UTC)


def fields(times: int) -> list[FieldLine]:
    """Return org-b's fields `times` over, every copy with labels of its own."""
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
    """Return the index that the schema pane has, built."""

    def searched(line: FieldLine) -> Searchable:
        row = line.row
        custom = bool(row.custom)
        standing = field_standing(row.object_type, custom_object=False, custom=custom, mapped=False)
        return Searchable(row.name, row.object_type, (row.label, line.mapped), standing)

    index = SearchIndex(lines, searched)
    index.prepare()
    return index


async def type_keys(
    lines: list[FieldLine], index: SearchIndex[FieldLine] | None
) -> list[tuple[float, float]]:
    """Return the processor time (ms) of each text typed: all of it, and the longest stall."""
    table: Table[FieldLine] = Table(all_columns(now), key=lambda line: line.key)
    taken = []
    async with Bench(table).run_test(size=(140, 40)) as pilot:
        table.set_rows(lines, index=index)
        await settled(pilot)
        for text in (*TYPED, *ONE_WORD):

            async def key(text: str = text) -> None:
                found = filter_of("all", text, now)
                table.set_filter(found.predicate, found.words, beside=found.beside)
                await settled(pilot)

            before = thread_time()
            _, _, stall = await timed(key)
            taken.append(((thread_time() - before) * 1000, stall))
    return taken


def main() -> None:
    """Print medians."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    lines = fields(times)
    began = perf_counter()
    index_over(lines)
    print(f"{len(lines):,} fields; the index is built in {perf_counter() - began:.2f} s")
    calm()
    without, having = [], []
    for _ in range(repeats):
        without.append(asyncio.run(type_keys(lines, None)))
        having.append(asyncio.run(type_keys(lines, index_over(lines))))
    print(f"{'typed':<18}{'before':>10}{'now':>10}{'ratio':>8}{'stall before':>15}{'now':>8}")
    for place, text in enumerate((*TYPED, *ONE_WORD)):
        old = statistics.median(run[place][0] for run in without)
        new = statistics.median(run[place][0] for run in having)
        stalls = [statistics.median(run[place][1] for run in runs) for runs in (without, having)]
        print(
            f"{text!r:<18}{old:7.0f} ms{new:7.0f} ms{old / new:8.1f}{stalls[0]:12.1f} ms"
            f"{stalls[1]:6.1f} ms"
        )


if __name__ == "__main__":
    main()
