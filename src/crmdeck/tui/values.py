"""The values of attributes as people read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def value_text(value: Any) -> str:
    """Return one side of a change as one line, not yet made safe."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        shown = ", ".join(_item(item) for item in value[:20])
        rest = len(value) - 20
        return (shown + (f" and {rest:,} more" if rest > 0 else "")) or "none"
    return str(value) if value != "" else "empty"


def _item(item: Any) -> str:
    if isinstance(item, Mapping):
        value, label = str(item.get("value", "")), str(item.get("label", ""))
        text = f"{value} ({label})" if label and label != value else value
        return text if item.get("active", True) else f"{text}, inactive"
    return str(item)
