"""Text and figures as a line of text says them: made harmless, counted, rounded."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

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


def visible_text(text: str) -> str:
    """Return text from outside as one line that a terminal only shows.

    Control characters and the marks that reorder or hide text become visible signs; nothing is
    cut.
    """
    if text.isascii() and text.isprintable():
        return text
    if not text.isprintable():
        text = "".join(map(_visible_character, text))
    return _tame_combining(text)


def nearest(name: str, known: Iterable[str], *, most: int = 3, likeness: float = 0.5) -> list[str]:
    """Return which of `known` may be meant by `name`, the likeliest first.

    They are alike by `likeness` (0 to 1) at least.
    """
    import difflib

    folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold(), list(folded), n=most, cutoff=likeness)
    return [folded[match] for match in found]


def did_you_mean(near: Iterable[str]) -> str:
    """Return the question, with each of the names in quotes."""
    return "Did you mean " + " or ".join(f"'{name}'" for name in near) + "?"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `number` with thousands separators and the noun in its number: `1,019 objects`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def unseen_text(total: int, breaking: int) -> str:
    """Return how many changes were not seen, and how many of them are breaking: `29 ✕6`."""
    return " ".join(
        filter(None, (f"{total:,}" if total else "", f"✕{breaking:,}" * bool(breaking)))
    )


def percent_filled(rate: float) -> str:
    """Return a rate from 0 to 1 as a percentage; `0%` is none at all and `100%` is all."""
    if 0 < rate < 1:
        rate = min(0.99, max(0.01, rate))
    return f"{rate:.0%}"


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago `moment` was: `just now`, `5 min ago`, `3 h ago`, `12 d ago`, `never`.

    One that is ahead is `in 3 h`.
    """
    if moment is None:
        return "never"
    passed = now - moment
    if passed < timedelta(0):
        return f"in {_span(-passed)}"
    return "just now" if passed < timedelta(minutes=1) else f"{_span(passed)} ago"


def _span(passed: timedelta) -> str:
    minutes = int(passed.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


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
