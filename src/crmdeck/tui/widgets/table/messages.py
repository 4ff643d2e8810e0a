"""What a table tells its pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from crmdeck.tui.widgets.table.core import TableCore


class TableMessage(Message):
    """Base of all; `@on(Table.Selected, "#fields")` selects by the table's id."""

    def __init__(self, table: TableCore[Any]) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> TableCore[Any]:
        """The table that sent it."""
        return self.table


class RowMessage(TableMessage):
    """About one row; None where the table shows none."""

    def __init__(self, table: TableCore[Any], row: Any) -> None:
        super().__init__(table)
        self.row = row


class Highlighted(RowMessage, namespace="table"):
    """The cursor is on another row."""


class Selected(RowMessage, namespace="table"):
    """Enter or a double click on a row."""


class MarksChanged(TableMessage, namespace="table"):
    """Other rows are marked: ask `marked()`."""


class Ordered(TableMessage, namespace="table"):
    """Other rows show, or in another order: ask `count_text` and `sort`."""
