"""The schema pane: objects, their fields, one field in full; now, in the past, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on

from crmdeck.tui.actions import Actions
from crmdeck.tui.panes.pane import ExportRequest
from crmdeck.tui.panes.sampling import InView
from crmdeck.tui.panes.schema.exporting import exported
from crmdeck.tui.panes.schema.keys import SCHEMA_ACTIONS
from crmdeck.tui.panes.schema.places import (
    ALL,
    COMPARED,
    COMPARISON,
    DIFFERENCE,
    FIELD,
    FIELDS,
    OBJECTS,
    TABLES,
    Place,
    from_state,
    moment_of,
    sides_from_state,
    sides_to_state,
    to_state,
    without_comparison,
)
from crmdeck.tui.panes.schema.showing import Showing
from crmdeck.tui.widgets.table import Sort, Table


class SchemaPane(Showing):
    """Where one is, is a trail of places; keys lead in and back out."""

    SCOPE = "schema"
    ACTIONS: ClassVar[Actions] = SCHEMA_ACTIONS

    # Ways

    def go(self, *places: Place) -> None:
        """Go in to `places`; where one was is where one comes back to."""
        self.trail = (*self._kept_trail(), *places)
        self._arrive()

    def action_up(self) -> None:
        """Go back up; from the top, leave the past."""
        if len(self.trail) > 1:
            left = self.place
            self.trail = self.trail[:-1]
            # A table that was not filled before begins where one comes from.
            if self.place.kind in (FIELDS, ALL):
                self.wanted = tuple(left[1:3])
            elif self.place.kind in (OBJECTS, COMPARISON):
                self.wanted = left.object_type or None
            self._arrive()
        elif self.at is not None:
            self.action_now()

    def action_leave(self) -> None:
        """Go back up."""
        self.action_up()

    def action_out(self) -> None:
        """Go back up, and leave the filter of the place as it is."""
        self.action_up()

    def action_all(self) -> None:
        """Search all fields, or go back to the objects."""
        if self.place.kind == ALL:
            self.action_up()
        else:
            self.trail = (self._kept_trail()[0], Place(ALL))
            self._arrive()

    def action_other(self) -> None:
        """Go between the facts and the values of a field."""
        view = self.field_view
        (view.facts if view.values.has_focus else view.values).focus()

    def action_mapping(self) -> None:
        """Open the mapping of the field."""
        place = self.mapping_place()
        if place is not None:
            self.post_message(self.GoTo("mapping", place))

    def mapping_place(self) -> dict[str, str] | None:
        """Return where the mapping of the field under the cursor is; None where it has none."""
        line = self.line
        found = self.data.overview.mapped.get(line.key) if self.data and line else None
        return {"pair": found[0].object_pair, "field": found[0].partner_field} if found else None

    # Samples

    def fields_in_view(self) -> InView | None:
        """Return the fields of an object that are on the screen, or the one that shows in full."""
        ref, kind, line = self.connection_id, self.place.kind, self.line
        if ref is None or self.at is not None or line is None:
            return None
        if kind != FIELDS:
            return InView(ref, line.row.object_type, (line.row.name,))
        names = tuple(one.row.name for one in self.table.in_view())
        return InView(ref, line.row.object_type, names)

    def show_samples(self) -> None:
        """Show what fields hold, and how full they are."""
        self.fill()

    @on(Table.Selected)
    def _selected(self, message: Table.Selected) -> None:
        row, kind = message.row, self.place.kind
        if kind == OBJECTS:
            self.go(Place(FIELDS, row.key))
        elif kind in (FIELDS, ALL):
            self.go(Place(FIELD, *row.key))
        elif kind == COMPARISON:
            self.go(Place(DIFFERENCE, row.object_type))
        elif kind == DIFFERENCE and self.find_field(row.object_type, row.field_name) is not None:
            self.go(Place(FIELD, row.object_type, row.field_name))

    def _kept_trail(self) -> tuple[Place, ...]:
        return (*self.trail[:-1], self.place._replace(filter=self.filter_text))

    def _arrive(self) -> None:
        self.replace_filter(self.place.filter)
        self.present()

    # The contract of a pane

    def copy_text(self) -> str:
        """Return the API names of the marked fields, or of what is under the cursor."""
        kind = self.place.kind
        if kind == FIELD:
            return f"{self.place.object_type}.{self.place.field_name}"
        chosen = self.table.chosen()
        if kind in (FIELDS, ALL):
            return "\n".join(line.path for line in chosen)
        if kind == DIFFERENCE:
            return "\n".join(".".join(filter(None, line.key[:2])) for line in chosen)
        return "\n".join(str(self.table.key_of(row)) for row in chosen)

    def can_export(self) -> bool:
        """Return whether there is anything, without looking at every line."""
        if self.place.kind in COMPARED:
            return self.comparison is not None
        return self.data is not None and (self.place.kind == OBJECTS or self.has_fields)

    def export_request(self) -> ExportRequest | None:
        """Export what passes the filter, as of the moment that shows."""
        return exported(self) if self.can_export() else None

    def state(self) -> dict[str, Any]:
        """Keep the trail, the moment, both sides, the line under the cursor, and the sorts."""
        sorts = {
            kind: [sort.column_id, sort.descending]
            for kind in TABLES
            if (sort := self.query_one(f"#{kind}", Table).sort) is not None
        }
        cursor = self.table.cursor_key
        return {
            "connection": self.connection_id,
            "trail": to_state(self._kept_trail()),
            "at": self.at.isoformat() if self.at is not None else None,
            "sides": sides_to_state(self.sides),
            "cursor": list(cursor) if isinstance(cursor, tuple) else cursor,
            "sorts": sorts,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a trail, or go to the `object` and `field` that another pane names."""
        trail = from_state(state)
        self.sides = sides_from_state(state.get("sides"))
        self.comparison = None
        if trail is not None:
            self.trail = trail if self.sides is not None else without_comparison(trail)
        if "object" in state:
            self.at = None
            self._arrive()
            return
        cursor = state.get("cursor")
        self.wanted = tuple(map(str, cursor)) if isinstance(cursor, list) else cursor
        self.at = moment_of(state.get("at"))
        self.restored_for = state.get("connection")
        sorts = state.get("sorts")
        for kind, sort in sorts.items() if isinstance(sorts, dict) else ():
            match sort:
                case [str(column_id), bool(descending)] if kind in TABLES:
                    self.query_one(f"#{kind}", Table).set_sort(Sort(column_id, descending))
        self.present()
