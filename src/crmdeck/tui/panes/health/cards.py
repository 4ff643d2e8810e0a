"""The cards: every connection, one under the other, telling as much as there is room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual import events
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from crmdeck.tui.actions import EVERYWHERE, Action, ActionHost, Actions
from crmdeck.tui.panes.health.board import Entry
from crmdeck.tui.panes.health.card import Density, card, densities

PADDING = 1


def _move(name: str, title: str, *keys: str) -> Action[Any]:
    return Action(f"cards.{name}", title, keys, palette=False)


class Cards(ActionHost, OptionList, inherit_bindings=False):
    """The connection under the cursor is the one that the console shows."""

    SCOPE = "cards"
    WITHIN: ClassVar[tuple[str, ...]] = ("health", EVERYWHERE)
    ACTIONS: ClassVar[Actions] = (
        _move("cursor_down", "next connection", "j", "down"),
        _move("cursor_up", "previous connection", "k", "up"),
        _move("first", "first connection", "g", "home"),
        _move("last", "last connection", "G", "end"),
        _move("page_down", "next page", "pagedown", "ctrl+f"),
        _move("page_up", "previous page", "pageup", "ctrl+b"),
        Action("cards.select", "details", ("enter",), hint=72, palette=False),
    )

    class Moved(Message):
        """The cursor went to another connection."""

        def __init__(self, connection_id: str) -> None:
            super().__init__()
            self.connection_id = connection_id

    class Opened(Message):
        """The user wants to see all of the connection under the cursor."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._entries: tuple[Entry, ...] = ()
        self._now: datetime | None = None
        self._chosen: str | None = None
        self.densities: tuple[Density, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What shows, in its order."""
        return self._entries

    def show_entries(
        self, entries: Sequence[Entry], now: datetime | None, chosen: str | None
    ) -> None:
        """Show `entries`, the cursor on the connection `chosen` where it is among them."""
        self._entries, self._now, self._chosen = tuple(entries), now, chosen
        self._fill()

    def choose(self, connection_id: str | None) -> None:
        """Put the cursor on a connection; tells nobody."""
        self._chosen = connection_id
        ids = [entry.id for entry in self._entries]
        if connection_id in ids:
            with self.prevent(OptionList.OptionHighlighted):
                self.highlighted = ids.index(connection_id)

    def on_resize(self, _event: events.Resize) -> None:
        """Say as much as there is room for now."""
        self._fill()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Tell where the cursor went."""
        event.stop()
        if event.option_id is not None and event.option_id != self._chosen:
            self._chosen = event.option_id
            self.post_message(self.Moved(event.option_id))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the card."""
        event.stop()
        self.post_message(self.Opened())

    def _fill(self) -> None:
        # The sheet keeps the scrollbar's place free.
        width = self.size.width - self.styles.scrollbar_size_vertical - 2 * PADDING
        if width <= 0:
            return
        self.densities = densities(self._entries, self.size.height)
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options(self._cards(width))
            self.choose(self._chosen)
        self.call_after_refresh(self.scroll_to_highlight)

    def _cards(self, width: int) -> Iterator[Option | None]:
        if self._now is None:
            return
        for number, (entry, density) in enumerate(zip(self._entries, self.densities, strict=True)):
            if number and density is not Density.TERSE:
                yield None
            yield Option(card(entry, width, self._now, density), id=entry.id)
