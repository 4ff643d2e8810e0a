"""The mapping pane: the rows of an object pair, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.tui.filters import compile_filter
from crmdeck.tui.host import Location, PaneHost
from crmdeck.tui.keys.actions import Actions
from crmdeck.tui.panes.mapping.actions import MAPPING_ACTIONS
from crmdeck.tui.panes.mapping.columns import FILTER_KEYS, columns_for, least_width, searched
from crmdeck.tui.panes.mapping.commands import NO_LINE, NO_PAIR, MappingCommands
from crmdeck.tui.panes.mapping.detail import Around, row_detail
from crmdeck.tui.panes.mapping.loader import PairLoader
from crmdeck.tui.panes.mapping.summary import heading, next_step
from crmdeck.tui.panes.mapping.table import RowTable
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane
from crmdeck.tui.panes.samples import Sampler
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.tui.widgets.text_view import TextView
from crmdeck.workspace import MappingSession

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

READING = "Reading the object pair."
NEXT_PAIR = "next: p chooses what is to be mapped onto what"
LEAST_DETAIL = 37
"""Cells that the details take beside the table at least, as in the sheet; else 3 of 10."""


class MappingPane(Pane):
    """Suggested field pairs of one object pair, decided row by row."""

    SCOPE = "mapping"
    WITHIN: ClassVar[tuple[str, ...]] = (RowTable.SCOPE, *RowTable.WITHIN)
    ACTIONS: ClassVar[Actions] = MAPPING_ACTIONS

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.table = RowTable(
            columns_for((), 0), key=lambda line: line.key, empty=READING, id="lines"
        )
        self.sampler = Sampler(host, self.loader, self._paint_row)
        self.pairs = PairLoader(self, host, self.loader, self)
        self.commands = MappingCommands(
            host, self.loader, self.pairs, self.table, self, self.sampler
        )
        self._widths: tuple[int | None, ...] = ()
        self._hint = ""
        self._where = ""
        self._wanted_pair: str | None = None
        self._wanted_field: str | None = None
        self._repair = False
        self._offered: Location | None = None

    @property
    def wants_room(self) -> bool:
        """Names on both sides stand beside each other."""
        return True

    def compose_body(self) -> ComposeResult:
        """Yield the counts, the rows, and the row under the cursor."""
        yield Static("", id="counts", markup=False)
        with Container(id="sheet"):
            yield self.table
            yield TextView(id="line", classes="detail")

    def on_unmount(self) -> None:
        """Let nothing that was decided be lost."""
        self.pairs.close()

    @property
    def session(self) -> MappingSession | None:
        """The object pair that shows."""
        return self.pairs.session

    def reload(self) -> None:
        """Read the object pair, then rank it."""
        ref = self.connection_id
        if ref is not None and self._wanted_pair is not None:
            self.pairs.pairs[ref], self._wanted_pair = self._wanted_pair, None
        field, self._wanted_field = self._wanted_field, None
        self.table.empty = NO_PAIR if ref is None else READING
        self.pairs.read(ref, field)
        self._paint()

    @property
    def is_reading(self) -> bool:
        """Whether it reads, ranks or stores already."""
        unsaved = self.session is not None and self.session.unsaved
        return bool(unsaved) or super().is_reading

    def wake(self, head: int) -> None:
        """Read the pair again, and have it ranked."""
        self.pairs.wake(head)

    def shown_connection(self) -> str | None:
        """Return the connection of the session."""
        return self.session.ref if self.session is not None else None

    def show_rows(self, cursor: str | None = None, *, another: bool = False) -> None:
        """Show the rows of the session, or that there is no pair; `another` pair than before."""
        if another:
            self.table.clear_marks()
            self._where = self.connection_name
        self.table.empty = NO_PAIR if self.session is None else NO_LINE
        self.table.show_rows(self.session.rows if self.session is not None else (), cursor=cursor)
        if self.session is not None:
            self.session.focus(self.table.cursor_name)
        self.update_rows()

    def update_rows(self) -> None:
        """Show what has changed in the rows; each stays where it is."""
        if self.session is not None:
            self.table.renew_rows(self.session.by_name)
        self._paint()

    def settle(self) -> None:
        """Ask for another field, where another pane sent the operator to repair this one."""
        if self._repair:
            self._repair = False
            self._ask_field()

    def _paint(self) -> None:
        session = self.session
        # Names come first: the details go below where they would cut them beside.
        rows = session.rows if session is not None else ()
        beside = self.size.width - max(LEAST_DETAIL, self.size.width * 3 // 10)
        self.set_class(beside < least_width(rows), "-stacked")
        counts = self.query_one("#counts", Static)
        if session is None:
            self.set_heading("Mapping", self.connection_name)
            counts.update(NEXT_PAIR if self.table.empty == NO_PAIR else "")
        else:
            width = max(20, self.size.width - 2)
            self.query_one(".heading", Static).update(heading(session, self._where, width))
            counts.update(next_step(session, width, refining=self.pairs.is_refining))
        self.call_after_refresh(self._fit_columns)
        self._paint_row()
        self.refresh_bindings()

    def _fit_columns(self) -> None:
        """Share the width anew where other names or another window ask for it."""
        width = self.table.scrollable_content_region.width
        rows = self.session.rows if self.session is not None else ()
        columns = columns_for(rows, width)
        widths = tuple(column.width for column in columns)
        if widths != self._widths:
            self._widths = widths
            self.table.set_columns(columns)

    def _paint_row(self) -> None:
        row, session = self.commands.row, self.session
        view = self.query_one("#line", TextView)
        if row is None or session is None:
            view.show(lambda _: Content(""))
            return
        subject = session.ref, session.builder.crm_object
        fullness = self.sampler.samples.fullness(subject, session.review.rates)
        around = Around(session.builder, fullness, self.host.workspace.now)
        compact = not self._wide
        view.show(lambda width: row_detail(row, around, width - 1, compact=compact))

    @property
    def _wide(self) -> bool:
        return self.screen.has_class("-wide") and not self.has_class("-stacked")

    def on_resize(self, _event: events.Resize) -> None:
        """Lay the row out for the new width."""
        self.call_after_refresh(self._paint)

    @on(Table.Ordered)
    def _ordered(self) -> None:
        self.table.regroup()
        self._offer()
        self.post_message(self.Summary(self.table.count_text, self._hint))

    @on(Table.Highlighted)
    def _highlighted(self) -> None:
        if self.session is not None and self.session.focus(self.table.cursor_name):
            self.table.renew_rows(self.session.by_name)
        self.query_one("#line", TextView).scroll_home(animate=False)
        self._paint_row()
        self.refresh_bindings()

    @on(Table.Selected)
    def _choose_field(self) -> None:
        self._ask_field()

    def _offer(self) -> None:
        """Ask about the CRM field that another pane offers, once the line that it is for shows."""
        offered, session = self._offered, self.session
        if offered is None or session is None:
            return
        if (session.ref, session.pair) != (offered.connection, offered.pair):
            return
        self._offered = None
        if self.table.cursor_name == offered.field:
            self._ask_field(offered.offered)

    def _ask_field(self, offered: str | None = None) -> None:
        # A double click comes here too, which no action stands before.
        if self.refuses_writes() is None and not self.host.workspace.read_only:
            self.commands.choose_field(offered)

    def apply_filter(self, text: str) -> None:
        """Filter the rows."""
        found = compile_filter(text, searched=searched, keys=FILTER_KEYS)
        self._hint = found.hint
        self.table.filter_rows(found.predicate, found.words)

    def copies(self) -> tuple[Copy, ...]:
        """Return the forms of the marked lines, or of the line or the group that is chosen."""
        session, rows = self.session, self.table.chosen_rows()
        if session is None or not rows:
            return ()
        return self.host.workspace.copies.mapping_rows(self.connection_name, session.pair, rows)

    def crm_place(self) -> CrmPlace | None:
        """Return the CRM field of the line under the cursor, or the CRM object of the pair."""
        session, row = self.session, self.commands.row
        if session is None:
            return super().crm_place()
        field = row.crm_field if row is not None else None
        return CrmPlace(session.ref, session.builder.crm_object, field)

    def can_copy(self) -> bool:
        """Return whether there is a line."""
        return self.session is not None and self.table.cursor_row is not None

    def export_request(self) -> ExportRequest | None:
        """Export the rows of the mapping that show."""
        if self.session is None:
            return None
        shown = frozenset(row.name for row in self.table.rows())
        return ExportRequest("mapping", self.session.pair, only=shown)

    @property
    def details(self) -> Widget:
        """The row under the cursor in full."""
        return self.query_one("#line")

    def focus_target(self) -> Widget | None:
        """Return the table."""
        return self.table

    def state(self) -> dict[str, Any]:
        """Keep the pair of each connection, the row and the sort."""
        sort = self.table.sort
        return {
            "pairs": dict(self.pairs.pairs),
            "known": {" ".join(key): sorted(codes) for key, codes in self.pairs.known.items()},
            "field": self.table.cursor_name,
            "sort": [sort.column_id, sort.descending] if sort else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where the user was."""
        pairs, field = state.get("pairs"), state.get("field")
        if isinstance(pairs, dict):
            self.pairs.pairs = {str(ref): str(pair) for ref, pair in pairs.items()}
        known = state.get("known")
        if isinstance(known, dict):
            for key, codes in known.items():
                ref, _, pair = str(key).partition(" ")
                self.pairs.known[ref, pair] = frozenset(map(str, codes))
        self._wanted_field = field if isinstance(field, str) else None
        match state.get("sort"):
            case [str(column_id), bool(descending)]:
                self.table.set_sort(Sort(column_id, descending))

    def visit(self, location: Location) -> None:
        """Go to a field of a pair; `repair` chooses another CRM field once all is ranked."""
        self._wanted_pair, self._wanted_field = location.pair, location.field
        self._repair, self._offered = location.repair, None
        if location.offered is not None:
            self._offered = location
