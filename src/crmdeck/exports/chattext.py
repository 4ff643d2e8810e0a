"""Text in a chat message, without mentions, links, or control characters."""

from __future__ import annotations

from crmdeck.text import visible_text


def escape(text: str) -> str:
    """Return text on one line, with angle brackets that no chat reads as a mention or a link."""
    return visible_text(text).replace("<", "‹").replace(">", "›")


def code(text: str) -> str:
    """Return text as code, between backticks."""
    return f"`{escape(text).replace('`', chr(39))}`"
