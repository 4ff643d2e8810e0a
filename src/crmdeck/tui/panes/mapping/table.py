"""The table of rows in groups: settled before the next key, as a decision goes by its cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from crmdeck.tui.keys.actions import EVERYWHERE, action
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import Group, MappingRow

HINTS = {
    Group.BROKEN: "f finds another field",
    Group.HIGH: "A accepts them",
    Group.CHECK: "Enter chooses among candidates",
    Group.NO_MATCH: "Enter chooses, X here leaves all unmapped",
    Group.DONE: "",
}
STUCK = "nothing can flow: X here leaves all unmapped"
"""What there is to do with the sure lines where nothing can flow in any of them."""


@dataclass(frozen=True)
class Line:
    """A row; or, where `row` is None, the title of its group with how many `rows` it has.

    `flows` tells of a title whether values can flow in any of its rows.
    """

    key: str
    group: Group
    row: MappingRow | None = None
    rows: int = 0
    flows: bool = True

    @property
    def title(self) -> str:
        """What a title says."""
        hint = HINTS[self.group] if self.flows or self.group is not Group.HIGH else STUCK
        return f"{self.group.value.upper()}  {self.rows}   {hint}".rstrip()


def lines_of(rows: Sequence[MappingRow], *, grouped: bool) -> tuple[Line, ...]:
    """Return the rows as lines: each group under its title, or as they come."""
    if not grouped:
        return tuple(Line(row.name, row.group, row) for row in rows)
    lines: list[Line] = []
    for group in Group:
        inside = [row for row in rows if row.group is group]
        if inside:
            flows = any(row.can_sync for row in inside)
            lines.append(Line(f"group:{group.name}", group, rows=len(inside), flows=flows))
            lines += (Line(row.name, group, row) for row in inside)
    return tuple(lines)


class RowTable(Table[Line]):
    """As every table, but its rows stand in groups, and opening one changes something.

    Rows come by `show_rows` and pass the filter here; the table has them as lines.
    """

    SCOPE = "lines"
    WITHOUT: ClassVar[tuple[str, ...]] = ("table.select",)
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    PATIENCE: ClassVar[float] = 5.0

    _source: Sequence[MappingRow] = ()
    _passes: Callable[[MappingRow], bool] | None = None

    @property
    def cursor_name(self) -> str | None:
        """The name of the row under the cursor; None on a title, or where nothing shows."""
        line = self.cursor_row
        return line.row.name if line is not None and line.row is not None else None

    @action(
        "lines.choose",
        "choose",
        "enter",
        help="choose among the candidates, or search any CRM field",
        hint=96,
        applies=lambda table: table.cursor_name is not None,
        writes=True,
    )
    def choose(self) -> None:
        self.open_row()

    @property
    def count_text(self) -> str:
        """How many rows pass the filter; titles are none."""
        shown, total = len(self.rows()), len(self._source)
        return f"{total:,}" if shown == total else f"{shown:,} of {total:,}"

    def rows(self) -> tuple[MappingRow, ...]:
        """Return the rows that show, in their order."""
        return tuple(line.row for line in self.shown() if line.row is not None)

    def chosen_rows(self) -> tuple[MappingRow, ...]:
        """Return what an action is about: the marked rows, else that under the cursor.

        A title stands for all rows of its group that show.
        """
        rows = {row.name: row for line in self.chosen() for row in self._inside(line)}
        return tuple(rows.values())

    def show_rows(self, rows: Sequence[MappingRow], *, cursor: str | None = None) -> None:
        """Show `rows` in their groups, or as they are sorted; the cursor goes to a name."""
        self._source = rows
        passing = [row for row in rows if self._passes is None or self._passes(row)]
        self.set_rows(lines_of(passing, grouped=self.sort is None), cursor=cursor)

    def renew_rows(self, rows: Mapping[str, MappingRow]) -> None:
        """Show what has changed in the rows, by name; none moves, whatever its group now."""
        self._source = tuple(rows.values())
        self.update_rows(
            tuple(
                line if line.row is None else replace(line, row=rows[line.row.name])
                for line in self._rows
            )
        )

    def filter_rows(
        self, passes: Callable[[MappingRow], bool] | None, words: Sequence[str]
    ) -> None:
        """Show the rows that pass, with `words` highlighted."""
        self._passes = passes
        self.words = tuple(word.casefold() for word in words if word)
        self.show_rows(self._source)

    def regroup(self) -> None:
        """Take the titles away once the table is sorted, and put them back after."""
        titled = any(line.row is None for line in self._rows)
        if self._rows and titled is not (self.sort is None):
            self.show_rows(self._source)

    def find(self, name: str) -> int | None:
        """Return where the row of that name is among the lines that show."""
        return next((index for index, line in enumerate(self.shown()) if line.key == name), None)

    def next_open(self, now: Mapping[str, MappingRow], step: int = 1) -> str | None:
        """Return the next row to decide after the cursor, in the direction of `step`.

        `now` has the rows as they are, by name. Goes round at the end; None where none is left.
        """
        lines = self.shown()
        for offset in range(1, len(lines) + 1):
            row = lines[(self.cursor + step * offset) % len(lines)].row
            if row is not None and now[row.name].is_open:
                return row.name
        return None

    def go_to(self, name: str | None) -> None:
        """Put the cursor on a row, if it shows."""
        position = self.find(name) if name is not None else None
        if position is not None:
            self.move_to(position)

    def _inside(self, line: Line) -> Iterator[MappingRow]:
        if line.row is not None:
            yield line.row
        else:
            yield from (one.row for one in self.shown() if one.group is line.group and one.row)
