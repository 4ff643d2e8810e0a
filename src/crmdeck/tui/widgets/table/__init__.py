"""The table of the console, for any number of rows."""

from crmdeck.tui.widgets.table.columns import Column
from crmdeck.tui.widgets.table.order import Sort
from crmdeck.tui.widgets.table.widget import Table

__all__ = ["Column", "Sort", "Table"]
