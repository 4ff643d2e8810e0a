"""Columns of a table, and how they share its width. Pure."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar

from rich.cells import cell_len

from crmdeck.tui.text import display_text

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison

R = TypeVar("R")

GAP, SIGN_GAP = 2, 1
"""Cells between two columns, and between a column and one of signs."""

MOST_SIGN = 2
"""Most cells of a column of signs."""

MOST_MEASURED = 20_000
"""Rows up to which columns are as narrow as their texts; measuring more takes too long."""

FILL = sys.maxsize
"""The `most` of a column that takes the cells that the others leave."""

LEAST_FILL = 8
"""Least cells of such a column, unless it has its own `least`."""

LAST = "*"
"""The `spill` of a column whose texts may cover all columns after it."""

Gives: TypeAlias = Sequence[tuple[str, int]]
"""The columns that give way to others, in order, and to how many cells; 0 leaves a column out."""


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column of a table of rows `R`.

    `text` returns the text of a cell; the table makes it safe and cuts it. `style` names the
    state of a cell (`ok`, `warn`, `error`, `muted`, `strong`, `accent`, `info`), which the theme
    turns into a style; the text must have the same meaning. `fit` returns a shorter text for a
    number of cells, `parts` several texts, each with its state. `tooltip` explains a sign.

    `width` is fixed. Without it a column is as wide as its longest text, from `least` to `most`
    cells; columns without a `most` share the cells that the others leave. If `needed` is false for
    the rows, it is left out. A column that `joins` another one begins with the text of that one
    while it is left out. `short` is the title in few cells.

    `reach` names the last of the columns that a cell covers, such as that of a title. `spill` names
    the last of those that a text may cover if it is wider than its own.

    `sort_key` is the case-folded text by default; rows without a key come last. The word
    filter searches the `searched` columns, and highlights matches in them.
    """

    id: str
    title: str
    text: Callable[[R], str]
    style: Callable[[R], str] | None = None
    width: int | None = None
    least: int = 0
    most: int = FILL
    needed: Callable[[Sequence[R]], bool] | None = None
    joins: str = ""
    short: str = ""
    align: Literal["left", "right"] = "left"
    sort_key: Callable[[R], SupportsRichComparison | None] | None = None
    sortable: bool = True
    searched: bool = True
    reach: Callable[[R], str] | None = None
    spill: str = ""
    fit: Callable[[R, int], str] | None = None
    parts: Callable[[R, int], Sequence[tuple[str, str]]] | None = None
    tooltip: Callable[[R], str] | None = None

    @property
    def is_sign(self) -> bool:
        """True for a column of signs, next to which less room is left."""
        return not self.title and self.width is not None and self.width <= MOST_SIGN

    def key(self, row: R) -> SupportsRichComparison | None:
        """Return the sort key of `row` in this column."""
        return self.sort_key(row) if self.sort_key is not None else self.text(row).casefold()


def some(text: Callable[[R], object]) -> Callable[[Sequence[R]], bool]:
    """Return a `needed` that is true if `text` is not empty for some row."""
    return lambda rows: any(map(text, rows))


@dataclass(frozen=True)
class Placed(Generic[R]):
    """A column with its place: `width` cells from `start` on.

    `joined` is the column that was left out and whose text its own begins with.
    """

    column: Column[R]
    start: int
    width: int
    joined: Column[R] | None = None

    @property
    def title(self) -> str:
        column = self.column
        return column.short if column.short and len(column.title) > self.width else column.title

    def text(self, row: R, width: int | None = None) -> str:
        """Return the text of a cell, in a shorter form if the column has one for `width` cells."""
        column = self.column
        before = self.joined.text(row) if self.joined is not None else ""
        before = f"{display_text(before)}: " if before else ""
        if width is None or column.fit is None:
            return before + column.text(row)
        return before + column.fit(row, width - cell_len(before))


def arranged(columns: Sequence[Column[R]], choice: Sequence[str]) -> Sequence[Column[R]]:
    """Return the columns with the chosen ids, in that order; all of them if none match.

    A column without a title can't be chosen: it stays first, or with the one before it.
    """
    first: list[Column[R]] = []
    groups: dict[str, list[Column[R]]] = {}
    group = first
    for column in columns:
        if column.title:
            group = groups.setdefault(column.id, [])
        group.append(column)
    chosen = [column for one in choice for column in groups.get(one, ())]
    return [*first, *chosen] if chosen else columns


def gaps(columns: Sequence[Column[R]]) -> tuple[int, ...]:
    return tuple(
        SIGN_GAP if one.is_sign or following.is_sign else GAP
        for one, following in pairwise(columns)
    )


def _cells(text: str) -> int:
    # Most texts are of characters that take a cell each, and counting those is quick.
    return len(text) if text.isascii() else cell_len(display_text(text))


def measured(columns: Sequence[Column[R]], rows: Sequence[R]) -> dict[str, int]:
    """Return the cells that each column wants for `rows`: none if the rows don't need it."""
    wanted: dict[str, int] = {}
    for column in columns:
        if column.needed is not None and not column.needed(rows):
            wanted[column.id] = 0
        elif column.width is not None or column.most == FILL:
            wanted[column.id] = column.width or column.least or LEAST_FILL
        elif len(rows) > MOST_MEASURED:
            wanted[column.id] = column.most
        else:
            reach = column.reach
            texts = (column.text(row) for row in rows if reach is None or not reach(row))
            most = max(map(_cells, texts), default=0)
            wanted[column.id] = min(column.most, max(column.least, most))
    return wanted


def fitted(
    columns: Sequence[Column[R]], wanted: Mapping[str, int], gives: Gives, room: int
) -> dict[str, int]:
    """Return the cells of each column in `room` cells, without the columns that are left out.

    What a column that gave way leaves over goes back, to the last one first.
    """
    cells = {column.id: wanted[column.id] for column in columns if wanted[column.id]}

    def lacking() -> int:
        shown = [column for column in columns if column.id in cells]
        return sum(cells.values()) + sum(gaps(shown)) - room

    given: list[tuple[str, int]] = []
    for id_, least in gives:
        lack, before = lacking(), cells.get(id_, 0)
        if lack <= 0:
            break
        if before > least:
            given.append((id_, before))
            cells[id_] = max(least, before - lack)
            if not least:
                del cells[id_]
    for id_, before in reversed(given):
        if id_ in cells:
            cells[id_] = min(before, cells[id_] + max(0, -lacking()))
        else:
            # A column that was left out returns with the cells that it had, or stays out.
            cells[id_] = before
            if lacking() > 0:
                del cells[id_]
    filling = [one.id for one in columns if one.id in cells and not one.width and one.most == FILL]
    for number, id_ in enumerate(filling):
        cells[id_] += max(0, -lacking()) // (len(filling) - number)
    return cells


def place(
    columns: Sequence[Column[R]],
    available: int,
    indent: int,
    *,
    wanted: Mapping[str, int],
    gives: Gives = (),
) -> tuple[Placed[R], ...]:
    """Return the columns of a table of `available` cells, with their places.

    The first one starts after `indent` cells. Columns with `wanted` cells, as `measured`, give way.
    If they can't, they go beyond the edge, and the table scrolls sideways.
    """
    known = {column.id: column for column in columns}
    widths = fitted(columns, wanted, gives, available - indent)
    shown = [column for column in columns if column.id in widths]
    placed = []
    start = indent
    # If there are no columns, the last gap remains, so the lengths differ.
    for column, gap in zip(shown, (*gaps(shown), 0), strict=False):
        width = widths[column.id]
        joined = known.get(column.joins)
        is_left_out = joined is not None and joined.id not in widths and wanted[joined.id] > 0
        placed.append(Placed(column, start, width, joined if is_left_out else None))
        start += width + gap
    return tuple(placed)
