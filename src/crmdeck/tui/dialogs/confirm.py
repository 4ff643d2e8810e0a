"""Questions before what can't be undone at once: yes or no, or a name to be typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.line_input import LineInput


class Confirm(Dialog[bool]):
    """Answers True only for `y` or the button pressed on purpose.

    A `listing` of lines that it is about is scrolled where it is long.

    `opened_by` is the key that brought the question up: it never confirms, nor does Enter
    before the focus was moved.
    """

    SCOPE = "confirm"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(
        self,
        title: str,
        text: str = "",
        *,
        yes: str = "Yes",
        opened_by: str = "",
        listing: Sequence[str] = (),
    ) -> None:
        super().__init__(title, text)
        self._listing = tuple(listing)
        self.opened_by = opened_by
        self._yes = yes

    def compose_body(self) -> ComposeResult:
        """Yield the lines that it is about, and the two buttons, no first."""
        if self._listing:
            with VerticalScroll(can_focus=False):
                yield Static("\n".join(map(display_text, self._listing)), markup=False)
        with Horizontal(classes="dialog-buttons"):
            yield Button("No", id="no", compact=True)
            yield Button(self._yes, id="yes", compact=True)

    def on_mount(self) -> None:
        """Stand on no."""
        self.query_one("#no").focus()

    def say_yes(self) -> None:
        """Confirm."""
        self.dismiss(True)

    def say_no(self) -> None:
        """Decline."""
        self.dismiss(False)

    def go_to_other(self) -> None:
        """Go to the other button."""
        self.focus_next()

    def scroll_listing(self, lines: int) -> None:
        """Scroll the listing."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    ACTIONS: ClassVar[Actions] = (
        Action(
            "confirm.yes",
            "yes",
            ("y",),
            say_yes,
            hint=30,
            palette=False,
            applies=lambda dialog: dialog.opened_by != "y",
        ),
        Action("confirm.no", "no", ("n",), say_no, hint=20, palette=False),
        Action(
            "confirm.other",
            "other button",
            ("left", "right", "h", "l"),
            go_to_other,
            palette=False,
        ),
        Action(
            "confirm.down",
            "scroll",
            ("down", "j"),
            lambda dialog: dialog.scroll_listing(1),
            hint=10,
            palette=False,
            applies=lambda dialog: bool(dialog._listing),
        ),
        Action(
            "confirm.up",
            "scroll back",
            ("up", "k"),
            lambda dialog: dialog.scroll_listing(-1),
            palette=False,
            applies=lambda dialog: bool(dialog._listing),
        ),
    )


class TypedConfirm(Dialog[bool]):
    """Answers True once the user has typed `expected` and pressed Enter."""

    SCOPE = "typed"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

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

    def take(self) -> None:
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

    ACTIONS: ClassVar[Actions] = (
        Action("typed.take", "confirm", ("enter",), take, hint=30, palette=False, priority=True),
    )
