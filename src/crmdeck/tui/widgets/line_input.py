"""A line to type in that shows control characters instead of sending them to the terminal."""

from __future__ import annotations

from textual.widgets import Input

from crmdeck.tui.text import display_text

LONGEST = 2000


class LineInput(Input):
    """Textual's input; whatever is typed, pasted or filled in is made safe first.

    Letters named in `passed_on` go first to those around that have a use for them now.
    """

    passed_on: frozenset[str] = frozenset()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether a key is a letter of the line, whatever it does around."""
        return key not in self.passed_on and super().check_consume_key(key, character)

    def validate_value(self, value: str) -> str:
        """Return `value` with nothing in it that a terminal would act on."""
        return display_text(value[:LONGEST])
