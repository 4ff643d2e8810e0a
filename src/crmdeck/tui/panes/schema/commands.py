"""What the keys do in the schema pane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from textual.app import App

from crmdeck.model import Connection, DriftEvent
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.filled import open_filled
from crmdeck.tui.host import Location, PaneHost
from crmdeck.tui.keys.actions import READ_ONLY
from crmdeck.tui.loading.requests import Job, Loader
from crmdeck.tui.panes.samples import InView, Sampler
from crmdeck.tui.panes.schema.choices import (
    COLUMNS,
    NOW,
    connection_choices,
    moment_choices,
    partner_choices,
)
from crmdeck.tui.panes.schema.comparison import side_name
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.panes.schema.rows import FieldLine, SchemaData
from crmdeck.tui.panes.schema.view_state import (
    ALL,
    COMPARISON,
    DIFFERENCE,
    EVERYWHERE,
    FIELD,
    FIELDS,
    OBJECTS,
    Place,
    Side,
    Sides,
    ViewState,
    in_order,
)
from crmdeck.tui.panes.usage import FieldPlace, UsageAsker
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.table import Table

R = TypeVar("R")
Moments = tuple[datetime, ...]


class SchemaView(Protocol):
    """What the commands need of the pane."""

    @property
    def app(self) -> App[Any]:
        """The application, to push dialogs on."""

    @property
    def connection_id(self) -> str | None:
        """The connection that shows."""

    @property
    def connection_name(self) -> str:
        """Its name."""

    @property
    def filter_text(self) -> str:
        """The filter that holds in the place that shows."""

    @property
    def table(self) -> Table[Any]:
        """The table of the place that shows."""

    @property
    def line(self) -> FieldLine | None:
        """The field that shows, or that is under the cursor."""

    def reload(self) -> None:
        """Read the schema."""

    def go_on(self, connection_id: str) -> None:
        """Go on to another connection."""

    def present(self) -> None:
        """Show the place that the trail ends at now, with the filter as it is."""

    def arrive(self, cursor: object = None) -> None:
        """Show it with its own filter, in a table not filled before at `cursor`."""


class SchemaCommands:
    """Leads in, out, through time and to the other side; the place is kept in `state`."""

    def __init__(
        self,
        view: SchemaView,
        host: PaneHost,
        loader: Loader,
        schema: SchemaLoader,
        state: ViewState,
        sampler: Sampler,
        usages: UsageAsker,
    ) -> None:
        self._view = view
        self._host = host
        self._loader = loader
        self._schema = schema
        self._state = state
        self._sampler = sampler
        self._usages = usages

    def go(self, *places: Place) -> None:
        """Go in to `places`; going back leads to the place that was left."""
        self._state.trail = (*self.kept_trail(), *places)
        self._view.arrive()

    def kept_trail(self) -> tuple[Place, ...]:
        """Return the trail with the filter of the place that shows."""
        trail = self._state.trail
        return (*trail[:-1], trail[-1]._replace(filter=self._view.filter_text))

    def open_row(self, row: Any) -> None:
        """Go in to a row of the place that shows."""
        kind = self._state.place.kind
        if kind == OBJECTS:
            self.go(Place(FIELDS, row.key))
        elif kind in (FIELDS, ALL):
            self.go(Place(FIELD, *row.key))
        elif kind == EVERYWHERE:
            self._view.go_on(row.ref)
            self.go(Place(FIELD, *row.key))
        elif kind == COMPARISON:
            self.go(Place(DIFFERENCE, row.object_type))
        elif kind == DIFFERENCE and self._schema.find_field(row.object_type, row.field_name):
            self.go(Place(FIELD, row.object_type, row.field_name))

    def go_up(self) -> None:
        """Go back up; from the top, leave the past."""
        if len(self._state.trail) > 1:
            left = self._state.place
            self._state.trail = self._state.trail[:-1]
            # A table that was not filled before begins where one comes from.
            cursor: object = None
            if self._state.place.kind in (FIELDS, ALL):
                cursor = tuple(left[1:3])
            elif self._state.place.kind in (OBJECTS, COMPARISON):
                cursor = left.object_type or None
            self._view.arrive(cursor)
        elif self._state.at is not None:
            self.go_to_now()

    def search_all(self) -> None:
        """Search all fields, or go back to the objects."""
        if self._state.place.kind == ALL:
            self.go_up()
        else:
            self._state.trail = (self.kept_trail()[0], Place(ALL))
            self._view.arrive()

    def go_to_mapping(self) -> None:
        """Open the mapping of the field, or begin one for it."""
        location, data, line = self._mapping(), self._schema.data, self._view.line
        if location is not None:
            self._host.go_to("mapping", location)
        elif data is not None and line is not None:
            # What is on screen may be of a connection that was left.
            self._begin_mapping(data.ref, line)

    def _begin_mapping(self, ref: str, line: FieldLine) -> None:
        """Ask which PartnerOS field a CRM field is for, and go there with it offered."""
        mappings = self._host.workspace.mappings

        def work(_: Job) -> tuple[Choice, ...]:
            near = mappings.nearest(ref, line.row.object_type).get(line.row.name, ())
            pairs = {pair.object_pair: pair for pair in mappings.pairs(ref)}
            decided = {pair: mappings.get(ref, pair) for pair in pairs}
            return partner_choices(line, near, mappings.partner_objects(), decided)

        def chosen(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                pair, partner_field = answer
                location = Location(
                    connection=ref, pair=pair, field=partner_field, offered=line.row.name
                )
                self._host.go_to("mapping", location)

        dialog = Choose(
            f"Map {display_text(line.path, 120)} to",
            None,
            text="The nearest first. Enter opens its line in Mapping; nothing is decided yet.",
        )
        label = "looking for what is near in PartnerOS"
        open_filled(
            self._view.app, dialog, chosen, self._loader, work, dialog.fill, slot="map", label=label
        )

    def turn_everywhere(self) -> None:
        """Show the fields of all connections, or of this one only; what is filtered stays so."""
        kind = self._state.place.kind
        wanted = ALL if kind == EVERYWHERE else EVERYWHERE
        kept = self._view.filter_text if kind in (ALL, EVERYWHERE) else ""
        self._state.leave_comparison()
        self._state.trail = (self.kept_trail()[0], Place(wanted, filter=kept))
        self._view.arrive()
        if wanted == EVERYWHERE:
            self._schema.read_everywhere()

    def no_everywhere(self) -> str | None:
        """Return why the fields of all connections can't be shown."""
        return "All connections show as of now: T leaves the past." if self._state.at else None

    def turn_samples(self) -> None:
        """Look into records and show what the fields in view hold, or hide it again."""
        view = self._in_view()
        if view is not None:
            self._sampler.toggle(view)

    def ask_usage(self) -> None:
        """Ask the CRM where the field is used, and show the field in full, where that stands."""
        ref, line = self._view.connection_id, self._view.line
        if ref is not None and line is not None:
            if self._state.place.kind != FIELD:
                self.go(Place(FIELD, *line.key))
            self._usages.ask(FieldPlace(ref, *line.key))

    def no_usage(self) -> str | None:
        """Return why there is no field to ask about."""
        if self._view.line is None:
            return self.no_schema() or "Go to a field first."
        return "Where it is used is told as of now: T leaves the past." if self._state.at else None

    def travel(self) -> None:
        """Ask for a moment and show the schema as of it."""
        ref, data = self._view.connection_id, self._schema.data
        if ref is None or data is None:
            return
        workspace = self._host.workspace

        def took(moments: Moments) -> None:
            dialog.fill(moment_choices(moments, data.overview.events, data.overview.now))

        dialog = Choose(
            "See the schema as of",
            None,
            current=self._state.at or NOW,
            columns=COLUMNS,
            text="Each line is a refresh that found a change.",
        )
        self._open_history(dialog, self._travel_to, lambda _: workspace.schemas.moments(ref), took)

    def go_to_now(self) -> None:
        """Leave the past."""
        self._travel_to(NOW)

    def _travel_to(self, chosen: datetime | str | None) -> None:
        if chosen is not None:
            self._state.at = chosen if isinstance(chosen, datetime) else None
            self._state.leave_comparison()
            self._view.present()
            self._view.reload()

    def compare(self) -> None:
        """Ask what to compare with, and compare what shows with it."""
        data = self._schema.data
        if data is None:
            return
        workspace = self._host.workspace
        names: dict[str, str] = {}
        moments: dict[str, Moments] = {}

        def work(_: Job) -> tuple[tuple[Connection, ...], Mapping[str, Moments]]:
            with workspace.hold():
                connections = workspace.connections.all()
                return connections, {
                    one.id: workspace.schemas.moments(one.id) for one in connections
                }

        def took(answer: tuple[tuple[Connection, ...], Mapping[str, Moments]]) -> None:
            connections, known = answer
            names.update((connection.id, connection.name) for connection in connections)
            moments.update(known)
            at, own = data.overview.at, known[data.ref]
            shown = (at or NOW, *(own[:1] if at is None else ()))
            here = moment_choices(own, data.overview.events, data.overview.now)
            dialog.fill(
                [
                    *connection_choices(data.ref, connections, known),
                    *(choice for choice in here if choice.value not in shown),
                ]
            )

        dialog = Choose(
            f"Compare {self._here(data)} with",
            None,
            columns=COLUMNS,
            text="Another connection, or this one at another moment.",
        )
        self._open_history(dialog, partial(self._compare_with, data, names, moments), work, took)

    def _here(self, data: SchemaData) -> str:
        return side_name(display_text(self._view.connection_name, 30), data.overview.at)

    def _compare_with(
        self,
        data: SchemaData,
        names: Mapping[str, str],
        moments: Mapping[str, Moments],
        chosen: datetime | str | None,
    ) -> None:
        here = (data.ref, data.overview.at)
        if isinstance(chosen, datetime) or chosen == NOW:
            moment = chosen if isinstance(chosen, datetime) else None
            self._compare(in_order(here, (data.ref, moment)))
        elif chosen is not None and len(moments[chosen]) > 1:
            self._ask_moment(data, here, chosen, names[chosen])
        elif chosen is not None:
            self._compare((here, (chosen, None)))

    def _ask_moment(self, data: SchemaData, here: Side, ref: str, name: str) -> None:
        """Ask at which moment another connection is compared with."""
        workspace = self._host.workspace

        def then(chosen: datetime | str | None) -> None:
            if chosen is not None:
                self._compare((here, (ref, chosen if isinstance(chosen, datetime) else None)))

        def work(_: Job) -> tuple[Moments, tuple[DriftEvent, ...]]:
            return workspace.schemas.moments(ref), workspace.drift.report(ref).events

        def took(past: tuple[Moments, tuple[DriftEvent, ...]]) -> None:
            dialog.fill(moment_choices(*past, data.overview.now))

        title = f"Compare {self._here(data)} with {display_text(name, 30)} as of"
        dialog = Choose(title, None, columns=COLUMNS)
        self._open_history(dialog, then, work, took)

    def _open_history(
        self,
        dialog: Choose,
        answered: Callable[[Any], None],
        work: Callable[[Job], R],
        took: Callable[[R], None],
    ) -> None:
        app, label = self._view.app, "reading the history"
        open_filled(app, dialog, answered, self._loader, work, took, slot="moments", label=label)

    def _compare(self, sides: Sides) -> None:
        """Go to the differences: of the object type that shows, or of all."""
        object_type = self._state.place.object_type

        def then() -> None:
            places = [Place(COMPARISON)]
            if self._schema.difference(object_type) is not None:
                places.append(Place(DIFFERENCE, object_type))
            elif object_type:
                self._host.say(f"{object_type} is the same on both sides.")
            self.go(*places)

        self._schema.compare(sides, then)

    def _in_view(self) -> InView | None:
        """Return the fields of an object that are on the screen, or the one that shows in full."""
        ref, kind, line = self._view.connection_id, self._state.place.kind, self._view.line
        if ref is None or self._state.at is not None or line is None:
            return None
        if kind != FIELDS:
            return InView(ref, line.row.object_type, (line.row.name,))
        names = tuple(one.row.name for one in self._view.table.in_view())
        return InView(ref, line.row.object_type, names)

    def _mapping(self) -> Location | None:
        """Return where the mapping of the field under the cursor is; None where it has none."""
        data, line = self._schema.data, self._view.line
        found = data.overview.mapped.get(line.key) if data and line else None
        if not found:
            return None
        return Location(pair=found[0].object_pair, field=found[0].partner_field)

    @property
    def can_leave(self) -> bool:
        """Whether there is a place to go back up to, or a past to leave."""
        return len(self._state.trail) > 1 or self._state.at is not None

    @property
    def escape_leaves(self) -> bool:
        """Whether Esc goes back up: it first cancels, puts errors away and clears the filter."""
        return self.can_leave and not self._host.takes_escape

    def no_schema(self) -> str | None:
        """Return why there is no schema to act on; None where there is one."""
        if self._schema.data is not None:
            return None
        if self._schema.is_loading:
            return "The schema is still being read."
        return "There is no schema yet: r reads it from the CRM."

    def no_past(self) -> str | None:
        """Return why the past can't be left."""
        return None if self._state.at is not None else "This is the schema as of now."

    def no_samples(self) -> str | None:
        """Return why there are no records to look into."""
        if self._in_view() is not None:
            return None
        if self._state.at is not None:
            return "Records are as they are now: T leaves the past."
        return (
            self.no_schema() or "Go to a field first: Enter opens an object, f searches them all."
        )

    def no_mapping(self) -> str | None:
        """Return why there is no mapping to open, nor to begin."""
        line = self._view.line
        if self._mapping() is not None:
            return None
        if line is None:
            return self.no_schema() or "Go to a field first."
        if self._state.at is not None:
            return f"{line.path} was mapped to nothing; T leaves the past."
        if self._host.workspace.read_only:
            return f"{line.path} is mapped to nothing, and {READ_ONLY[0].lower()}{READ_ONLY[1:]}"
        return None
