"""Loads a schema, one object in full, or a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError, SchemaNotDiscoveredError
from crmdeck.model import Comparison, Field, FillRate, Impact, ObjectDifference
from crmdeck.tui.host import Host
from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job, Loader
from crmdeck.tui.panes.samples import Fullness, Sampler
from crmdeck.tui.panes.schema.rows import (
    MOST_FIELDS,
    Everywhere,
    FieldData,
    FieldLine,
    SchemaData,
    access_word,
    field_data,
    field_index,
    schema_data,
)
from crmdeck.tui.panes.schema.view_state import (
    COMPARISON,
    EVERYWHERE,
    HOME,
    OBJECTS,
    Address,
    ComparedSides,
    SchemaViewState,
)
from crmdeck.tui.panes.usage import FieldPlace, UsageAsker
from crmdeck.tui.text import display_text

if TYPE_CHECKING:
    from crmdeck.workspace import InspectedObject, NearestField, SearchIndex, Workspace

NO_FIELDS = FieldData("", None)

MOST_KEPT_FIELDS = 2
"""Connections whose fields are kept, for users who switch between them."""


class SchemaLoader:
    """Reads what the place in `state` shows, and keeps it.

    It calls `show` when there is something new to show, and `show_error` with an error, or with
    None when reading works again. `exists` is false for a place of the trail that has gone.
    """

    def __init__(
        self,
        host: Host,
        loader: Loader,
        show: Callable[[], None],
        show_error: Callable[[CrmdeckError | None], None],
        exists: Callable[[Address], bool],
    ) -> None:
        self.state = SchemaViewState()
        self.data: SchemaData | None = None
        self.comparison: Comparison | None = None
        self._host = host
        self._loader = loader
        self.sampler = Sampler(host, loader, show)
        self.usages = UsageAsker(host, loader, show)
        self._impacts: dict[FieldPlace, Impact] = {}
        self._show = show
        self._show_error = show_error
        self._exists = exists
        self._ref: str | None = None
        self._fields = NO_FIELDS
        self._inspecting: tuple[SchemaData, str] | None = None
        self._inspected: tuple[InspectedObject, Mapping[str, Field]] | None = None
        self.everywhere: Everywhere | None = None
        self._looked: tuple[SchemaData, str] | None = None
        self._near: tuple[SchemaData, str, Mapping[str, Sequence[NearestField]]] | None = None
        self._index: SearchIndex[FieldLine] | None = None
        self._rated: tuple[FieldLine, ...] = ()
        self._rated_from: tuple[object, object, object] = (None, None, None)
        self._kept: Kept[SchemaData] = Kept()
        self._kept_fields: Kept[FieldData] = Kept(MOST_KEPT_FIELDS)

    def reload(self, ref: str) -> None:
        """Load the schema of a connection, with its fields if they show, else before them."""
        self._ref, at = ref, self.state.at
        workspace, whole = self._host.workspace, self.state.address.kind != OBJECTS
        is_reload = self.data is not None and self.data.ref == ref

        def read() -> SchemaData:
            return schema_data(ref, workspace.schemas.overview(ref, at))

        def work(_: Job) -> tuple[SchemaData, FieldData]:
            data = self._kept.read(workspace, (ref, at), read, fresh=is_reload)
            return data, self._fields_of(data) if whole else NO_FIELDS

        self._loader.load(
            "schema", work, self._on_loaded, label="loading the schema", failed=self._failed
        )
        # Beside the schema of the connection, which the other places of the trail need.
        if self.state.address.kind == EVERYWHERE:
            self.read_everywhere()
        sides = self.state.sides
        if sides is not None and any(one.kind == COMPARISON for one in self.state.trail):
            self._compare_again(sides)

    def _on_loaded(self, answer: tuple[SchemaData, FieldData]) -> None:
        self._show_error(None)
        self.data, fields = answer
        if fields is not NO_FIELDS:
            self._on_fields(fields)
            return
        self.state.prune(self._exists)
        self._show()
        # The objects are on screen before their fields, which take longer to read.
        data = self.data
        self._loader.load(
            "fields",
            lambda _: self._fields_of(data),
            self._on_fields,
            label="loading the fields",
            cancellable=False,
            after_paint=True,
        )

    def read_everywhere(self) -> None:
        """Load the fields of all connections, if the workspace has changed."""
        workspace, known = self._host.workspace, self.everywhere

        def on_loaded(found: Everywhere) -> None:
            self.everywhere = found
            self._show()

        self._loader.load(
            "everywhere",
            lambda job: read_everywhere(workspace, known, job),
            on_loaded,
            label="loading the fields of all connections",
        )

    def _fields_of(self, data: SchemaData) -> FieldData:
        workspace = self._host.workspace

        def read() -> FieldData:
            return field_data(data, workspace.schemas.fields(data.ref, data.overview.at))

        # Keyed by the objects, whose marks they show.
        return self._kept_fields.read(workspace, data, read)

    def _on_fields(self, fields: FieldData) -> None:
        self._fields = fields
        if fields.index is not None:
            # An earlier search builds its own index, step by step.
            index = fields.index
            self._loader.load(
                "index", lambda _: index.prepare(), lambda _: None, cancellable=False, quiet=True
            )
        self.state.prune(self._exists)
        self._show()

    def _failed(self, error: CrmdeckError) -> None:
        state = self.state
        if state.at is not None and isinstance(error, SchemaNotDiscoveredError) and self._ref:
            state.at = None
            self._host.say("No snapshot that old. Showing the latest.")
            self.reload(self._ref)
            return
        # Rows of the previous connection would stay under the name of this one.
        if self.data is not None and self.data.ref != self._ref:
            self.data, self._fields = None, NO_FIELDS
            state.trail = HOME
        self._show()
        self._show_error(error)

    def difference(self, object_type: str) -> ObjectDifference | None:
        found = self.comparison.objects if self.comparison is not None else ()
        return next((one for one in found if one.object_type == object_type), None)

    def compare(self, sides: ComparedSides, then: Callable[[], None]) -> None:
        """Compare two sides instead of those visible until now, then call `then`."""

        def on_loaded(comparison: Comparison) -> None:
            self.state.sides, self.comparison = sides, comparison
            self.state.leave_comparison()
            then()

        self._load_comparison(sides, on_loaded, self._say_not_compared)

    def _compare_again(self, sides: ComparedSides) -> None:
        # The user may leave these sides, or compare others, before the result arrives.
        def on_loaded(comparison: Comparison) -> None:
            if self.state.sides == sides:
                self.comparison = comparison
                self.state.prune(self._exists)
                self._show()

        def failed(error: CrmdeckError) -> None:
            if self.state.sides == sides:
                self.state.sides = self.comparison = None
                self.state.prune(self._exists)
                self._show()
                self._say_not_compared(error)

        self._load_comparison(sides, on_loaded, failed)

    def _load_comparison(
        self,
        sides: ComparedSides,
        on_loaded: Callable[[Comparison], None],
        failed: Callable[[CrmdeckError], None],
    ) -> None:
        schemas = self._host.workspace.schemas
        (left, left_at), (right, right_at) = sides
        self._loader.load(
            "compare",
            lambda _: schemas.compare(left, right, left_at=left_at, right_at=right_at),
            on_loaded,
            label="comparing",
            failed=failed,
        )

    def _say_not_compared(self, error: CrmdeckError) -> None:
        # A toast: the remedy is about the other connection, and the error panel's keys are not.
        lines = filter(None, (error.message, error.remedy))
        self._host.say("\n".join(lines), title="Can't compare", severity="warning")

    def now(self) -> datetime:
        """Return the time that ages count from."""
        return self.data.now if self.data is not None else datetime.now(UTC)

    @property
    def at(self) -> datetime | None:
        """The time of the visible schema; None for today."""
        return self.data.overview.at if self.data is not None else None

    @property
    def has_fields(self) -> bool:
        """True if the loaded fields belong to the visible objects."""
        data, fields = self.data, self._fields
        return data is not None and (fields.ref, fields.at) == (data.ref, data.overview.at)

    @property
    def fields(self) -> FieldData:
        """The fields of the visible objects; none while they load."""
        return self._fields if self.has_fields else NO_FIELDS

    def has_object(self, object_type: str) -> bool:
        """True if the object exists, or nothing is known yet."""
        return self.data is None or self.data.object_line(object_type) is not None

    def find_field(self, object_type: str, name: str) -> FieldLine | None:
        lines = self.fields.by_object.get(object_type, ())
        return next((line for line in lines if line.row.name == name), None)

    def inspect(self, object_type: str) -> None:
        """Load an object with all facts about its fields."""
        data = self.data
        # Asked for each time that the place is shown, and loaded once per schema.
        if data is None or self._inspecting == (data, object_type):
            return
        self._inspecting = (data, object_type)
        workspace = self._host.workspace

        def work(_: Job) -> tuple[InspectedObject, Mapping[str, Field]]:
            found = workspace.schemas.inspect(data.ref, object_type, data.overview.at)
            return found, {field.name: field for field in found.detail.fields}

        def on_loaded(inspected: tuple[InspectedObject, Mapping[str, Field]]) -> None:
            if data is self.data:
                self._inspected = inspected
                self._show()

        self._loader.load(
            "object",
            work,
            on_loaded,
            label=f"loading {display_text(object_type, 40)}",
            cancellable=False,
        )

    def inspected_field(self, object_type: str, name: str) -> Field | None:
        found = self._inspected
        known = found is not None and found[0].detail.object_type == object_type
        return found[1].get(name) if found is not None and known else None

    def look_near(self, object_type: str) -> None:
        """Match PartnerOS fields to those of an object as of today."""
        data = self.data
        if data is None or data.overview.at is not None or self._looked == (data, object_type):
            return
        self._looked = (data, object_type)
        workspace = self._host.workspace

        def on_loaded(found: Mapping[str, Sequence[NearestField]]) -> None:
            # Matching takes long, and the user may have gone to another connection.
            if data is self.data:
                self._near = (data, object_type, found)
                self._show()

        self._loader.load(
            "nearest",
            lambda _: workspace.mappings.nearest(data.ref, object_type),
            on_loaded,
            # A failure shows when the user maps the field.
            failed=lambda _: None,
            cancellable=False,
            quiet=True,
        )

    def nearest(self, object_type: str, name: str) -> Sequence[NearestField] | None:
        """Return the best-matching PartnerOS fields, or None if they are unknown."""
        near = self._near
        if near is None or near[:2] != (self.data, object_type):
            return None
        return near[2].get(name, ())

    def ask_usage(self, place: FieldPlace) -> None:
        """Ask the CRM what uses a field, then find out what breaks without it."""
        fields = self._host.workspace.fields

        def on_loaded(impact: Impact) -> None:
            # Only the latest is kept, because a refresh or a decision changes the result.
            self._impacts = {place: impact}
            self._show()

        def load() -> None:
            self._loader.load("impact", lambda _: fields.impact(*place), on_loaded, quiet=True)

        # The impact includes the CRM's response, if there is one.
        self.usages.ask(place, then=load)

    def impact(self, place: FieldPlace) -> Impact | None:
        return self._impacts.get(place)

    def fullness(self, object_type: str) -> Fullness:
        found = self._inspected[0] if self._inspected is not None else None
        known = found is not None and found.detail.object_type == object_type
        cached = found.rates if found is not None and known else {}
        return self.sampler.fullness((self._ref or "", object_type), cached)

    def rated_lines(self, object_type: str) -> tuple[FieldLine, ...]:
        """Return the fields of an object with all facts; the same tuple until they change."""
        lines, found = self.fields.by_object.get(object_type, ()), self._inspected
        if found is not None and found[0].detail.object_type != object_type:
            found = None
        rates = self.fullness(object_type).rates
        before, facts, known = self._rated_from
        if before is not lines or facts is not found or known != rates:
            self._rated_from = lines, found, rates
            self._rated = tuple(self._with_facts(line, rates) for line in lines)
        return self._rated

    def _with_facts(self, line: FieldLine, rates: Mapping[str, FillRate]) -> FieldLine:
        found, rate = self.inspected_field(*line.key), rates.get(line.row.name)
        return line._replace(
            filled=rate.rate if rate is not None else None,
            description=(found.description or "") if found is not None else "",
            sync_user=access_word(found.sync_user) if found is not None else "",
        )

    def index_of(self, rows: Sequence[FieldLine]) -> SearchIndex[FieldLine] | None:
        """Return an index over fields; the same one until they change."""
        if self.data is None or rows is self._fields.lines:
            return self._fields.index
        if self._index is None or self._index.rows is not rows:
            self._index = field_index(rows, {"": self.data})
        return self._index


def read_everywhere(workspace: Workspace, known: Everywhere | None, job: Job) -> Everywhere:
    """Return the fields of all connections; those `known` if the workspace didn't change.

    Leaves out connections that were never refreshed. Call it in a worker.
    """
    head = workspace.head()
    if known is not None and known.head == head:
        return known
    lines: list[FieldLine] = []
    schemas: dict[str, SchemaData] = {}
    left_out: list[str] = []
    # The file is opened once for all connections, and no other process writes in between.
    with workspace.hold():
        for connection in workspace.connections.all():
            job.cancel.check()
            try:
                data = schema_data(connection.id, workspace.schemas.overview(connection.id))
            except SchemaNotDiscoveredError:
                continue
            size = sum(line.summary.field_count for line in data.objects)
            if len(lines) + size > MOST_FIELDS:
                left_out.append(connection.name)
                continue
            schemas[connection.id] = data
            lines += (
                line._replace(ref=connection.id, connection=connection.name)
                for line in field_data(data, workspace.schemas.fields(connection.id)).lines
            )
    index = field_index(tuple(lines), schemas)
    # Built in the worker, or the first key of a search would wait for it.
    index.prepare()
    return Everywhere(head, tuple(lines), schemas, index, tuple(left_out))
