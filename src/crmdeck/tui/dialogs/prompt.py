"""Ask for one line of text: a note, a name, a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import action
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.line_input import LineInput


class Prompt(Dialog[str]):
    """Answers with the text on Enter.

    `check` returns an error message for a text, or the empty string.
    """

    SCOPE = "prompt"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(
        self,
        title: str,
        text: str = "",
        *,
        value: str = "",
        placeholder: str = "",
        check: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(title, text)
        self._value = value
        self._placeholder = placeholder
        self._check = check

    def compose_body(self) -> ComposeResult:
        yield LineInput(self._value, placeholder=self._placeholder, compact=True)
        yield Static("", classes="dialog-wrong", markup=False)

    @action("prompt.take", "Done", "enter", hint=30, palette=False, priority=True)
    def take(self) -> None:
        self.once_typed(self._take)

    def _take(self) -> None:
        value = self.query_one(LineInput).value
        wrong = self._check(value) if self._check is not None else ""
        if wrong:
            self.query_one(".dialog-wrong", Static).update(display_text(wrong, 200))
        else:
            self.dismiss(value)
