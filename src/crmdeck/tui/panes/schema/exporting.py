"""What `e` exports of the schema pane: what is on the screen, filtered as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.tui.panes.pane import ExportRequest
from crmdeck.tui.panes.schema.places import ALL, COMPARED, COMPARISON, FIELD, OBJECTS

if TYPE_CHECKING:
    from crmdeck.tui.panes.schema.pane import SchemaPane


def exported(pane: SchemaPane) -> ExportRequest | None:
    """Return the request for the place that shows; only what passes the filter is part of it."""
    if pane.place.kind in COMPARED:
        return _comparison(pane)
    kind, data = pane.place.kind, pane.data
    at = data.overview.at if data is not None else None
    if kind == OBJECTS:
        return ExportRequest("objects", only=_names(pane), at=at, inner="schema")
    if kind == FIELD:
        field = frozenset({(pane.place.object_type, pane.place.field_name)})
        return ExportRequest("schema", only=field, at=at)
    if not pane.filter_text:
        whole = None if kind == ALL else frozenset({pane.place.object_type})
        return ExportRequest("schema", only=whole, at=at)
    return ExportRequest("schema", only=frozenset(one.key for one in pane.table.shown()), at=at)


def _comparison(pane: SchemaPane) -> ExportRequest | None:
    if pane.sides is None:
        return None
    (_, at), (right, right_at) = pane.sides
    if pane.place.kind == COMPARISON:
        return ExportRequest(
            "comparison",
            only=_names(pane),
            at=at,
            right=right,
            right_at=right_at,
            inner="differences",
        )
    shown = frozenset(line.key for line in pane.table.shown())
    only = shown if pane.filter_text else frozenset({pane.place.object_type})
    return ExportRequest("differences", only=only, at=at, right=right, right_at=right_at)


def _names(pane: SchemaPane) -> frozenset[str] | None:
    if not pane.filter_text:
        return None
    return frozenset(str(pane.table.key_of(row)) for row in pane.table.shown())
