"""An error as a panel: what, why, what next, with the next step on a key."""

from __future__ import annotations

import json

from textual.app import RenderResult
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from crmdeck.errors import CrmdeckError, ReauthRequiredError
from crmdeck.tui.keys.actions import key_label, offers
from crmdeck.tui.layout import wrap

SIGN_IN = "connection.sign_in"
NEXT_STEPS = {
    "SCHEMA_NOT_DISCOVERED": "connection.refresh",
    "SOURCE_FAILED": "connection.refresh",
    "MISSING_SECRETS": SIGN_IN,
    "CONNECTION_DISCONNECTED": "health.reconnect",
    "CACHE_BUSY": "view.reload",
    "UNEXPECTED": "view.reload",
}
"""Which action is the next step after an error of this code."""

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

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines it takes in `width` cells."""
        return len(self._lines(width))

    def render(self) -> RenderResult:
        """Return what, why and what next, each under its own word, and the keys."""
        return Content("\n").join(self._lines(self.content_size.width))

    def _lines(self, width: int) -> list[Content]:
        error = self.error
        if error is None:
            return []
        told = [("✕ ", "bold $bad", error.message, "bold")]
        told += [
            (label, "$muted", text or "", "")
            for label, text in (("  why   ", error.cause), ("  next  ", error.remedy))
            if text
        ]
        lines = []
        for label, label_look, text, look in told:
            for index, line in enumerate(wrap(text[:LONGEST], width - len(label))):
                start = label if index == 0 else " " * len(label)
                lines.append(Content.assemble((start, label_look), (line, look)))
        keys = [*self._next_step(error), ("y", "copy details"), ("Esc", "dismiss")]
        shown = [
            Content.assemble((f"{key} ", "bold $info"), (title, "$muted")) for key, title in keys
        ]
        lines.append(Content("  ") + Content("   ").join(shown))
        return lines

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
