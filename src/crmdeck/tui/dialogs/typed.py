"""A confirmation that has to be typed, for what hurts."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.dialogs.base import Dialog
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.line_input import LineInput


class TypedConfirm(Dialog[bool]):
    """Answers True once the user has typed `expected` and pressed Enter."""

    SCOPE = "typed"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)
    ACTIONS: ClassVar[Actions] = (
        Action("typed.take", "confirm", ("enter",), hint=30, palette=False, priority=True),
    )

    def __init__(self, title: str, text: str, *, expected: str) -> None:
        super().__init__(title, text)
        self._expected = display_text(expected)

    def compose_body(self) -> ComposeResult:
        """Yield the line to type in."""
        yield Static(
            f"Type {display_text(self._expected, 60)} and press Enter:",
            classes="dialog-label",
            markup=False,
        )
        yield LineInput(compact=True)

    def action_take(self) -> None:
        """Confirm, if it was typed right."""
        self.once_typed(self._take)

    def _take(self) -> None:
        entry = self.query_one(LineInput)
        if entry.value.strip() == self._expected.strip():
            self.dismiss(True)
        else:
            entry.add_class("-wrong")
            self.query_one(".dialog-label", Static).update(
                f"That is not it. Type {display_text(self._expected, 60)} and press Enter:"
            )
