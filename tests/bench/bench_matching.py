"""Time and memory of the ranker, with vectors cached and from a cold start.

Run as a script: `python -m tests.bench.bench_matching`. The field lists are made here from words
of CRM schemas, descriptions and picklists included. Times are medians in milliseconds; the cold
start and the memory are measured in processes of their own.
"""

from __future__ import annotations

import random
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmdeck.model import Field

SIZES = ((40, 180), (100, 600), (200, 600), (200, 1_200), (400, 1_200))
MODULE = "tests.bench.bench_matching"
ROUNDS = 9
TEXTS = 1_000
FIRST = "account billing close contact created customer deal first last lead main next partner"
SECOND = "address amount city country currency date description email name owner phone reason stage"
THIRD = "code count history id label level note number source status total type value"


def fields(count: int, seed: int) -> list[Field]:
    """Return `count` fields of a made-up schema, the same for the same seed."""
    from crmdeck.model import Field, FieldType, PicklistValue

    draw = random.Random(seed)
    kinds = list(FieldType)
    made: list[Field] = []
    for number in range(count):
        words = [draw.choice(part.split()) for part in (FIRST, SECOND, THIRD)]
        kind = draw.choice(kinds)
        values = tuple(PicklistValue(value=f"{draw.choice(words)} {n}") for n in range(12))
        made.append(
            Field(
                name="_".join(words) + f"_{number}__c",
                label=" ".join(words).title(),
                description=f"The {' '.join(words)} of the record, as it was {draw.choice(words)}.",
                type=kind,
                custom=draw.random() < 0.7,
                picklist=values if kind is FieldType.PICKLIST else (),
            )
        )
    return made


def warm(rows: int, columns: int) -> str:
    """Rank two schemas with all vectors at hand and return a line of the table."""
    from crmdeck.matching import (
        CachedEncoder,
        RankContext,
        SentenceEncoder,
        rank,
        texts_to_encode,
    )
    from crmdeck.workspace.knowledge import load_knowledge

    knowledge = load_knowledge(None)
    left, right = fields(rows, 1), fields(columns, 2)
    texts = texts_to_encode(left, right, knowledge)
    model = SentenceEncoder()
    cached = CachedEncoder(model.name, dict(zip(texts, model.encode(texts), strict=True)))
    cells = []
    for encoder in (cached, None):
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            rank(
                left,
                right,
                context=RankContext("deal_registration", "Opportunity"),
                knowledge=knowledge,
                encoder=encoder,
            )
            times.append(time.perf_counter() - started)
        cells.append(statistics.median(times) * 1000)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    per_pair = cells[0] * 1000 / (rows * columns)
    return (
        f"{rows:>5} x {columns:<6} {cells[0]:>8.0f} {cells[1]:>11.0f} {per_pair:>8.2f} {peak:>8.0f}"
    )


def cold() -> str:
    """Import, load the model and encode a thousand texts, and return how long that took."""
    started = time.perf_counter()
    from crmdeck.matching import SentenceEncoder

    draw = random.Random(3)
    words = f"{FIRST} {SECOND} {THIRD}".split()
    texts = [f"{' '.join(draw.choices(words, k=4))} {number}" for number in range(TEXTS)]
    SentenceEncoder().encode(texts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"cold: {(time.perf_counter() - started) * 1000:.0f} ms, {peak:.0f} MB"


def main() -> None:
    """Print the table, each line measured in a fresh process."""
    if len(sys.argv) == 2:
        print(cold())
        return
    if len(sys.argv) == 3:
        print(warm(int(sys.argv[1]), int(sys.argv[2])))
        return
    print(f"{'fields':>14} {'ms':>8} {'no encoder':>11} {'us/pair':>8} {'peak MB':>8}", flush=True)
    for rows, columns in SIZES:
        subprocess.run([sys.executable, "-m", MODULE, str(rows), str(columns)], check=True)
    for _ in range(3):
        subprocess.run([sys.executable, "-m", MODULE, "cold"], check=True)


if __name__ == "__main__":
    main()
