"""TOML that somebody else may have written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

_TABLE = re.compile(r"""\s*(?P<open>\[\[?)\s*(?P<names>[\w\s."'-]+?)\s*\]\]?\s*(?:#.*)?$""")
_KEY = re.compile(r"""\s*["']?(?P<name>[\w-]+)["']?\s*[=.]""")


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table that `text` holds.

    Raises tomllib.TOMLDecodeError, also where tables or lists are nested deeper than Python goes.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("it is nested too deep") from None


def line_of(text: str, place: Sequence[str | int]) -> int | None:
    """Return the line, from 1, on which a key of `text` stands; None where none of it does.

    `place` leads to the key through names, and numbers from 0 for the tables of a list. Of a key
    that is missing it is the line of the table in which it is.
    """
    wanted = tuple(place)
    here: tuple[str | int, ...] = ()
    counted: dict[tuple[str | int, ...], int] = {}
    line, reached = None, 0
    for number, written in enumerate(text.splitlines(), 1):
        if table := _TABLE.match(written):
            here = tuple(name.strip(" \"'") for name in table["names"].split("."))
            if table["open"] == "[[":
                counted[here] = counted.get(here, -1) + 1
                here = (*here, counted[here])
            found = here
        elif key := _KEY.match(written):
            found = (*here, key["name"])
        else:
            continue
        shared = min(len(found), len(wanted))
        if reached < shared and wanted[:shared] == found[:shared]:
            line, reached = number, shared
    return line
