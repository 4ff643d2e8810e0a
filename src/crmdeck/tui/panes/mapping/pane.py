"""The mapping pane: the rows of an object pair, and the details of one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.errors import CrmdeckError
from crmdeck.model import FillRate
from crmdeck.tui.filters import FilterSource, compile_filter
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import Actions, actions_of
from crmdeck.tui.panes.mapping.columns import (
    FILTER_KEYS,
    GIVES,
    REQUIRED_KEYS,
    least_width,
    row_columns,
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
from crmdeck.tui.panes.mapping.pairs import COLUMNS as PAIR_COLUMNS
from crmdeck.tui.panes.mapping.pairs import LikelyPair
from crmdeck.tui.panes.mapping.summary import progress, steps, titles
from crmdeck.tui.panes.mapping.table import AnyRow, PairRow, RowTable
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane
from crmdeck.tui.panes.place import NO_BRIEF, Brief, Place
from crmdeck.tui.panes.samples import Sampler
from crmdeck.tui.panes.to_do import ToDo
from crmdeck.tui.widgets.table import Sort, Table
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
        self.row_table = RowTable(
            row_columns({}), gives=GIVES, key=lambda line: line.key, id="lines"
        )
        self.pair_table: Table[LikelyPair] = Table(
            PAIR_COLUMNS, key=lambda one: one.choice.pair, can_mark=False, id="pairs"
        )
        self.sampler = Sampler(host, self.loader, self.describe)
        self.pairs = PairLoader(self, self._show)
        self.commands = MappingCommands(self, self.pairs, self.row_table, self.sampler)
        self._rates: Mapping[str, FillRate] = {}
        self._where = ""
        self._wanted_pair: str | None = None
        self._wanted_field: str | None = None
        self._visited: Location | None = None

    @property
    def place(self) -> Place[Any]:
        likely = self.pairs.likely
        if likely is not None:
            return Place[LikelyPair](
                key=lambda one: one.choice.pair,
                rows=lambda: likely.pairs,
                columns=lambda _: (PAIR_COLUMNS, ()),
                brief=lambda _: NO_BRIEF,
                copies=lambda _: (),
                empty="No likely pairs.",
                can_mark=False,
            )
        return Place[PairRow](
            key=lambda line: line.key,
            rows=lambda: self.row_table.all_rows,
            columns=lambda _: (row_columns(self._rates), GIVES),
            brief=self._brief_of,
            copies=self._copies_of,
            empty=NO_PAIR if self.session is None else NO_ROW,
        )

    @property
    def table(self) -> Table[Any]:
        return self.row_table if self.pairs.likely is None else self.pair_table

    def compose_body(self) -> ComposeResult:
        yield self.row_table
        yield Static("", id="likely", markup=False)
        yield self.pair_table

    def on_unmount(self) -> None:
        self.pairs.close()

    @property
    def session(self) -> MappingSession | None:
        return self.pairs.session

    def reload(self) -> None:
        ref = self.connection_id
        if ref is not None and self._wanted_pair is not None:
            self.pairs.pairs[ref], self._wanted_pair = self._wanted_pair, None
        field, self._wanted_field = self._wanted_field, None
        self.row_table.empty = NO_PAIR if ref is None else LOADING
        self.pairs.read(ref, field)
        self._paint()

    @property
    def is_reading(self) -> bool:
        unsaved = self.session is not None and self.session.unsaved
        return bool(unsaved) or super().is_reading

    @property
    def has_data(self) -> bool:
        return self.shown_connection() is not None

    def wake(self, head: int) -> None:
        self.pairs.wake(head)

    def shown_connection(self) -> str | None:
        shown = self.session or self.pairs.likely
        return shown.ref if shown is not None else None

    def show_error(self, error: CrmdeckError | None) -> None:
        super().show_error(error)
        if error is not None and not self.has_data:
            self.row_table.empty = ""
            self.row_table.refresh()

    def _show(self, change: Redraw, cursor: str | None) -> None:
        """Show a change of the session, with the cursor on the row named `cursor`."""
        session = self.session
        self._list_pairs()
        if change is Redraw.PAIR:
            self.row_table.clear_marks()
            self.row_table.forget_folds()
            self._where = self.connection_name
        if change is not Redraw.ROWS:
            self.row_table.empty = NO_PAIR if session is None else NO_ROW
            rows = tuple(session.all_rows.values()) if session is not None else ()
            self.row_table.show_rows(rows, cursor=cursor)
            if session is not None:
                session.focus(self.row_table.cursor_name)
        if session is not None:
            self.row_table.renew_rows(session.all_rows)
        self._paint()
        self._ask_as_visited(cursor)

    def _list_pairs(self) -> None:
        likely = self.pairs.likely
        if likely is not None:
            self.pair_table.set_rows(likely.pairs)
        # A table that is hidden loses the focus, and the keys of the pane would do nothing.
        focused = self.row_table.has_focus or self.pair_table.has_focus
        self.set_class(likely is not None, "-listing")
        if focused:
            self.table.focus()

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
            # A user who waited has opened another dialog, which the question would cover.
            if self.row_table.cursor_name == visited.field and self.screen.is_current:
                self._ask_field(visited.offered)

    def _paint(self) -> None:
        session, likely = self.session, self.pairs.likely
        self.set_class(not self.has_data, "-opening")
        self._place_details()
        if likely is not None:
            self.set_heading(f"Mapping of {self.connection_name}", "no object pair chosen")
            text = f"Likely pairs. Enter opens one. p lists all {likely.total:,}."
            self.query_one("#likely", Static).update(text)
            words = "choose an object pair"
            self.show_to_do([ToDo(words, words, lambda: self.run_on("table.select", ()))])
        elif session is None:
            self.set_heading(f"Mapping of {self.connection_name}")
            self.row_table.show_rows(())
            self.show_to_do((), nothing="")
        else:
            whole, short = titles(session, self._where)
            state = progress(session, refining=self.pairs.is_refining)
            self.set_heading(whole, *state, short=short)
            done = "All done. e exports the mapping."
            self.show_to_do(steps(session, self.run_on), nothing=done)
        rates = session.review.rates if session is not None else {}
        if rates is not self._rates:
            self._rates = rates
            self.row_table.set_columns(row_columns(rates), GIVES)
        self.describe()
        self.refresh_bindings()

    def _place_details(self) -> None:
        """Put the details beside the table if its names stay whole, else below it."""
        inside = self.size.width - 2
        rest = inside - GAP_BESIDE - least_width(self.row_table.wanted)
        beside = self.screen.has_class("-wide") and rest >= LEAST_DETAIL
        if beside is self.has_class("-stacked"):
            self.panel.forget_sizes()
        self.set_class(not beside, "-stacked")
        width = None
        if beside and not self.has_class("-beside"):
            # Spare cells of the table are those that its longest note doesn't need.
            spare = inside - GAP_BESIDE - whole_width(self.row_table.wanted)
            width = max(LEAST_DETAIL, min(spare, MOST_DETAIL))
        if not self.panel.is_sized:
            self.brief.styles.width = width

    def _brief_of(self, line: PairRow) -> Brief:
        session, row = self.session, line.row
        if session is None:
            return NO_BRIEF
        if row is None:
            inside = "\n".join(map(row_text, self.row_table.of_title(line)))
            return Brief([line.group.value.capitalize()], (), lambda _: Content(inside))
        now = self.host.workspace.now
        if isinstance(row, RequiredRow):
            return Brief([row.title], (), partial(required_detail, row, now))
        subject = session.ref, session.builder.crm_object
        fullness = self.sampler.fullness(subject, session.review.rates)
        around = Around(session.builder, fullness, now)
        draw = partial(row_detail, row, around, compact=self.has_class("-stacked"))
        return Brief(row_titles(row), (), draw)

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._paint)

    def count_rows(self) -> None:
        if self.table is self.row_table:
            self.row_table.regroup()
        super().count_rows()

    @on(Table.Highlighted, "#lines")
    def _left_row(self) -> None:
        # The row that was left may show a suggestion that waited for that.
        if self.session is not None and self.session.focus(self.row_table.cursor_name):
            self.row_table.renew_rows(self.session.all_rows)

    def open_row(self, row: PairRow | LikelyPair) -> None:
        likely = self.pairs.likely
        if isinstance(row, PairRow):
            self.commands.show_steps()
        elif likely is not None and not self.is_left:
            self.pairs.choose(likely.ref, row.choice.pair)

    def _ask_field(self, offered: str | None = None) -> None:
        # Another pane led here, and no action checked it first.
        if self.refuses_writes() is None and not self.host.workspace.read_only:
            self.commands.choose(offered)

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
        self.row_table.filter_rows(passes if found.predicate is not None else None, found.words)
        self.pair_table.set_filter(words=found.words)

    def _copies_of(self, _lines: Sequence[PairRow]) -> tuple[Copy, ...]:
        session = self.session
        rows = [row for row in self.row_table.chosen_rows() if isinstance(row, MappingRow)]
        if session is None or not rows:
            return ()
        return self.host.workspace.copies.mapping_rows(self.connection_name, session.pair, rows)

    def can_copy(self) -> bool:
        return self.session is not None and super().can_copy()

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
        shown = frozenset(row.name for row in self.row_table.rows())
        return ExportRequest("mapping", self.session.pair, only=shown)

    @property
    def details(self) -> Widget | None:
        return self.brief if self.pairs.likely is None else None

    def state(self) -> dict[str, object]:
        return {
            "pairs": dict(self.pairs.pairs),
            "known": {" ".join(key): sorted(codes) for key, codes in self.pairs.known.items()},
            "field": self.row_table.cursor_name,
            "sort": self.row_table.sort_state,
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
            self.row_table.set_sort(sort)

    def visit(self, location: Location) -> None:
        self._wanted_pair, self._wanted_field = location.pair, location.field
        self._visited = location if location.repair or location.offered is not None else None
