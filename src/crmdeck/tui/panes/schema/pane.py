"""The schema pane: objects, their fields, one field in full; today, in the past, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.model import Impact, OpenChanges
from crmdeck.text import ago
from crmdeck.tui.dialogs.before_after import BeforeAfter
from crmdeck.tui.filters import FilterSource
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import READ_ONLY, action
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane, View
from crmdeck.tui.panes.samples import SAMPLES_HELP, Fullness, InView, Sampler
from crmdeck.tui.panes.schema import columns, comparison, detail, questions
from crmdeck.tui.panes.schema.export import comparison_export, everywhere_export, schema_export
from crmdeck.tui.panes.schema.field_view import FieldView
from crmdeck.tui.panes.schema.filter_keys import filter_of, keys_of
from crmdeck.tui.panes.schema.headings import (
    everywhere_heading,
    next_steps,
    object_heading,
    overview_heading,
    to_do,
)
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.panes.schema.rows import FieldLine, SchemaData, object_index
from crmdeck.tui.panes.schema.view_state import (
    ALL,
    COMPARED,
    COMPARISON,
    DIFFERENCE,
    EVERYWHERE,
    FIELD,
    FIELDS,
    OBJECTS,
    Place,
    Sides,
)
from crmdeck.tui.panes.usage import FieldPlace, UsageAsker
from crmdeck.tui.text import count, display_text
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.tui.widgets.text_view import Draw, TextView

if TYPE_CHECKING:
    from crmdeck.workspace import Copy, SearchIndex

FIELD_VIEWS = (
    View("All"),
    View("Custom", "custom:yes"),
    View("Mapped", "mapped:yes"),
    View("Required", "required:yes"),
    View("Changed", "changed:yes"),
)
LOADING = "Loading fields…"
PAUSE = 0.2
"""Seconds that the cursor rests on a field before its object is loaded."""

LISTED = (FIELDS, ALL, EVERYWHERE)
"""The kinds of places that list fields."""

FRAME = 2
WITHIN = " › "


class SchemaPane(Pane):
    """Shows the last place of a trail. Each kind of place has its own widget."""

    SCOPE = "schema"
    COUNTED = ("type", "object", "required", "mapped", "custom")

    def __init__(self, host: Host, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.sampler = Sampler(host, self.loader, self.fill)
        self.schema = SchemaLoader(host, self.loader, self.sampler, self.fill, self.show_error)
        self.view_state = self.schema.state
        self.usages = UsageAsker(host, self.loader, self.fill)
        self._impacts: dict[FieldPlace, Impact] = {}
        self._laid_out_for: object = None
        self._restored_for: object = None
        self._wanted: object = None
        self._hint = ""
        self._given: dict[str, tuple[str, object]] = {}
        self._shown_field: object = None
        self._briefed: object = None
        self._banner_text = Static("", id="banner", markup=False)
        self._brief_text = TextView(id="brief", classes="detail part")
        self.field_view = FieldView(id=FIELD)
        # The columns of objects and fields depend on the rows: `_fit_columns` sets them.
        self._tables: dict[str, Table[Any]] = {
            OBJECTS: Table(
                (), key=lambda line: line.key, can_mark=False, empty="No objects.", id=OBJECTS
            )
        }
        for kind in LISTED:
            self._tables[kind] = Table(
                (),
                key=lambda line: (line.ref, *line.key) if line.ref else line.key,
                empty=LOADING,
                id=kind,
            )
        self._tables[COMPARISON] = Table(
            comparison.OBJECT_COLUMNS,
            key=lambda one: one.object_type,
            can_mark=False,
            empty="No differences.",
            id=COMPARISON,
        )
        self._tables[DIFFERENCE] = Table(
            comparison.LINE_COLUMNS,
            key=lambda line: line.key,
            can_mark=False,
            empty="No differences.",
            id=DIFFERENCE,
        )
        for table in self._tables.values():
            table.fit_columns = self._fit_columns

    def compose_body(self) -> ComposeResult:
        yield self._banner_text
        yield from self._tables.values()
        yield self.field_view

    def compose_details(self) -> ComposeResult:
        yield self._brief_text

    def on_mount(self) -> None:
        self._stand = self.set_interval(PAUSE, self._read_object_under_cursor, pause=True)
        self.fill()

    def show(self, connection_id: str | None) -> None:
        # Another connection is shown as of today.
        before = self.connection_id or self._restored_for
        if before not in (None, connection_id):
            self.view_state.at = None
            self.view_state.sides = self.schema.comparison = None
        super().show(connection_id)

    def reload(self) -> None:
        if self.connection_id is not None:
            self.schema.reload(self.connection_id)
            self.usages.read(None)

    @property
    def wants_room(self) -> bool:
        return self.place.kind in LISTED

    @property
    def views(self) -> tuple[View, ...]:
        return FIELD_VIEWS if self.place.kind in LISTED else ()

    @property
    def place(self) -> Place:
        return self.view_state.place

    @property
    def table(self) -> Table[Any]:
        """The table of the visible place; in a field, that of its values."""
        kind = self.place.kind
        return self.field_view.values if kind == FIELD else self._tables[kind]

    @property
    def details(self) -> Widget | None:
        if self.place.kind == FIELD:
            return self.field_view.facts if self.field_view.values.display else None
        return self._brief_text

    @property
    def line(self) -> FieldLine | None:
        """The visible field, or the one under the cursor."""
        if self.place.kind == FIELD:
            return self.schema.find_field(self.place.object_type, self.place.field_name)
        return self.table.cursor_row if self.place.kind in (FIELDS, ALL) else None

    def focus_target(self) -> Widget | None:
        return self.field_view.target if self.place.kind == FIELD else self.table

    def fill(self) -> None:
        """Show the place with the loaded rows."""
        # Textual takes the focus from a widget that is hidden, so this is asked before.
        place, had_focus = self.place, self.has_focus_within
        laid_out_for = (place.kind, self.view_state.at)
        is_new_layout = laid_out_for != self._laid_out_for
        self._laid_out_for = laid_out_for
        # Each change of display costs a layout, and most calls only bring new rows.
        if is_new_layout:
            for kind, table in self._tables.items():
                table.display = kind == place.kind
            self.field_view.display = place.kind == FIELD
            self._brief_text.display = place.kind != FIELD
            self._brief_text.set_class(place.kind == DIFFERENCE, "-block")
        if place.kind in (FIELDS, FIELD):
            self.schema.inspect(place.object_type)
        if place.kind == FIELD:
            self.schema.look_near(place.object_type)
        rows = self._rows()
        if place.kind == FIELD:
            self._fill_field()
        elif rows is not None:
            self._set_rows(rows)
        self._banner()
        self._head()
        self._to_do()
        self._brief()
        # New rows: load the object under the cursor again.
        if place.kind in (FIELDS, ALL):
            self._stand.resume()
        if is_new_layout:
            self.show_views()
            self.post_message(self.Resized())
            target = self.focus_target()
            if had_focus and target is not None:
                target.focus()
            self.refresh_bindings()

    def _rows(self) -> tuple[Any, ...] | None:
        """Return the rows of the place, or None while they load: then the old rows stay."""
        schema, place = self.schema, self.place
        match place.kind:
            case "objects" if schema.data is not None:
                return schema.data.objects
            case "objects" if OBJECTS in self._given:
                # The old rows are those of another connection: this one has no schema.
                return ()
            case "fields" if schema.has_fields:
                return schema.rated_lines(place.object_type)
            case "all" if schema.has_fields:
                return schema.fields.lines
            case "everywhere" if schema.everywhere is not None:
                return schema.everywhere.lines
            case "comparison" if schema.comparison is not None:
                return schema.comparison.objects
            case "difference" if schema.comparison is not None:
                found = schema.difference(place.object_type)
                return comparison.difference_lines(found) if found is not None else ()
        return None

    def _set_rows(self, rows: tuple[Any, ...]) -> None:
        """Show rows in the table of the place, from the top if they are of another object."""
        table, place = self.table, self.place
        subject = place.object_type
        before, given = self._given.get(place.kind, (subject, None))
        # The same tuple means the same rows: the table keeps its order and its cursor.
        if before == subject and given is rows:
            self._wanted = None
            return
        self._given[place.kind] = subject, rows
        self._fit_columns()
        cursor = self._wanted
        self._wanted = None
        if cursor is None and before != subject and rows:
            cursor = table.key_of(rows[0])
        index: SearchIndex[Any] | None = None
        if place.kind == OBJECTS:
            index = object_index(rows)
        elif place.kind in (FIELDS, ALL):
            index = self.schema.index_of(rows)
        elif place.kind == EVERYWHERE and self.schema.everywhere is not None:
            index = self.schema.everywhere.index
        table.set_rows(rows, cursor=cursor, index=index)

    def _fit_columns(self) -> None:
        def described(line: FieldLine) -> str:
            found = self.schema.inspected_field(*line.key)
            return (found.description or "") if found is not None else ""

        kind = self.place.kind
        width = self.table.scrollable_content_region.width
        # A table that was never displayed has no size yet.
        width = width or self.query_one(".main").size.width or self.size.width - FRAME
        make: Any = {
            OBJECTS: columns.object_columns,
            FIELDS: partial(columns.field_columns, described=described),
            ALL: columns.all_columns,
            EVERYWHERE: columns.every_columns,
        }.get(kind)
        # Before the first rows, too: the list of columns to choose from must not be empty.
        _, rows = self._given.get(kind, (None, ()))
        if make is not None and width > 0:
            self.table.set_columns(make(self._moment, rows, width))

    def _fill_field(self) -> None:
        line, data = self.line, self.schema.data
        found = self.schema.inspected_field(*self.place[1:3])
        if line is None or data is None or found is None:
            return
        shown = (data.ref, self.place[1:3], data.overview.at)
        is_other = shown != self._shown_field
        self._shown_field = shown
        place = FieldPlace(data.ref, *line.key)
        number = Content.styled(f"{len(found.picklist):,}", "$muted")
        self.panel.caption(self.field_view.values, "Values", state=[number])
        self.field_view.show(
            partial(
                detail.field_facts,
                line,
                data,
                found,
                self.schema.fullness(line.row.object_type),
                self.usages.of(place),
                self.schema.nearest(*line.key),
                self._impacts.get(place),
            ),
            found.picklist,
            from_top=is_other,
        )
        # A field with values has another target than one without.
        if is_other and self.has_focus_within:
            self.field_view.target.focus()

    def _moment(self) -> datetime:
        return self.schema.data.now if self.schema.data is not None else datetime.now(UTC)

    def _head(self) -> None:
        if self.schema.data is None and not self.panel.is_drawn:
            return
        place = self.place
        inside = [place.object_type] if place.kind in (FIELDS, FIELD, DIFFERENCE) else []
        inside += [place.field_name] if place.kind == FIELD else []
        where = "all connections" if place.kind == EVERYWHERE else self.connection_name
        what = "All fields" if place.kind in (ALL, EVERYWHERE) else "Schema"
        self.set_heading(
            WITHIN.join([f"{what} of {where}", *inside]),
            *self._heading_details(),
            short=WITHIN.join(inside or [what]),
        )

    def _heading_details(self) -> tuple[str | Content, ...]:
        place, data = self.place, self.schema.data
        if place.kind == COMPARISON and self.schema.comparison is not None:
            same, differing = self.schema.comparison.same, len(self.schema.comparison.objects)
            return (f"{differing:,} of {count(differing + same, 'object')} differ",)
        if place.kind == EVERYWHERE and self.schema.everywhere is not None:
            return everywhere_heading(self.schema.everywhere)
        if data is None or place.kind in (*COMPARED, EVERYWHERE):
            return ()
        to_map = self.schema.fields.to_map
        if place.kind in (OBJECTS, ALL):
            status = self.host.status
            changes = status.open_changes if status is not None else OpenChanges()
            return overview_heading(data, to_map, changes, place.kind == OBJECTS)
        mine = to_map.get(place.object_type, ())
        if place.kind == FIELDS:
            return object_heading(data, place.object_type, mine)
        is_wanted = any(line.row.name == place.field_name for line in mine)
        return (Content.styled("required, not mapped", "$warn"),) if is_wanted else ()

    def _to_do(self) -> None:
        data, status = self.schema.data, self.host.status
        if data is None or status is None or data.overview.at is not None:
            self.show_next_steps(lambda _: Content(""))
            return
        to_map, inside = self.schema.fields.to_map, self.place.object_type
        lines = [one for one in data.objects if inside in ("", one.key)]
        steps = next_steps(
            required=sum(len(names) for key, names in to_map.items() if inside in ("", key)),
            stale=sum(one.summary.is_stale for one in lines),
            changes=status.open_changes.count,
        )
        self.show_next_steps(partial(to_do, steps, data.now))

    def _banner(self) -> None:
        text = ""
        if self.schema.comparison is not None and self.place.kind in COMPARED:
            text = comparison.banner_text(self.schema.comparison, self.size.width - 4)
        elif self.schema.data is not None and (at := self.schema.data.overview.at) is not None:
            passed = ago(at, self.schema.data.overview.now)
            text = f"AS OF {at:%Y-%m-%d %H:%M} UTC  {passed}, Esc returns to today"
        self._banner_text.display = bool(text)
        self._banner_text.update(Content.styled(text, "bold"))

    def on_resize(self) -> None:
        # Both sides of a comparison are in one line only if they fit.
        self._banner()

    def _brief(self) -> None:
        row = self.table.cursor_row
        titles, state, draw = self._brief_of(row)
        # Not before the data: a first title draws the frame.
        if self.panel.is_drawn or row is not None:
            self.panel.caption(self._brief_text, *titles, state=[state] if state else [])
        about = (self.place.kind, self.place.object_type, self.table.cursor_key)
        self._brief_text.show(draw, from_top=about != self._briefed)
        self._briefed = about

    def _brief_of(self, row: Any) -> tuple[list[str], Content | None, Draw]:
        """Return the titles, the state and the text of the details of a row of the place."""
        kind, schema = self.place.kind, self.schema
        if row is None or schema.data is None or kind == FIELD:
            return ["Details"], None, _draw_nothing
        if kind == OBJECTS:
            state = Content.styled(detail.object_state(row), "$muted")
            to_map = schema.fields.to_map.get(row.key, ())
            return [row.key], state, partial(detail.object_brief, row, schema.data, to_map)
        if kind in LISTED:
            mapped = display_text(row.mapped or "not mapped")
            state = Content.styled(mapped, "$mark" if row.mapped else "$muted")
            return [row.path, row.row.name], state, self._field_brief(row, schema.data)
        if kind == COMPARISON:
            differing = comparison.object_brief(row)
            return [row.object_type], None, lambda _: differing
        if schema.comparison is not None:
            both = comparison.line_brief(row, *comparison.side_names(schema.comparison))
            return [row.field_name or row.object_type], None, lambda _: both
        return ["Details"], None, _draw_nothing

    def _field_brief(self, row: FieldLine, data: SchemaData) -> Draw:
        schema = self.schema
        if self.place.kind != EVERYWHERE:
            return partial(
                detail.field_brief,
                row,
                data,
                schema.inspected_field(*row.key),
                schema.fullness(row.row.object_type),
                schema.nearest(*row.key),
            )
        # Of other connections only the rows are loaded.
        its = schema.everywhere.data.get(row.ref) if schema.everywhere is not None else None
        if its is None:
            return _draw_nothing
        return partial(detail.field_brief, row, its, None, Fullness(), None)

    def filter_source(self) -> FilterSource[Any]:
        return FilterSource(self.table.all_rows, keys_of(self.place.kind, self._moment))

    def counted(self) -> Sequence[object]:
        return self.table.shown()

    def apply_filter(self, text: str) -> None:
        found = filter_of(self.place.kind, text, self._moment)
        self._hint = found.hint
        self.table.set_filter(found.predicate, found.words, beside=found.beside)

    @on(Table.Ordered)
    def _ordered(self, message: Table.Ordered) -> None:
        if message.table is self.table:
            self.summarize(message.table.count_text, self._hint)
            self._brief()

    @on(Table.Selected)
    def _selected(self, message: Table.Selected) -> None:
        # A late message may come from the table of another place.
        if message.table is self.table:
            self._open_row(message.row)

    @on(Table.Highlighted)
    def _highlighted(self, message: Table.Highlighted) -> None:
        if message.table is self.table:
            self._brief()
            self.refresh_bindings()
            if self.place.kind in (FIELDS, ALL) and message.row is not None:
                self._stand.reset()
                self._stand.resume()

    def _read_object_under_cursor(self) -> None:
        self._stand.pause()
        if self.place.kind in (FIELDS, ALL) and self.line is not None:
            object_type = self.line.row.object_type
            if self.place.kind == ALL:
                self.schema.inspect(object_type)
            self.schema.look_near(object_type)

    def _kept_trail(self) -> tuple[Place, ...]:
        trail = self.view_state.trail
        return (*trail[:-1], trail[-1]._replace(filter=self.filter_text))

    def _go(self, *places: Place) -> None:
        """Open `places`. Going up returns to the current one."""
        self.view_state.trail = (*self._kept_trail(), *places)
        self._arrive()

    def _arrive(self, cursor: object = None) -> None:
        """Show the last place of the trail; a table that was empty begins at `cursor`."""
        self._wanted = cursor if cursor is not None else self._wanted
        self.replace_filter(self.place.filter)
        self.fill()

    def _open_row(self, row: Any) -> None:
        kind = self.place.kind
        if kind == OBJECTS:
            self._go(Place(FIELDS, row.key))
        elif kind in (FIELDS, ALL):
            self._go(Place(FIELD, *row.key))
        elif kind == EVERYWHERE:
            # Now, not when the sidebar follows: the next place is in that connection.
            if row.ref != self.connection_id:
                self.show(row.ref)
                self.post_message(self.Chosen(row.ref))
            self._go(Place(FIELD, *row.key))
        elif kind == COMPARISON:
            self._go(Place(DIFFERENCE, row.object_type))
        elif kind == DIFFERENCE and self.schema.find_field(row.object_type, row.field_name):
            self._go(Place(FIELD, row.object_type, row.field_name))
        elif kind == DIFFERENCE and self._no_sides() is None:
            self.show_values()

    def _no_schema(self) -> str | None:
        if self.schema.data is not None:
            return None
        if self.loader.is_loading:
            return "Still loading the schema."
        return "Never refreshed: no schema yet. Press r to refresh."

    def _wider(self) -> str:
        # The past of other connections isn't shown.
        sees_one = self.view_state.at is not None or len(self.host.statuses) < 2
        if self.place.kind == EVERYWHERE or (self.place.kind == ALL and sees_one):
            return "Objects"
        return "All connections" if self.place.kind == ALL else "All fields"

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
        if self._wider() == "Objects":
            self.view_state.trail = self._kept_trail()[:1]
        elif self.place.kind == ALL:
            self.view_state.leave_comparison()
            self.view_state.trail = (
                self._kept_trail()[0],
                Place(EVERYWHERE, filter=self.filter_text),
            )
        else:
            self.view_state.trail = (self._kept_trail()[0], Place(ALL))
        self._arrive()
        if self.place.kind == EVERYWHERE:
            self.schema.read_everywhere()

    @action(
        "schema.travel",
        "As of…",
        "at",
        help="View the schema as of an earlier time.",
        hint=85,
        blocked=_no_schema,
    )
    def travel(self) -> None:
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

    def _compare(self, sides: Sides) -> None:
        object_type = self.place.object_type

        def then() -> None:
            places = [Place(COMPARISON)]
            if self.schema.difference(object_type) is not None:
                places.append(Place(DIFFERENCE, object_type))
            elif object_type:
                self.host.say(f"{object_type} doesn't differ.")
            self._go(*places)

        self.schema.compare(sides, then)

    def _no_sides(self) -> str | None:
        """Return why there are no two values to show, or None."""
        if self.place.kind == DIFFERENCE and self.table.cursor_row is not None:
            return None if self.table.cursor_row.change else "Only one side has this field."
        return "Only a comparison has values of two sides. = compares."

    @action(
        "schema.values",
        "Values",
        "v",
        help="Show the values of both sides in full.",
        hint=80,
        blocked=_no_sides,
    )
    def show_values(self) -> None:
        found, line = self.schema.comparison, self.table.cursor_row
        if found is not None and line is not None:
            change = line.change
            title = f"{line.field_name or line.object_type}: {change.attribute}"
            self.app.push_screen(BeforeAfter(title, [change], comparison.side_names(found)))

    def _in_view(self) -> InView | None:
        ref, line = self.connection_id, self.line
        if ref is None or self.view_state.at is not None or line is None:
            return None
        if self.place.kind != FIELDS:
            return InView(ref, line.row.object_type, (line.row.name,))
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

    @action("schema.samples", "Fill rates", "w", help=SAMPLES_HELP, hint=78, blocked=_no_samples)
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
        "D",
        help="Show what uses the field, and what breaks without it.",
        hint=76,
        blocked=_no_usage,
    )
    def ask_usage(self) -> None:
        # The answer shows in the field in full.
        ref, line = self.connection_id, self.line
        if ref is not None and line is not None:
            if self.place.kind != FIELD:
                self._go(Place(FIELD, *line.key))
            place, fields = FieldPlace(ref, *line.key), self.host.workspace.fields

            def took(impact: Impact) -> None:
                # Only the latest is kept, because a refresh or a decision changes the answer.
                self._impacts = {place: impact}
                self.fill()

            def load() -> None:
                self.loader.load("impact", lambda _: fields.impact(*place), took, quiet=True)

            # The impact includes the answer of the CRM, or that there is none.
            self.usages.ask(place, then=load)

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
        "m",
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
        "schema.up",
        "Up",
        "backspace",
        help="Go up to the previous place.",
        applies=_escape_leaves,
        palette=False,
        mode="free",
    )
    @action(
        "schema.out",
        "Up",
        "backspace",
        help="Go up, even if Esc would do something else.",
        hint=88,
        applies=lambda pane: pane._can_leave() and pane.host.takes_escape(),
        palette=False,
        mode="taken",
    )
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
            left = self.place
            self.view_state.trail = self.view_state.trail[:-1]
            # A table that was empty begins at the row that the user comes from.
            cursor: object = None
            if self.place.kind in (FIELDS, ALL):
                cursor = tuple(left[1:3])
            elif self.place.kind in (OBJECTS, COMPARISON):
                cursor = left.object_type or None
            self._arrive(cursor)
        elif self.view_state.at is not None:
            self._show_as_of(None)

    def copies(self) -> tuple[Copy, ...]:
        kind, data, copies = self.place.kind, self.schema.data, self.host.workspace.copies
        if kind in COMPARED:
            found, chosen = self.schema.comparison, self.table.chosen()
            if found is None or not chosen:
                return ()
            if kind == DIFFERENCE:
                return copies.differences(found, [line.key[:2] for line in chosen])
            return copies.differences(found, [(one.object_type, None) for one in chosen])
        at = data.overview.at if data is not None else None
        if kind == OBJECTS:
            objects = [line.summary for line in self.table.chosen()]
            return copies.objects(self.connection_name, objects, at) if objects else ()
        lines = self.table.chosen() if kind in LISTED else (self.line,) if self.line else ()
        if not lines:
            return ()
        if kind == EVERYWHERE:
            # One connection at a time: a copy contains one name.
            lines = tuple(line for line in lines if line.ref == lines[0].ref)
        return copies.fields(
            lines[0].connection or self.connection_name,
            [line.row for line in lines],
            mapped={line.key: line.mapped for line in lines if line.mapped},
            at=at,
        )

    def crm_place(self) -> CrmPlace | None:
        ref = self.connection_id
        if ref is None:
            return None
        if self.line is not None:
            return CrmPlace(ref, *self.line.key)
        row = self.table.cursor_row
        if self.place.kind == OBJECTS and row is not None:
            return CrmPlace(ref, row.key)
        if self.place.kind == EVERYWHERE and row is not None:
            return CrmPlace(row.ref, *row.key)
        return CrmPlace(ref, self.place.object_type or None)

    def can_copy(self) -> bool:
        return self.line is not None or self.table.cursor_row is not None

    def can_export(self) -> bool:
        if self.place.kind in COMPARED:
            return self.schema.comparison is not None
        if self.place.kind == EVERYWHERE:
            return self.table.shown_count > 0
        return self.schema.data is not None and (
            self.place.kind == OBJECTS or self.schema.has_fields
        )

    def export_request(self) -> ExportRequest | None:
        place, table, filtered = self.place, self.table, bool(self.filter_text)
        sides, everywhere, data = self.view_state.sides, self.schema.everywhere, self.schema.data
        if not self.can_export():
            return None
        if place.kind in COMPARED:
            return comparison_export(place, table, sides, filtered=filtered) if sides else None
        if place.kind == EVERYWHERE:
            return everywhere_export(everywhere, table, filtered=filtered) if everywhere else None
        at = data.overview.at if data is not None else None
        return schema_export(place, table, at, filtered=filtered)

    def state(self) -> dict[str, object]:
        sorts = {kind: table.sort_state for kind, table in self._tables.items()}
        cursor, at, sides = self.table.cursor_key, self.view_state.at, self.view_state.sides
        return {
            "connection": self.connection_id,
            "trail": [list(place) for place in self._kept_trail()],
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


def _draw_nothing(_: int) -> Content:
    return Content("")


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
