"""Which rows show, in which order: search, filter and sort in slices. Pure.

A single `list.sort` of 50,000 rows holds the interpreter for longer than a frame, so rows are
sorted in short runs that are then merged pairwise; every step is a fraction of the whole and
the caller decides when to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from crmdeck.tui.widgets.table.columns import Column

if TYPE_CHECKING:
    from crmdeck.workspace import SearchIndex

R = TypeVar("R")

CHUNK = 128
RUN = 2048


@dataclass(frozen=True)
class Sort:
    """Sort by the column of this id."""

    column_id: str
    descending: bool = False


@dataclass(frozen=True)
class Order:
    """Positions on screen -> indexes into the rows, and where the wanted row went."""

    indexes: Sequence[int]
    found: int | None


@dataclass(frozen=True)
class Plan(Generic[R]):
    """What to compute: `wanted` is the key of the row to find again, `key` gives keys.

    With an `index` over the rows its order of relevance is the order of what has the `words`, and
    `predicate` is what has to pass besides; `tolerant` as the index has it.
    """

    rows: Sequence[R]
    predicate: Callable[[R], bool] | None = None
    column: Column[R] | None = None
    descending: bool = False
    key: Callable[[R], Hashable] | None = None
    wanted: Hashable | None = None
    index: SearchIndex[R] | None = None
    words: Sequence[str] = ()
    tolerant: bool = False


def work(plan: Plan[R]) -> Generator[None, None, Order]:
    """Compute an order step by step; each step takes well under a millisecond or so."""
    indexes = yield from _filtered(plan)
    if plan.column is not None:
        indexes = yield from _sorted(plan.rows, indexes, plan.column, plan.descending)
    found = yield from _position(plan, indexes)
    return Order(indexes, found)


def advance(job: Generator[None, None, Order], seconds: float) -> Order | None:
    """Work for about `seconds`; return the order once it is done."""
    until = perf_counter() + seconds
    try:
        while perf_counter() < until:
            next(job)
    except StopIteration as done:
        order: Order = done.value
        return order
    return None


def _filtered(plan: Plan[R]) -> Generator[None, None, Sequence[int]]:
    rows, predicate = plan.rows, plan.predicate
    found: Sequence[int] = range(len(rows))
    if plan.index is not None and plan.words:
        found = yield from plan.index.find(plan.words, tolerant=plan.tolerant)
    if predicate is None:
        return found
    passed: list[int] = []
    for start in range(0, len(found), CHUNK):
        passed += [index for index in found[start : start + CHUNK] if predicate(rows[index])]
        yield
    return passed


def _sorted(
    rows: Sequence[R], indexes: Sequence[int], column: Column[R], descending: bool
) -> Generator[None, None, Sequence[int]]:
    keys: dict[int, Any] = {}
    keyless: list[int] = []
    for start in range(0, len(indexes), CHUNK):
        for index in indexes[start : start + CHUNK]:
            key = column.key(rows[index])
            if key is None:
                keyless.append(index)
            else:
                keys[index] = key
        yield
    keyed = list(keys)
    runs: list[list[int]] = []
    for start in range(0, len(keyed), RUN):
        run = sorted(keyed[start : start + RUN], key=keys.__getitem__, reverse=descending)
        runs.append(run)
        yield
    while len(runs) > 1:
        merged = []
        for left in range(0, len(runs), 2):
            # sorted() finds the two runs and merges them, in linear time and stably.
            pair = [index for run in runs[left : left + 2] for index in run]
            merged.append(sorted(pair, key=keys.__getitem__, reverse=descending))
            yield
        runs = merged
    return (runs[0] if runs else []) + keyless


def _position(plan: Plan[R], indexes: Sequence[int]) -> Generator[None, None, int | None]:
    if plan.key is None or plan.wanted is None:
        return None
    for start in range(0, len(indexes), CHUNK):
        for position, index in enumerate(indexes[start : start + CHUNK], start):
            if plan.key(plan.rows[index]) == plan.wanted:
                return position
        yield
    return None
