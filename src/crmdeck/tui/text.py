"""Text from outside, made fit for a terminal: visible, single-line, as wide as it says.

Everything a CRM, a file or a person typed passes through here before it is drawn. Nothing is
interpreted: control characters and the marks that reorder or hide text become visible signs.
"""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len, split_graphemes

ELLIPSIS = "…"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
COMBINING_LIMIT = 3

_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)}
_VISIBLE = (
    _CONTROL_PICTURES
    | {0x7F: "\N{SYMBOL FOR DELETE}"}
    | dict.fromkeys(range(128, 160), REPLACEMENT)
    | {0x2028: "\N{SYMBOL FOR NEWLINE}", 0x2029: "\N{PILCROW SIGN}"}
)
_KEPT_FORMATS = "\u200c\u200d"


def display_text(text: str, width: int | None = None) -> str:
    """Return `text` as one safe line of at most `width` terminal cells.

    A longer text is cut and ends in an ellipsis; without `width` nothing is cut. Takes time
    in proportion to `width`, not to the length of the text.
    """
    if text.isascii() and text.isprintable():
        if width is None or len(text) <= width:
            return text
        return text[: width - 1] + ELLIPSIS if width > 0 else ""
    if width is None:
        return _visible(text)
    if width <= 0:
        return ""
    window = 16 * width + 16
    shown = _visible(text[:window])
    if len(text) <= window and cell_len(shown) <= width:
        return shown
    return _cut(shown, width - 1) + ELLIPSIS


def display_block(text: str, limit: int = 4000) -> str:
    """Return `text` safe to draw, with its line breaks kept, cut after `limit` characters."""
    lines = text[:limit].replace("\r\n", "\n").replace("\t", "    ").split("\n")
    shown = "\n".join(display_text(line) for line in lines)
    return shown + ELLIPSIS if len(text) > limit else shown


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` (already safe) filled with spaces to `width` cells."""
    space = " " * max(0, width - cell_len(text))
    return space + text if right else text + space


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `number` with thousands separators and the noun in its number: `1,019 objects`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _visible(text: str) -> str:
    if not text.isprintable():
        text = "".join(map(_visible_character, text))
    return _tame_combining(text)


def _visible_character(character: str) -> str:
    substitute = _VISIBLE.get(ord(character))
    if substitute is not None:
        return substitute
    if character.isprintable() or character in _KEPT_FORMATS:
        return character
    category = unicodedata.category(character)
    return " " if category == "Zs" else character if category == "Co" else REPLACEMENT


_COMBINING_RUN = re.compile(r"[^\x00-\u02ff]{2,}")
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_STRAY_JOINER = re.compile(f"(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![{_EMOJI}])")


def _tame_combining(text: str) -> str:
    """Keep at most a few marks on a character, and none without one to stand on.

    Between anything but emoji a joiner would make the text wider than it is measured.
    """
    text = _STRAY_JOINER.sub(REPLACEMENT, text)
    if text and unicodedata.combining(text[0]):
        text = "\N{DOTTED CIRCLE}" + text
    return _COMBINING_RUN.sub(_thin_out, text)


def _thin_out(run: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for character in run.group():
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me", "Cf") else 0
        if marks <= COMBINING_LIMIT:
            kept.append(character)
    return "".join(kept)


def _cut(text: str, width: int) -> str:
    """Return as many whole graphemes of `text` as fit into `width` cells."""
    spans, _ = split_graphemes(text)
    end = used = 0
    for _, stop, size in spans:
        if used + size > width:
            break
        end, used = stop, used + size
    return text[:end]
