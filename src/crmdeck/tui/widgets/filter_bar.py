"""The filter: a line to type in, then a chip that stays until Esc clears it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from crmdeck.tui.keys.actions import Action, ActionHost, Actions
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.line_input import LineInput

LONGEST_CHIP = 48


class FilterBar(ActionHost, Widget):
    """Hidden without a filter; filters as one types."""

    SCOPE = "filter"

    class Changed(Message):
        """The filter is `text` now; `done` when the user goes back to the rows."""

        def __init__(self, text: str, done: bool = False) -> None:
            super().__init__()
            self.text = text
            self.done = done

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.display = False
        self.text = ""
        self._note = ""
        self._hint = ""

    def compose(self) -> ComposeResult:
        """Lay the line out."""
        yield Static("/", classes="sign", markup=False)
        yield LineInput(placeholder="words, key:value, !not", compact=True, select_on_focus=False)
        yield Static("", classes="chip", markup=False)
        yield Static("", classes="note", markup=False)

    def edit(self) -> None:
        """Let the user type."""
        self._show(editing=True)
        entry = self.query_one(Input)
        entry.value = self.text
        entry.cursor_position = len(self.text)
        entry.focus()

    def set_text(self, text: str) -> None:
        """Show `text` as the filter that holds; tells nobody."""
        self.text = text
        self._show(editing=False)

    def set_note(self, count: str, hint: str = "") -> None:
        """Show how many rows pass, and what is wrong with the filter."""
        self._note, self._hint = count, hint
        note = Content.assemble(
            (display_text(hint, 60), "$warn"), "   " if hint else "", (count, "$muted")
        )
        self.query_one(".note", Static).update(note)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.input.has_focus and event.value != self.text:
            self.text = event.value
            self.post_message(self.Changed(self.text))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.keep()

    def keep(self) -> None:
        """Keep the filter and go to the rows."""
        self.text = self.text.strip()
        self._show(editing=False)
        self.post_message(self.Changed(self.text, done=True))

    def drop(self) -> None:
        """Clear the filter and go to the rows."""
        self.text = ""
        self.query_one(Input).value = ""
        self._show(editing=False)
        self.post_message(self.Changed("", done=True))

    def on_click(self, _event: Any) -> None:
        """Edit the chip."""
        if not self.query_one(Input).display:
            self.edit()

    def _show(self, *, editing: bool) -> None:
        self.display = editing or bool(self.text)
        self.query_one(Input).display = editing
        self.query_one(".sign").display = editing
        chip = self.query_one(".chip", Static)
        chip.display = not editing
        chip.update(
            Content.assemble(
                (f" / {display_text(self.text, LONGEST_CHIP)} ", "bold reverse $primary"),
                ("  Esc clears", "$muted"),
            )
        )

    ACTIONS: ClassVar[Actions] = (
        Action(
            "filter.keep",
            "keep",
            ("enter", "down"),
            keep,
            help="keep the filter",
            hint=90,
            palette=False,
            priority=True,
        ),
        Action(
            "filter.drop",
            "clear",
            ("escape",),
            drop,
            help="clear the filter",
            hint=80,
            palette=False,
        ),
    )
