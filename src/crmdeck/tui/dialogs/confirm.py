"""A yes-or-no question whose default answer is no."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.dialogs.base import Dialog


class Confirm(Dialog[bool]):
    """Answers True only for `y` or the button pressed on purpose.

    `opened_by` is the key that brought the question up: it never confirms, nor does Enter
    before the focus was moved.
    """

    SCOPE = "confirm"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)
    ACTIONS: ClassVar[Actions] = (
        Action(
            "confirm.yes",
            "yes",
            ("y",),
            hint=30,
            palette=False,
            applies=lambda dialog: dialog.opened_by != "y",
        ),
        Action("confirm.no", "no", ("n",), hint=20, palette=False),
        Action("confirm.other", "other button", ("left", "right", "h", "l"), palette=False),
    )

    def __init__(
        self, title: str, text: str = "", *, yes: str = "Yes", opened_by: str = ""
    ) -> None:
        super().__init__(title, text)
        self.opened_by = opened_by
        self._yes = yes

    def compose_body(self) -> ComposeResult:
        """Yield the two buttons, no first."""
        with Horizontal(classes="dialog-buttons"):
            yield Button("No", id="no", compact=True)
            yield Button(self._yes, id="yes", compact=True)

    def on_mount(self) -> None:
        """Stand on no."""
        self.query_one("#no").focus()

    def action_yes(self) -> None:
        """Confirm."""
        self.dismiss(True)

    def action_no(self) -> None:
        """Decline."""
        self.dismiss(False)

    def action_other(self) -> None:
        """Go to the other button."""
        self.focus_next()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
