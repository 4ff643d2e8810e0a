"""Time and memory of the ranker, with vectors cached and from a cold start.

`python -m tests.bench matching`. The field lists are made here from words of CRM schemas,
descriptions and picklists included. Each size, the cold start and the memory are measured in
processes of their own.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.figures import Figure, timed

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


def warm(rows: int, columns: int) -> list[Figure]:
    """Rank two schemas with all vectors at hand, with the encoder and without."""
    from crmdeck.matching import RankContext, rank
    from crmdeck.workspace.knowledge import load_knowledge

    from .matching.vectors import MemoEncoder

    knowledge = load_knowledge(None)
    left, right = fields(rows, 1), fields(columns, 2)
    cached = MemoEncoder()
    name = f"rank {rows} x {columns}"
    peer = f"{name}, no encoder"
    found = []
    for title, encoder in ((peer, None), (name, cached)):
        work = partial(
            rank,
            left,
            right,
            context=RankContext("deal_registration", "Opportunity"),
            knowledge=knowledge,
            encoder=encoder,
        )
        work()
        spent = timed(work, ROUNDS)
        found.append(Figure(title, "ms", spent, peer if encoder else ""))
    return [*found, Figure(f"{name}, peak memory", "MB", (peak(),))]


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cold() -> list[Figure]:
    """Import, load the model and encode a thousand texts."""
    started = time.perf_counter()
    from crmdeck.matching import SentenceEncoder

    draw = random.Random(3)
    words = f"{FIRST} {SECOND} {THIRD}".split()
    texts = [f"{' '.join(draw.choices(words, k=4))} {number}" for number in range(TEXTS)]
    SentenceEncoder().encode(texts)
    took = (time.perf_counter() - started) * 1000
    name = f"cold: import, load, encode {TEXTS:,} texts"
    return [Figure(name, "ms", (took,)), Figure(f"{name}, peak memory", "MB", (peak(),))]


def start(kept: str) -> list[Figure]:
    """Load the encoder, with the tables of its tokenizer kept in the cache folder or parsed."""
    started = time.process_time()
    from crmdeck.matching import SentenceEncoder

    with tempfile.TemporaryDirectory() as empty:
        if not kept:
            os.environ["XDG_CACHE_HOME"] = empty
        SentenceEncoder().encode(["close date"])
    took = time.process_time() - started
    peer = "encoder's start, tables parsed and written"
    return [Figure("encoder's start, tables kept" if kept else peer, "s", (took,), kept and peer)]


def figures(*, quick: bool = False) -> Iterator[Figure]:
    """Measure all sizes, the cold start and the encoder's start, each in a fresh process."""
    for arguments in [*SIZES[: 1 if quick else None], (), ("",), ("kept",)]:
        done = subprocess.run(
            [sys.executable, "-m", MODULE, *map(str, arguments)],
            check=True,
            capture_output=True,
            # As the command line has it.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        for line in done.stdout.splitlines():
            yield Figure.from_json(json.loads(line))


def main() -> None:
    """Print what one process measures, for `figures` above."""
    arguments = sys.argv[1:]
    if len(arguments) == 1:
        found = start(arguments[0])
    else:
        found = warm(*map(int, arguments)) if arguments else cold()
    for figure in found:
        print(json.dumps(figure.to_json()))


if __name__ == "__main__":
    main()
