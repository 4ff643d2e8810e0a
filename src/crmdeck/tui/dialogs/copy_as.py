"""Copy as...: in which form something goes to the clipboard, with a look at it before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.text import display_block
from crmdeck.workspace import Copy, CopyKind

LETTERS = {
    CopyKind.NAME: "n",
    CopyKind.PATH: "o",
    CopyKind.TEXT: "t",
    CopyKind.MARKDOWN: "m",
    CopyKind.SLACK: "s",
    CopyKind.JSON: "j",
    CopyKind.COMMAND: "c",
}
PREVIEWED = 4000
"""Characters that are shown; all are copied."""


class CopyAs(Dialog[Copy]):
    """Answers with the form that was chosen; it begins at `last`, the form of last time."""

    SCOPE = "copy as"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(self, copies: Sequence[Copy], last: str = "") -> None:
        super().__init__("Copy as")
        self.copies = tuple(copies)
        kinds = [one.kind.value for one in self.copies]
        self._at = kinds.index(last) if last in kinds else 0

    @property
    def copy(self) -> Copy:
        """The form under the cursor."""
        return self.copies[self._at]

    def compose_body(self) -> ComposeResult:
        """Yield the forms, and the text of the one under the cursor."""
        yield Static("", id="forms", markup=False)
        with VerticalScroll(can_focus=False):
            yield Static("", id="preview", markup=False)

    def on_mount(self) -> None:
        """Begin at the form of last time."""
        super().on_mount()
        self._paint()

    def step(self, step: int) -> None:
        """Go to another form."""
        self._at = (self._at + step) % len(self.copies)
        self._paint()

    def take(self) -> None:
        """Copy in the form under the cursor."""
        self.dismiss(self.copy)

    def take_kind(self, kind: CopyKind) -> None:
        """Copy in a form."""
        self.dismiss(next(one for one in self.copies if one.kind is kind))

    def has(self, kind: CopyKind) -> bool:
        """Return whether there is this form."""
        return any(one.kind is kind for one in self.copies)

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

    ACTIONS: ClassVar[Actions] = (
        Action("copy_as.take", "copy", ("enter", "y"), take, hint=30, palette=False),
        Action(
            "copy_as.down",
            "next form",
            ("down", "tab"),
            lambda dialog: dialog.step(1),
            hint=20,
            palette=False,
        ),
        Action(
            "copy_as.up",
            "previous form",
            ("up", "shift+tab"),
            lambda dialog: dialog.step(-1),
            palette=False,
        ),
        *(
            Action(
                f"copy_as.{kind.name.lower()}",
                f"as {kind.value}",
                (letter,),
                partial(lambda kind, dialog: dialog.take_kind(kind), kind),
                palette=False,
                applies=partial(lambda kind, dialog: dialog.has(kind), kind),
            )
            for kind, letter in LETTERS.items()
        ),
    )
