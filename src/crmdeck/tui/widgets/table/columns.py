"""Columns of a table, and how they share its width. Pure."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from rich.cells import cell_len

from crmdeck.tui.text import display_text

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison

R = TypeVar("R")

GAP, SIGN_GAP = 2, 1
"""Cells between two columns, and between a column and one of signs."""

MOST_SIGN = 2
"""Most cells of a column of signs."""


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column of a table of rows `R`.

    `text` returns the text of a cell; the table makes it safe and cuts it. `style` names the
    state of a cell (`ok`, `warn`, `error`, `muted`, `strong`, `accent`, `info`), which the theme
    turns into a style; the text must have the same meaning. `fit` returns a shorter text for a
    number of cells, `parts` several texts, each with its state. `tooltip` explains a sign.

    `width` is fixed, or `shrink_to` in a narrow table. Without it the column gets its `weight` of
    the remaining cells, and at least `min_width`. `hide_below` hides the column in a table that is
    narrower. `reach` names the last of the columns that a cell covers, such as that of a title.
    `spill` names the last of those that a text may cover if it is wider than its own.

    `sort_key` is the case-folded text by default; rows without a key come last. The word
    filter searches the `searched` columns, and highlights matches in them.
    """

    id: str
    title: str
    text: Callable[[R], str]
    style: Callable[[R], str] | None = None
    width: int | None = None
    shrink_to: int | None = None
    min_width: int = 8
    weight: int = 1
    align: Literal["left", "right"] = "left"
    sort_key: Callable[[R], SupportsRichComparison | None] | None = None
    sortable: bool = True
    searched: bool = True
    hide_below: int = 0
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


def longest(texts: Iterable[str], least: int, most: int = sys.maxsize) -> int:
    """Return the cells of the longest text as it shows, between `least` and `most`."""
    return min(most, max([least, *(cell_len(display_text(text)) for text in texts)]))


@dataclass(frozen=True)
class Placed(Generic[R]):
    """A column with its place: `width` cells from `start` on."""

    column: Column[R]
    start: int
    width: int


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


def place(columns: Sequence[Column[R]], available: int, indent: int) -> tuple[Placed[R], ...]:
    """Return the columns of a table of `available` cells, with their places.

    The first one starts after `indent` cells. If the least widths don't fit, the columns go beyond
    the edge, and the table scrolls sideways.
    """
    shown = [column for column in columns if available >= column.hide_below]
    between = gaps(shown)
    room = available - indent - sum(between)
    widths = _shrunk(shown, room)
    flexible = [column for column in shown if column.width is None]
    widths |= _share(flexible, room - sum(widths.values()))
    placed = []
    start = indent
    # Without columns there is still the last gap, so the lengths differ.
    for column, gap in zip(shown, (*between, 0), strict=False):
        width = widths[column.id]
        placed.append(Placed(column, start, width))
        start += width + gap
    return tuple(placed)


def _shrunk(columns: Sequence[Column[R]], room: int) -> dict[str, int]:
    """Return the widths of the fixed columns; the last ones shrink first if they don't fit.

    A column is either whole or as narrow as it can be: its neighbors use cells in between better.
    """
    widths = {column.id: column.width for column in columns if column.width is not None}
    least = sum(column.min_width for column in columns if column.width is None)
    lacking = sum(widths.values()) + least - room
    for column in reversed(columns):
        if lacking > 0 and column.width is not None and column.shrink_to is not None:
            widths[column.id] = column.shrink_to
            lacking -= column.width - column.shrink_to
    return widths


def _share(columns: Sequence[Column[R]], available: int) -> dict[str, int]:
    shares: dict[str, int] = {}
    open_columns = list(columns)
    while open_columns:
        weights = sum(column.weight for column in open_columns)
        short = [
            column
            for column in open_columns
            if available * column.weight < column.min_width * weights
        ]
        if not short:
            break
        # What they take beyond their share may leave others short too, so check them again.
        for column in short:
            shares[column.id] = column.min_width
            available -= column.min_width
            open_columns.remove(column)
    weights = sum(column.weight for column in open_columns)
    # Dividing what is left each time loses no cell to rounding.
    for column in open_columns:
        shares[column.id] = available * column.weight // weights
        available -= shares[column.id]
        weights -= column.weight
    return shares
