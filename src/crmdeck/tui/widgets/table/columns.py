"""What a column is, and how the columns share a width. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

R = TypeVar("R")

GAP = 2
"""Cells between two columns."""


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column of a table of rows `R`.

    `text` gives the plain text of a cell, as it came; the table makes it safe and cuts it.
    `style` names the state of a cell (`ok`, `warn`, `error`, `muted`, `strong`, `accent`,
    `info`), which the theme turns into a look; the text must carry the meaning as well.
    `width` cells are fixed, or `shrink_to` where the table is too narrow; without it the
    column takes its share (`weight`) of what is left, at least `min_width`. A column with
    `hide_below` leaves a table narrower than that. `reach` names the column up to whose
    end a cell goes, where it takes in those to its right (a title above others, say).
    `spill` names the column up to whose end a text goes that is wider than its own column.
    `fit` gives the text for a number of cells, where it is better shortened than cut at its end.
    `parts` gives the cell for a number of cells as texts with a state each, where it has several.
    `told` says in words what a sign means, and shows when the pointer is over the cell.
    `sort_key` defaults to the text, case-folded; rows whose key is None come last. `searched`
    columns are those in which the plain word filter looks and where matches are highlighted.
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
    sort_key: Callable[[R], Any] | None = None
    sortable: bool = True
    searched: bool = True
    hide_below: int = 0
    reach: Callable[[R], str] | None = None
    spill: str = ""
    fit: Callable[[R, int], str] | None = None
    parts: Callable[[R, int], Sequence[tuple[str, str]]] | None = None
    told: Callable[[R], str] | None = None

    def key(self, row: R) -> Any:
        """Return what `row` is sorted by under this column."""
        return self.sort_key(row) if self.sort_key is not None else self.text(row).casefold()


@dataclass(frozen=True)
class Placed(Generic[R]):
    """A column with the cells it was given: `start` from the left edge, `width` wide."""

    column: Column[R]
    start: int
    width: int


def arranged(columns: Sequence[Column[R]], choice: Sequence[str]) -> Sequence[Column[R]]:
    """Return the columns of a choice of ids in its order; all where it is empty or fits none.

    A column without a title is not to be chosen: it stays first, or with the one before it.
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


def place(columns: Sequence[Column[R]], available: int, indent: int) -> tuple[Placed[R], ...]:
    """Return the columns that show at a table width of `available` cells, with their places.

    The first column starts after `indent` cells. When the least widths don't fit, the columns
    reach beyond the edge and the table scrolls sideways.
    """
    shown = [column for column in columns if available >= column.hide_below]
    gaps = GAP * max(0, len(shown) - 1)
    room = available - indent - gaps
    widths = _shrunk(shown, room)
    flexible = [column for column in shown if column.width is None]
    widths |= _share(flexible, room - sum(widths.values()))
    placed = []
    start = indent
    for column in shown:
        width = widths[column.id]
        placed.append(Placed(column, start, width))
        start += width + GAP
    return tuple(placed)


def _shrunk(columns: Sequence[Column[R]], room: int) -> dict[str, int]:
    """Return the widths of the fixed columns, the last ones shrunk first where room lacks.

    A column is whole or as narrow as it can be: what lies between helps its neighbors more.
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
    """Share `available` cells by weight; no column gets less than its least width."""
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
        for column in short:
            shares[column.id] = column.min_width
            available -= column.min_width
            open_columns.remove(column)
    weights = sum(column.weight for column in open_columns)
    for column in open_columns:
        shares[column.id] = available * column.weight // weights
        available -= shares[column.id]
        weights -= column.weight
    return shares
