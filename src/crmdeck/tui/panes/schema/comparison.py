"""Two schemas compared, as rows. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import Change, Comparison, ObjectDifference, Side
from crmdeck.tui.filters import FilterKey, one_of, text_key
from crmdeck.tui.text import count, display_block, display_text
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import value_text

SIDE_SIGNS = {Side.LEFT: "−", Side.RIGHT: "+", Side.BOTH: "≠"}
SIDE_WORDS = {Side.LEFT: "left only", Side.RIGHT: "right only", Side.BOTH: "differs"}
SIDE_STATES = {Side.LEFT: "error", Side.RIGHT: "ok", Side.BOTH: "warn"}
LONGEST_SIDE = 2000


class DifferenceLine(NamedTuple):
    """One attribute in which a field differs, or the object itself (without a field name)."""

    object_type: str
    field_name: str
    label: str
    side: Side
    change: Change | None

    @property
    def key(self) -> tuple[str, str, str]:
        attribute = self.change.attribute if self.change else ""
        return self.object_type, self.field_name, attribute


def difference_lines(difference: ObjectDifference) -> tuple[DifferenceLine, ...]:
    """Return a row for each attribute that differs, and each field on only one side."""
    name = difference.object_type
    itself = (
        DifferenceLine(name, "", difference.label, Side.BOTH, change)
        for change in difference.changes
    )
    fields = (
        DifferenceLine(name, field.field_name, field.label, field.side, change)
        for field in difference.fields
        for change in field.changes or (None,)
    )
    return (*itself, *fields)


def _number_on(one: ObjectDifference, side: Side) -> int:
    return sum(field.side is side for field in one.fields)


def _number(id_: str, title: str, side: Side) -> Column[ObjectDifference]:
    def text(one: ObjectDifference) -> str:
        if one.side is side is not Side.BOTH:
            return f"all {one.field_count:,}"
        number = _number_on(one, side)
        itself = "itself" if side is Side.BOTH and one.changes else ""
        return f"{number:,}" if number else itself

    return Column(
        id_,
        title,
        text,
        style=lambda _: SIDE_STATES[side],
        width=8,
        align="right",
        sort_key=lambda one: -_number_on(one, side),
        searched=False,
    )


OBJECT_COLUMNS: tuple[Column[ObjectDifference], ...] = (
    Column("object", "Object", lambda one: one.object_type, min_width=16, weight=2),
    Column(
        "label",
        "Label",
        lambda one: one.label,
        style=lambda _: "muted",
        min_width=12,
        weight=1,
        hide_below=90,
    ),
    Column(
        "side",
        "Where",
        lambda one: f"{SIDE_SIGNS[one.side]} {SIDE_WORDS[one.side]}",
        style=lambda one: SIDE_STATES[one.side],
        width=12,
        hide_below=74,
    ),
    _number("left", "− left", Side.LEFT),
    _number("right", "+ right", Side.RIGHT),
    _number("differ", "≠ differ", Side.BOTH),
)

LINE_COLUMNS: tuple[Column[DifferenceLine], ...] = (
    Column("field", "Field", lambda line: line.field_name or "(object)", min_width=19, weight=2),
    Column(
        "attribute",
        "Attribute",
        lambda line: (
            line.change.attribute
            if line.change
            else f"{SIDE_SIGNS[line.side]} {SIDE_WORDS[line.side]}"
        ),
        style=lambda line: "" if line.change else SIDE_STATES[line.side],
        width=12,
        shrink_to=11,
    ),
    Column("left", "Left", lambda line: side_text(line, Side.LEFT), min_width=8, weight=2),
    Column("right", "Right", lambda line: side_text(line, Side.RIGHT), min_width=8, weight=2),
)

_SIDE: FilterKey[Any] = FilterKey(
    lambda one, wanted: (
        SIDE_WORDS[one.side].startswith(wanted) or one.side.value.startswith(wanted)
    ),
    lambda one: (SIDE_WORDS[one.side],),
)

OBJECT_KEYS: dict[str, FilterKey[ObjectDifference]] = {
    "object": text_key(lambda one: one.object_type),
    "side": _SIDE,
    "what": FilterKey(
        lambda one, wanted: any(
            one_of(change.attribute, wanted) for field in one.fields for change in field.changes
        ),
        lambda one: (change.attribute for field in one.fields for change in field.changes),
    ),
}

LINE_KEYS: dict[str, FilterKey[DifferenceLine]] = {
    "side": _SIDE,
    "what": text_key(lambda line: line.change.attribute if line.change else None),
}


def side_text(line: DifferenceLine, side: Side) -> str:
    """Return the value on one side of a row."""
    if line.change is None:
        return "exists" if line.side is side else "—"
    return value_text(line.change.before if side is Side.LEFT else line.change.after)


def side_name(name: str, at: datetime | None) -> str:
    return f"{name} {at:%Y-%m-%d %H:%M}" if at else f"{name} today"


def side_names(comparison: Comparison) -> tuple[str, str]:
    return (
        side_name(display_text(comparison.left, 30), comparison.left_at),
        side_name(display_text(comparison.right, 30), comparison.right_at),
    )


def banner_text(comparison: Comparison, width: int) -> str:
    """Return the names of both sides, in one line if they fit into `width` cells."""
    left, right = side_names(comparison)
    left, right = f"{SIDE_SIGNS[Side.LEFT]} left {left}", f"{SIDE_SIGNS[Side.RIGHT]} right {right}"
    apart = "   " if cell_len(left + right) + 3 <= width else "\n"
    return f"{left}{apart}{right}"


def object_brief(difference: ObjectDifference) -> Content:
    """Return the fields of an object that differs, by kind of difference."""
    numbers, lines = [], []
    for side in (Side.LEFT, Side.RIGHT, Side.BOTH):
        names = [field.field_name for field in difference.fields if field.side is side]
        if names:
            differ = "differs" if len(names) == 1 else "differ"
            numbers.append(f"{len(names):,} {differ if side is Side.BOTH else SIDE_WORDS[side]}")
            # Enter lists them all.
            sign = (f"{SIDE_SIGNS[side]} {SIDE_WORDS[side]:<10}  ", "$muted")
            lines.append(Content.assemble(sign, display_text(", ".join(names[:40]), 400)))
    if difference.changes:
        numbers.append("object itself")
    if difference.side is Side.BOTH:
        summary = ", ".join(numbers)
    else:
        summary = f"{SIDE_WORDS[difference.side]}, {count(difference.field_count, 'field')}"
    name = (display_text(difference.object_type, 80) + "  ", "bold")
    title = Content.assemble(name, (summary, "$muted"))
    return Content("\n").join([title, *lines])


def line_brief(line: DifferenceLine, left: str, right: str) -> Content:
    """Return one difference in full: both sides, one below the other."""
    name = f"{line.object_type}.{line.field_name}" if line.field_name else line.object_type
    what = line.change.attribute if line.change else SIDE_WORDS[line.side]
    return Content("\n").join(
        [
            Content.assemble(
                (display_text(line.label or name, 80) + "  ", "bold"),
                (display_text(f"{name}  {what}", 160), "$muted"),
            ),
            *(
                Content.assemble(
                    (f"{display_text(title, 30)}  ", "$muted"),
                    display_block(side_text(line, side), LONGEST_SIDE),
                )
                for title, side in ((left, Side.LEFT), (right, Side.RIGHT))
            ),
        ]
    )
