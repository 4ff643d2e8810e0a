"""Help for the keys that work here, to search and to run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.screen import Screen

from crmdeck.tui.dialogs.choose import Choice, Choose, Lines, columns_of
from crmdeck.tui.keys.actions import (
    EVERYWHERE,
    Offer,
    is_shown,
    key_label,
    offers,
    scope_of,
)
from crmdeck.tui.widgets.table import Column
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

    known = in_order((one for one in offers(screen, refused=True) if one.keys), scope)
    dialog = Choose(
        f"Help: {title}",
        [Choice(offer, offer.title) for offer in known],
        columns=columns_of(COLUMNS),
        gives=GIVES,
        searched=lambda choice: searchable(choice.value),
        placeholder="Type a word or a key",
        empty="No key matches.",
        notes=meaning,
        note_lines=2,
        takes="Run",
    )
    screen.app.push_screen(dialog, on_submit)


def meaning(offer: Offer) -> Lines:
    """Return a sentence about the key, and the reason if it can't run now."""
    why = offer.refused
    says = f"Not now: {why}" if why else f"Enter runs it, like {keys_text(offer)}"
    return (offer.action.sentence, "$foreground"), (says, "$warn" if why else "")


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
