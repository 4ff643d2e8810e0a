"""A report as a document, before it gets a format (`report_html`, `report_markdown`, …)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

Cell = object
"""Text, a number, a bool, a time or None; everything else becomes JSON."""


@dataclass(frozen=True)
class ReportTable:
    """Columns and rows; `marks` highlights rows (`bad`, `warn`, `note`, `good`).

    An iterator of rows can be drawn once and has no marks. The reader fills in columns of `room`.
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
) -> ReportTable:
    """Return a table without empty columns, except those of `room`."""
    kept = [
        index
        for index, name in enumerate(columns)
        if index == 0 or name in room or any(row[index] not in (None, "") for row in rows)
    ]
    return ReportTable(
        tuple(columns[index] for index in kept),
        [[row[index] for index in kept] for row in rows],
        marks,
        frozenset(room),
    )


@dataclass(frozen=True)
class Section:
    """A heading, paragraphs below it, and a table."""

    title: str
    text: Sequence[str] = ()
    table: ReportTable | None = None


@dataclass(frozen=True)
class Part:
    """One part of the bar of a report; `mark` colors it: `bad`, `warn`, `note`, `good`."""

    label: str
    count: int
    mark: str = ""


@dataclass(frozen=True)
class Report:
    """A title, a summary in one sentence, a bar of parts, facts, and sections.

    An iterator of sections can be drawn once. `contents` are their titles, if there are many.
    """

    title: str
    summary: str
    facts: Sequence[tuple[str, Cell]] = ()
    sections: Iterable[Section] = field(default_factory=tuple)
    made_at: datetime | None = None
    contents: Sequence[str] = ()
    bar: Sequence[Part] = ()

    def shares(self) -> list[tuple[Part, str]]:
        """Return the parts of the bar that count, each with its share in percent."""
        total = sum(part.count for part in self.bar)
        return [(part, _percent(part.count, total)) for part in self.bar if part.count]


def _percent(part: int, total: int) -> str:
    """Return a percentage that hides neither a small part nor a small remainder."""
    share = round(100 * part / total)
    # Rounded to 0%, a cause that stops a few records would look harmless.
    if share == 0:
        return "<1%"
    return ">99%" if share == 100 and part < total else f"{share}%"
