"""JSON values as YAML in block style, in PyYAML's layout.

PyYAML builds a node for each value before it writes the first one, at four times the cost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from crmdeck.exports.jsontext import to_json

_PLAIN = re.compile(r"(?:[^\W\d]|[(/$])(?:[^:#]|:(?! |$)|(?<! )#)*(?<! )")
"""A printable text that needs no quotes: its start is never a number, a date or a sign of YAML."""

_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words, in lower case, that some readers of YAML don't read as text."""

_CONSTANTS = {None: "null", True: "true", False: "false"}

_UNREADABLE = re.compile("[\ufeff\ufffe\uffff]")
"""Characters that JSON allows and YAML doesn't."""

_SHORT_KEY = 128
"""Longer keys need a mark: YAML limits how far ahead a reader looks for the colon."""


def to_yaml(value: object) -> str:
    """Return a JSON value as YAML that is safe to print, with keys in their order.

    Raises TypeError for a type that JSON doesn't have.
    """
    if not _is_block(value):
        return _inline(value) + "\n"
    lines: list[str] = []
    _write(lines, value, "", "")
    return "\n".join(lines) + "\n"


def _is_block(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)


def _write(lines: list[str], value: object, before: str, indent: str) -> None:
    """Add the lines of a collection; `before` starts the first line, `indent` the others."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            name = _text(key)
            if len(name) > _SHORT_KEY:
                name = f"? {name}\n{indent}"
            if not _is_block(each):
                lines.append(f"{before}{name}: {_inline(each)}")
            else:
                lines.append(f"{before}{name}:")
                # PyYAML does not indent lists either.
                inner = indent + "  " if isinstance(each, Mapping) else indent
                _write(lines, each, inner, inner)
            before = indent
    elif isinstance(value, Sequence):
        for each in value:
            if _is_block(each):
                _write(lines, each, before + "- ", indent + "  ")
            else:
                lines.append(f"{before}- {_inline(each)}")
            before = indent


def _inline(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None or value is True or value is False:  # Most of all values.
        return _CONSTANTS[value]
    if isinstance(value, float):
        text = to_json(value)
        # YAML 1.1 needs a point before an exponent.
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    return to_json(value)


def _text(text: str) -> str:
    if not text.isprintable():
        return _UNREADABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", to_json(text))
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return "'" + text.replace("'", "''") + "'"
