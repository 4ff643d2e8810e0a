"""Text from outside, made safe for a terminal: visible, and of a known width.

All text from a CRM, a file or a user comes through here before it is drawn. Control characters
and marks that reorder or hide text become visible signs.
"""

from __future__ import annotations

from rich.cells import cell_len, split_graphemes

from crmdeck.text import count as count
from crmdeck.text import visible_text

ELLIPSIS = "…"


def display_text(text: str, width: int | None = None) -> str:
    """Return `text` as one safe line, cut with an ellipsis after `width` terminal cells.

    With a `width` the cost doesn't depend on the length of the text.
    """
    # Most text is this: each character is safe and takes one cell.
    if text.isascii() and text.isprintable():
        if width is None or len(text) <= width:
            return text
        return text[: width - 1] + ELLIPSIS if width > 0 else ""
    if width is None:
        return visible_text(text)
    if width <= 0:
        return ""
    # Characters without a width, such as accents, share a cell. No text has sixteen in each.
    window = 16 * width + 16
    shown = visible_text(text[:window])
    if len(text) <= window and cell_len(shown) <= width:
        return shown
    spans, _ = split_graphemes(shown)
    end = used = 0
    for _, stop, size in spans:
        if used + size > width - 1:
            break
        end, used = stop, used + size
    return shown[:end] + ELLIPSIS


def cut_middle(name: str, width: int) -> str:
    """Return a name in `width` cells, cut in the middle, because CRM names differ at their ends."""
    if len(name) <= width or not (name.isascii() and name.isprintable()):
        # Wide and combined characters can't be cut by counting them. The caller crops the name.
        return name
    # The end gets more: names of one object often begin alike.
    tail = max(1, (width - 1) * 3 // 5)
    return f"{name[: max(0, width - 1 - tail)]}{ELLIPSIS}{name[-tail:]}"


def display_block(text: str, limit: int = 4000) -> str:
    """Return `text` as safe lines, cut after `limit` characters."""
    lines = text[:limit].replace("\r\n", "\n").replace("\t", "    ").split("\n")
    shown = "\n".join(display_text(line) for line in lines)
    return shown + ELLIPSIS if len(text) > limit else shown


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return safe `text` with spaces up to `width` cells."""
    space = " " * max(0, width - cell_len(text))
    return space + text if right else text + space
