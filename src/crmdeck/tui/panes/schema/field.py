"""One field in full: its facts, and its picklist values as a table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from textual.app import ComposeResult
from textual.widget import Widget

from crmdeck.model import PicklistValue
from crmdeck.tui.host import Host
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest
from crmdeck.tui.panes.place import NO_BRIEF
from crmdeck.tui.panes.schema.cells import past_banner, warning
from crmdeck.tui.panes.schema.detail import field_facts
from crmdeck.tui.panes.schema.fields import copies_of_fields
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.panes.schema.place import Facts, Heading, SchemaPlace
from crmdeck.tui.panes.schema.rows import FieldLine
from crmdeck.tui.panes.schema.view_state import Address
from crmdeck.tui.panes.usage import FieldPlace
from crmdeck.tui.widgets.panel import Parts
from crmdeck.tui.widgets.table import Column, Table
from crmdeck.tui.widgets.table.columns import some
from crmdeck.tui.widgets.text_view import Draw, TextView

Value = tuple[int, PicklistValue]
"""The row of a picklist value, with its position."""


def one_field(host: Host, schema: SchemaLoader, address: Address) -> SchemaPlace[Value]:
    """Return the place of one field, whose list are its picklist values."""
    key = address.object_type, address.field_name

    def line() -> FieldLine | None:
        return schema.find_field(*key)

    def facts() -> Facts | None:
        row, data, found = line(), schema.data, schema.inspected_field(*key)
        if row is None or data is None or found is None:
            return None
        place = FieldPlace(data.ref, *key)
        draw = partial(
            field_facts,
            row,
            data,
            found,
            schema.fullness(row.row.object_type),
            schema.usages.of(place),
            schema.nearest(*key),
            schema.impact(place),
        )
        return Facts(draw, found.picklist, (data.ref, key, data.overview.at))

    def enter() -> None:
        schema.inspect(address.object_type)
        schema.look_near(address.object_type)

    def heading() -> Heading:
        to_map = schema.fields.to_map.get(address.object_type, ())
        is_wanted = schema.at is None and any(one.key == key for one in to_map)
        return (warning("required but not mapped") if is_wanted else "",)

    def exists() -> bool:
        # Until the fields are loaded, a field of a known object is taken to exist.
        return line() is not None if schema.has_fields else schema.has_object(address.object_type)

    return SchemaPlace(
        address=address,
        empty="No values.",
        can_mark=False,
        key=lambda row: row[0],
        rows=lambda: None,
        columns=lambda _: (VALUE_COLUMNS, ()),
        keys=dict,
        searched=lambda row: (row[1].value, row[1].label),
        banner=partial(past_banner, schema),
        heading=heading,
        brief=lambda _: NO_BRIEF,
        enter=enter,
        exists=exists,
        facts=facts,
        line=lambda _: line(),
        crm=lambda _: CrmPlace(host.connection_id or "", *key),
        copies=lambda _: copies_of_fields(host, schema, [one for one in (line(),) if one]),
        export=lambda _: ExportRequest("schema", only=frozenset({key}), at=schema.at),
        is_ready=lambda: schema.has_fields,
    )


VALUE_COLUMNS: tuple[Column[Value], ...] = (
    Column("value", "Value", lambda row: row[1].value, least=12, most=60),
    Column(
        "label",
        "Label",
        lambda row: row[1].label if row[1].label != row[1].value else "",
        style=lambda _: "muted",
        least=10,
        most=60,
        # If all labels equal their values, the values get the width of the labels.
        needed=some(lambda row: row[1].label != row[1].value),
    ),
    Column(
        "state",
        "",
        lambda row: " ".join(
            word
            for applies, word in ((row[1].default, "default"), (not row[1].active, "inactive"))
            if applies
        ),
        style=lambda row: "muted" if not row[1].active else "accent",
        most=16,
    ),
)

FEW = 6
"""Most values that need only a few lines."""


class FieldView(Parts):
    """Facts and values. The values are hidden if a field has none."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.facts = TextView(id="facts", classes="part")
        self.values: Table[tuple[int, PicklistValue]] = Table(
            VALUE_COLUMNS,
            gives=(("label", 10), ("value", 12)),
            key=lambda line: line[0],
            can_mark=False,
            empty="No values.",
            id="values",
            classes="part",
        )

    def compose(self) -> ComposeResult:
        yield self.facts
        yield self.values

    def show(self, facts: Draw, values: Sequence[PicklistValue], *, from_top: bool) -> None:
        """Show a field, scrolled to its start with `from_top`."""
        self.facts.show(facts, from_top=from_top)
        self.values.display = bool(values)
        self.set_class(bool(values), "-with-values")
        self.set_class(len(values) <= FEW, "-few")
        self.values.set_rows(tuple(enumerate(values)), cursor=0 if from_top else None)
        # It is as wide as its texts.
        self.values.refresh(layout=True)

    @property
    def target(self) -> Widget:
        """The widget that gets the keys: the values, if any."""
        return self.values if self.values.display else self.facts
