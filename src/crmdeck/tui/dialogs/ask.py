"""Ask what to do: each deed has a name and a key, and Cancel has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Static

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.text import display_block, pad

KEY_CELLS = 5
GAP = 2
CANCEL = "cancel"


class Deed(NamedTuple):
    """One answer: its key, its name, and what it also does or leaves."""

    key: str
    name: str
    detail: str = ""


class Ask(Dialog[str]):
    """Answers with the key of a deed; Cancel and Esc answer None.

    `listing` names the rows that a deed changes, and scrolls. `opened_by` is the key that opened
    the question: it answers nothing.
    """

    SCOPE = "ask"

    def __init__(
        self,
        title: str,
        text: str,
        deeds: Sequence[Deed],
        *,
        opened_by: str,
        listing: Sequence[str] = (),
    ) -> None:
        super().__init__(title, text, listing=listing)
        # A user who pressed the key twice has not read the question.
        self.deeds = tuple(deed for deed in deeds if deed.key != opened_by)

    def compose_body(self) -> ComposeResult:
        cells = max(cell_len(deed.name) for deed in (*self.deeds, _CANCEL)) + GAP
        with Vertical(classes="dialog-deeds"):
            for deed in (*self.deeds, _CANCEL):
                label = Content.assemble(
                    (pad(deed.key, KEY_CELLS), "bold"), pad(deed.name, cells), deed.detail
                )
                place = CANCEL if deed is _CANCEL else f"deed-{deed.key}"
                yield Button(label, id=place, compact=True)

    def on_mount(self) -> None:
        self.query_one(f"#{CANCEL}").focus()

    def leave_out(self, key: str, why: str) -> None:
        """Remove a deed that turned out to be impossible, and show why below the title."""
        self.deeds = tuple(deed for deed in self.deeds if deed.key != key)
        if self.is_mounted and self.is_open:
            self.query_one(f"#deed-{key}").display = False
            self.query_one(".dialog-text", Static).update(display_block(why))

    def on_key(self, event: events.Key) -> None:
        # Not actions: each question has other deeds, and other keys.
        if any(deed.key == event.key for deed in self.deeds):
            event.stop()
            self.dismiss(event.key)

    @dialog_action("ask.next", "Next", "down", "j")
    def go_to_next(self) -> None:
        self.focus_next()

    @dialog_action("ask.previous", "Previous", "up", "k")
    def go_to_previous(self) -> None:
        self.focus_previous()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        place = event.button.id or CANCEL
        self.dismiss(None if place == CANCEL else place.removeprefix("deed-"))


_CANCEL = Deed("Esc", "Cancel", "change nothing")
