"""One line of text from the user: a note, a name, a path."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from crmdeck.tui.dialogs.base import Dialog
from crmdeck.tui.text import display_text


class Prompt(Dialog[str]):
    """Answers with the text on Enter.

    `check` returns what is wrong with a text, or the empty string.
    """

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
        """Yield the line to type in, and room for what is wrong."""
        yield Input(self._value, placeholder=self._placeholder, compact=True)
        yield Static("", classes="dialog-wrong", markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        wrong = self._check(event.value) if self._check is not None else ""
        if wrong:
            self.query_one(".dialog-wrong", Static).update(display_text(wrong, 200))
        else:
            self.dismiss(event.value)
