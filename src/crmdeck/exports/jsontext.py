"""JSON that is safe to print: no control character stands in it as itself."""

from __future__ import annotations

import json
import re
from datetime import datetime
from enum import Enum

from crmdeck.model import WireModel, format_utc

# JSON escapes C0 already. DEL and C1 steer terminals as well, the line separators end lines,
# the bidirectional controls reorder what is read, and lone surrogates can't be encoded.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return `value` as JSON text; records, times and enums in their wire form.

    NaN and infinities, which JSON does not know, become null. Raises TypeError for what JSON
    can't hold.
    """
    try:
        text = _dump(value, indent)
    except ValueError:
        finite = json.loads(json.dumps(value, default=_wire_value), parse_constant=lambda _: None)
        text = _dump(finite, indent)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _dump(value: object, indent: int | None) -> str:
    return json.dumps(
        value,
        ensure_ascii=False,
        allow_nan=False,
        indent=indent,
        separators=(",", ":") if indent is None else None,
        default=_wire_value,
    )


def _wire_value(value: object) -> object:
    if isinstance(value, WireModel):
        return value.to_wire()
    if isinstance(value, datetime):
        return format_utc(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no JSON form")
