"""The palette: every action that applies here, and every connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.markup import escape

from crmdeck.tui.actions import Offer, key_label, offers
from crmdeck.tui.text import display_text

LONGEST = 60


class Entry(NamedTuple):
    """One line of the palette."""

    title: str
    help: str
    run: Callable[[], Any]


class Palette(CommandPalette):
    """Textual's, where a key may be faster than its layout, and Esc come twice."""

    def _action_command_list(self, action: str) -> None:
        """Move in the list, once it is laid out."""
        # OptionList pages by an index of lines that it has from its first layout on only.
        with suppress(KeyError):
            super()._action_command_list(action)

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Leave once."""
        if self not in self.app.screen_stack:
            return AwaitComplete()
        return super().dismiss(result)


class DeckCommands(Provider):
    """Offers the actions of the screen below, and what the screen adds of its own."""

    async def discover(self) -> Hits:
        """Yield everything, before the user types."""
        for entry in self._entries():
            yield DiscoveryHit(Content(entry.title), entry.run, entry.title, entry.help)

    async def search(self, query: str) -> Hits:
        """Yield what matches."""
        matcher = self.matcher(query)
        for entry in self._entries():
            score = matcher.match(entry.title)
            if score > 0:
                yield Hit(
                    score, highlighted(query, entry.title), entry.run, entry.title, entry.help
                )

    def _entries(self) -> Iterable[Entry]:
        for offer in offers(self.screen):
            if offer.action.palette:
                yield self._entry(offer)
        more = getattr(self.screen, "palette_entries", None)
        if more is not None:
            for title, run in more():
                yield Entry(display_text(title, LONGEST), "", run)

    def _entry(self, offer: Offer) -> Entry:
        action = offer.action
        keys = " ".join(map(key_label, offer.keys))
        run = partial(self.app.run_action, action.command, offer.host)
        # The palette reads the help line as markup, and `[` is the name of a key.
        help_line = f"{keys}   {action.help}" if action.help else keys
        return Entry(action.palette_title, escape(help_line), run)


def highlighted(query: str, title: str) -> Content:
    """Return `title` with the characters that match in bold; never read as markup."""
    content = Content(title)
    _, offsets = FuzzySearch().match(query, title)
    for offset in offsets:
        content = content.stylize("bold underline", offset, offset + 1)
    return content
