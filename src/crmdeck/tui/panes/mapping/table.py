"""The table of mapping rows, in groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from crmdeck.tui.keys.actions import EVERYWHERE, action
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import Group, MappingRow, left_out_text

HINTS = {
    Group.BROKEN: "f repairs",
    Group.HIGH: "A accepts",
    Group.CHECK: "Enter chooses",
    Group.NO_MATCH: "Enter chooses, X leaves unmapped",
    Group.DONE: "",
}
STUCK = "can't sync: X here unmaps all"
"""The hint of high matches if no row of the group can sync."""


@dataclass(frozen=True)
class Line:
    """A row, or without one the title of a group, with the number of its rows and a hint."""

    key: str
    group: Group
    row: MappingRow | None = None
    rows: int = 0
    hint: str = ""

    @property
    def title(self) -> str:
        """The title of the group."""
        return f"{self.group.value.upper()}  {self.rows}   {self.hint}".rstrip()


def lines_of(rows: Sequence[MappingRow], *, grouped: bool) -> tuple[Line, ...]:
    """Return the rows as lines: in groups below their titles, or in their own order."""
    if not grouped:
        return tuple(Line(row.name, row.group, row) for row in rows)
    lines: list[Line] = []
    for group in Group:
        inside = [row for row in rows if row.group is group]
        if inside:
            is_stuck = group is Group.HIGH and not any(row.can_sync for row in inside)
            hint = STUCK if is_stuck else HINTS[group]
            if group is Group.HIGH and not is_stuck and not any(row.is_sure for row in inside):
                hint = left_out_text([row for row in inside if not row.is_sure])
            lines.append(Line(f"group:{group.name}", group, rows=len(inside), hint=hint))
            lines += (Line(row.name, group, row) for row in inside)
    return tuple(lines)


class RowTable(Table[Line]):
    """A table of rows below the titles of their groups.

    It filters the rows given to `show_rows` itself. It is in order before the next key, because a
    decision is about the row under the cursor.
    """

    SCOPE = "mapping rows"
    WITHOUT: ClassVar[tuple[str, ...]] = ("table.select",)
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    PATIENCE: ClassVar[float] = 5.0

    _source: Sequence[MappingRow] = ()
    _passes: Callable[[MappingRow], bool] | None = None

    @property
    def cursor_name(self) -> str | None:
        """Name of the row under the cursor; None on a title or in an empty table."""
        line = self.cursor_row
        return line.row.name if line is not None and line.row is not None else None

    @action(
        "lines.choose",
        "Choose",
        "enter",
        help="Choose among the alternatives, or search all CRM fields.",
        hint=96,
        applies=lambda table: table.cursor_name is not None,
        writes=True,
    )
    def choose(self) -> None:
        self.open_row()

    @property
    def count_text(self) -> str:
        """The number of rows, as in every table; titles don't count."""
        shown, total = len(self.rows()), len(self._source)
        return f"{total:,}" if shown == total else f"{shown:,} of {total:,}"

    def rows(self) -> tuple[MappingRow, ...]:
        """Return the rows that the filter shows, in their order."""
        return tuple(line.row for line in self.shown() if line.row is not None)

    def chosen_rows(self) -> tuple[MappingRow, ...]:
        """Return the rows that an action is about: the marked ones, else the one under the cursor.

        A title means all rows shown in its group.
        """
        rows: dict[str, MappingRow] = {}
        for line in self.chosen():
            if line.row is not None:
                rows[line.row.name] = line.row
            else:
                inside = (one.row for one in self.shown() if one.group is line.group)
                rows.update((row.name, row) for row in inside if row is not None)
        return tuple(rows.values())

    def show_rows(self, rows: Sequence[MappingRow], *, cursor: str | None = None) -> None:
        """Show `rows` in their groups, or sorted, with the cursor on the row of that name."""
        self._source = rows
        passing = [row for row in rows if self._passes is None or self._passes(row)]
        lines = lines_of(passing, grouped=self.sort is None)
        wanted = cursor if cursor is not None else self.cursor_key
        if self.sort is None and wanted not in {line.key for line in lines}:
            # Without its row or title, the cursor must not land on the title of another group,
            # whose rows the next key would change.
            places = [at for at, line in enumerate(lines) if line.row is not None]
            place = next((at for at in places if at >= self.cursor), places[-1] if places else None)
            cursor = lines[place].key if place is not None else None
        self.set_rows(lines, cursor=cursor)

    def renew_rows(self, rows: Mapping[str, MappingRow]) -> None:
        """Show changed rows, by name. None moves, whatever its group is now."""
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
        """Show the rows that pass, and highlight `words`."""
        self._passes = passes
        self.words = tuple(word.casefold() for word in words if word)
        self.show_rows(self._source)

    def regroup(self) -> None:
        """Remove the titles if the table is sorted; show them again if it no longer is."""
        titled = any(line.row is None for line in self._rows)
        if self._rows and titled is not (self.sort is None):
            self.show_rows(self._source)

    def next_open(self, now: Mapping[str, MappingRow], step: int = 1) -> str | None:
        """Return the name of the next undecided row, from the cursor in the direction of `step`.

        `now` has the current rows by name. The search wraps around.
        """
        lines = self.shown()
        for offset in range(1, len(lines) + 1):
            row = lines[(self.cursor + step * offset) % len(lines)].row
            if row is not None and now[row.name].is_open:
                return row.name
        return None

    def go_to(self, name: str) -> None:
        """Move the cursor to the row of that name, if it is shown."""
        keys = [line.key for line in self.shown()]
        if name in keys:
            self.move_to(keys.index(name))
