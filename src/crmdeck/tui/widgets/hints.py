"""The footer: the few keys that matter here and now, from the action registry."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import RenderResult
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from crmdeck.tui.actions import Offer, key_label, offers

MOST_HINTS = 8
MOST_HINTS_WIDE = 12
WIDE = 120


class Hints(Widget):
    """One line of `key title`, the most helpful first, as many as fit."""

    def on_mount(self) -> None:
        """Follow the focus and whatever else changes what can be done."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def render(self) -> RenderResult:
        """Return the line."""
        return Content("  ").join(
            Content.assemble((f"{key} ", "bold $primary"), (title, "$muted"))
            for key, title in chosen_hints(offers(self.screen), self.size.width)
        )

    def _changed(self, _screen: Screen[object]) -> None:
        self.refresh()


def chosen_hints(possible: tuple[Offer, ...], width: int) -> list[tuple[str, str]]:
    """Return key and title of the hints that fit into `width` cells, the best first."""
    wanted = sorted(
        (offer for offer in possible if offer.action.hint), key=lambda offer: -offer.action.hint
    )
    most = MOST_HINTS_WIDE if width >= WIDE else MOST_HINTS
    hints: list[tuple[str, str]] = []
    used = -2
    for offer in wanted:
        key, title = key_label(offer.keys[0]), offer.action.title
        more = 2 + cell_len(key) + 1 + cell_len(title)
        # A shorter one may fit where a longer one does not.
        if len(hints) < most and used + more <= width:
            hints.append((key, title))
            used += more
    return hints
