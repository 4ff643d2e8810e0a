"""Values as the text of table cells."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from crmdeck.exports.jsontext import to_json
from crmdeck.model import format_utc


def cell_text(value: object) -> str:
    """Return `value` as text: None empty, bools in lower case, times in UTC, others as JSON."""
    # The order counts: a StrEnum is also a str, and a bool also an int.
    match value:
        case None:
            return ""
        case StrEnum():
            return value.value
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case datetime():
            return format_utc(value)
        case _:
            return to_json(value)
