"""JSON that is safe to print: every control character is escaped."""

from __future__ import annotations

import json
import re
from datetime import datetime
from enum import Enum

from crmdeck.model import WireModel, format_utc

# JSON escapes C0 already. DEL and C1 control terminals too, line separators end lines,
# bidirectional controls reorder text, and lone surrogates can't be encoded.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return `value` as JSON, with records, times and enums in their wire form.

    NaN and infinities become null. Raises TypeError for any other type that JSON doesn't have.
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
