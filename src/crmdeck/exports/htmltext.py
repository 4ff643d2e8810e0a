"""Text within a page of HTML: nothing of it is interpreted."""

from __future__ import annotations

import html
import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def inline(text: str) -> str:
    """Return text as it is shown within a page, whatever its direction."""
    # bdi keeps right-to-left text from reordering its neighbors.
    escaped = escape(text)
    return escaped if escaped.isascii() else f"<bdi>{escaped}</bdi>"


def escape(text: str) -> str:
    """Return text of which HTML interprets nothing, control characters replaced."""
    return html.escape(_CONTROL.sub("\ufffd", text))
