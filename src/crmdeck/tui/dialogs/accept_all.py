"""Accept all that is sure enough: how sure is set here, and which lines that are is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import percent

FIRST, LEAST, MOST, STEP = 90, 5, 95, 5


@dataclass(frozen=True)
class Sure:
    """One line that could be accepted: how sure the ranker is, its fields, what to know of it."""

    confidence: float
    fields: str
    note: str = ""


class AcceptAll(Dialog[float]):
    """Answers with the least confidence to accept, 0 to 1; no is the default."""

    SCOPE = "accept all"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    def __init__(self, lines: Sequence[Sure], left_out: Sequence[str] = ()) -> None:
        super().__init__("Accept all undecided lines shown at or above")
        self._lines = tuple(sorted(lines, key=lambda line: -line.confidence))
        self._left_out = tuple(left_out)
        self.percent = FIRST

    def compose_body(self) -> ComposeResult:
        """Yield the confidence, the lines that reach it, and the two buttons."""
        yield Static("", id="sure", markup=False)
        with VerticalScroll(id="reached", can_focus=False):
            yield Static("", markup=False)
        with Horizontal(classes="dialog-buttons"):
            yield Button("No", id="no", compact=True)
            yield Button("Accept", id="yes", compact=True)

    def on_mount(self) -> None:
        """Stand on no."""
        self._show()
        self.query_one("#no").focus()

    def accept(self) -> None:
        """Accept what is sure enough; with nothing to accept that is a no."""
        self.dismiss(self.percent / 100 if self._reached() else None)

    def decline(self) -> None:
        """Accept nothing."""
        self.dismiss(None)

    def ask_less(self) -> None:
        """Ask for less."""
        self.percent = max(LEAST, self.percent - STEP)
        self._show()

    def ask_more(self) -> None:
        """Ask for more."""
        self.percent = min(MOST, self.percent + STEP)
        self._show()

    def go_to_other(self) -> None:
        """Go to the other button."""
        self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        if event.button.id == "yes":
            self.accept()
        else:
            self.decline()

    def _reached(self) -> list[Sure]:
        return [line for line in self._lines if line.confidence >= self.percent / 100]

    def _show(self) -> None:
        reached = self._reached()
        filled = self.percent * 20 // 100
        shown = Content.assemble(
            (f"{self.percent} %  ", "bold"),
            ("━" * filled, "$primary"),
            ("╌" * (20 - filled), "$muted"),
            (f"  {len(reached)} of {count(len(self._lines), 'undecided line')}", ""),
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
            lines.append(Content.styled(f"left out, nothing can flow: {names}", "$muted"))
        self.query_one("#reached Static", Static).update(Content("\n").join(lines))
        self.query_one("#yes", Button).label = f"Accept {len(reached)}"

    ACTIONS: ClassVar[Actions] = (
        Action("sure.yes", "accept them", ("y",), accept, hint=40, palette=False),
        Action("sure.no", "no", ("n",), decline, hint=38, palette=False),
        Action("sure.lower", "less sure", ("down", "j", "minus"), ask_less, hint=30, palette=False),
        Action("sure.higher", "surer", ("up", "k", "plus"), ask_more, hint=29, palette=False),
        Action(
            "sure.other", "other button", ("left", "right", "h", "l"), go_to_other, palette=False
        ),
    )
