"""The filter: an input, then a chip until Esc clears the filter."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from crmdeck.tui.keys.actions import ActionHost, action
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.line_input import LineInput

LONGEST_CHIP = 48


class FilterBar(ActionHost, Widget):
    """Filters while the user types; hidden without a filter."""

    SCOPE = "filter"

    class Changed(Message):
        """The filter is `text` now; `done` if the user goes back to the rows."""

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
        yield Static("/", classes="sign", markup=False)
        yield LineInput(placeholder="words, key:value, !not", compact=True, select_on_focus=False)
        yield Static("", classes="chip", markup=False)
        yield Static("", classes="note", markup=False)

    def edit(self) -> None:
        """Open the input."""
        self._show(editing=True)
        entry = self.query_one(Input)
        entry.value = self.text
        entry.cursor_position = len(self.text)
        entry.focus()

    def set_text(self, text: str) -> None:
        """Show `text` as the current filter, without a message."""
        self.text = text
        self._show(editing=False)

    def set_note(self, count: str, hint: str = "") -> None:
        """Show the number of rows, and a hint on the filter."""
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

    @action(
        "filter.keep",
        "Keep filter",
        "enter",
        "down",
        help="Keep the filter and go to the rows.",
        hint=90,
        palette=False,
        priority=True,
    )
    def keep(self) -> None:
        self.text = self.text.strip()
        self._show(editing=False)
        self.post_message(self.Changed(self.text, done=True))

    @action(
        "filter.drop",
        "Clear filter",
        "escape",
        help="Clear the filter and go to the rows.",
        hint=80,
        palette=False,
    )
    def drop(self) -> None:
        self.text = ""
        self.query_one(Input).value = ""
        self._show(editing=False)
        self.post_message(self.Changed("", done=True))

    def on_click(self, _event: Any) -> None:
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
