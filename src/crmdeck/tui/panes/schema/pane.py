"""The schema pane: objects, their fields, one field in full; today, in the past, and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.tui.dialogs.before_after import BeforeAfter
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import READ_ONLY, action
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane, View
from crmdeck.tui.panes.samples import SAMPLES_HELP, InView
from crmdeck.tui.panes.schema import questions
from crmdeck.tui.panes.schema.comparing import (
    compared_objects,
    difference,
    side_names,
)
from crmdeck.tui.panes.schema.field import FieldView, one_field
from crmdeck.tui.panes.schema.fields import all_connections, all_fields, fields_of_object
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.panes.schema.objects import objects
from crmdeck.tui.panes.schema.place import SchemaPlace
from crmdeck.tui.panes.schema.rows import FieldLine
from crmdeck.tui.panes.schema.to_do import steps
from crmdeck.tui.panes.schema.view_state import (
    ALL,
    COMPARISON,
    DIFFERENCE,
    EVERYWHERE,
    FIELD,
    FIELDS,
    OBJECTS,
    Address,
    ComparedSides,
)
from crmdeck.tui.panes.usage import FieldPlace
from crmdeck.tui.widgets.table import Sort, Table

if TYPE_CHECKING:
    pass

PLACES: Mapping[str, Callable[[Host, SchemaLoader, Address], SchemaPlace[Any]]] = {
    OBJECTS: objects,
    FIELDS: fields_of_object,
    ALL: all_fields,
    EVERYWHERE: all_connections,
    FIELD: one_field,
    COMPARISON: compared_objects,
    DIFFERENCE: difference,
}
"""Makes the place at an address, by its kind."""

PAUSE = 0.2
"""Seconds that the cursor rests on a field before its object is loaded."""

WITHIN = " › "


class SchemaPane(Pane):
    """Shows the last place of a trail. Each kind of place has its own widget."""

    SCOPE = "schema"
    goes_in = True
    COUNTED = ("type", "object", "required", "mapped", "custom")

    def __init__(self, host: Host, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.schema = SchemaLoader(host, self.loader, self.fill, self.show_error, self._exists)
        self.view_state, self.sampler = self.schema.state, self.schema.sampler
        self._place: SchemaPlace[Any] | None = None
        self._laid_out_for: object = None
        self._restored_for: object = None
        self._wanted: object = None
        self._given: dict[str, tuple[str, object]] = {}
        self._shown_field: object = None
        self._banner_text = Static("", id="banner", markup=False)
        self.field_view = FieldView(id=FIELD)
        self._tables: dict[str, Table[Any]] = {}
        for kind in PLACES:
            place = self._make(Address(kind))
            # Before the first rows, too, the list of columns to choose from must not be empty.
            columns, gives = place.columns(())
            if place.facts is None:
                self._tables[kind] = Table(
                    columns,
                    gives=gives,
                    key=place.key,
                    can_mark=place.can_mark,
                    empty=place.empty,
                    id=kind,
                )

    def _make(self, address: Address) -> SchemaPlace[Any]:
        return PLACES[address.kind](self.host, self.schema, address)

    def _exists(self, address: Address) -> bool:
        return self._make(address).exists()

    def compose_body(self) -> ComposeResult:
        yield self._banner_text
        yield from self._tables.values()
        yield self.field_view

    def on_mount(self) -> None:
        self._stand = self.set_interval(PAUSE, self._rest, pause=True)
        self.fill()

    def show(self, connection_id: str | None) -> None:
        # Another connection is shown as of today.
        before = self.connection_id or self._restored_for
        if before not in (None, connection_id):
            self.view_state.at = None
            self.view_state.sides = self.schema.comparison = None
        super().show(connection_id)

    def shown_connection(self) -> str | None:
        if self.address.kind == EVERYWHERE or self.schema.data is None:
            return None
        return self.schema.data.ref

    def reload(self) -> None:
        if self.connection_id is not None:
            self.schema.reload(self.connection_id)
            self.schema.usages.read(None)

    @property
    def wants_room(self) -> bool:
        return self.place.wide

    @property
    def views(self) -> tuple[View, ...]:
        return self.place.views

    @property
    def address(self) -> Address:
        return self.view_state.address

    @property
    def place(self) -> SchemaPlace[Any]:
        if self._place is None or self._place.address is not self.address:
            self._place = self._make(self.address)
        return self._place

    @property
    def table(self) -> Table[Any]:
        """The table of the visible place; in a field, that of its values."""
        return self._tables.get(self.address.kind, self.field_view.values)

    @property
    def details(self) -> Widget | None:
        if self.place.facts is None:
            return self.brief
        return self.field_view.facts if self.field_view.values.display else None

    @property
    def line(self) -> FieldLine | None:
        """The visible field, or the one under the cursor."""
        return self.place.line(self.table.cursor_row)

    def focus_target(self) -> Widget | None:
        return self.table if self.place.facts is None else self.field_view.target

    def fill(self) -> None:
        """Show the place with the loaded rows."""
        # Textual takes the focus from a widget that is hidden, so this is asked before.
        place, had_focus = self.place, self.has_focus_within
        laid_out_for = (self.table, self.view_state.at)
        is_new_layout = laid_out_for != self._laid_out_for
        self._laid_out_for = laid_out_for
        # Each change of display costs a layout, and most calls only bring new rows.
        if is_new_layout:
            is_list = place.facts is None
            for table in self._tables.values():
                table.display = table is self.table
            self.field_view.display = not is_list
            self.brief.display = is_list
            self.brief.set_class(place.change is not None, "-block")
        place.enter()
        if place.facts is None:
            self._set_rows()
        else:
            self._fill_field()
        self._banner()
        self._head()
        self.show_statuses()
        self.describe()
        if is_new_layout:
            self.show_views()
            self.post_message(self.Resized())
            target = self.focus_target()
            if had_focus and target is not None:
                target.focus()
            self.refresh_bindings()

    def show_statuses(self) -> None:
        data, status = self.schema.data, self.host.status
        if data is None or status is None or data.overview.at is not None:
            self.show_to_do((), nothing="")
        else:
            offered = steps(self.host, status.open_findings, self.address.object_type)
            self.show_to_do(offered, f"as of {data.now:%Y-%m-%d %H:%M} UTC")

    def _set_rows(self) -> None:
        """Show the rows of the place, from the top if they are of another object."""
        table, place, subject = self.table, self.place, self.address.object_type
        rows = place.rows()
        if rows is None and self.schema.data is None and table.total_count:
            # The old rows are those of another connection: this one has no schema.
            rows = ()
        if rows is None:
            return
        before, given = self._given.get(self.address.kind, (subject, None))
        cursor, self._wanted = self._wanted, None
        # The same tuple means the same rows: the table keeps its order and its cursor.
        if before == subject and given is rows:
            return
        self._given[self.address.kind] = subject, rows
        if cursor is None and before != subject and rows:
            cursor = table.key_of(rows[0])
        columns = place.columns(rows)
        table.set_rows(rows, cursor=cursor, index=place.index(rows), columns=columns)

    def _fill_field(self) -> None:
        facts = self.place.facts() if self.place.facts is not None else None
        if facts is None:
            return
        is_other = facts.about != self._shown_field
        self._shown_field = facts.about
        number = Content.styled(f"{len(facts.values):,}", "$muted")
        self.panel.caption(self.field_view.values, "Values", state=[number])
        self.field_view.show(facts.draw, facts.values, from_top=is_other)
        # A field with values has another target than one without.
        if is_other and self.has_focus_within:
            self.field_view.target.focus()

    def _head(self) -> None:
        if self.schema.data is None and not self.panel.is_drawn:
            return
        place, address = self.place, self.address
        inside = [name for name in (address.object_type, address.field_name) if name]
        self.set_heading(
            WITHIN.join([f"{place.what} of {place.where or self.connection_name}", *inside]),
            *place.heading(),
            short=WITHIN.join(inside or [place.what]),
        )

    def _banner(self) -> None:
        text = self.place.banner(self.size.width - 4)
        self._banner_text.display = bool(text)
        self._banner_text.update(Content.styled(text, "bold"))

    def on_resize(self) -> None:
        # Both sides of a comparison are in one line only if they fit.
        self._banner()

    def describe(self) -> None:
        super().describe()
        # New rows, too: the object under the cursor is loaded again.
        if self.place.rest is not None and self.table.cursor_row is not None:
            self._stand.reset()
            self._stand.resume()

    def apply_filter(self, text: str) -> None:
        found = self.read_filter()
        self._hint = found.hint or self.place.hint(text)
        self.table.set_filter(found.predicate, found.words, beside=found.beside)

    def _rest(self) -> None:
        self._stand.pause()
        if self.place.rest is not None and self.line is not None:
            self.place.rest(self.line)

    def _kept_trail(self) -> tuple[Address, ...]:
        trail = self.view_state.trail
        return (*trail[:-1], trail[-1]._replace(filter=self.filter_text))

    def _go(self, *addresses: Address) -> None:
        """Open places. Going up returns to the current one."""
        self.view_state.trail = (*self._kept_trail(), *addresses)
        self._arrive()

    def _arrive(self, cursor: object = None) -> None:
        """Show the last place of the trail; a table that was empty begins at `cursor`."""
        self._wanted = cursor if cursor is not None else self._wanted
        self.replace_filter(self.address.filter)
        self.fill()

    def open_row(self, row: Any) -> None:
        place = self.place
        address = place.open(row)
        if address is not None:
            crm = place.crm(row) if place.crm is not None else None
            # Now, not when the sidebar follows: the next place is in that connection.
            if crm is not None and crm.connection_id != self.connection_id:
                self.show(crm.connection_id)
                self.post_message(self.Chosen(crm.connection_id))
            self._go(address)
        elif self._no_values() is None:
            self.show_values()

    def _no_schema(self) -> str | None:
        if self.schema.data is not None:
            return None
        if self.loader.is_loading:
            return "Still loading the schema."
        return "Not refreshed yet: no schema. Press r to refresh."

    def _wider(self) -> str:
        kind = self.address.kind
        # The past of other connections isn't shown.
        sees_one = self.view_state.at is not None or len(self.host.statuses) < 2
        if kind == EVERYWHERE or (kind == ALL and sees_one):
            return "Objects"
        return "All connections" if kind == ALL else "All fields"

    @action(
        "schema.all",
        "All fields",
        "asterisk",
        help="Search all fields, then all connections, then go back.",
        hint=90,
        blocked=_no_schema,
        title_now=_wider,
    )
    def widen(self) -> None:
        # Widening leaves the places inside an object: Esc then leads to the objects.
        wider, home = self._wider(), self._kept_trail()[:1]
        if wider == "Objects":
            self.view_state.trail = home
        elif wider == "All connections":
            self.view_state.trail = (*home, Address(EVERYWHERE, filter=self.filter_text))
        else:
            self.view_state.trail = (*home, Address(ALL))
        self._arrive()
        if wider == "All connections":
            self.schema.read_everywhere()

    @action(
        "schema.travel",
        "As of…",
        "at",
        help="View the schema as of an earlier time.",
        hint=85,
        blocked=_no_schema,
    )
    def choose_date(self) -> None:
        if self.schema.data is not None:
            questions.ask_moment(self, self.schema.data, self.view_state.at, self._show_as_of)

    def _show_as_of(self, at: datetime | None) -> None:
        self.view_state.at = at
        self.view_state.leave_comparison()
        self.fill()
        self.reload()

    @action(
        "schema.compare",
        "Compare",
        "equals_sign",
        help="Compare with another connection or time.",
        hint=82,
        blocked=_no_schema,
    )
    def compare(self) -> None:
        if self.schema.data is not None:
            questions.ask_sides(self, self.schema.data, self._compare)

    def _compare(self, sides: ComparedSides) -> None:
        object_type = self.address.object_type

        def on_compared() -> None:
            addresses = [Address(COMPARISON)]
            if self.schema.difference(object_type) is not None:
                addresses.append(Address(DIFFERENCE, object_type))
            elif object_type:
                self.host.say(f"{object_type} doesn't differ.")
            self._go(*addresses)

        self.schema.compare(sides, on_compared)

    def _no_values(self) -> str | None:
        """Return why there are no two values to show, or None."""
        place, row = self.place, self.table.cursor_row
        if place.change is None or row is None:
            return "Only a comparison has two sides. Press = to compare."
        return None if place.change(row) else "Only one side has this field."

    @action(
        "schema.values",
        "Values",
        "v",
        help="Show the values of both sides in full.",
        hint=80,
        blocked=_no_values,
    )
    def show_values(self) -> None:
        place, row, found = self.place, self.table.cursor_row, self.schema.comparison
        change = place.change(row) if place.change is not None else None
        if found is not None and change is not None:
            title = f"{place.brief(row).titles[0]}: {change.attribute}"
            self.app.push_screen(BeforeAfter(title, [change], side_names(found)))

    def _in_view(self) -> InView | None:
        ref, line = self.connection_id, self.line
        if ref is None or self.view_state.at is not None or line is None:
            return None
        names: tuple[str, ...] = (line.row.name,)
        if self.place.samples_in_view:
            names = tuple(one.row.name for one in self.table.in_view())
        return InView(ref, line.row.object_type, names)

    def _no_samples(self) -> str | None:
        if self._in_view() is not None:
            return None
        if self.view_state.at is not None:
            return "Samples come from today's records. Press @ and choose today."
        return (
            self._no_schema() or "Move to a field first: Enter opens an object, * lists all fields."
        )

    @action("schema.samples", "Fill rates", help=SAMPLES_HELP, hint=78, blocked=_no_samples)
    def turn_samples(self) -> None:
        view = self._in_view()
        if view is not None:
            self.sampler.toggle(view)

    def _no_usage(self) -> str | None:
        if self.line is None:
            return self._no_schema() or "Move to a field first."
        past = self.view_state.at is not None
        return "Usage is only known for today. Press @ and choose today." if past else None

    @action(
        "schema.usage",
        "Where used",
        help="Show what uses the field, and what breaks without it.",
        hint=76,
        blocked=_no_usage,
    )
    def ask_usage(self) -> None:
        ref, line = self.connection_id, self.line
        if ref is not None and line is not None:
            # The field shows the response in full.
            if self.place.facts is None:
                self._go(Address(FIELD, *line.key))
            self.schema.ask_usage(FieldPlace(ref, *line.key))

    def _mapping(self) -> Location | None:
        data, line = self.schema.data, self.line
        found = data.overview.mapped.get(line.key) if data and line else None
        if not found:
            return None
        return Location(pair=found[0].object_pair, field=found[0].partner_field)

    def _no_mapping(self) -> str | None:
        line = self.line
        if self._mapping() is not None:
            return None
        if line is None:
            return self._no_schema() or "Move to a field first."
        if self.view_state.at is not None:
            return f"{line.path} wasn't mapped then. Press @ and choose today."
        if self.host.workspace.read_only:
            return f"{line.path} isn't mapped. {READ_ONLY}"
        return None

    @action(
        "schema.mapping",
        "Mapping",
        help="Open the mapping of the field, or start one.",
        hint=79,
        blocked=_no_mapping,
    )
    def go_to_mapping(self) -> None:
        location, data, line = self._mapping(), self.schema.data, self.line
        if location is not None:
            self.host.go_to("mapping", location)
        elif data is not None and line is not None:
            # The visible rows may belong to the previous connection.
            questions.ask_partner_field(self, data.ref, line, partial(self.host.go_to, "mapping"))

    def _can_leave(self) -> bool:
        return len(self.view_state.trail) > 1 or self.view_state.at is not None

    def _escape_leaves(self) -> bool:
        """True if Esc goes up: first it cancels, dismisses errors and clears the filter."""
        return self._can_leave() and not self.host.takes_escape()

    @action(
        "schema.leave",
        "Up",
        "escape",
        help="Go up, and from the past to today.",
        hint=88,
        applies=_escape_leaves,
        palette=False,
    )
    def go_up(self) -> None:
        if len(self.view_state.trail) > 1:
            left = self.address
            self.view_state.trail = self.view_state.trail[:-1]
            # A table that was empty begins at the row that the user comes from.
            self._arrive(self.place.came_from(left))
        elif self.view_state.at is not None:
            self._show_as_of(None)

    def crm_place(self) -> CrmPlace | None:
        place, row, ref = self.place, self.table.cursor_row, self.connection_id
        if ref is None or place.crm is None or (row is None and self.line is None):
            return CrmPlace(ref, self.address.object_type or None) if ref is not None else None
        return place.crm(row)

    def can_copy(self) -> bool:
        return self.line is not None or super().can_copy()

    def can_export(self) -> bool:
        has_rows = self.table.shown_count > 0 or self.place.facts is not None
        return self.place.is_ready() and (has_rows or not self.filter_text)

    def export_request(self) -> ExportRequest | None:
        if not self.can_export():
            return None
        only: Any = None
        if self.filter_text:
            # The keys of the rows are the names of the records.
            only = frozenset(map(self.table.key_of, self.table.shown()))
        return self.place.export(only)

    def state(self) -> dict[str, object]:
        sorts = {kind: table.sort_state for kind, table in self._tables.items()}
        cursor, at, sides = self.table.cursor_key, self.view_state.at, self.view_state.sides
        return {
            "connection": self.connection_id,
            "trail": [list(one) for one in self._kept_trail()],
            "at": _iso(at),
            "sides": [[ref, _iso(side_at)] for ref, side_at in sides] if sides else None,
            "cursor": list(cursor) if isinstance(cursor, tuple) else cursor,
            "sorts": {kind: sort for kind, sort in sorts.items() if sort},
        }

    def restore(self, state: Mapping[str, object]) -> None:
        self.view_state.restore(state)
        self.schema.comparison = None
        # A location names no cursor and no sort: those of the tables stay.
        if "object" in state:
            self._arrive()
            return
        cursor = state.get("cursor")
        self._wanted = tuple(map(str, cursor)) if isinstance(cursor, list) else cursor
        # If the first `show` is for another connection, a kept time means nothing there.
        self._restored_for = state.get("connection")
        sorts = state.get("sorts")
        kept = sorts if isinstance(sorts, dict) else {}
        for kind, table in self._tables.items():
            if sort := Sort.of(kept.get(kind)):
                table.set_sort(sort)
        self.fill()


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
