"""The table of rows: settled before the next key, since a decision goes by its cursor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from crmdeck.tui.actions import EVERYWHERE, Action, Actions
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import MappingRow


class RowTable(Table[MappingRow]):
    """As every table, but `v` is left to value maps: ranges are on `V` only."""

    SCOPE = "lines"
    WITHOUT: ClassVar[tuple[str, ...]] = ("table.range", "table.select")
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    PATIENCE: ClassVar[float] = 5.0
    ACTIONS: ClassVar[Actions] = (
        Action(
            "lines.span",
            "mark a range",
            ("V",),
            Table.mark_range,
            help="begin a range, move, and press again to mark it",
            applies=lambda table: bool(table.can_mark) and table.shown_count > 0,
        ),
        Action(
            "lines.choose",
            "choose",
            ("enter",),
            Table.open_row,
            help="choose among the alternatives, or search any CRM field",
            hint=96,
            applies=lambda table: table.cursor_row is not None,
            writes=True,
        ),
    )

    @property
    def cursor_name(self) -> str | None:
        """The name of the row under the cursor; None where no row shows."""
        return cast("str | None", self.cursor_key)

    def find(self, name: str) -> int | None:
        """Return where the row of that name is among those that show."""
        return next((index for index, row in enumerate(self.shown()) if row.name == name), None)

    def next_open(self, now: Mapping[str, MappingRow], step: int = 1) -> str | None:
        """Return the next row to decide after the cursor, in the direction of `step`.

        `now` has the rows as they are, by name. Goes round at the end; None where none is left.
        """
        names = [row.name for row in self.shown()]
        for offset in range(1, len(names) + 1):
            name = names[(self.cursor + step * offset) % len(names)]
            if now[name].is_open:
                return name
        return None

    def go_to(self, name: str | None) -> None:
        """Put the cursor on a row, if it shows."""
        position = self.find(name) if name is not None else None
        if position is not None:
            self.move_to(position)
