"""TOML that somebody else may have written."""

from __future__ import annotations

import tomllib
from typing import Any


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table that `text` holds.

    Raises tomllib.TOMLDecodeError, also where tables or lists are nested deeper than Python goes.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("it is nested too deep") from None
