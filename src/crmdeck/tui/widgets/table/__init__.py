"""The one table of the console: any number of rows, drawn line by line."""

from crmdeck.tui.widgets.table.columns import Column
from crmdeck.tui.widgets.table.order import Sort
from crmdeck.tui.widgets.table.widget import Table

__all__ = ["Column", "Sort", "Table"]
