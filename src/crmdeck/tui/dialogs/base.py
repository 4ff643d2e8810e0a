"""What all dialogs share: a frame with a title, a body, and a line of keys."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from crmdeck.tui.actions import Action, ActionHost
from crmdeck.tui.text import display_block, display_text
from crmdeck.tui.widgets.hints import Hints

T = TypeVar("T")

CANCEL = Action("dialog.cancel", "cancel", ("escape",), hint=10, palette=False)


class Dialog(ActionHost, ModalScreen[T | None]):
    """A dialog that Esc leaves with None."""

    SCOPE = "dialog"
    ACTIONS: ClassVar[tuple[Action, ...]] = (CANCEL,)

    def __init__(self, title: str, text: str = "") -> None:
        super().__init__()
        self._heading = display_text(title, 120)
        self._text = display_block(text)

    def compose(self) -> ComposeResult:
        """Lay the dialog out."""
        with Vertical(classes="dialog"):
            yield Static(self._heading, classes="dialog-title", markup=False)
            if self._text:
                yield Static(self._text, classes="dialog-text", markup=False)
            yield from self.compose_body()
            yield Hints()

    def compose_body(self) -> ComposeResult:
        """Yield what stands between the text and the keys."""
        yield from ()

    def action_cancel(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)
