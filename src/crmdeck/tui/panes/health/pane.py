"""The health pane: all connections, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from crmdeck.model import Finding
from crmdeck.tui.filters import FilterSource, compile_filter
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import EVERYWHERE, Actions, actions_of, keys_on
from crmdeck.tui.panes.health.columns import columns_for
from crmdeck.tui.panes.health.commands import HealthCommands
from crmdeck.tui.panes.health.detail import detail, facts_detail, findings_detail, findings_state
from crmdeck.tui.panes.health.loader import OverviewLoader
from crmdeck.tui.panes.health.overview import FILTER_KEYS, ConnectionHealth, ordered, searched
from crmdeck.tui.panes.pane import ExportRequest, Pane
from crmdeck.tui.widgets.panel import Parts
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

NO_MATCH = "No connections match the filter."


class HealthPane(Pane):
    """The morning check: the state of each connection, its findings, and the next steps."""

    SCOPE = "health"
    wants_room = True
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    ACTIONS: ClassVar[Actions] = actions_of(HealthCommands)

    def __init__(self, host: Host, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.table: Table[ConnectionHealth] = Table(
            (), key=lambda entry: entry.id, can_mark=False, empty=NO_MATCH, id="connections"
        )
        self.table.fit_columns = self._fit_columns
        self.text = TextView(id="connection", classes="part")
        self.facts = TextView(id="facts", classes="part")
        self.overview = OverviewLoader(self, self._arrange)
        self.commands = HealthCommands(
            self, self.overview, self.table, self.text, self._draw_detail
        )
        self.text.step = self.commands.step_finding
        self._hint = ""
        self._drawn: ConnectionHealth | None = None

    def compose_body(self) -> ComposeResult:
        yield self.table

    def compose_details(self) -> ComposeResult:
        with Parts(id="sides"):
            yield self.text
            yield self.facts

    @property
    def details(self) -> TextView:
        return self.text

    @property
    def now(self) -> datetime:
        """The time of the overview: ages count up to it."""
        return self.overview.overview.now or self.host.workspace.now

    def show(self, connection_id: str | None) -> None:
        if connection_id != self.connection_id:
            self.commands.finding_id = ""
        super().show(connection_id)
        # Before the overview is read again, so that the cursor follows immediately.
        self._show_chosen()

    def visit(self, location: Location) -> None:
        super().visit(location)
        if location.filter is not None:
            self.replace_filter(location.filter)
        if location.finding is not None:
            # The list shows only open findings; inside are the accepted ones, too.
            self.commands.finding_id = location.finding
            self.commands.enter()
            self.text.show_mark()

    def reload(self) -> None:
        self.overview.read()

    def turn_details(self) -> None:
        if self.commands.is_inside():
            self.commands.leave()
        else:
            self.commands.enter()

    def filter_source(self) -> FilterSource[ConnectionHealth]:
        return FilterSource(self.overview.overview.entries, FILTER_KEYS)

    def apply_filter(self, text: str) -> None:
        self._arrange()

    def _arrange(self) -> None:
        overview = self.overview.overview
        if overview.now is None:
            return
        found = compile_filter(self.filter_text, searched=searched, keys=FILTER_KEYS)
        self._hint = found.hint
        self._fit_columns()
        self.table.set_rows(ordered(overview.entries), cursor=self.connection_id)
        self.table.set_filter(found.predicate, found.words)
        self._show_chosen()

    def _fit_columns(self) -> None:
        width = self.table.scrollable_content_region.width
        # The first layout gives the table its size.
        if width:
            self.table.set_columns(columns_for(self.overview.overview.entries, self.now, width))

    def on_resize(self, _event: events.Resize) -> None:
        self._show_summary()

    @on(Table.Ordered)
    def _ordered(self) -> None:
        self.summarize(self.table.count_text, self._hint)

    def _show_chosen(self) -> None:
        ids = [entry.id for entry in self.table.shown()]
        if self.connection_id in ids:
            self.table.move_to(ids.index(self.connection_id))
        entry, before = self.commands.entry, self._drawn
        # Each key in the filter comes here, and drawing the details wraps all their texts.
        if entry is not before:
            self._drawn = entry
            same = entry is not None and before is not None and entry.id == before.id
            self._draw_detail(not same)
        self._show_summary()
        self.refresh_bindings()

    def _show_summary(self) -> None:
        entries = self.overview.overview.entries
        if entries:
            self.set_heading("Connections")

    def _draw_detail(self, to_top: bool) -> None:
        entry = self.commands.entry
        if entry is not None:
            name = entry.connection.name
            self.panel.caption(
                self.text, f"Findings of {name}", name, state=[findings_state(entry)]
            )
            self.panel.caption(self.facts, "Facts")
            self.facts.show(partial(facts_detail, entry, self.now), from_top=to_top)
        self.text.show(self._detail, from_top=to_top)

    def _detail(self, width: int) -> Content:
        entry, inside = self.commands.entry, self.commands.is_inside()
        if entry is None:
            return Content("")
        # In a narrow pane the facts have no part of their own, and are below the findings.
        draw = findings_detail if self.facts.display else detail
        return draw(
            entry,
            self.now,
            width,
            self._step_hint,
            whole=inside,
            marked=self.commands.finding if inside else None,
        )

    def _step_hint(self, finding: Finding) -> str:
        """Return the key and words of a finding's next step, for the chosen one."""
        chosen = self.commands.finding
        if chosen is None or chosen.id != finding.id:
            return ""
        if not finding.is_open:
            return "c Reopen"
        step, wanted = self.commands.step, "health.next_step"
        key = keys_on(self.screen, [wanted]).get(wanted)
        return f"{key} {step.text}" if key and step is not None else ""

    @on(Table.Highlighted)
    def _moved(self) -> None:
        # The cursor may have moved on since this message was sent.
        entry = self.table.cursor_row
        if entry is None or entry.id == self.connection_id:
            return
        self.connection_id = entry.id
        self.commands.finding_id = ""
        self.show_error(None)
        self._show_chosen()
        self.post_message(self.Chosen(entry.id))

    @on(Table.Selected)
    def _opened(self) -> None:
        self.commands.enter()

    def copies(self) -> tuple[Copy, ...]:
        entry = self.commands.entry
        if entry is None:
            return ()
        finding, copies = self.commands.finding, self.host.workspace.copies
        return copies.connection(entry.status) if finding is None else copies.finding(finding)

    def can_copy(self) -> bool:
        return self.commands.entry is not None

    def export_request(self) -> ExportRequest | None:
        shown = frozenset(entry.id for entry in self.table.shown())
        return ExportRequest("health", only=shown, everywhere=True) if shown else None

    def state(self) -> dict[str, object]:
        return {"sort": self.table.sort_state}

    def restore(self, state: Mapping[str, object]) -> None:
        if sort := Sort.of(state.get("sort")):
            self.table.set_sort(sort)

    def focus_target(self) -> Widget | None:
        return self.text if self.commands.is_inside() else self.table
