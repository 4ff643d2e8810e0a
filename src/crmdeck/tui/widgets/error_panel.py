"""The error panel: message, cause and next step, with the key that does it."""

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
"""Ids of the actions that are the next step after an error, by its code."""

LONGEST = 300


class ErrorPanel(Widget):
    """Shown above the body of a pane while `error` is set.

    `y` copies the details and Esc dismisses the error; the screen handles both keys.
    """

    error: reactive[CrmdeckError | None] = reactive(None, layout=True)

    def watch_error(self, error: CrmdeckError | None) -> None:
        self.display = error is not None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> RenderResult:
        return Content("\n").join(self._lines(self.content_size.width))

    def _lines(self, width: int) -> list[Content]:
        error = self.error
        if error is None:
            return []
        parts = [("✕ ", "bold $bad", error.message, "bold")]
        parts += [
            (label, "$muted", text or "", "")
            for label, text in (("  why   ", error.cause), ("  next  ", error.remedy))
            if text
        ]
        lines = []
        for label, label_look, text, look in parts:
            for index, line in enumerate(wrap(text[:LONGEST], width - len(label))):
                start = label if index == 0 else " " * len(label)
                lines.append(Content.assemble((start, label_look), (line, look)))
        otherwise = SIGN_IN if isinstance(error, ReauthRequiredError) else None
        wanted = NEXT_STEPS.get(error.code, otherwise)
        # Only an action that can run now: a read-only workspace offers no refresh.
        next_step = [
            (key_label(offer.keys[0]) if offer.keys else "Ctrl+K", offer.action.title)
            for offer in offers(self.screen)
            if offer.action.id == wanted
        ]
        keys = [*next_step, ("y", "Copy details"), ("Esc", "Dismiss")]
        shown = [
            Content.assemble((f"{key} ", "bold $info"), (title, "$muted")) for key, title in keys
        ]
        lines.append(Content("  ") + Content("   ").join(shown))
        return lines

    def details(self) -> str:
        return json.dumps(self.error.to_wire(), indent=2) if self.error is not None else ""
