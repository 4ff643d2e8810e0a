"""Small wordings that reasons and titles share."""

from __future__ import annotations

from collections.abc import Sequence

from crmdeck.errors import one_line

_SHOWN = 3
_WIDTH = 60


def short(text: str) -> str:
    """Return text from a CRM as part of one line: no control characters, 60 at most."""
    line = text if text.isprintable() else one_line(text)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def few(names: Sequence[str]) -> str:
    """Return the first three names, and how many more there are."""
    shown = ", ".join(f"“{short(name)}”" for name in names[:_SHOWN])
    rest = len(names) - _SHOWN
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 object`, `361 objects`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
