"""Text in an HTML page, escaped."""

from __future__ import annotations

import html
import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def inline(text: str) -> str:
    """Return text escaped for a page, left-to-right or right-to-left."""
    # bdi keeps right-to-left text from reordering its neighbors.
    escaped = escape(text)
    return escaped if escaped.isascii() else f"<bdi>{escaped}</bdi>"


def escape(text: str) -> str:
    """Return text escaped for HTML, without control characters."""
    return html.escape(_CONTROL.sub("\ufffd", text))
