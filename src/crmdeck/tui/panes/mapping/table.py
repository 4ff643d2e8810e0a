"""The table of mapping rows, in groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from crmdeck.tui.keys.actions import EVERYWHERE, action
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import Group, MappingRow, RequiredRow, left_out_text

HINTS = {
    Group.BROKEN: "f repairs",
    Group.REQUIRED: "Enter chooses a source, X: filled elsewhere",
    Group.HIGH: "A accepts",
    Group.CHECK: "Enter chooses",
    Group.NO_MATCH: "Enter chooses, X leaves unmapped",
    Group.DONE: "",
}
STUCK = "can't sync: X here unmaps all"
"""The hint of high matches if no row of the group can sync."""


@dataclass(frozen=True)
class Line:
    """A row, or without one the title of a group, with the number of its rows and a hint.

    `required` is the row of a required CRM field without a PartnerOS field.
    """

    key: str
    group: Group
    row: MappingRow | None = None
    required: RequiredRow | None = None
    rows: int = 0
    hint: str = ""

    @property
    def title(self) -> str:
        """The title of the group."""
        return f"{self.group.value.upper()}  {self.rows}   {self.hint}".rstrip()


def waits(row: MappingRow | RequiredRow) -> bool:
    """True if the row waits for a user: it is broken, required or undecided."""
    return row.is_open or row.group is Group.BROKEN


def is_title(line: Line) -> bool:
    return line.row is None and line.required is None


def lines_of(
    rows: Sequence[MappingRow], required: Sequence[RequiredRow] = (), *, grouped: bool
) -> tuple[Line, ...]:
    """Return the rows as lines: in groups below their titles, or in their own order."""
    if not grouped:
        return (
            *(Line(row.name, row.group, row) for row in rows),
            *(Line(row.name, row.group, required=row) for row in required),
        )
    lines: list[Line] = []
    for group in Group:
        inside = [row for row in rows if row.group is group]
        unfed = [row for row in required if row.group is group]
        if inside or unfed:
            is_stuck = group is Group.HIGH and not any(row.can_sync for row in inside)
            hint = STUCK if is_stuck else HINTS[group]
            if group is Group.HIGH and not is_stuck and not any(row.is_sure for row in inside):
                hint = left_out_text([row for row in inside if not row.is_sure])
            number = len(inside) + len(unfed)
            lines.append(Line(f"group:{group.name}", group, rows=number, hint=hint))
            lines += (Line(row.name, group, required=row) for row in unfed)
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
    _required: Sequence[RequiredRow] = ()
    _passes: Callable[[MappingRow], bool] | None = None
    _passes_required: Callable[[RequiredRow], bool] | None = None

    def is_passed(self, row: Line) -> bool:
        return is_title(row)

    @property
    def cursor_name(self) -> str | None:
        """Name of the row under the cursor; None on a title or in an empty table."""
        line = self.cursor_row
        row = (line.row or line.required) if line is not None else None
        return row.name if row is not None else None

    @action(
        "lines.choose",
        "Choose",
        "enter",
        help="Choose among the alternatives, or search all fields.",
        hint=96,
        applies=lambda table: table.cursor_name is not None,
        writes=True,
    )
    def choose(self) -> None:
        self.open_row()

    @property
    def count_text(self) -> str:
        """The number of rows, as in every table; titles don't count."""
        shown = sum(not is_title(line) for line in self.shown())
        total = len(self._source) + len(self._required)
        return f"{total:,}" if shown == total else f"{shown:,} of {total:,}"

    @property
    def position_text(self) -> str:
        """The place of the cursor among the rows; titles don't count."""
        lines = self.shown()
        before = sum(not is_title(line) for line in lines[: self.cursor + 1])
        total = sum(not is_title(line) for line in lines)
        return f"{before:,} of {total:,}" if total else ""

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
            elif is_title(line):
                inside = (one.row for one in self.shown() if one.group is line.group)
                rows.update((row.name, row) for row in inside if row is not None)
        return tuple(rows.values())

    def chosen_required(self) -> tuple[RequiredRow, ...]:
        """Return the required CRM fields that an action is about, as in `chosen_rows`."""
        rows: dict[str, RequiredRow] = {}
        for line in self.chosen():
            if line.required is not None:
                rows[line.required.name] = line.required
            elif is_title(line):
                inside = (one.required for one in self.shown() if one.group is line.group)
                rows.update((row.name, row) for row in inside if row is not None)
        return tuple(rows.values())

    def show_rows(
        self,
        rows: Sequence[MappingRow],
        required: Sequence[RequiredRow] = (),
        *,
        cursor: str | None = None,
    ) -> None:
        """Show rows in their groups, or sorted, with the cursor on the row of that name."""
        self._source, self._required = rows, required
        passing = [row for row in rows if self._passes is None or self._passes(row)]
        test = self._passes_required
        passing_required = [row for row in required if test is None or test(row)]
        lines = lines_of(passing, passing_required, grouped=self.sort is None)
        wanted = cursor if cursor is not None else self.cursor_key
        if self.sort is None and wanted not in {line.key for line in lines}:
            # Without its row or title, the cursor must not land on the title of another group,
            # whose rows the next key would change.
            places = [at for at, line in enumerate(lines) if not is_title(line)]
            place = next((at for at in places if at >= self.cursor), places[-1] if places else None)
            cursor = lines[place].key if place is not None else None
        self.set_rows(lines, cursor=cursor)

    def renew_rows(
        self, rows: Mapping[str, MappingRow], required: Sequence[RequiredRow] = ()
    ) -> None:
        """Show changed rows, by name. None moves, whatever its group is now."""
        self._source, self._required = tuple(rows.values()), required
        by_name = {row.name: row for row in required}
        self.update_rows(
            tuple(
                replace(line, row=rows[line.row.name])
                if line.row is not None
                else replace(line, required=by_name.get(line.required.name, line.required))
                if line.required is not None
                else line
                for line in self._rows
            )
        )

    def filter_rows(
        self,
        passes: Callable[[MappingRow], bool] | None,
        words: Sequence[str],
        required: Callable[[RequiredRow], bool] | None = None,
    ) -> None:
        """Show the rows that pass, `required` for required CRM fields, and highlight `words`."""
        self._passes, self._passes_required = passes, required
        self.words = tuple(word.casefold() for word in words if word)
        self.show_rows(self._source, self._required)

    def regroup(self) -> None:
        """Remove the titles if the table is sorted; show them again if it no longer is."""
        titled = any(map(is_title, self._rows))
        if self._rows and titled is not (self.sort is None):
            self.show_rows(self._source, self._required)

    def next_open(self, now: Mapping[str, MappingRow | RequiredRow], step: int = 1) -> str | None:
        """Return the name of the next open row, from the cursor in the direction of `step`.

        `now` has the current rows by name. The search wraps around.
        """
        lines = self.shown()
        for offset in range(1, len(lines) + 1):
            line = lines[(self.cursor + step * offset) % len(lines)]
            row = line.row or line.required
            current = now.get(row.name) if row is not None else None
            if current is not None and waits(current):
                return current.name
        return None

    def go_to(self, name: str) -> None:
        """Move the cursor to the row of that name, if it is shown."""
        keys = [line.key for line in self.shown()]
        if name in keys:
            self.move_to(keys.index(name))
