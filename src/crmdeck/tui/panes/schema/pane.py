"""The schema pane: objects, their fields, one field in full; now, in the past, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.text import ago
from crmdeck.tui.host import PaneHost
from crmdeck.tui.keys.actions import Actions
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane, View
from crmdeck.tui.panes.samples import Fullness, Sampler
from crmdeck.tui.panes.schema import columns, comparison, detail
from crmdeck.tui.panes.schema.actions import SCHEMA_ACTIONS
from crmdeck.tui.panes.schema.commands import SchemaCommands
from crmdeck.tui.panes.schema.export import comparison_export, everywhere_export, schema_export
from crmdeck.tui.panes.schema.field_view import FieldView
from crmdeck.tui.panes.schema.filter_keys import filter_of
from crmdeck.tui.panes.schema.headings import everywhere_heading, object_heading, overview_heading
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.panes.schema.rows import FieldLine, object_index
from crmdeck.tui.panes.schema.view_state import (
    ALL,
    COMPARED,
    COMPARISON,
    DIFFERENCE,
    EVERYWHERE,
    FIELD,
    FIELDS,
    KINDS,
    OBJECTS,
    TABLES,
    Place,
    ViewState,
    sides_to_state,
    to_state,
)
from crmdeck.tui.panes.usage import FieldPlace, UsageAsker
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.tui.widgets.text_view import Draw, TextView

if TYPE_CHECKING:
    from crmdeck.workspace import Copy, SearchIndex

FIELD_VIEWS = (
    View("all"),
    View("custom", "custom:yes"),
    View("mapped", "mapped:yes"),
    View("required", "required:yes"),
    View("changed", "changed:yes"),
)
READING = "Reading the fields."
PAUSE = 0.2
"""Seconds that the cursor stands on a field of any object before that object is read."""


LISTED = (FIELDS, ALL, EVERYWHERE)
"""Where fields are listed."""

NOTHING_KNOWN = Fullness({}, {})
SCROLLBAR = 1
WITHIN = " › "


class SchemaPane(Pane):
    """Shows the last of a trail of places; each kind of place has its own widget."""

    SCOPE = "schema"
    ACTIONS: ClassVar[Actions] = SCHEMA_ACTIONS

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.view_state = ViewState()
        self.sampler = Sampler(host, self.loader, self.fill)
        self.schema = SchemaLoader(host, self.loader, self.view_state, self.sampler.samples, self)
        self.usages = UsageAsker(host, self.loader, self.fill)
        self.commands = SchemaCommands(
            self, host, self.loader, self.schema, self.view_state, self.sampler, self.usages
        )
        self._restored_for: object = None
        self._wanted: object = None
        self._hint = ""
        self._given: dict[str, tuple[str, object]] = {}
        self._shown_field: object = None
        self._briefed: object = None

    def compose_body(self) -> ComposeResult:
        """Yield a widget for each kind of place, the banner above and the details below."""
        yield Static("", id="banner", markup=False)
        yield Table(
            columns.object_columns(self._moment),
            key=lambda line: line.key,
            can_mark=False,
            empty="No objects.",
            id=OBJECTS,
        )
        yield Table(
            columns.field_columns(self._moment), key=lambda line: line.key, empty=READING, id=FIELDS
        )
        yield Table(
            columns.all_columns(self._moment), key=lambda line: line.key, empty=READING, id=ALL
        )
        yield Table(
            columns.every_columns(self._moment),
            key=lambda line: (line.ref, *line.key),
            empty=READING,
            id=EVERYWHERE,
        )
        yield FieldView(id=FIELD)
        yield Table(
            comparison.OBJECT_COLUMNS,
            key=lambda one: one.object_type,
            can_mark=False,
            empty="Nothing differs.",
            id=COMPARISON,
        )
        yield Table(
            comparison.LINE_COLUMNS,
            key=lambda line: line.key,
            can_mark=False,
            empty="Nothing differs.",
            id=DIFFERENCE,
        )
        yield TextView(id="brief", classes="detail")

    def on_mount(self) -> None:
        """Begin at the objects."""
        self._stand = self.set_interval(PAUSE, self._read_object_under_cursor, pause=True)
        self.present()

    def show(self, connection_id: str | None) -> None:
        """Show a connection; another one is shown as it is now."""
        before = self.connection_id or self._restored_for
        if before not in (None, connection_id):
            self.view_state.at = None
            self.view_state.sides = self.schema.comparison = None
        super().show(connection_id)

    def reload(self) -> None:
        """Read the schema."""
        if self.connection_id is not None:
            self.schema.reload(self.connection_id)
            self.usages.read(None)

    def go_on(self, connection_id: str) -> None:
        """Go on to another connection; rail and other panes follow."""
        if connection_id != self.connection_id:
            self.show(connection_id)
            self.post_message(self.Chosen(connection_id))

    def arrive(self, cursor: object = None) -> None:
        """Show the place that the trail ends at now, in a table not filled before at `cursor`."""
        self._wanted = cursor if cursor is not None else self._wanted
        self.replace_filter(self.place.filter)
        self.present()

    @property
    def wants_room(self) -> bool:
        """Where fields are listed, for their names."""
        return self.place.kind in LISTED

    @property
    def views(self) -> tuple[View, ...]:
        """Where fields are listed, which of them most look for."""
        return FIELD_VIEWS if self.place.kind in LISTED else ()

    @property
    def place(self) -> Place:
        """The place that shows."""
        return self.view_state.place

    @property
    def table(self) -> Table[Any]:
        """The table of the place that shows; of a field that of its values."""
        kind = self.place.kind
        return self.field_view.values if kind == FIELD else self.query_one(f"#{kind}", Table)

    @property
    def field_view(self) -> FieldView:
        """The view of a field in full."""
        return self.query_one(f"#{FIELD}", FieldView)

    @property
    def details(self) -> Widget | None:
        """The brief; of a field in full the facts beside its values."""
        if self.place.kind == FIELD:
            return self.field_view.facts if self.field_view.values.display else None
        return self.query_one("#brief")

    @property
    def line(self) -> FieldLine | None:
        """The field that shows, or that is under the cursor."""
        if self.place.kind == FIELD:
            return self.schema.find_field(self.place.object_type, self.place.field_name)
        return self.table.cursor_row if self.place.kind in (FIELDS, ALL) else None

    def present(self) -> None:
        """Show the widget of the place, filled, and nothing of the others."""
        had_focus = self.has_focus_within
        for kind in KINDS:
            self.query_one(f"#{kind}").display = kind == self.place.kind
        brief = self.query_one("#brief")
        brief.display = self.place.kind != FIELD
        brief.set_class(self.place.kind == DIFFERENCE, "-block")
        self.fill()
        self.show_views()
        self.post_message(self.Resized())
        target = self.focus_target()
        if had_focus and target is not None:
            target.focus()
        self.refresh_bindings()

    def focus_target(self) -> Widget | None:
        """Return the table, or the facts of a field without values."""
        return self.field_view.target if self.place.kind == FIELD else self.table

    def fill(self) -> None:
        """Give the widget of the place its rows, from what has been read."""
        place = self.place
        if place.kind in (FIELDS, FIELD):
            self.schema.inspect(place.object_type)
        if place.kind == FIELD:
            self.schema.look_near(place.object_type)
        if not self._is_read():
            pass
        elif place.kind == FIELD:
            self._fill_field()
        else:
            self._set_rows(self._rows_of(place))
        self._banner()
        self._head()
        self._brief()
        # What was read anew is looked into anew.
        if place.kind in (FIELDS, ALL):
            self._stand.resume()

    def _is_read(self) -> bool:
        """Return whether what the place shows has been read; until then old rows stay."""
        if self.place.kind in COMPARED:
            return self.schema.comparison is not None
        if self.place.kind in (FIELDS, ALL):
            return self.schema.has_fields
        if self.place.kind == EVERYWHERE:
            return self.schema.everywhere is not None
        return self.schema.data is not None

    def _rows_of(self, place: Place) -> tuple[Any, ...]:
        match place.kind:
            case "objects" if self.schema.data is not None:
                return self.schema.data.objects
            case "fields":
                return self.schema.rated_lines(place.object_type)
            case "all":
                return self.schema.fields.lines
            case "everywhere" if self.schema.everywhere is not None:
                return self.schema.everywhere.lines
            case "comparison" if self.schema.comparison is not None:
                return self.schema.comparison.objects
            case "difference":
                found = self.schema.difference(place.object_type)
                return comparison.difference_lines(found) if found is not None else ()
        return ()

    def _set_rows(self, rows: tuple[Any, ...]) -> None:
        """Give the table of the place its rows; about another subject it begins at the top."""
        table, place = self.table, self.place
        subject = place.object_type
        before, given = self._given.get(place.kind, (subject, None))
        if before == subject and given is rows:
            self._wanted = None
            return
        self._given[place.kind] = subject, rows
        self._fit_columns()
        cursor = self._wanted
        self._wanted = None
        if cursor is None and before != subject and rows:
            cursor = table.key_of(rows[0])
        table.set_rows(rows, cursor=cursor, index=self._index_of(place, rows))

    def _fit_columns(self) -> None:
        """Share the width among the columns anew, for other rows or another window."""
        kind, width = self.place.kind, self.size.width - SCROLLBAR
        make: Any = {
            OBJECTS: columns.object_columns,
            FIELDS: columns.field_columns,
            ALL: columns.all_columns,
            EVERYWHERE: columns.every_columns,
        }.get(kind)
        rows = self._given.get(kind, (None, None))[1]
        if make is not None and rows is not None and width > 0:
            self.table.set_columns(make(self._moment, rows, width))

    def _index_of(self, place: Place, rows: tuple[Any, ...]) -> SearchIndex[Any] | None:
        if place.kind == OBJECTS:
            return object_index(rows)
        if place.kind == EVERYWHERE and self.schema.everywhere is not None:
            return self.schema.everywhere.index
        return self.schema.index_of(rows) if place.kind in (FIELDS, ALL) else None

    def _fill_field(self) -> None:
        line, data = self.line, self.schema.data
        found = self.schema.inspected_field(*self.place[1:3])
        if line is None or data is None or found is None:
            return
        shown = (data.ref, self.place[1:3], data.overview.at)
        anew = shown != self._shown_field
        self._shown_field = shown
        place = FieldPlace(data.ref, *line.key)
        self.field_view.show(
            partial(
                detail.field_facts,
                line,
                data,
                found,
                self.schema.fullness(line.row.object_type),
                self.usages.of(place),
                self.schema.nearest(*line.key),
            ),
            found.picklist,
            anew=anew,
        )
        if anew and self.has_focus_within:
            self.field_view.target.focus()

    def _moment(self) -> datetime:
        return self.schema.data.now if self.schema.data is not None else datetime.now(UTC)

    def _head(self) -> None:
        place = self.place
        inside = [place.object_type] if place.kind in (FIELDS, FIELD, DIFFERENCE) else []
        inside += [place.field_name] if place.kind == FIELD else []
        everywhere = place.kind == EVERYWHERE
        self.set_heading(
            WITHIN.join(["all connections" if everywhere else self.connection_name, *inside]),
            *self._heading_details(),
            short=WITHIN.join(inside),
        )

    def _heading_details(self) -> tuple[str | Content, ...]:
        """Return what to do next here, then how much is listed."""
        place, data = self.place, self.schema.data
        if place.kind == COMPARISON and self.schema.comparison is not None:
            return (comparison.how_much(self.schema.comparison),)
        if place.kind == EVERYWHERE and self.schema.everywhere is not None:
            return everywhere_heading(self.schema.everywhere)
        if data is None or place.kind in (*COMPARED, EVERYWHERE):
            return ()
        to_map = self.schema.fields.to_map
        if place.kind in (OBJECTS, ALL):
            status = self.host.status
            unseen = status.unseen.total if status is not None else 0
            return overview_heading(data, to_map, unseen, place.kind == OBJECTS)
        mine = to_map.get(place.object_type, ())
        if place.kind == FIELDS:
            return object_heading(data, place.object_type, mine)
        is_wanted = any(line.row.name == place.field_name for line in mine)
        return (Content.styled("required, and not mapped", "$warn"),) if is_wanted else ()

    def _banner(self) -> None:
        banner = self.query_one("#banner", Static)
        text = ""
        if self.schema.comparison is not None and self.place.kind in COMPARED:
            text = comparison.banner_text(self.schema.comparison, self.size.width - 4)
        elif self.schema.data is not None and (at := self.schema.data.overview.at) is not None:
            passed = ago(at, self.schema.data.overview.now)
            text = f"THE PAST  as of {at:%Y-%m-%d %H:%M} UTC, {passed}"
        banner.display = bool(text)
        banner.update(Content.styled(text, "bold"))

    def on_resize(self) -> None:
        """Fit rows, and what stands above them."""
        self._banner()
        self._fit_columns()

    def _brief(self) -> None:
        about = (self.place.kind, self.place.object_type, self.table.cursor_key)
        self.query_one("#brief", TextView).show(self._brief_draw(), anew=about != self._briefed)
        self._briefed = about

    def _brief_draw(self) -> Draw:
        kind, row, data = self.place.kind, self.table.cursor_row, self.schema.data
        if row is None or data is None:
            return lambda _: Content("")
        if kind == OBJECTS:
            to_map = self.schema.fields.to_map.get(row.key, ())
            return partial(detail.object_brief, row, data, to_map)
        if kind in (FIELDS, ALL):
            return partial(
                detail.field_brief,
                row,
                data,
                self.schema.inspected_field(*row.key),
                self.schema.fullness(row.row.object_type),
                self.schema.nearest(*row.key),
            )
        if kind == EVERYWHERE and self.schema.everywhere is not None:
            its = self.schema.everywhere.data.get(row.ref)
            if its is None:
                return lambda _: Content("")
            return partial(detail.field_brief, row, its, None, NOTHING_KNOWN, None)
        if kind == COMPARISON:
            return lambda _: comparison.object_brief(row)
        if kind == DIFFERENCE and self.schema.comparison is not None:
            names = comparison.side_names(self.schema.comparison)
            return lambda _: comparison.line_brief(row, *names)
        return lambda _: Content("")

    def apply_filter(self, text: str) -> None:
        """Filter what the place shows."""
        found = filter_of(self.place.kind, text, self._moment)
        self._hint = found.hint
        self.table.set_filter(found.predicate, found.words, beside=found.beside)

    @on(Table.Ordered)
    def _ordered(self, message: Table.Ordered) -> None:
        if message.table is self.table:
            self.post_message(self.Summary(message.table.count_text, self._hint))
            self._brief()

    @on(Table.Selected)
    def _selected(self, message: Table.Selected) -> None:
        # Of a place that was left meanwhile it is no row of this one.
        if message.table is self.table:
            self.commands.open_row(message.row)

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

    def copies(self) -> tuple[Copy, ...]:
        """Return the forms of the marked objects or fields, or of what is under the cursor."""
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
            # One connection at a time: its name stands above.
            lines = tuple(line for line in lines if line.ref == lines[0].ref)
        field = self.schema.inspected_field(*lines[0].key) if len(lines) == 1 else None
        return copies.fields(
            lines[0].connection or self.connection_name,
            [line.row for line in lines],
            mapped={line.key: line.mapped for line in lines if line.mapped},
            field=field,
            at=at,
        )

    def crm_place(self) -> CrmPlace | None:
        """Return the field or the object that shows, or that is under the cursor."""
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
        """Return whether there is anything, without putting it into words."""
        return self.line is not None or self.table.cursor_row is not None

    def can_export(self) -> bool:
        """Return whether there is anything, without looking at every line."""
        if self.place.kind in COMPARED:
            return self.schema.comparison is not None
        if self.place.kind == EVERYWHERE:
            return self.table.shown_count > 0
        return self.schema.data is not None and (
            self.place.kind == OBJECTS or self.schema.has_fields
        )

    def export_request(self) -> ExportRequest | None:
        """Export what passes the filter, as of the moment that shows."""
        data, sides, filtered = self.schema.data, self.view_state.sides, bool(self.filter_text)
        if not self.can_export():
            return None
        if self.place.kind in COMPARED:
            return (
                comparison_export(self.place, self.table, sides, filtered=filtered)
                if sides
                else None
            )
        if self.place.kind == EVERYWHERE:
            everywhere = self.schema.everywhere
            if everywhere is None:
                return None
            return everywhere_export(everywhere, self.table, filtered=filtered)
        at = data.overview.at if data is not None else None
        return schema_export(self.place, self.table, at, filtered=filtered)

    def state(self) -> dict[str, Any]:
        """Keep the trail, the moment, both sides, the line under the cursor, and the sorts."""
        sorts = {
            kind: [sort.column_id, sort.descending]
            for kind in TABLES
            if (sort := self.query_one(f"#{kind}", Table).sort) is not None
        }
        cursor, at = self.table.cursor_key, self.view_state.at
        return {
            "connection": self.connection_id,
            "trail": to_state(self.commands.kept_trail()),
            "at": at.isoformat() if at is not None else None,
            "sides": sides_to_state(self.view_state.sides),
            "cursor": list(cursor) if isinstance(cursor, tuple) else cursor,
            "sorts": sorts,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a trail, or go to the `object` and `field` that another pane names."""
        self.view_state.restore(state)
        self.schema.comparison = None
        if "object" in state:
            self.arrive()
            return
        cursor = state.get("cursor")
        self._wanted = tuple(map(str, cursor)) if isinstance(cursor, list) else cursor
        self._restored_for = state.get("connection")
        sorts = state.get("sorts")
        for kind, sort in sorts.items() if isinstance(sorts, dict) else ():
            match sort:
                case [str(column_id), bool(descending)] if kind in TABLES:
                    self.query_one(f"#{kind}", Table).set_sort(Sort(column_id, descending))
        self.present()
