"""Confirm a deed: with a button, or by typing a name."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.layout import labeled
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.inputs import LineInput


class Confirm(Dialog[bool]):
    """Answers True only for `y`, or for its button pressed on purpose.

    `yes` names the deed, `no` the other one. `listing` shows what it is about, and scrolls.
    `opened_by` is the key that opened the question: it never confirms, nor does Enter before the
    focus moves.
    """

    SCOPE = "confirm"

    def __init__(
        self,
        title: str,
        text: str = "",
        *,
        yes: str,
        no: str = "Cancel",
        opened_by: str = "",
        listing: Sequence[str] = (),
    ) -> None:
        super().__init__(title, text, listing=listing)
        self.opened_by = opened_by
        self.yes = display_text(yes, 40)
        self.no = display_text(no, 40)

    def compose_body(self) -> ComposeResult:
        with Horizontal(classes="dialog-buttons"):
            yield Button(Content(self.no), id="cancel", compact=True)
            yield Button(Content(self.yes), id="confirm", compact=True)

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()

    @dialog_action(
        "confirm.yes",
        "Confirm",
        "y",
        hint=30,
        applies=lambda dialog: dialog.opened_by != "y",
        title_now=lambda dialog: dialog.yes,
    )
    def confirm(self) -> None:
        self.dismiss(True)

    @dialog_action("confirm.no", "Cancel", "n", title_now=lambda dialog: dialog.no)
    def decline(self) -> None:
        self.dismiss(False)

    @dialog_action("confirm.other", "Other button", "left", "right", "h", "l")
    def go_to_other(self) -> None:
        self.focus_next()

    def _has_listing(self) -> bool:
        return bool(self._listing)

    @dialog_action("confirm.down", "Scroll", "down", "j", hint=10, applies=_has_listing)
    def scroll_listing_down(self) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=1, animate=False)

    @dialog_action("confirm.up", "Scroll back", "up", "k", applies=_has_listing)
    def scroll_listing_up(self) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=-1, animate=False)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "confirm")


class Preview(Dialog[bool]):
    """Shows what a key does and what it leaves, each in a line; Enter does it."""

    SCOPE = "preview"

    def __init__(self, title: str, lines: Sequence[tuple[str, str]], *, yes: str) -> None:
        super().__init__(title)
        self._lines = lines
        self.yes = yes

    def compose_body(self) -> ComposeResult:
        cells = max(len(label) for label, _ in self._lines) + 2
        yield PreviewText(self._lines, cells)

    @dialog_action("preview.take", "Accept", "enter", hint=30, title_now=lambda dialog: dialog.yes)
    def take(self) -> None:
        self.dismiss(True)


class PreviewText(Static):
    """Labels with texts that wrap next to them."""

    def __init__(self, lines: Sequence[tuple[str, str]], cells: int) -> None:
        super().__init__("", markup=False)
        self._lines, self._cells = lines, cells

    def on_resize(self) -> None:
        rows = [labeled(label, text, self.size.width, self._cells) for label, text in self._lines]
        self.update(Content("\n").join(rows))


class TypedConfirm(Dialog[bool]):
    """Answers True once the user has typed `expected` and pressed Enter."""

    SCOPE = "typed"

    def __init__(self, title: str, text: str, *, expected: str) -> None:
        super().__init__(title, text)
        self._expected = display_text(expected)

    def compose_body(self) -> ComposeResult:
        yield Static(
            f"Type {display_text(self._expected, 60)} and press Enter:",
            classes="dialog-label",
            markup=False,
        )
        yield LineInput(compact=True)

    @dialog_action("typed.take", "Confirm", "enter", hint=30, priority=True)
    def take(self) -> None:
        self.once_typed(self._take)

    def _take(self) -> None:
        entry = self.query_one(LineInput)
        # A name may end in a space, which the user can't see.
        if entry.value.strip() == self._expected.strip():
            self.dismiss(True)
        else:
            entry.add_class("-wrong")
            self.query_one(".dialog-label", Static).update(
                f"The text doesn't match. Type {display_text(self._expected, 60)} and press Enter:"
            )
