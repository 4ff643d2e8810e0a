"""Two schemas compared: the objects that differ, and what differs in one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import AttributeChange, Comparison, ObjectDifference, Side
from crmdeck.tui.filters import FilterKey, one_of, text_key
from crmdeck.tui.host import Host
from crmdeck.tui.panes.pane import ExportRequest, Only
from crmdeck.tui.panes.place import NO_BRIEF, Brief
from crmdeck.tui.panes.schema.cells import past_banner
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.panes.schema.place import Heading, SchemaPlace
from crmdeck.tui.panes.schema.view_state import DIFFERENCE, FIELD, Address, ComparedSides
from crmdeck.tui.text import count, display_block, display_text
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import LAST
from crmdeck.workspace import value_text

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

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
    change: AttributeChange | None

    @property
    def key(self) -> tuple[str, str, str]:
        attribute = self.change.attribute if self.change else ""
        return self.object_type, self.field_name, attribute


def compared_objects(
    host: Host, schema: SchemaLoader, address: Address
) -> SchemaPlace[ObjectDifference]:
    """Return the place of the objects that differ."""

    def heading() -> Heading:
        if (found := schema.comparison) is None:
            return ()
        differing = len(found.objects)
        return (f"{differing:,} of {count(differing + found.same, 'object')} differ",)

    def brief(row: ObjectDifference) -> Brief:
        text = object_brief(row)
        return Brief([row.object_type], draw=lambda _: text)

    def copies(rows: Sequence[ObjectDifference]) -> tuple[Copy, ...]:
        found = schema.comparison
        if found is None or not rows:
            return ()
        return host.workspace.copies.differences(found, [(row.object_type, None) for row in rows])

    return SchemaPlace(
        address=address,
        empty="No differences.",
        can_mark=False,
        key=lambda row: row.object_type,
        rows=lambda: schema.comparison.objects if schema.comparison is not None else None,
        columns=lambda _: (OBJECT_COLUMNS, (("label", 0), ("side", 0))),
        keys=lambda: OBJECT_KEYS,
        searched=lambda row: (row.object_type, row.label),
        heading=heading,
        brief=brief,
        open=lambda row: Address(DIFFERENCE, row.object_type),
        came_from=lambda left: left.object_type or None,
        exists=lambda: schema.state.sides is not None,
        banner=partial(banner_text, schema),
        copies=copies,
        export=lambda only: _export("comparison", schema.state.sides, only, "differences"),
        is_ready=lambda: schema.comparison is not None,
    )


def difference(host: Host, schema: SchemaLoader, address: Address) -> SchemaPlace[DifferenceLine]:
    """Return the place of what differs in one object."""
    object_type = address.object_type
    whole: Only = frozenset({object_type})

    def rows() -> Sequence[DifferenceLine] | None:
        found = schema.difference(object_type)
        if schema.comparison is None:
            return None
        return difference_lines(found) if found is not None else ()

    def brief(row: DifferenceLine) -> Brief:
        if schema.comparison is None:
            return NO_BRIEF
        text = line_brief(row, *side_names(schema.comparison))
        return Brief([row.field_name or row.object_type], draw=lambda _: text)

    def open_field(row: DifferenceLine) -> Address | None:
        known = schema.find_field(row.object_type, row.field_name)
        return Address(FIELD, row.object_type, row.field_name) if known else None

    def copies(rows: Sequence[DifferenceLine]) -> tuple[Copy, ...]:
        found = schema.comparison
        if found is None or not rows:
            return ()
        return host.workspace.copies.differences(found, [row.key[:2] for row in rows])

    return SchemaPlace(
        address=address,
        empty="No differences.",
        can_mark=False,
        key=lambda row: row.key,
        rows=rows,
        columns=lambda _: (LINE_COLUMNS, (("field", 19), ("left", 8), ("right", 8))),
        keys=lambda: LINE_KEYS,
        searched=lambda row: (row.field_name, row.label),
        brief=brief,
        open=open_field,
        exists=lambda: schema.comparison is None or schema.difference(object_type) is not None,
        banner=partial(banner_text, schema),
        change=lambda row: row.change,
        copies=copies,
        export=lambda only: _export(
            "differences", schema.state.sides, whole if only is None else only
        ),
        is_ready=lambda: schema.comparison is not None,
    )


def _export(
    what: str, sides: ComparedSides | None, only: Only | None, inner: str = ""
) -> ExportRequest | None:
    if sides is None:
        return None
    (_, at), (right, right_at) = sides
    return ExportRequest(what, only=only, at=at, right=right, right_at=right_at, inner=inner)


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
    Column("object", "Object", lambda one: one.object_type, least=16, most=48, spill=LAST),
    Column("label", "Label", lambda one: one.label, style=lambda _: "muted", least=12, most=50),
    Column(
        "side",
        "Where",
        lambda one: f"{SIDE_SIGNS[one.side]} {SIDE_WORDS[one.side]}",
        style=lambda one: SIDE_STATES[one.side],
        width=12,
    ),
    _number("left", "− left", Side.LEFT),
    _number("right", "+ right", Side.RIGHT),
    _number("differ", "≠ differ", Side.BOTH),
)

LINE_COLUMNS: tuple[Column[DifferenceLine], ...] = (
    Column("field", "Field", lambda line: line.field_name or "(object)", least=19, most=60),
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
    ),
    Column("left", "Left", lambda line: side_text(line, Side.LEFT), least=16),
    Column("right", "Right", lambda line: side_text(line, Side.RIGHT), least=16),
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


def banner_text(schema: SchemaLoader, width: int) -> str:
    """Return the names of both sides, in one line if they fit into `width` cells."""
    if (found := schema.comparison) is None:
        return past_banner(schema, width)
    left, right = side_names(found)
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
