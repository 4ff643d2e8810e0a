"""The table of mapping rows, in groups."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from crmdeck.tui.keys.actions import EVERYWHERE, action
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import Group, MappingRow, RequiredRow, left_out_text

HINTS = {
    Group.FAILING: "f fixes, X: filled elsewhere",
    Group.REVIEW: "f fixes",
    Group.HIGH: "A accepts",
    Group.CHECK: "Enter chooses",
    Group.NO_MATCH: "Enter chooses, X leaves unmapped",
    Group.DONE: "",
}
FOLDED = "▸"
FOLDED_HINTS = {Group.NO_MATCH: "z expands, X unmaps all"}
FOLDED_HINT = "z expands"
STUCK = "can't sync: X here unmaps all"
"""The hint of high matches if no row of the group can sync."""


AnyRow = MappingRow | RequiredRow


@dataclass(frozen=True)
class PairRow:
    """A row, or without one the title of a group, with the number of its rows and a hint.

    The title of a collapsed group is `folded`.
    """

    key: str
    group: Group
    row: AnyRow | None = None
    rows: int = 0
    hint: str = ""
    folded: bool = False

    @property
    def title(self) -> str:
        sign = f"{FOLDED} " if self.folded else ""
        return f"{sign}{self.group.value.upper()}  {self.rows}   {self.hint}".rstrip()


def needs_decision(row: AnyRow) -> bool:
    """True if the row waits for a user: it is broken, required or undecided."""
    return row.is_open or row.group in (Group.FAILING, Group.REVIEW)


def lines_of(
    rows: Sequence[AnyRow], *, grouped: bool, folded: Collection[Group] = ()
) -> tuple[PairRow, ...]:
    """Return the rows as lines: in groups below their titles, or in their own order.

    Of the groups in `folded` only the titles show.
    """
    if not grouped:
        # PartnerOS fields come before required CRM fields that the sort makes equal to them.
        ordered = sorted(rows, key=lambda row: isinstance(row, RequiredRow))
        return tuple(PairRow(row.name, row.group, row) for row in ordered)
    lines: list[PairRow] = []
    for group in Group:
        inside = [row for row in rows if row.group is group]
        if not inside:
            continue
        hint = HINTS[group]
        if group in folded:
            hint = FOLDED_HINTS.get(group, FOLDED_HINT)
        elif group is Group.HIGH:
            high = [row for row in inside if isinstance(row, MappingRow)]
            if not any(row.can_sync for row in high):
                hint = STUCK
            elif not any(row.is_sure for row in high):
                hint = left_out_text(high)
            elif left := sum(not row.is_sure for row in high):
                hint = f"A accepts {len(high) - left}, leaves {left}"
        title = f"group:{group.name}"
        lines.append(PairRow(title, group, rows=len(inside), hint=hint, folded=group in folded))
        if group not in folded:
            lines += (PairRow(row.name, group, row) for row in inside)
    return tuple(lines)


class RowTable(Table[PairRow]):
    """A table of rows below the titles of their groups.

    It filters the rows given to `show_rows` itself. It is in order before the next key, because a
    decision is about the row under the cursor. Without a filter, the rows that are done are
    collapsed.
    """

    SCOPE = "mapping rows"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    PATIENCE: ClassVar[float] = 5.0
    opens = "Steps"

    _source: Sequence[AnyRow] = ()
    _passes: Callable[[AnyRow], bool] | None = None
    _folds: Mapping[Group, bool] = {}

    def is_passed(self, row: PairRow) -> bool:
        return row.row is None and not row.folded

    @property
    def cursor_name(self) -> str | None:
        """Name of the row under the cursor; None on a title or in an empty table."""
        line = self.cursor_row
        return line.row.name if line is not None and line.row is not None else None

    def _why_flat(self) -> str | None:
        if self.sort is not None:
            return "A sorted table has no groups."
        return None if self.cursor_row is not None else "No rows."

    @action(
        "lines.fold",
        "Expand",
        "z",
        help="Expand or collapse the group.",
        hint=82,
        blocked=_why_flat,
        title_now=lambda table: "Expand" if table.is_on_folded else "Collapse",
    )
    def fold(self) -> None:
        line = self.cursor_row
        if line is not None:
            self._folds = {**self._folds, line.group: not line.folded}
            inside = (row.name for row in self._passing() if row.group is line.group)
            title = f"group:{line.group.name}"
            self.show_rows(self._source, cursor=next(inside) if line.folded else title)

    @action(
        "lines.fold_all",
        "Expand all",
        "Z",
        help="Expand all groups, or collapse them.",
        blocked=_why_flat,
    )
    def fold_all(self) -> None:
        line = self.cursor_row
        if line is not None:
            collapse = not any(one.folded for one in self.shown())
            self._folds = dict.fromkeys(Group, collapse)
            cursor = f"group:{line.group.name}" if collapse or line.folded else line.key
            self.show_rows(self._source, cursor=cursor)

    @property
    def is_on_folded(self) -> bool:
        """True if the cursor is on the title of a collapsed group."""
        return self.cursor_row is not None and self.cursor_row.folded

    def forget_folds(self) -> None:
        """Collapse again only the rows that are done."""
        self._folds = {}

    def _mark(self, positions: range) -> None:
        # A title below a range would mark rows that the user can't see.
        keys = [line.key for line in map(self._row_at, positions) if line.row is not None]
        self._set_marks(self.marks.toggled(keys))

    def chosen(self) -> tuple[PairRow, ...]:
        lines = super().chosen()
        rows = tuple(line for line in lines if line.row is not None)
        # A title stands for its group. In a range it would add rows that the user can't see.
        return rows if len(lines) > 1 else lines

    @property
    def count_text(self) -> str:
        shown, total = len(self._passing()), len(self._source)
        return f"{total:,}" if shown == total else f"{shown:,} of {total:,}"

    @property
    def position_text(self) -> str:
        above = self.shown()[: self.cursor + 1]
        before = sum(line.rows if line.folded else line.row is not None for line in above)
        total = len(self._passing())
        return f"{before:,} of {total:,}" if total else ""

    def rows(self) -> tuple[MappingRow, ...]:
        """Return the rows of PartnerOS fields that match the filter, as `every_row` does."""
        return tuple(row for row in self.every_row() if isinstance(row, MappingRow))

    def every_row(self) -> tuple[AnyRow, ...]:
        """Return the rows that match the filter, in their order; those of collapsed groups last."""
        shown = {line.row.name: line.row for line in self.shown() if line.row is not None}
        return tuple({**shown, **{row.name: row for row in self._passing()}}.values())

    def _passing(self) -> tuple[AnyRow, ...]:
        return tuple(row for row in self._source if self._passes is None or self._passes(row))

    def of_title(self, title: PairRow) -> tuple[AnyRow, ...]:
        """Return the rows of the group below a title, collapsed or not."""
        if title.folded:
            return tuple(row for row in self._passing() if row.group is title.group)
        # A row that has just changed may belong to another group, but is still below this title.
        lines = (line for line in self.shown() if line.group is title.group)
        return tuple(line.row for line in lines if line.row is not None)

    def chosen_rows(self) -> tuple[AnyRow, ...]:
        """Return the rows that an action is about: the marked ones, else the one under the cursor.

        A title means all rows of its group that match the filter.
        """
        rows: list[AnyRow] = []
        for line in self.chosen():
            if line.row is not None:
                rows.append(line.row)
            else:
                rows += self.of_title(line)
        return tuple(rows)

    def show_rows(self, rows: Sequence[AnyRow], *, cursor: str | None = None) -> None:
        """Show rows in their groups, or sorted, with the cursor on the row of that name.

        The group of that row is expanded.
        """
        self._source = rows
        passing = self._passing()
        wanted = cursor if cursor is not None else self.cursor_key
        if wanted not in {row.name for row in passing}:
            # A required field has no row of its own while an undecided row suggests it.
            carrying = {
                f"crm:{row.crm_field}": row.name
                for row in passing
                if isinstance(row, MappingRow) and row.is_open
            }
            if wanted in carrying:
                wanted = cursor = carrying[wanted]
        for row in passing:
            if row.name == wanted:
                self._folds = {**self._folds, row.group: False}
        usual = {Group.DONE} if self._passes is None else set()
        folded = [group for group in Group if self._folds.get(group, group in usual)]
        lines = lines_of(passing, grouped=self.sort is None, folded=folded)
        if self.sort is None and wanted not in {line.key for line in lines}:
            # Without its row or title, the cursor must not land on the title of another group,
            # whose rows the next key would change.
            places = [at for at, line in enumerate(lines) if not self.is_passed(line)]
            place = next((at for at in places if at >= self.cursor), places[-1] if places else None)
            cursor = lines[place].key if place is not None else None
        self.set_rows(lines, cursor=cursor)

    def renew_rows(self, rows: Mapping[str, AnyRow]) -> None:
        """Show changed rows, by name. None moves, whatever its group is now."""
        self._source = tuple(rows.values())
        self.update_rows(
            tuple(
                replace(line, row=rows.get(line.row.name, line.row)) if line.row else line
                for line in self._rows
            )
        )

    def filter_rows(self, passes: Callable[[AnyRow], bool] | None, words: Sequence[str]) -> None:
        self._passes = passes
        self.words = tuple(word.casefold() for word in words if word)
        self.show_rows(self._source)

    def regroup(self) -> None:
        """Remove the titles if the table is sorted; show them again if it no longer is."""
        titled = any(line.row is None for line in self._rows)
        if self._rows and titled is not (self.sort is None):
            self.show_rows(self._source)

    def next_open(self, now: Mapping[str, AnyRow], step: int = 1) -> str | None:
        """Return the name of the next open row, from the cursor in the direction of `step`.

        `now` has the current rows by name. The search wraps around.
        """
        lines = self.shown()
        for offset in range(1, len(lines) + 1):
            row = lines[(self.cursor + step * offset) % len(lines)].row
            current = now.get(row.name) if row is not None else None
            if current is not None and needs_decision(current):
                return current.name
        return None

    def go_to(self, name: str) -> None:
        """Move the cursor to the row of that name, if it matches the filter."""
        keys = [line.key for line in self.shown()]
        if name in keys:
            self.move_to(keys.index(name))
        elif any(row.name == name for row in self._passing()):
            self.show_rows(self._source, cursor=name)
