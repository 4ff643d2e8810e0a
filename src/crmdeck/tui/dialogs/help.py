"""Help for where the user is: what each key does here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.actions import Action, Actions, Offer, key_label, scope_of
from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.text import pad

KEY_WIDTH = 14


class Help(Dialog[None]):
    """Lists what can be done where `offers` were asked for, grouped by scope."""

    SCOPE = "help"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(self, title: str, offers: Sequence[Offer]) -> None:
        super().__init__(title)
        self._offers = tuple(offers)

    def compose_body(self) -> ComposeResult:
        """Yield the list."""
        with VerticalScroll():
            yield Static(id="keys", markup=False)

    def on_resize(self) -> None:
        """Fill the list in: how its lines break depends on the width."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        keys = self.query_one("#keys", Static)
        keys.update(help_text(self._offers, keys.size.width))

    def leave(self) -> None:
        """Go back."""
        self.dismiss(None)

    def scroll_on(self) -> None:
        """Scroll on."""
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def scroll_back(self) -> None:
        """Scroll back."""
        self.query_one(VerticalScroll).scroll_up(animate=False)

    ACTIONS: ClassVar[Actions] = (
        Action("help.close", "close", ("question_mark", "q"), leave, hint=20, palette=False),
        Action("help.down", "scroll", ("j", "down"), scroll_on, hint=15, palette=False),
        Action("help.up", "scroll up", ("k", "up"), scroll_back, palette=False),
    )


def help_text(offers: Sequence[Offer], width: int = 0) -> Content:
    """Return one line an action, under the name of its scope.

    What is longer than `width` goes on below where it began.
    """
    lines: list[Content] = []
    for scope in dict.fromkeys(scope_of(offer.action) for offer in offers):
        if lines:
            lines.append(Content(""))
        lines.append(Content.styled(scope.capitalize(), "bold $primary"))
        for offer in offers:
            if scope_of(offer.action) == scope:
                keys = pad(" ".join(map(key_label, offer.keys)), KEY_WIDTH)
                action = offer.action
                told = Content(action.help or action.title)
                room = width - KEY_WIDTH - 3
                wrapped = told.wrap(room) if room > 10 else [told]
                below = Content("\n" + " " * (KEY_WIDTH + 3))
                lines.append(Content.assemble((f"  {keys} ", "bold"), below.join(wrapped)))
    return Content("\n").join(lines)
