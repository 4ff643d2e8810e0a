"""A line to type in that shows control characters instead of sending them to the terminal."""

from __future__ import annotations

from textual.widgets import Input

from crmdeck.tui.text import display_text

LONGEST = 2000


class LineInput(Input):
    """Textual's input; whatever is typed, pasted or filled in is made safe first."""

    def validate_value(self, value: str) -> str:
        """Return `value` with nothing in it that a terminal would act on."""
        return display_text(value[:LONGEST])
