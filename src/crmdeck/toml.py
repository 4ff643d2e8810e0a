"""TOML from outside."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

# tomllib keeps no line numbers: these find the tables and keys of a valid file again.
_TABLE = re.compile(r"""\s*(?P<open>\[\[?)\s*(?P<names>[\w\s."'-]+?)\s*\]\]?\s*(?:#.*)?$""")
_KEY = re.compile(r"""\s*["']?(?P<name>[\w-]+)["']?\s*[=.]""")


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table in `text`.

    Raises tomllib.TOMLDecodeError, also if tables or lists are nested too deep for Python.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("it is nested too deeply") from None


def line_of(text: str, place: Sequence[str | int]) -> int | None:
    """Return the line, from 1, of a key in `text`; None if no part of it exists.

    `place` leads to the key by names, and by numbers from 0 for the tables of a list. For a missing
    key, it is the line of the table that lacks it.
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
