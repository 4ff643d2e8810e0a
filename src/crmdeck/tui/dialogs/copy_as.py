"""Choose the form in which something is copied, with a preview."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.text import display_block
from crmdeck.workspace import Copy, CopyKind

LETTERS = {
    CopyKind.NAME: "n",
    CopyKind.MESSAGE: "s",
    CopyKind.MARKDOWN: "m",
    CopyKind.COMMAND: "c",
}
PREVIEWED = 4000
"""Characters of the preview. The copy is whole."""


def _take(kind: CopyKind, dialog: CopyAs) -> None:
    dialog.dismiss(next(one for one in dialog.copies if one.kind is kind))


def _has(kind: CopyKind, dialog: CopyAs) -> bool:
    return any(one.kind is kind for one in dialog.copies)


class CopyAs(Dialog[Copy]):
    """Answers with the chosen form. The cursor begins at the kind `last`."""

    SCOPE = "copy as"

    def __init__(self, copies: Sequence[Copy], last: str = "") -> None:
        super().__init__("Copy as")
        self.copies = tuple(copies)
        kinds = [one.kind.value for one in self.copies]
        self._at = kinds.index(last) if last in kinds else 0

    @property
    def copy(self) -> Copy:
        return self.copies[self._at]

    def compose_body(self) -> ComposeResult:
        yield Static("", id="forms", markup=False)
        with VerticalScroll(can_focus=False):
            yield Static("", id="preview", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self._paint()

    @dialog_action("copy_as.take", "Copy", "enter", "y", hint=30)
    def take(self) -> None:
        self.dismiss(self.copy)

    @dialog_action("copy_as.down", "Next form", "down", "tab", hint=20)
    def next_form(self) -> None:
        self._step(1)

    @dialog_action("copy_as.up", "Previous form", "up", "shift+tab")
    def previous_form(self) -> None:
        self._step(-1)

    def _step(self, step: int) -> None:
        self._at = (self._at + step) % len(self.copies)
        self._paint()

    def _paint(self) -> None:
        lines = []
        for index, one in enumerate(self.copies):
            chosen = index == self._at
            lines.append(
                Content.assemble(
                    ("▌ " if chosen else "  ", "bold $info"),
                    (f"{LETTERS[one.kind]}  ", "bold $info"),
                    (one.kind.value, "bold" if chosen else ""),
                )
            )
        self.query_one("#forms", Static).update(Content("\n").join(lines))
        shown = display_block(self.copy.text, PREVIEWED)
        self.query_one("#preview", Static).update(Content.styled(shown, "$muted"))

    ACTIONS: ClassVar[Actions] = tuple(
        Action(
            f"copy_as.{kind.name.lower()}",
            f"Copy as: {kind.value}",
            (letter,),
            partial(_take, kind),
            palette=False,
            applies=partial(_has, kind),
        )
        for kind, letter in LETTERS.items()
    )
