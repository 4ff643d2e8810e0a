"""What the schema pane has read: the schema of a moment, one object in full, a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError, SchemaNotDiscoveredError
from crmdeck.model import Comparison, Field, FieldRow, ObjectDifference
from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.sampling import SamplingPane
from crmdeck.tui.panes.schema.data import FieldData, FieldLine, SchemaData, field_data, schema_data
from crmdeck.tui.panes.schema.places import (
    COMPARISON,
    DIFFERENCE,
    FIELD,
    HOME,
    OBJECTS,
    Place,
    Sides,
    is_inside,
)
from crmdeck.tui.requests import Job
from crmdeck.tui.samples import Fullness
from crmdeck.tui.text import display_text

if TYPE_CHECKING:
    from crmdeck.workspace import InspectedObject, Workspace

NO_FIELDS = FieldData("", None)


class Reading(SamplingPane):
    """Reads from the workspace and keeps what it read; `present` and `fill` show it."""

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.trail: tuple[Place, ...] = HOME
        self.at: datetime | None = None
        self.data: SchemaData | None = None
        self.sides: Sides | None = None
        self.comparison: Comparison | None = None
        self.restored_for: object = None
        self._fields = NO_FIELDS
        self._inspecting: tuple[SchemaData, str] | None = None
        self._inspected: tuple[InspectedObject, Mapping[str, Field]] | None = None
        self._rated: tuple[FieldLine, ...] = ()
        self._rated_from: tuple[tuple[FieldLine, ...], object] = ((), None)

    def present(self) -> None:
        """Show the place that the trail ends at."""
        raise NotImplementedError

    def fill(self) -> None:
        """Show what was read."""
        raise NotImplementedError

    @property
    def place(self) -> Place:
        """The place that shows."""
        return self.trail[-1]

    # The schema

    def show(self, connection_id: str | None) -> None:
        """Show a connection; another one is shown as it is now."""
        before = self.connection_id or self.restored_for
        if before not in (None, connection_id):
            self.at = None
            self.sides = self.comparison = None
        super().show(connection_id)

    def reload(self) -> None:
        """Read the schema; the fields come along where they show, else soon after."""
        ref, at = self.connection_id, self.at
        if ref is None:
            return
        workspace, whole = self.workspace, self.place.kind != OBJECTS

        def work(_: Job) -> tuple[SchemaData, FieldData]:
            with workspace.hold():
                data = schema_data(ref, workspace.schemas.overview(ref, at))
                return data, read_fields(workspace, data) if whole else NO_FIELDS

        self.load("schema", work, self._took, label="reading the schema", failed=self._failed)
        if self.sides is not None and any(place.kind == COMPARISON for place in self.trail):
            self._compare_again(self.sides)

    def _took(self, answer: tuple[SchemaData, FieldData]) -> None:
        self.show_error(None)
        self.data, fields = answer
        if fields is not NO_FIELDS:
            self._took_fields(fields)
            return
        self._prune()
        self.fill()
        self._read_fields(self.data)

    def _read_fields(self, data: SchemaData) -> None:
        workspace = self.workspace
        self.load(
            "fields",
            lambda _: read_fields(workspace, data),
            self._took_fields,
            label="reading the fields",
            cancellable=False,
        )

    def _took_fields(self, fields: FieldData) -> None:
        self._fields = fields
        self._prune()
        self.fill()

    def _failed(self, error: CrmdeckError) -> None:
        if self.at is not None and isinstance(error, SchemaNotDiscoveredError):
            self.at = None
            self.deck.say("The cache does not reach back to where you were; this is now.")
            self.reload()
            return
        if self.data is not None and self.data.ref != self.connection_id:
            self.data, self._fields = None, NO_FIELDS
            self.trail = HOME
            self.present()
        self.show_error(error)

    def _prune(self) -> None:
        """Leave the places that are not there any more."""
        kept = self.trail
        for depth, place in enumerate(self.trail):
            if not self._is_there(place):
                kept = self.trail[:depth]
                break
        if kept != self.trail:
            self.trail = kept or HOME
            self.present()

    def _is_there(self, place: Place) -> bool:
        if place.kind == COMPARISON:
            return self.sides is not None
        if place.kind == DIFFERENCE and self.comparison is not None:
            return self.difference(place.object_type) is not None
        if is_inside(place) and self.data is not None:
            known = self.data.object_line(place.object_type) is not None
            if place.kind == FIELD and self.has_fields:
                return self.find_field(place.object_type, place.field_name) is not None
            return known
        return True

    # The comparison

    def difference(self, object_type: str) -> ObjectDifference | None:
        """Return how an object type differs; None where it does not."""
        found = self.comparison.objects if self.comparison is not None else ()
        return next((one for one in found if one.object_type == object_type), None)

    def _compare_again(self, sides: Sides) -> None:
        """Read the comparison that the trail leads into, after a start or a refresh."""
        workspace = self.workspace

        def took(comparison: Comparison) -> None:
            if self.sides == sides:
                self.comparison = comparison
                self._prune()
                self.fill()

        def failed(error: CrmdeckError) -> None:
            if self.sides == sides:
                self.sides = self.comparison = None
                self._prune()
                self.not_compared(error)

        self.load(
            "compare",
            lambda _: read_comparison(workspace, sides),
            took,
            label="comparing",
            failed=failed,
        )

    def not_compared(self, error: CrmdeckError) -> None:
        """Say why two sides can't be compared."""
        # What to do next is about the other connection: the panel's keys are about this one.
        lines = filter(None, (error.message, error.remedy))
        self.deck.say("\n".join(lines), title="Cannot compare", severity="warning")

    # Fields

    @property
    def has_fields(self) -> bool:
        """Whether the fields are those of the objects that show."""
        data, fields = self.data, self._fields
        return data is not None and (fields.ref, fields.at) == (data.ref, data.overview.at)

    @property
    def fields(self) -> FieldData:
        """The fields that go with the objects; none while they are being read."""
        return self._fields if self.has_fields else NO_FIELDS

    def find_field(self, object_type: str, name: str) -> FieldLine | None:
        """Return the line of a field."""
        lines = self.fields.by_object.get(object_type, ())
        return next((line for line in lines if line.row.name == name), None)

    def inspect(self, object_type: str) -> None:
        """Read an object type with all that is known of its fields."""
        data = self.data
        if data is None or self._inspecting == (data, object_type):
            return
        self._inspecting = (data, object_type)
        workspace = self.workspace

        def work(_: Job) -> tuple[InspectedObject, Mapping[str, Field]]:
            found = workspace.schemas.inspect(data.ref, object_type, data.overview.at)
            return found, {field.name: field for field in found.detail.fields}

        self.load(
            "object",
            work,
            partial(self._took_object, data),
            label=f"reading {display_text(object_type, 40)}",
            cancellable=False,
        )

    def inspected_field(self, object_type: str, name: str) -> Field | None:
        """Return a field in full where its object type has been read."""
        found = self._inspected
        known = found is not None and found[0].detail.object_type == object_type
        return found[1].get(name) if found is not None and known else None

    def fullness(self, object_type: str) -> Fullness:
        """Return how full the fields of an object type are, as far as that has been read."""
        found = self._inspected[0] if self._inspected is not None else None
        known = found is not None and found.detail.object_type == object_type
        cached = found.rates if found is not None and known else {}
        return self.samples.fullness((self.connection_id or "", object_type), cached)

    def rated_lines(self, object_type: str) -> tuple[FieldLine, ...]:
        """Return the fields of an object type with their fill rates; the same until they change."""
        lines = self.fields.by_object.get(object_type, ())
        rates = self.fullness(object_type).rates
        if self._rated_from[0] is not lines or self._rated_from[1] != rates:
            self._rated_from = lines, rates
            self._rated = tuple(
                line._replace(filled=rates[line.row.name].rate) if line.row.name in rates else line
                for line in lines
            )
        return self._rated

    def _took_object(
        self, data: SchemaData, inspected: tuple[InspectedObject, Mapping[str, Field]]
    ) -> None:
        if data is self.data:
            self._inspected = inspected
            self.fill()


def read_fields(workspace: Workspace, data: SchemaData) -> FieldData:
    """Return all fields of the schema of a moment; for a worker."""
    rows: tuple[FieldRow, ...] = workspace.schemas.fields(data.ref, data.overview.at)
    return field_data(data, rows)


def read_comparison(workspace: Workspace, sides: Sides) -> Comparison:
    """Return how two sides differ; for a worker."""
    (left, left_at), (right, right_at) = sides
    return workspace.schemas.compare(left, right, left_at=left_at, right_at=right_at)
