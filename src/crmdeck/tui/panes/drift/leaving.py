"""The ways out of the pane: to the mapping editor, to the schema, to a long list of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmdeck.model import Decision
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.values import Values
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import Entry, ValueChange, place_of

if TYPE_CHECKING:
    from crmdeck.tui.panes.drift.board import Board

_STATES = {"removed": "error", "added": "ok", "changed": "warn"}
VALUE_COLUMNS: tuple[Column[ValueChange], ...] = (
    Column("how", "", lambda value: value.how, style=lambda value: _STATES[value.how], width=7),
    Column("value", "Value", lambda value: value.value, weight=3),
    Column("detail", "", lambda value: value.detail, style=lambda _: "muted", weight=2),
)


def ask_and_repair(pane: Board, mappings: Sequence[Decision]) -> None:
    """Go to the mapping that is broken; ask which where there are several."""

    def go(decision: Decision | None) -> None:
        if decision is not None:
            place = {
                "connection": decision.connection_id,
                "pair": decision.object_pair,
                "field": decision.partner_field,
                "repair": True,
            }
            pane.post_message(pane.GoTo("mapping", place))

    if len(mappings) == 1:
        go(mappings[0])
        return
    choices = [
        Choice(decision, decision.partner_field, f"{decision.object_pair} → {decision.crm_field}")
        for decision in mappings
    ]
    pane.app.push_screen(Choose("Repair which mapping?", choices), go)


def go_to_schema(pane: Board, item: Entry) -> None:
    """Show the field, or the object, in the Schema pane."""
    event = item.event
    place = {"connection": event.connection_id, "object": event.object_type}
    if event.field_name is not None:
        place["field"] = event.field_name
    pane.post_message(pane.GoTo("schema", place))


def show_values(pane: Board, item: Entry) -> None:
    """List every picklist value that changed, to be searched."""
    title = f"{place_of(item.event)}: {count(len(item.values), 'value')}"
    pane.app.push_screen(Values(title, item.values, VALUE_COLUMNS))
