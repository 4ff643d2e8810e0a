"""YAML in block style, laid out as PyYAML does, of what JSON can hold.

PyYAML makes a node of each value before it writes the first: four times the work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from crmdeck.exports.jsontext import to_json

_PLAIN = re.compile(r"(?:[^\W\d]|[(/$])(?:[^:#]|:(?! |$)|(?<! )#)*(?<! )")
"""A printable text that needs no quotes, unless it is a word. It begins so that it is no number and
no date to any reader, and no mark of YAML."""

_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What some reader of YAML takes for something else than a text, in lower case."""

_CONSTANTS = {None: "null", True: "true", False: "false"}

_UNREADABLE = re.compile("[\ufeff\ufffe\uffff]")
"""What JSON may hold as itself and YAML may not."""

_SHORT_KEY = 128
"""Longer keys are marked as keys: a reader need not look further ahead for the colon."""


def to_yaml(value: object) -> str:
    """Return what JSON can hold as YAML that is safe to print, keys in their order.

    Raises TypeError for what JSON can't hold.
    """
    if not _is_block(value):
        return _inline(value) + "\n"
    lines: list[str] = []
    _write(lines, value, "", "")
    return "\n".join(lines) + "\n"


def _is_block(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)


def _write(lines: list[str], value: object, before: str, indent: str) -> None:
    """Add the lines of a collection: `before` begins the first one, `indent` the others."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            name = _text(key)
            if len(name) > _SHORT_KEY:
                name = f"? {name}\n{indent}"
            if not _is_block(each):
                lines.append(f"{before}{name}: {_inline(each)}")
            else:
                lines.append(f"{before}{name}:")
                # The marks of a list stand out enough without an indent.
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
        # YAML 1.1 knows no exponent without a point.
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    return to_json(value)


def _text(text: str) -> str:
    if not text.isprintable():
        return _UNREADABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", to_json(text))
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return "'" + text.replace("'", "''") + "'"
