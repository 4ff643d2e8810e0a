from crmdeck.tui.widgets.panel import Panel as Panel
from crmdeck.tui.widgets.table import Table as Table
