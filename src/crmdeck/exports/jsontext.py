"""JSON that is safe to print: every control character is escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import Enum
from functools import partial

from crmdeck.model import WireModel, format_utc

# JSON escapes C0 already. DEL and C1 control terminals too, line separators end lines,
# bidirectional controls reorder text, and lone surrogates can't be encoded.
UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return `value` as JSON, with records, times and enums in their wire form.

    NaN and infinities become null. Raises TypeError for any other type that JSON doesn't have.
    """
    try:
        text = _dump(value, indent)
    # NaN is rare, so only a failed attempt looks for it: each value is read once otherwise.
    except ValueError:
        finite = json.loads(json.dumps(value, default=_wire_value), parse_constant=lambda _: None)
        text = _dump(finite, indent)
    return UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def json_pieces(value: object, text: Callable[[object], str]) -> Iterator[str]:
    """Yield JSON with an indent of two: an iterator as a list, one element at a time.

    The value can be an iterator, or an object with iterators, which are read in its order. `text`
    returns any other value as JSON with an indent of two.
    """
    if isinstance(value, Iterator):
        before = "[\n"
        for each in value:
            yield before + text([each])[2:-2]
            before = ",\n"
        yield "\n]" if before.startswith(",") else "[]"
    elif isinstance(value, dict) and any(isinstance(each, Iterator) for each in value.values()):
        before = "{\n  "
        for key, each in value.items():
            yield f"{before}{text(key)}: "
            for piece in json_pieces(each, text):
                yield piece.replace("\n", "\n  ")
            before = ",\n  "
        yield "\n}"
    else:
        yield text(value)


def stream_wire(data: object) -> Iterator[str]:
    """Yield JSON of a record, or of an iterable of records as a list."""
    if isinstance(data, Iterable) and not isinstance(data, WireModel | dict):
        data = iter(data)
    yield from json_pieces(data, partial(to_json, indent=2))
    yield "\n"


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
