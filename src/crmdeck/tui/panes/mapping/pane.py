"""The mapping pane: the rows of an object pair, and the details of one row."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.tui.filters import FilterSource, compile_filter
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import Actions, actions_of
from crmdeck.tui.panes.mapping.columns import (
    FILTER_KEYS,
    REQUIRED_KEYS,
    columns_for,
    least_width,
    searched,
    whole_width,
)
from crmdeck.tui.panes.mapping.commands import NO_PAIR, NO_ROW, MappingCommands
from crmdeck.tui.panes.mapping.detail import (
    Around,
    required_detail,
    row_detail,
    row_text,
    row_titles,
)
from crmdeck.tui.panes.mapping.loader import PairLoader, Redraw
from crmdeck.tui.panes.mapping.pairs import LikelyPair
from crmdeck.tui.panes.mapping.pairs import columns_for as pair_columns
from crmdeck.tui.panes.mapping.summary import TO_DO, next_steps, progress, titles
from crmdeck.tui.panes.mapping.table import AnyRow, RowTable
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane
from crmdeck.tui.panes.samples import Sampler
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.tui.widgets.text_view import TextView
from crmdeck.workspace import MappingRow, MappingSession, RequiredRow

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

LOADING = "Loading the object pair…"
LEAST_DETAIL, MOST_DETAIL, GAP_BESIDE = 36, 70, 2
"""Widths of the details beside the table, and of the frames between them."""


class MappingPane(Pane):
    """Suggested field pairs of one object pair, decided row by row."""

    SCOPE = "mapping"
    wants_room = True
    WITHIN: ClassVar[tuple[str, ...]] = (RowTable.SCOPE, *RowTable.WITHIN)
    ACTIONS: ClassVar[Actions] = actions_of(MappingCommands)

    def __init__(self, host: Host, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.table = RowTable(
            columns_for((), 0), key=lambda line: line.key, empty=LOADING, id="lines"
        )
        self.table.fit_columns = self._fit_columns
        self.pair_table: Table[LikelyPair] = Table(
            pair_columns(()), key=lambda one: one.choice.pair, can_mark=False, id="pairs"
        )
        self.sampler = Sampler(host, self.loader, self._paint_row)
        self.pairs = PairLoader(self, self._show)
        self.commands = MappingCommands(self, self.pairs, self.table, self.sampler)
        self._widths: tuple[tuple[str, int | None], ...] = ()
        self._hint = ""
        self._where = ""
        self._wanted_pair: str | None = None
        self._wanted_field: str | None = None
        self._visited: Location | None = None

    def compose_body(self) -> ComposeResult:
        yield self.table
        yield Static("", id="likely", markup=False)
        yield self.pair_table

    def compose_details(self) -> ComposeResult:
        yield TextView(id="line", classes="detail part")

    def on_unmount(self) -> None:
        self.pairs.close()

    @property
    def session(self) -> MappingSession | None:
        return self.pairs.session

    @property
    def _rows(self) -> tuple[AnyRow, ...]:
        return tuple(self.session.all_rows.values()) if self.session is not None else ()

    def reload(self) -> None:
        ref = self.connection_id
        if ref is not None and self._wanted_pair is not None:
            self.pairs.pairs[ref], self._wanted_pair = self._wanted_pair, None
        field, self._wanted_field = self._wanted_field, None
        self.table.empty = NO_PAIR if ref is None else LOADING
        self.pairs.read(ref, field)
        self._paint()

    @property
    def is_reading(self) -> bool:
        unsaved = self.session is not None and self.session.unsaved
        return bool(unsaved) or super().is_reading

    def wake(self, head: int) -> None:
        self.pairs.wake(head)

    def shown_connection(self) -> str | None:
        shown = self.session or self.pairs.likely
        return shown.ref if shown is not None else None

    def _show(self, change: Redraw, cursor: str | None) -> None:
        """Show a change of the session, with the cursor on the row named `cursor`."""
        session = self.session
        self._list_pairs()
        if change is Redraw.PAIR:
            self.table.clear_marks()
            self.table.forget_folds()
            self._where = self.connection_name
        if change is not Redraw.ROWS:
            self.table.empty = NO_PAIR if session is None else NO_ROW
            self.table.show_rows(self._rows, cursor=cursor)
            if session is not None:
                session.focus(self.table.cursor_name)
        if session is not None:
            self.table.renew_rows(session.all_rows)
        self._paint()
        self._ask_as_visited(cursor)

    def _list_pairs(self) -> None:
        likely = self.pairs.likely
        if likely is not None:
            self.pair_table.set_columns(pair_columns(likely.pairs))
            self.pair_table.set_rows(likely.pairs)
        # A table that is hidden loses the focus, and the keys of the pane would do nothing.
        focused = self.table.has_focus or self.pair_table.has_focus
        self.set_class(likely is not None, "-listing")
        if focused:
            self.focus_target().focus()

    def _ask_as_visited(self, cursor: str | None) -> None:
        """Ask for the CRM field for which another pane led here, once its row shows.

        A repair waits until the alternatives are ranked.
        """
        visited, session = self._visited, self.session
        if visited is None or session is None or session.pair != visited.pair:
            return
        if visited.connection not in (None, session.ref):
            return
        if self.pairs.is_ranked if visited.repair else cursor == visited.field:
            self._visited = None
            if self.table.cursor_name == visited.field:
                self._ask_field(visited.offered)

    def _paint(self) -> None:
        session = self.session
        self._place_details()
        likely = self.pairs.likely
        if likely is not None:
            self.set_heading(f"Mapping of {self.connection_name}", "no object pair chosen")
            text = f"Likely pairs. Enter opens one. p lists all {likely.total:,}."
            self.query_one("#likely", Static).update(text)
            self.show_next_steps(
                lambda _: Content.assemble((TO_DO, "bold"), " choose an object pair")
            )
        elif session is None:
            if not self.loader.is_loading:
                self.set_heading(f"Mapping of {self.connection_name}")
            self.show_next_steps(lambda _: Content(""))
        else:
            whole, short = titles(session, self._where)
            state = progress(session, refining=self.pairs.is_refining)
            self.set_heading(whole, *state, short=short)
            self.show_next_steps(partial(next_steps, session))
        # The table has its new width only after the layout with the moved details.
        self.call_after_refresh(self._fit_columns)
        self._paint_row()
        self.refresh_bindings()

    def _place_details(self) -> None:
        """Put the details beside the table if its names stay whole, else below it."""
        inside = self.size.width - 2
        details = self.query_one("#line")
        rest = inside - GAP_BESIDE - least_width(self._rows)
        beside = self.screen.has_class("-wide") and rest >= LEAST_DETAIL
        self.set_class(not beside, "-stacked")
        width = None
        if beside and not self.has_class("-beside"):
            # Spare cells of the table are those that its longest note doesn't need.
            spare = inside - GAP_BESIDE - whole_width(self._rows)
            width = max(LEAST_DETAIL, min(spare, MOST_DETAIL))
        details.styles.width = width

    def _fit_columns(self) -> None:
        width = self.table.scrollable_content_region.width
        rates = self.session.review.rates if self.session is not None else {}
        columns = columns_for(self._rows, width, rates)
        widths = tuple((column.id, column.width) for column in columns)
        if widths != self._widths:
            self._widths = widths
            self.table.set_columns(columns)

    def _paint_row(self) -> None:
        row, session = self.commands.row, self.session
        view = self.query_one("#line", TextView)
        required = self.commands.required_row
        if required is not None:
            now = self.host.workspace.now
            self.panel.caption(view, required.title)
            view.show(lambda width: required_detail(required, now, width))
            return
        if row is None or session is None:
            line = self.table.cursor_row
            inside = self.table.of_title(line) if line is not None and session is not None else ()
            self.panel.caption(view, line.group.value.capitalize() if line and inside else "")
            view.show(lambda _: Content("\n".join(map(row_text, inside))))
            return
        subject = session.ref, session.builder.crm_object
        fullness = self.sampler.fullness(subject, session.review.rates)
        around = Around(session.builder, fullness, self.host.workspace.now)
        compact = self.has_class("-stacked")
        self.panel.caption(view, *row_titles(row))
        view.show(lambda width: row_detail(row, around, width, compact=compact))

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._paint)

    @on(Table.Ordered, "#lines")
    def _ordered(self) -> None:
        self.table.regroup()
        self.summarize(self.table.count_text, self._hint)

    @on(Table.Highlighted, "#lines")
    def _highlighted(self) -> None:
        # The row that was left may show a suggestion that waited for that.
        if self.session is not None and self.session.focus(self.table.cursor_name):
            self.table.renew_rows(self.session.all_rows)
        self.query_one("#line", TextView).scroll_home(animate=False)
        self._paint_row()
        self.refresh_bindings()

    @on(Table.Selected, "#lines")
    def _selected(self) -> None:
        self._ask_field()

    @on(Table.Ordered, "#pairs")
    def _pairs_ordered(self) -> None:
        if self.pairs.likely is not None:
            self.summarize(self.pair_table.count_text)

    @on(Table.Selected, "#pairs")
    def _pair_selected(self, message: Table.Selected) -> None:
        likely = self.pairs.likely
        if likely is not None and not self.is_left:
            self.pairs.choose(likely.ref, message.row.choice.pair)

    def _ask_field(self, offered: str | None = None) -> None:
        # A double click comes here too, and no action checks it first.
        if self.refuses_writes() is None and not self.host.workspace.read_only:
            if self.commands.required_row is not None:
                self.commands.choose_source()
            else:
                self.commands.choose_field(offered)

    def filter_source(self) -> FilterSource[MappingRow]:
        return FilterSource(self.session.rows if self.session is not None else (), FILTER_KEYS)

    def apply_filter(self, text: str) -> None:
        found = compile_filter(text, searched=searched, keys=FILTER_KEYS)
        required = compile_filter(text, searched=searched, keys=REQUIRED_KEYS)

        def passes(row: AnyRow) -> bool:
            if isinstance(row, RequiredRow):
                return required.predicate is None or required.predicate(row)
            return found.predicate is None or found.predicate(row)

        self._hint = found.hint
        self.table.filter_rows(passes if found.predicate is not None else None, found.words)
        self.pair_table.set_filter(words=found.words)

    def copies(self) -> tuple[Copy, ...]:
        session = self.session
        rows = [row for row in self.table.chosen_rows() if isinstance(row, MappingRow)]
        if session is None or not rows:
            return ()
        return self.host.workspace.copies.mapping_rows(self.connection_name, session.pair, rows)

    def can_copy(self) -> bool:
        return self.session is not None and self.table.cursor_row is not None

    def crm_place(self) -> CrmPlace | None:
        session, row, required = self.session, self.commands.row, self.commands.required_row
        if session is None:
            return super().crm_place()
        field = row.crm_field if row is not None else None
        if required is not None:
            field = required.field.name
        return CrmPlace(session.ref, session.builder.crm_object, field)

    def export_request(self) -> ExportRequest | None:
        if self.session is None:
            return None
        shown = frozenset(row.name for row in self.table.rows())
        return ExportRequest("mapping", self.session.pair, only=shown)

    @property
    def details(self) -> Widget | None:
        return self.query_one("#line") if self.pairs.likely is None else None

    def focus_target(self) -> Widget:
        return self.table if self.pairs.likely is None else self.pair_table

    def state(self) -> dict[str, object]:
        return {
            "pairs": dict(self.pairs.pairs),
            "known": {" ".join(key): sorted(codes) for key, codes in self.pairs.known.items()},
            "field": self.table.cursor_name,
            "sort": self.table.sort_state,
        }

    def restore(self, state: Mapping[str, object]) -> None:
        pairs, field = state.get("pairs"), state.get("field")
        if isinstance(pairs, dict):
            self.pairs.pairs = {str(ref): str(pair) for ref, pair in pairs.items()}
        known = state.get("known")
        if isinstance(known, dict):
            for key, codes in known.items():
                ref, _, pair = str(key).partition(" ")
                self.pairs.known[ref, pair] = frozenset(map(str, codes))
        self._wanted_field = field if isinstance(field, str) else None
        if sort := Sort.of(state.get("sort")):
            self.table.set_sort(sort)

    def visit(self, location: Location) -> None:
        self._wanted_pair, self._wanted_field = location.pair, location.field
        self._visited = location if location.repair or location.offered is not None else None
