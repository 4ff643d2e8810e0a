"""Names for new fields: valid in the CRM and not in use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def name_words(*texts: str) -> list[str]:
    """Return the words of the first text that has ASCII letters, without accents."""
    for text in texts:
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        words = [word for word in _BREAK.split(plain) if word]
        if any(char.isalpha() for word in words for char in word):
            return words
    return []


def free_name(stem: str, taken: Collection[str], longest: int) -> str:
    """Return `stem`, cut to `longest` characters, with a number if it is in use.

    `taken` has names in lower case: CRMs compare names without case.
    """
    name, number = stem[:longest].rstrip("_"), 1
    while name.lower() in taken:
        number += 1
        name = f"{stem[: longest - len(f'_{number}')].rstrip('_')}_{number}"
    return name


def one_line(text: str, longest: int) -> str:
    """Return a text on one line without control characters, cut to `longest` characters."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:longest].strip()
