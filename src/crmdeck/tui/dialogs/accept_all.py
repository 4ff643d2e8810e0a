"""Accept all matches of at least some percent, with the list of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import action
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import percent

FIRST, LEAST, MOST, STEP = 90, 5, 95, 5


@dataclass(frozen=True)
class Sure:
    """A row that could be accepted: its match (0 to 1), its fields, and a warning."""

    confidence: float
    fields: str
    note: str = ""


class AcceptAll(Dialog[float]):
    """Answers with the least match to accept, 0 to 1. Enter cancels until the focus moves."""

    SCOPE = "accept all"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(self, lines: Sequence[Sure], left_out: Sequence[str] = ()) -> None:
        super().__init__("Accept undecided rows shown with a match of at least")
        self._lines = tuple(sorted(lines, key=lambda line: -line.confidence))
        self._left_out = tuple(left_out)
        self.percent = FIRST

    def compose_body(self) -> ComposeResult:
        yield Static("", id="sure", markup=False)
        with VerticalScroll(id="reached", can_focus=False):
            yield Static("", markup=False)
        with Horizontal(classes="dialog-buttons"):
            yield Button("Cancel", id="cancel", compact=True)
            yield Button("Accept", id="accept", compact=True)

    def on_mount(self) -> None:
        self._show()
        self.query_one("#cancel").focus()

    @action("sure.yes", "Accept", "y", hint=40, palette=False)
    def accept(self) -> None:
        self.dismiss(self.percent / 100 if self._reached() else None)

    @action("sure.no", "Cancel", "n", palette=False)
    def decline(self) -> None:
        self.dismiss(None)

    @action("sure.lower", "Lower", "down", "j", "minus", hint=30, palette=False)
    def lower(self) -> None:
        self.percent = max(LEAST, self.percent - STEP)
        self._show()

    @action("sure.higher", "Raise", "up", "k", "plus", hint=29, palette=False)
    def higher(self) -> None:
        self.percent = min(MOST, self.percent + STEP)
        self._show()

    @action("sure.other", "Other button", "left", "right", "h", "l", palette=False)
    def go_to_other(self) -> None:
        self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "accept":
            self.accept()
        else:
            self.decline()

    def _reached(self) -> list[Sure]:
        return [line for line in self._lines if line.confidence >= self.percent / 100]

    def _show(self) -> None:
        reached = self._reached()
        filled = self.percent * 20 // 100
        shown = Content.assemble(
            (f"{self.percent}%  ", "bold"),
            ("━" * filled, "$primary"),
            ("╌" * (20 - filled), "$muted"),
            (f"  {len(reached)} of {count(len(self._lines), 'undecided row')}", ""),
        )
        self.query_one("#sure", Static).update(shown)
        lines = [
            Content.assemble(
                (f"{percent(line.confidence):>3}  ", "$muted"),
                display_text(line.fields),
                (f"  {display_text(line.note)}" if line.note else "", "$warn"),
            )
            for line in reached
        ]
        if self._left_out:
            names = ", ".join(display_text(name) for name in self._left_out)
            lines.append(Content.styled(f"left out, can't sync: {names}", "$muted"))
        self.query_one("#reached Static", Static).update(Content("\n").join(lines))
        self.query_one("#accept", Button).label = f"Accept {len(reached)}"
