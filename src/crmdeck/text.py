"""Text and figures as a line of text says them: made harmless, counted, rounded."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

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


_SHOULD_BE = {
    "bool": "true or false",
    "date": "a day, such as 2027-01-31",
    "dict": "a table",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "a table",
    "string": "text, in quotes",
    "tuple": "a list",
}
_BOUNDS = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
}
_GIVEN = 60
"""Characters of a wrong value that are told."""


def mistake_text(mistake: Mapping[str, Any], known: Iterable[str] = ()) -> str:
    """Return what a validator found wrong with a value, as the end of a sentence about its key.

    `mistake` is one of the errors of pydantic: `type`, `msg`, `input`, `ctx`, `loc`; `known` are
    the keys that there are in its place.
    """
    kind, context = str(mistake["type"]), mistake.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        near = nearest(str(mistake["loc"][-1]), known, most=1)
        return " ".join(
            ["is not known here.", did_you_mean(near)] if near else ["is not known here"]
        )
    if kind == "value_error":
        return str(mistake["msg"]).removeprefix("Value error, ")
    if kind in _BOUNDS:
        wanted = _BOUNDS[kind].format(**context)
    elif kind in ("enum", "literal_error"):
        wanted = context["expected"]
    elif kind.partition("_")[0] in _SHOULD_BE and "pattern" not in kind:
        wanted = _SHOULD_BE[kind.partition("_")[0]]
    else:
        said = str(mistake["msg"])
        return said[:1].lower() + said[1:]
    given = json.dumps(mistake.get("input"), default=str, ensure_ascii=False)[:_GIVEN]
    return f"should be {wanted}, not {given}"


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
