"""What `e` exports from the schema pane: the visible rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from crmdeck.tui.panes.pane import ExportPart, ExportRequest
from crmdeck.tui.panes.schema.rows import Everywhere, FieldLine
from crmdeck.tui.panes.schema.view_state import ALL, COMPARISON, FIELD, OBJECTS, Place, Sides
from crmdeck.tui.widgets.table import Table


def schema_export(
    place: Place, table: Table[Any], at: datetime | None, *, filtered: bool
) -> ExportRequest:
    """Return the request for a place as of `at`; `filtered` exports only the matching rows."""
    if place.kind == OBJECTS:
        only = shown_names(table) if filtered else None
        return ExportRequest("objects", only=only, at=at, inner="schema")
    if place.kind == FIELD:
        field = frozenset({(place.object_type, place.field_name)})
        return ExportRequest("schema", only=field, at=at)
    if filtered:
        return ExportRequest("schema", only=frozenset(one.key for one in table.shown()), at=at)
    whole = None if place.kind == ALL else frozenset({place.object_type})
    return ExportRequest("schema", only=whole, at=at)


def everywhere_export(
    everywhere: Everywhere, table: Table[Any], *, filtered: bool
) -> ExportRequest:
    """Return the request for the fields of all connections, one file per connection."""
    # Without a filter the connections are exported whole, which needs no names of fields.
    lines: Sequence[FieldLine] = table.shown() if filtered else everywhere.lines
    names = {line.ref: line.connection for line in lines}
    shown: dict[str, set[tuple[str, ...]]] = {ref: set() for ref in names}
    for line in lines if filtered else ():
        shown[line.ref].add(line.key)
    return ExportRequest(
        "schema",
        parts={
            ref: ExportPart(name, frozenset(shown[ref]) if filtered else None)
            for ref, name in names.items()
        },
    )


def comparison_export(
    place: Place, table: Table[Any], sides: Sides, *, filtered: bool
) -> ExportRequest:
    """Return the request for a comparison, or for the differences of one object."""
    (_, at), (right, right_at) = sides
    if place.kind == COMPARISON:
        return ExportRequest(
            "comparison",
            only=shown_names(table) if filtered else None,
            at=at,
            right=right,
            right_at=right_at,
            inner="differences",
        )
    shown = frozenset(line.key for line in table.shown())
    only = shown if filtered else frozenset({place.object_type})
    return ExportRequest("differences", only=only, at=at, right=right, right_at=right_at)


def shown_names(table: Table[Any]) -> frozenset[str]:
    return frozenset(str(table.key_of(row)) for row in table.shown())
