"""Processor time and memory of explaining 100,000 sync errors with 2,000 different messages.

`python -m tests.bench explain`. The messages are invented, always the same ones. The peer reads the
same file with `csv` alone.
"""

from __future__ import annotations

import csv
import random
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from time import process_time

from crmdeck.workspace import Workspace
from tests.bench.figures import Figure, show

ROWS = 100_000
MESSAGES = (
    "REQUIRED_FIELD_MISSING:Required fields are missing: [F{0}__c]:F{0}__c --",
    "STRING_TOO_LONG:Name {0}: data value too large: xxxx{0} (max length=80):Name --",
    "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record: 0015g{0}:--",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION:Enter rule {0}.:Amount --",
)


def figures(*, quick: bool = False) -> Iterator[Figure]:
    dice = random.Random(1)
    rows = ROWS // 10 if quick else ROWS
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "failed.csv"
        with file.open("w", encoding="utf-8") as out:
            out.write("sf__Id,sf__Error\n")
            for row in range(rows):
                text = dice.choice(MESSAGES).format(dice.randrange(500))
                out.write(f'0065g{row:013d},"{text}"\n')
        begin = process_time()
        with file.open(encoding="utf-8", newline="") as read:
            assert sum(1 for _ in csv.reader(read)) == rows + 1
        peer = process_time() - begin
        with Workspace.open(Path(name) / "home") as workspace:
            begin = process_time()
            report = workspace.errors.explain(file).report
            took = process_time() - begin
            assert report.errors == rows
            tracemalloc.start()
            workspace.errors.explain(file)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
    bare = f"{rows:,} rows, csv alone"
    yield Figure(bare, "s", (peer,))
    yield Figure(f"{rows:,} errors explained", "s", (took,), bare)
    yield Figure(f"memory of {rows:,} errors", "MB", (peak / 1024**2,))


if __name__ == "__main__":
    show(figures())
