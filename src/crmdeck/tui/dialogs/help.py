"""Help for the keys that work here, to search and to run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.keys.actions import (
    EVERYWHERE,
    Offer,
    is_shown,
    key_label,
    offers,
    scope_of,
)
from crmdeck.tui.widgets.search_list import SearchList
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.workspace import Searchable


def keys_text(offer: Offer) -> str:
    """Return the first key of an offer as users know it. A search finds the others too."""
    return key_label(offer.keys[0])


def in_order(known: Iterable[Offer], scope: str) -> tuple[Offer, ...]:
    """Return the offers of `scope` first, then those of everywhere, then the cursor keys."""
    ranks = {scope: 0, EVERYWHERE: 2}

    def rank(offer: Offer) -> int:
        if not offer.action.palette and offer.action.hint == 0:
            return 3
        return ranks.get(scope_of(offer.action), 1)

    return tuple(sorted(known, key=rank))


def searchable(offer: Offer) -> Searchable:
    texts = (offer.action.sentence, " ".join(map(key_label, offer.keys)), scope_of(offer.action))
    return Searchable(offer.title, texts=texts)


def open_help(screen: Screen[Any], title: str, scope: str) -> None:
    """Show what the keys do on `screen`, those of `scope` first, and run the chosen one."""

    async def on_submit(offer: Offer | None) -> None:
        # A key pressed in the meantime may have opened something else.
        if offer is not None and is_shown(offer.host):
            await screen.app.run_action(offer.action.command, offer.host)

    known = [offer for offer in offers(screen, refused=True) if offer.keys]
    screen.app.push_screen(Help(f"Help: {title}", known, scope), on_submit)


COLUMNS: tuple[Column[Offer], ...] = (
    Column("keys", "Key", keys_text, style=lambda _: "accent", width=9),
    Column(
        "what",
        "What it does",
        lambda offer: offer.action.sentence,
        style=lambda offer: "muted" if offer.refused else "",
        least=24,
        most=200,
    ),
    Column(
        "where",
        "Where",
        lambda offer: scope_of(offer.action),
        style=lambda _: "muted",
        width=10,
    ),
)
GIVES = (("where", 0), ("what", 24))


class Help(Dialog[Offer]):
    """Answers with the offer to run; those of `scope` come first."""

    SCOPE = "help"
    WITHIN: ClassVar[tuple[str, ...]] = ("list",)
    WITHOUT: ClassVar[tuple[str, ...]] = ("dialog.help",)

    def __init__(self, title: str, known: Iterable[Offer], scope: str) -> None:
        super().__init__(title)
        self._list: SearchList[Offer] = SearchList(
            in_order(known, scope),
            COLUMNS,
            gives=GIVES,
            key=lambda offer: offer.action.id,
            searched=searchable,
            placeholder="Type a word or a key",
            empty="No key matches.",
        )

    def compose_body(self) -> ComposeResult:
        yield self._list
        yield Static("", id="meaning", markup=False)

    @on(SearchList.Highlighted)
    @on(Table.Ordered)
    def _row_changed(self) -> None:
        offer = self._list.row
        lines = (Content(""), Content(""))
        if offer is not None:
            why = offer.refused
            says = f"Not now: {why}" if why else f"Enter runs it, like {keys_text(offer)}"
            style = "$warn" if why else "$muted"
            lines = (Content(offer.action.sentence), Content.styled(says, style))
        self.query_one("#meaning", Static).update(Content("\n").join(lines))
        self.show_position(self._list.position_text)

    @dialog_action("help.take", "Run", "enter", hint=30, priority=True)
    def take(self) -> None:
        self._list.take()

    @on(SearchList.Taken)
    def _taken(self, message: SearchList.Taken) -> None:
        self.dismiss(message.row)
