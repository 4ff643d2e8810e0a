"""Inputs: for a line of text, with control characters made visible, and for a secret."""

from __future__ import annotations

from textual.widgets import Input

from crmdeck.tui.text import display_text

LONGEST_LINE, LONGEST_SECRET = 2000, 20_000


class LineInput(Input):
    """Textual's input, with all text made safe.

    Keys in `passed_on` go to the widgets around it first.
    """

    passed_on: frozenset[str] = frozenset()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return key not in self.passed_on and super().check_consume_key(key, character)

    def validate_value(self, value: str) -> str:
        return display_text(value[:LONGEST_LINE])


class SecretInput(Input):
    """Textual's password input, without copy and cut."""

    def __init__(self, *, placeholder: str, id: str) -> None:
        super().__init__(password=True, placeholder=placeholder, compact=True, id=id)

    def validate_value(self, value: str) -> str:
        return value[:LONGEST_SECRET]

    def action_copy(self) -> None:
        """Don't copy."""

    def action_cut(self) -> None:
        """Don't cut."""
