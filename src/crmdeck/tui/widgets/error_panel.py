"""An error as a panel: what, why, what next, with the next step on a key."""

from __future__ import annotations

import json

from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from crmdeck.errors import CrmdeckError, ReauthRequiredError
from crmdeck.tui.actions import key_label, offers
from crmdeck.tui.text import display_text

SIGN_IN = "connection.sign_in"
NEXT_STEPS = {
    "SCHEMA_NOT_DISCOVERED": "connection.refresh",
    "SOURCE_FAILED": "connection.refresh",
    "MISSING_SECRETS": SIGN_IN,
    "CONNECTION_DISCONNECTED": "health.reconnect",
    "CACHE_BUSY": "view.reload",
    "UNEXPECTED": "view.reload",
}
"""Which action is the next step after an error of this code; who is not let in signs in again."""

LONGEST = 300


class ErrorPanel(Widget):
    """Shown on top of a pane while `error` is set; what was there before stays below.

    `y` copies its details and Esc puts it away: the screen sees to both.
    """

    error: reactive[CrmdeckError | None] = reactive(None, layout=True)

    def on_mount(self) -> None:
        """Stay out of sight until there is something to say."""
        self.display = self.error is not None

    def watch_error(self, error: CrmdeckError | None) -> None:
        """Appear and disappear."""
        self.display = error is not None

    def render(self) -> RenderResult:
        """Return what, why and what next, a line each, and the keys."""
        error = self.error
        if error is None:
            return Content("")
        lines = [Content.assemble(("✕ ", "bold $bad"), (_shown(error.message), "bold"))]
        if error.cause:
            lines.append(Content.assemble(("  why   ", "$muted"), _shown(error.cause)))
        if error.remedy:
            lines.append(Content.assemble(("  next  ", "$muted"), _shown(error.remedy)))
        keys = [*self._next_step(error), ("y", "copy details"), ("Esc", "dismiss")]
        shown = [
            Content.assemble((f"{key} ", "bold $primary"), (title, "$muted")) for key, title in keys
        ]
        lines.append(Content("  ") + Content("   ").join(shown))
        return Content("\n").join(lines)

    def details(self) -> str:
        """Return the error as JSON, for a report."""
        return json.dumps(self.error.to_wire(), indent=2) if self.error is not None else ""

    def _next_step(self, error: CrmdeckError) -> list[tuple[str, str]]:
        otherwise = SIGN_IN if isinstance(error, ReauthRequiredError) else None
        wanted = NEXT_STEPS.get(error.code, otherwise)
        return [
            (key_label(offer.keys[0]), offer.action.title)
            for offer in offers(self.screen)
            if offer.action.id == wanted
        ]


def _shown(text: str) -> str:
    return display_text(text[:LONGEST])
