"""A report as a document: what a reader sees first, then sections; no format yet.

What makes a report (`check_report`, `handover`) returns one; what draws it (`report_html`,
`report_markdown`, `report_xlsx`) knows nothing of what it is about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

Cell = object
"""Text, number, bool, moment or None; anything else is told as JSON."""


@dataclass(frozen=True)
class Table:
    """Columns and rows; `marks` names a state for rows that stand out (`bad`, `warn`, `good`).

    Rows that are made while they are drawn can be drawn once, and have no marks. Columns of
    `room` are to be filled in by the reader.
    """

    columns: tuple[str, ...]
    rows: Iterable[Sequence[Cell]]
    marks: Sequence[str] = ()
    room: frozenset[str] = frozenset()


def filled_table(
    columns: tuple[str, ...],
    rows: Sequence[Sequence[Cell]],
    marks: Sequence[str] = (),
    room: Collection[str] = (),
) -> Table:
    """Return a table without the columns in which nothing stands, but for those of `room`."""
    kept = [
        index
        for index, name in enumerate(columns)
        if index == 0 or name in room or any(row[index] not in (None, "") for row in rows)
    ]
    return Table(
        tuple(columns[index] for index in kept),
        [[row[index] for index in kept] for row in rows],
        marks,
        frozenset(room),
    )


@dataclass(frozen=True)
class Section:
    """A heading, what is said below it, and a table."""

    title: str
    text: Sequence[str] = ()
    table: Table | None = None


@dataclass(frozen=True)
class Report:
    """A title, one sentence that says it all, facts about it, and the sections.

    Sections that are made while they are drawn can be drawn once. `contents` are their titles,
    in their order, where a reader has to find one among many.
    """

    title: str
    summary: str
    facts: Sequence[tuple[str, Cell]] = ()
    sections: Iterable[Section] = field(default_factory=tuple)
    made_at: datetime | None = None
    contents: Sequence[str] = ()
