"""The mapping pane: the lines of an object pair, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.tui.actions import Actions
from crmdeck.tui.filtering import compile_filter
from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.mapping.columns import COLUMNS, FILTER_KEYS, searched
from crmdeck.tui.panes.mapping.detail import Around, line_detail
from crmdeck.tui.panes.mapping.keys import MAPPING_ACTIONS
from crmdeck.tui.panes.mapping.pairs import pair_text
from crmdeck.tui.panes.mapping.reading import NO_ENCODER, ReadingPane
from crmdeck.tui.panes.mapping.summary import progress_text, summary
from crmdeck.tui.panes.mapping.table import LineTable
from crmdeck.tui.panes.pane import ExportRequest
from crmdeck.tui.panes.sampling import InView
from crmdeck.tui.samples import Fullness
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.workspace import MappingSession

NO_PAIR = "No object pair is chosen: press p."


class MappingPane(ReadingPane):
    """Suggested field pairs of one object pair, decided line by line."""

    SCOPE = "mapping"
    WITHIN: ClassVar[tuple[str, ...]] = (LineTable.SCOPE, *LineTable.WITHIN)
    ACTIONS: ClassVar[Actions] = MAPPING_ACTIONS

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self._hint = ""

    def compose_body(self) -> ComposeResult:
        """Yield the counts, the lines, and the line under the cursor."""
        yield Static("", id="counts", markup=False)
        with Container(id="sheet"):
            yield LineTable(COLUMNS, key=lambda line: line.name, empty=NO_PAIR, id="lines")
            with VerticalScroll(id="line", can_focus=False):
                yield Static("", markup=False)

    # Showing

    def _paint(self) -> None:
        sitting = self.sitting
        counts = self.query_one("#counts", Static)
        if sitting is None:
            self.set_heading("Mapping", self.connection_name)
            counts.update("")
        else:
            words_only = "by words only" if sitting.encoder == NO_ENCODER else ""
            self.set_heading(
                pair_text(sitting.pair),
                progress_text(sitting.rows, compact=not self._wide),
                self._where,
                words_only,
            )
            counts.update(
                summary(
                    sitting.rows,
                    sitting.unfed,
                    unsaved=sitting.unsaved,
                    compact=not self._wide,
                )
            )
        self._paint_line()
        self.refresh_bindings()

    def _paint_line(self) -> None:
        line, sitting = self.line, self.sitting
        scroll = self.query_one("#line", VerticalScroll)
        body = scroll.query_one(Static)
        if line is None or sitting is None:
            body.update("")
            return
        width = max(20, scroll.scrollable_content_region.width - 1)
        around = Around(sitting.builder, self._fullness(sitting), self.workspace.now)
        body.update(line_detail(line, around, width, compact=not self._wide))

    def _fullness(self, sitting: MappingSession) -> Fullness:
        subject = sitting.ref, sitting.builder.crm_object
        return self.samples.fullness(subject, sitting.review.rates)

    def fields_in_view(self) -> InView | None:
        """Return the suggested CRM field and its alternatives."""
        line, sitting = self.line, self.sitting
        if line is None or sitting is None:
            return None
        known = sitting.builder.crm_fields
        names = [line.crm_field, *(one.crm_field for one in line.candidates)]
        fields = dict.fromkeys(name for name in names if name in known)
        return InView(sitting.ref, sitting.builder.crm_object, tuple(fields)) if fields else None

    def show_samples(self) -> None:
        """Show the line with what its CRM fields hold, or without."""
        self._paint_line()

    @property
    def _wide(self) -> bool:
        return self.screen.has_class("-wide")

    def on_resize(self, _event: events.Resize) -> None:
        """Lay the line out for the new width."""
        self.call_after_refresh(self._paint)

    @on(Table.Ordered)
    def _ordered(self) -> None:
        self.post_message(self.Summary(self.lines.count_text, self._hint))

    @on(Table.Highlighted)
    def _highlighted(self) -> None:
        if self.sitting is not None and self.sitting.hold(self._at):
            self.lines.update_rows(self.sitting.rows)
        self.query_one("#line", VerticalScroll).scroll_home(animate=False)
        self._paint_line()
        self.refresh_bindings()

    @on(Table.Selected)
    def _selected(self) -> None:
        self.choose_field()

    # The contract of panes

    def apply_filter(self, text: str) -> None:
        """Filter the lines."""
        found = compile_filter(text, searched=searched, keys=FILTER_KEYS)
        self._hint = found.hint
        self.lines.set_filter(found.predicate, found.words)

    def copy_text(self) -> str:
        """Return the CRM field of the line, or the PartnerOS field where there is none."""
        line = self.line
        return "" if line is None else line.crm_field or line.name

    def export_request(self) -> ExportRequest | None:
        """Export the lines of the mapping that show."""
        if self.sitting is None:
            return None
        shown = frozenset(line.name for line in self.lines.shown())
        return ExportRequest("mapping", self.sitting.pair, only=shown)

    def focus_target(self) -> Widget | None:
        """Return the table."""
        return self.lines

    def state(self) -> dict[str, Any]:
        """Keep the pair of each connection, the line and the sort."""
        sort = self.lines.sort
        return {
            "pairs": dict(self._pairs),
            "field": self._at,
            "sort": [sort.column_id, sort.descending] if sort else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where the user was, or go to `pair` and `field`, with `repair` to choose anew."""
        pairs, pair, field = state.get("pairs"), state.get("pair"), state.get("field")
        if isinstance(pairs, dict):
            self._pairs = {str(ref): str(one) for ref, one in pairs.items()}
        self._wanted_pair = pair if isinstance(pair, str) else None
        self._wanted_field = field if isinstance(field, str) else None
        self._repair = state.get("repair") is True
        match state.get("sort"):
            case [str(column_id), bool(descending)]:
                self.lines.set_sort(Sort(column_id, descending))
