"""The order of rows: search, filter and sort in slices. Pure.

Sorting 50,000 rows with one `list.sort` blocks the interpreter for longer than a frame. So rows
are sorted in short runs that are merged in pairs, and the caller decides when the next step runs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Generic, TypeVar

from crmdeck.tui.widgets.table.columns import Column

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison

    from crmdeck.workspace import SearchIndex

R = TypeVar("R")

CHUNK, RUN = 128, 2048
"""Rows of a step that filters, and of one that sorts: each takes less than a millisecond."""


@dataclass(frozen=True)
class Sort:
    """A sort by the column with this id."""

    column_id: str
    descending: bool = False

    @classmethod
    def of(cls, kept: object) -> Sort | None:
        """Return the sort in a kept state, or None."""
        match kept:
            case [str(column_id), bool(descending)]:
                return cls(column_id, descending)
        return None


@dataclass(frozen=True)
class Order:
    """Indexes of the rows in their order, and the position of the wanted row."""

    indexes: Sequence[int]
    found: int | None


@dataclass(frozen=True)
class Plan(Generic[R]):
    """What to compute; `wanted` is the key of the row whose position is needed.

    With an `index` over the rows, matches of the `words` come in its order, and `predicate` tests
    the rest of the filter. `tolerant` is that of the index.
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
    """Compute an order in steps of less than a millisecond."""
    indexes = yield from _filtered(plan)
    if plan.column is not None:
        indexes = yield from _sorted(plan.rows, indexes, plan.column, plan.descending)
    if plan.key is not None and plan.wanted is not None:
        for start in range(0, len(indexes), CHUNK):
            for position, index in enumerate(indexes[start : start + CHUNK], start):
                if plan.key(plan.rows[index]) == plan.wanted:
                    return Order(indexes, position)
            yield
    return Order(indexes, None)


def advance(job: Generator[None, None, Order], seconds: float) -> Order | None:
    """Work for about `seconds`; return the order if it is ready."""
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
    keys: dict[int, SupportsRichComparison] = {}
    keyless: list[int] = []
    for start in range(0, len(indexes), CHUNK):
        for index in indexes[start : start + CHUNK]:
            key = column.key(rows[index])
            if key is None:
                keyless.append(index)
            else:
                keys[index] = key
        yield
    # In the order of the rows, which those with equal keys keep.
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
