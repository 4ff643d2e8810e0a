"""How the places of the schema pane are shown: rows, heading, banner, details, filter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.tui.health import ago
from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.schema import columns, comparing, details
from crmdeck.tui.panes.schema.asking import Asking
from crmdeck.tui.panes.schema.data import FieldLine
from crmdeck.tui.panes.schema.field_view import FieldView
from crmdeck.tui.panes.schema.filters import filter_of
from crmdeck.tui.panes.schema.places import (
    ALL,
    COMPARED,
    COMPARISON,
    DIFFERENCE,
    FIELD,
    FIELDS,
    KINDS,
    OBJECTS,
    Place,
)
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Table

READING = "Reading the fields."
PAUSE = 0.2
"""Seconds that the cursor stands on a field of any object before that object is read."""


class Showing(Asking):
    """Each kind of place has its own widget; one of them shows."""

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.wanted: object = None
        self._hint = ""
        self._given: dict[str, tuple[str, object]] = {}
        self._shown_field: object = None

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
        yield FieldView(id=FIELD)
        yield Table(
            comparing.OBJECT_COLUMNS,
            key=lambda one: one.object_type,
            can_mark=False,
            empty="Nothing differs.",
            id=COMPARISON,
        )
        yield Table(
            comparing.LINE_COLUMNS,
            key=lambda line: line.key,
            can_mark=False,
            empty="Nothing differs.",
            id=DIFFERENCE,
        )
        yield Static("", id="brief", classes="detail", markup=False)

    def on_mount(self) -> None:
        """Begin at the objects."""
        self._stand = self.set_interval(PAUSE, self._read_object_under_cursor, pause=True)
        self.present()

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
    def has_values(self) -> bool:
        """Whether a field with picklist values shows."""
        return self.place.kind == FIELD and self.field_view.values.display

    @property
    def line(self) -> FieldLine | None:
        """The field that shows, or that is under the cursor."""
        if self.place.kind == FIELD:
            return self.find_field(self.place.object_type, self.place.field_name)
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
        target = self.focus_target()
        if had_focus and target is not None:
            target.focus()
        self.refresh_bindings()

    def focus_target(self) -> Widget | None:
        """Return the table, or the facts of a field without values."""
        return self.field_view.target if self.place.kind == FIELD else self.table

    # What is shown

    def fill(self) -> None:
        """Give the widget of the place its rows, from what has been read."""
        place = self.place
        if place.kind in (FIELDS, FIELD):
            self.inspect(place.object_type)
        if not self._is_read():
            pass
        elif place.kind == FIELD:
            self._fill_field()
        else:
            self._set_rows(self._rows_of(place))
        self._banner()
        self._head()
        self._brief()

    def _is_read(self) -> bool:
        """Return whether what the place shows has been read; until then old rows stay."""
        if self.place.kind in COMPARED:
            return self.comparison is not None
        if self.place.kind in (FIELDS, ALL):
            return self.has_fields
        return self.data is not None

    def _rows_of(self, place: Place) -> tuple[Any, ...]:
        match place.kind:
            case "objects" if self.data is not None:
                return self.data.objects
            case "fields":
                return self.rated_lines(place.object_type)
            case "all":
                return self.fields.lines
            case "comparison" if self.comparison is not None:
                return self.comparison.objects
            case "difference":
                found = self.difference(place.object_type)
                return comparing.difference_lines(found) if found is not None else ()
        return ()

    def _set_rows(self, rows: tuple[Any, ...]) -> None:
        """Give the table of the place its rows; about another subject it begins at the top."""
        table, place = self.table, self.place
        subject = place.object_type
        before, given = self._given.get(place.kind, (subject, None))
        if before == subject and given is rows:
            self.wanted = None
            return
        self._given[place.kind] = subject, rows
        if place.kind == FIELDS:
            table.set_columns(columns.field_columns(self._moment, rows))
        elif place.kind == ALL:
            table.set_columns(columns.all_columns(self._moment, rows))
        cursor = self.wanted
        self.wanted = None
        if cursor is None and before != subject and rows:
            cursor = table.key_of(rows[0])
        table.set_rows(rows, cursor=cursor)

    def _fill_field(self) -> None:
        line, data = self.line, self.data
        found = self.inspected_field(*self.place[1:3])
        if line is None or data is None or found is None:
            return
        shown = (data.ref, self.place[1:3], data.overview.at)
        anew = shown != self._shown_field
        self._shown_field = shown
        facts = details.field_facts(line, data, found, self.fullness(line.row.object_type))
        self.field_view.show(facts, found.picklist, anew=anew)
        if anew and self.has_focus_within:
            self.field_view.target.focus()

    def _moment(self) -> datetime:
        return self.data.now if self.data is not None else datetime.now(UTC)

    def _head(self) -> None:
        place, data = self.place, self.data
        parts = [self.connection_name]
        if place.kind in (FIELDS, FIELD, DIFFERENCE):
            parts[0] += f" › {place.object_type}"
        if place.kind == FIELD:
            parts[0] += f" › {place.field_name}"
        elif place.kind == COMPARISON and self.comparison is not None:
            parts.append(comparing.how_much(self.comparison))
        elif place.kind == ALL:
            parts.append(count(len(self.fields.lines), "field"))
        elif place.kind == FIELDS and data is not None:
            known = data.object_line(place.object_type)
            if known is not None and known.summary.is_stale:
                parts.append(f"▲ stale, read {ago(known.summary.discovered_at, data.now)}")
            parts.append(count(known.summary.field_count, "field") if known else "")
        elif place.kind == OBJECTS and data is not None:
            fields = sum(line.summary.field_count for line in data.objects)
            stale = sum(line.summary.is_stale for line in data.objects)
            parts.append(f"▲ {stale:,} stale" if stale else "")
            parts += [count(len(data.objects), "object"), count(fields, "field")]
        self.set_heading("Schema", *parts)

    def _banner(self) -> None:
        banner = self.query_one("#banner", Static)
        text = ""
        if self.comparison is not None and self.place.kind in COMPARED:
            text = comparing.banner_text(self.comparison, self.size.width - 4)
        elif self.data is not None and (at := self.data.overview.at) is not None:
            passed = ago(at, self.data.overview.now)
            text = f"THE PAST  as of {at:%Y-%m-%d %H:%M} UTC, {passed}"
        banner.display = bool(text)
        banner.update(Content.styled(text, "bold"))

    def on_resize(self) -> None:
        """Fit what stands above the rows."""
        self._banner()

    def _brief(self) -> None:
        self.query_one("#brief", Static).update(self._brief_text() or "")

    def _brief_text(self) -> Content | None:
        kind, row = self.place.kind, self.table.cursor_row
        if row is None or self.data is None:
            return None
        if kind == OBJECTS:
            return details.object_brief(row, self.data)
        if kind in (FIELDS, ALL):
            field = self.inspected_field(*row.key)
            return details.field_brief(row, self.data, field, self.fullness(row.row.object_type))
        if kind == COMPARISON:
            return comparing.object_brief(row)
        if kind == DIFFERENCE and self.comparison is not None:
            return comparing.line_brief(row, *comparing.side_names(self.comparison))
        return None

    # The filter

    def apply_filter(self, text: str) -> None:
        """Filter what the place shows."""
        found = filter_of(self.place.kind, text, self._moment)
        self._hint = found.hint
        self.table.set_filter(found.predicate, found.words)

    # What the tables tell

    @on(Table.Ordered)
    def _ordered(self, message: Table.Ordered) -> None:
        if message.table is self.table:
            self.post_message(self.Summary(message.table.count_text, self._hint))
            self._brief()

    @on(Table.Highlighted)
    def _highlighted(self, message: Table.Highlighted) -> None:
        if message.table is self.table:
            self._brief()
            self.refresh_bindings()
            if self.place.kind == ALL and message.row is not None:
                self._stand.reset()
                self._stand.resume()

    def _read_object_under_cursor(self) -> None:
        self._stand.pause()
        if self.place.kind == ALL and self.line is not None:
            self.inspect(self.line.row.object_type)
