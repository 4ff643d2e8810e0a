"""A confirmation that has to be typed, for what hurts."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from crmdeck.tui.dialogs.base import Dialog
from crmdeck.tui.text import display_text


class TypedConfirm(Dialog[bool]):
    """Answers True once the user has typed `expected` and pressed Enter."""

    def __init__(self, title: str, text: str, *, expected: str) -> None:
        super().__init__(title, text)
        self._expected = expected

    def compose_body(self) -> ComposeResult:
        """Yield the line to type in."""
        yield Static(
            f"Type {display_text(self._expected, 60)} and press Enter:",
            classes="dialog-label",
            markup=False,
        )
        yield Input(compact=True)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._expected.strip():
            self.dismiss(True)
        else:
            event.input.add_class("-wrong")
            self.query_one(".dialog-label", Static).update(
                f"That is not it. Type {display_text(self._expected, 60)} and press Enter:"
            )
