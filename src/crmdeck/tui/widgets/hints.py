"""The footer: the keys that matter most now, from the registry of actions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from crmdeck.tui.keys.actions import ACTION, Offer, offers, short_key_label

MOST_HINTS = 8
MOST_HINTS_WIDE = 12
WIDE = 100

LAST = ("dialog.cancel", "app.help", "dialog.help", "app.go_to")
"""Ids of the actions that come last in the footer and always have room."""

GAP = "  "


class Hints(Widget):
    """One line of keys and titles, the most useful first; a click runs the action."""

    hovered: reactive[str] = reactive("")

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def render(self) -> RenderResult:
        hints = chosen_hints(offers(self.screen), self.size.width)
        return Content(GAP).join(self._shown(offer) for offer in hints)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = event.style.meta.get(ACTION, "")

    def on_leave(self) -> None:
        self.hovered = ""

    async def on_click(self, event: events.Click) -> None:
        wanted = event.style.meta.get(ACTION)
        for offer in offers(self.screen):
            if offer.action.id == wanted:
                event.stop()
                await self.app.run_action(offer.action.command, offer.host)
                return

    def _shown(self, offer: Offer) -> Content:
        key, title = hint_text(offer)
        look = "$foreground underline" if offer.action.id == self.hovered else "$muted"
        hint = Content.assemble((f"{key} ", "bold $info"), (title, look))
        return hint.stylize(Style.from_meta({ACTION: offer.action.id}))

    def _changed(self, screen: Screen[object]) -> None:
        # A screen below a dialog has no keys; it draws its footer again when it comes back.
        if screen is self.app.screen:
            self.refresh()


def hint_text(offer: Offer) -> tuple[str, str]:
    return short_key_label(offer.keys[0]), offer.title


def chosen_hints(possible: Sequence[Offer], width: int) -> list[Offer]:
    """Return the offers that fit into `width` cells: by rank, then those of `LAST`."""
    by_id = {offer.action.id: offer for offer in possible}
    last = [by_id[id_] for id_ in LAST if id_ in by_id]
    wanted = sorted(
        (offer for offer in possible if offer.action.hint and offer.keys and offer not in last),
        key=lambda offer: -offer.action.hint,
    )
    most = (MOST_HINTS_WIDE if width >= WIDE else MOST_HINTS) - len(last)
    hints: list[Offer] = []
    used = sum(map(_cells, last)) - len(GAP)
    for offer in wanted:
        # A shorter one may still fit after one that is too long.
        if len(hints) < most and used + _cells(offer) <= width:
            hints.append(offer)
            used += _cells(offer)
    return [*hints, *last]


def _cells(offer: Offer) -> int:
    key, title = hint_text(offer)
    return len(GAP) + cell_len(key) + 1 + cell_len(title)
