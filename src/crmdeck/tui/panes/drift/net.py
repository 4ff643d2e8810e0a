"""The net difference of a schema between two times, as rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from crmdeck.model import AttributeChange, Comparison, Side
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import attribute_word, value_text

SIDE_WORDS = {Side.LEFT: "removed", Side.RIGHT: "added", Side.BOTH: "changed"}
STYLES = {"removed": "error", "added": "ok"}


class NetLine(NamedTuple):
    """An attribute that changed; or a whole object or field that was added or removed."""

    where: str
    what: str
    change: AttributeChange | None = None


NET_COLUMNS: tuple[Column[NetLine], ...] = (
    Column("where", "Object and field", lambda line: line.where, least=32),
    Column(
        "what", "", lambda line: line.what, style=lambda line: STYLES.get(line.what, ""), width=10
    ),
    Column(
        "before",
        "Before",
        lambda line: value_text(line.change.before) if line.change is not None else "",
    ),
    Column(
        "after",
        "After",
        lambda line: value_text(line.change.after) if line.change is not None else "",
    ),
)


def net_lines(comparison: Comparison) -> Iterator[NetLine]:
    """Yield the differences by object; the fields of an added or removed object are one row."""
    for one in comparison.objects:
        if one.side is not Side.BOTH:
            yield NetLine(one.object_type, SIDE_WORDS[one.side])
            continue
        parts = [(one.object_type, Side.BOTH, one.changes)]
        parts += [(f"{one.object_type}.{f.field_name}", f.side, f.changes) for f in one.fields]
        for where, side, changes in parts:
            if side is not Side.BOTH:
                yield NetLine(where, SIDE_WORDS[side])
            for change in changes:
                yield NetLine(where, attribute_word(change.attribute), change)
