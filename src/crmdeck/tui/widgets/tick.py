"""A yes or a no to tick, told apart without colors."""

from __future__ import annotations

from textual.widgets import Checkbox


class Tick(Checkbox):
    """Textual's checkbox draws the same cross for both, in other colors."""

    BUTTON_LEFT = "["
    BUTTON_RIGHT = "]"

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802 - as Textual has it
        """Return the mark that fits the value."""
        return "x" if self.value else " "
