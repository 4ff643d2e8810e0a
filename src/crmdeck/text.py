"""Text and numbers for one line of output: made safe, counted, rounded."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
COMBINING_LIMIT = 3

_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)}
_VISIBLE = (
    _CONTROL_PICTURES
    | {0x7F: "\N{SYMBOL FOR DELETE}"}
    # Some terminals obey these like an escape sequence.
    | dict.fromkeys(range(128, 160), REPLACEMENT)
    | {0x2028: "\N{SYMBOL FOR NEWLINE}", 0x2029: "\N{PILCROW SIGN}"}
)
# The two joiners, which words in Persian and Hindi and many emoji need.
_KEPT_FORMATS = "\u200c\u200d"


def split_url(text: str) -> SplitResult:
    """Return the parts of a URL from outside; all are empty if the text can't be one."""
    try:
        parts = urlsplit(text)
        # Read, because only that checks the port.
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def visible_text(text: str) -> str:
    """Return text from outside as one line that is safe to show in a terminal.

    Control characters, and marks that reorder or hide text, become visible signs. Nothing is cut.
    """
    if text.isascii() and text.isprintable():
        return text
    if not text.isprintable():
        text = "".join(map(_visible_character, text))
    return _tame_combining(text)


def nearest(name: str, known: Iterable[str], *, most: int = 3, likeness: float = 0.5) -> list[str]:
    """Return the entries of `known` that `name` may mean, best match first.

    `likeness` (0 to 1) is the minimum similarity.
    """
    # Imported late: only a mistake needs it, and each start of a command would pay for it.
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
"""Characters of a wrong value to show."""


def mistake_text(mistake: Mapping[str, Any], known: Iterable[str] = ()) -> str:
    """Return the fault that a validator found in a value, to end a sentence about its key.

    `mistake` is an error of pydantic: `type`, `msg`, `input`, `ctx`, `loc`. `known` are the valid
    keys at its place.
    """
    kind, context = str(mistake["type"]), mistake.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        near = nearest(str(mistake["loc"][-1]), known, most=1)
        return " ".join(
            ["is an unknown key.", did_you_mean(near)] if near else ["is an unknown key"]
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
    """Return a question with each of the names in quotes."""
    return "Did you mean " + " or ".join(f"'{name}'" for name in near) + "?"


def either(names: Sequence[str]) -> str:
    """Return names as "a, b or c"."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `number` with thousands separators and the noun: `1,019 objects`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def first_few(names: Sequence[str], most: int) -> str:
    """Return the first names, and the number of the others: `a, b, c and 2 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def percent_filled(rate: float) -> str:
    """Return a rate from 0 to 1 as a percentage. Only 0 gives `0%`, only 1 gives `100%`."""
    if 0 < rate < 1:
        rate = min(0.99, max(0.01, rate))
    return f"{rate:.0%}"


def ago(moment: datetime | None, now: datetime) -> str:
    """Return an age in words: `just now`, `5 min ago`, `3 h ago`, `12 days ago`, `never`.

    A moment in the future is `in 3 h`.
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
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _visible_character(character: str) -> str:
    substitute = _VISIBLE.get(ord(character))
    if substitute is not None:
        return substitute
    if character.isprintable() or character in _KEPT_FORMATS:
        return character
    category = unicodedata.category(character)
    return " " if category == "Zs" else character if category == "Co" else REPLACEMENT


# No character below U+0300 combines with the one before it.
_COMBINING_RUN = re.compile(r"[^\x00-\u02ff]{2,}")
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_STRAY_JOINER = re.compile(f"(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![{_EMOJI}])")


def _tame_combining(text: str) -> str:
    """Keep at most a few marks on a character, and none without a character.

    Between characters other than emoji, a joiner would make the text wider than measured.
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
