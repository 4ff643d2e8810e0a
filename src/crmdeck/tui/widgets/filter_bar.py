"""The filter: an input with what completes it, then a chip until Esc clears the filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from crmdeck.tui.keys.actions import ActionHost, action
from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.inputs import LineInput

if TYPE_CHECKING:
    from crmdeck.tui.filters import Completion, FilterSource

LONGEST_CHIP = 48
LONGEST_OFFER = 32
TAB_HINT = "Tab completes"


class FilterBar(ActionHost, Widget):
    """Filters while the user types; hidden without a filter."""

    SCOPE = "filter"

    @dataclass
    class Changed(Message):
        """The filter is `text` now; `done` if the user goes back to the rows."""

        text: str
        done: bool = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.display = False
        self.text = ""
        self._source: FilterSource[Any] | None = None
        self._offers: tuple[Completion, ...] = ()
        self._loader = Loader(self, lambda _error: None)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("/", classes="sign", markup=False)
            yield LineInput(
                placeholder="words, key:value, !not", compact=True, select_on_focus=False
            )
            yield Static("", classes="chip", markup=False)
            yield Static("", classes="note", markup=False)
        yield Static("", classes="offers", markup=False)

    def on_unmount(self) -> None:
        self._loader.close()

    def edit(self, source: FilterSource[Any] | None = None) -> None:
        """Open the input; the rows and keys of `source` complete what the user types."""
        self._source = source
        self._show(editing=True)
        entry = self.query_one(Input)
        # After a blank, the bar offers the keys for another term.
        entry.value = f"{self.text} " if self.text else ""
        entry.cursor_position = len(entry.value)
        entry.focus()
        self._complete()

    def set_text(self, text: str) -> None:
        """Show `text` as the current filter, without a message."""
        self.text = text
        self._show(editing=False)

    def set_note(self, count: str, hint: str = "") -> None:
        """Show the number of rows, and a hint on the filter."""
        note = Content.assemble(
            (display_text(hint, 60), "$warn"), "   " if hint else "", (count, "$muted")
        )
        self.query_one(".note", Static).update(note)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        # If the input has no focus, the text was set and not typed.
        if event.input.has_focus and event.value != self.text:
            self.text = event.value
            source = self._source
            # A half key would filter by its letters.
            shown = source.without_half_key(self.text) if source is not None else self.text
            self.post_message(self.Changed(shown))
            self._complete()

    def _complete(self) -> None:
        """Find what completes the filter. Counting the values of a large org takes a while."""
        source, text = self._source, self.query_one(Input).value
        if source is not None:
            self._loader.load(
                "offers", lambda _: source.complete(text), self._show_offers, label="", quiet=True
            )

    def _show_offers(self, offers: tuple[Completion, ...]) -> None:
        self._offers = offers
        # The style sheet gives the offers two lines.
        room = 2 * (self.size.width - len(TAB_HINT) - 4)
        shown = Content("")
        for offer in offers:
            name = display_text(offer.shown, LONGEST_OFFER)
            rows = "" if offer.rows is None else f" {offer.rows:,}"
            longer = Content.assemble(shown, (name, "$accent"), (rows, "$muted"), "  ")
            if longer.cell_length > room:
                break
            shown = longer
        hint = Content.styled(TAB_HINT, "$muted") if offers else Content("")
        self.query_one(".offers", Static).update(Content.assemble(shown, hint))

    @action(
        "filter.complete",
        "Complete",
        "tab",
        help="Complete with the first key or value offered.",
        hint=70,
        palette=False,
        priority=True,
    )
    def complete_first(self) -> None:
        if self._offers:
            entry = self.query_one(Input)
            entry.value = self._offers[0].text
            entry.cursor_position = len(entry.value)

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

    def on_resize(self) -> None:
        # The offers can arrive before the bar has a width.
        self._show_offers(self._offers)

    def on_click(self, _event: events.Click) -> None:
        if not self.query_one(Input).display:
            self.edit()

    def _show(self, *, editing: bool) -> None:
        self.display = editing or bool(self.text)
        self.query_one(Input).display = editing
        self.query_one(".sign").display = editing
        offers = self.query_one(".offers", Static)
        offers.display = editing and self._source is not None
        if not editing:
            self._offers = ()
            offers.update("")
        chip = self.query_one(".chip", Static)
        chip.display = not editing
        chip.update(
            Content.assemble(
                (f" / {display_text(self.text, LONGEST_CHIP)} ", "bold reverse $primary"),
                ("  Esc clears", "$muted"),
            )
        )
