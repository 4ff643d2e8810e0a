"""A checkbox that is legible without colors."""

from __future__ import annotations

from textual.widgets import Checkbox


class Tick(Checkbox):
    """Textual's checkbox, which draws the same cross for both states in different colors."""

    BUTTON_LEFT = "["
    BUTTON_RIGHT = "]"

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802 - as Textual has it
        return "x" if self.value else " "
