"""An input that shows control characters instead of sending them to the terminal."""

from __future__ import annotations

from textual.widgets import Input

from crmdeck.tui.text import display_text

LONGEST = 2000


class LineInput(Input):
    """Textual's input, with all text made safe.

    Keys in `passed_on` go to the widgets around it first.
    """

    passed_on: frozenset[str] = frozenset()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return key not in self.passed_on and super().check_consume_key(key, character)

    def validate_value(self, value: str) -> str:
        return display_text(value[:LONGEST])
