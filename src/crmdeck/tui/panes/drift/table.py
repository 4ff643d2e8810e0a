"""The table of the timeline: the arrows fold and unfold, as in a tree."""

from __future__ import annotations

from textual.message import Message

from crmdeck.tui.panes.drift.arrangement import Line
from crmdeck.tui.widgets.table import Table


class TimelineTable(Table[Line]):
    """As every table, but nothing lies to its sides: left and right are for folds."""

    class Folded(Message):
        """The fold `key` is to be turned over; the cursor goes to it."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def go_left(self) -> None:
        """Close the fold, or that which the line is in."""
        line = self.cursor_row
        if line is None:
            return
        if line.open:
            self.post_message(self.Folded(line.key))
        elif line.parent is not None:
            self.post_message(self.Folded(line.parent))

    def go_right(self) -> None:
        """Open the fold."""
        line = self.cursor_row
        if line is not None and line.open is False:
            self.post_message(self.Folded(line.key))

    def find(self, key: str) -> int | None:
        """Return where the line of that key is among those that show."""
        return next((index for index, line in enumerate(self.shown()) if line.key == key), None)
