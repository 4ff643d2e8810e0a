"""The health pane: all connections at a glance, and one in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.errors import NextStep
from crmdeck.model import Alert
from crmdeck.tui.filters import compile_filter
from crmdeck.tui.host import Location, PaneHost
from crmdeck.tui.keys.actions import EVERYWHERE, Actions, keys_on
from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.health.actions import HEALTH_ACTIONS
from crmdeck.tui.panes.health.columns import columns_for
from crmdeck.tui.panes.health.commands import HealthCommands
from crmdeck.tui.panes.health.detail import detail
from crmdeck.tui.panes.health.loader import read_overview
from crmdeck.tui.panes.health.overview import (
    FILTER_KEYS,
    STEP_ACTIONS,
    STEP_WORDS,
    Entry,
    HealthOverview,
    first_step,
    listed,
    ordered,
    searched,
    summary,
)
from crmdeck.tui.panes.pane import ExportRequest, Pane
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

HEADING_PADDING = 2
LOOKING = "Looking at the connections."


class HealthPane(Pane):
    """The morning check: is everything connected, is anything about to break, what to do."""

    SCOPE = "health"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    ACTIONS: ClassVar[Actions] = HEALTH_ACTIONS

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.commands = HealthCommands(self, host, self.loader)
        self.overview = HealthOverview()
        self._hint = ""
        self._drawn: Entry | None = None
        self._alert_id = ""
        self._kept: Kept[HealthOverview] = Kept()
        self._looked_for: str | None = None

    @property
    def wants_room(self) -> bool:
        """Its table lists the connections."""
        return True

    def compose_body(self) -> ComposeResult:
        """Yield the connections, and below them the details of the chosen one."""
        yield Table[Entry](
            (), key=lambda entry: entry.id, can_mark=False, empty=LOOKING, id="connections"
        )
        view = TextView(id="connection")
        view.step = self._step_alert
        yield view

    @property
    def table(self) -> Table[Entry]:
        """The connections, one a line."""
        return self.query_one("#connections", Table)

    @property
    def details(self) -> TextView:
        """The connection in full."""
        return self.query_one("#connection", TextView)

    @property
    def entry(self) -> Entry | None:
        """The connection that shows."""
        return self.overview.entry(self.connection_id)

    @property
    def now(self) -> datetime:
        """The moment that ages are told for."""
        return self.overview.now or self.host.workspace.now

    @property
    def step(self) -> tuple[Alert, NextStep] | None:
        """The most urgent alert that a key can do something about."""
        entry, read_only = self.entry, self.host.workspace.read_only
        return first_step(entry.status, read_only=read_only) if entry else None

    @property
    def alert(self) -> Alert | None:
        """The alert under the cursor: outside the details the most urgent one that is open."""
        entry = self.entry
        if entry is None:
            return None
        if not self.is_inside:
            return next(iter(entry.status.open_alerts), None)
        alerts = listed(entry.status)
        chosen = (alert for alert in alerts if alert.id == self._alert_id)
        return next(chosen, next(iter(alerts), None))

    def _step_alert(self, direction: int) -> bool:
        """Go to another alert; tell whether there is one in that direction."""
        entry, alert = self.entry, self.alert
        if entry is None or alert is None or not self.is_inside:
            return False
        alerts = listed(entry.status)
        position = alerts.index(alert) + direction
        if not 0 <= position < len(alerts):
            return False
        self._alert_id = alerts[position].id
        self._draw_detail(anew=False)
        self.refresh_bindings()
        return True

    @property
    def shown(self) -> Sequence[Entry]:
        """The connections that pass the filter."""
        return self.table.shown()

    @property
    def is_inside(self) -> bool:
        """Whether the details are what the user is in."""
        return self.has_class("-inside")

    def show(self, connection_id: str | None) -> None:
        """Show a connection; the cursor follows at once."""
        if connection_id != self.connection_id:
            self._alert_id = ""
        super().show(connection_id)
        self._show_chosen()

    def visit(self, location: Location) -> None:
        """Go to an alert, which the details then mark."""
        super().visit(location)
        if location.filter is not None:
            self.replace_filter(location.filter)
        if location.alert is not None:
            self._alert_id = location.alert
            self.enter()
            self.details.show_mark()

    def reload(self) -> None:
        """Look at all connections."""
        if self.connection_id is None:
            return
        workspace = self.host.workspace
        anew, self._looked_for = self.connection_id == self._looked_for, self.connection_id

        def work(_: Job) -> HealthOverview:
            return self._kept.read(workspace, None, lambda: read_overview(workspace), anew=anew)

        self.loader.load(
            "overview",
            work,
            self._took,
            label="looking at the connections",
            # Which of them is chosen shows before they are looked at again.
            after_paint=bool(self.overview.entries),
        )

    def _took(self, overview: HealthOverview) -> None:
        if overview is not self.overview:
            self.overview = overview
            self._arrange()

    def changed(self) -> None:
        """Look again after something was changed, and let the rail do so."""
        self.post_message(self.Changed())
        self.reload()

    def ask(self, action_id: str) -> None:
        """Ask the screen for one of its own actions."""
        self.post_message(self.Asked(action_id))

    def add_connection(self) -> None:
        """Have the screen add a connection."""
        self.post_message(self.AddConnection())

    def enter(self) -> None:
        """Go into the details, where the first alert is marked unless one was."""
        self.add_class("-inside")
        self._draw_detail(anew=True)
        self.details.focus()
        self.refresh_bindings()

    def turn_details(self) -> None:
        """Go into the details, or back to the connections."""
        if self.is_inside:
            self.leave()
        else:
            self.enter()

    def leave(self) -> None:
        """Go back to the connections."""
        self.remove_class("-inside")
        self._draw_detail(anew=True)
        self.table.focus()
        self.refresh_bindings()

    def apply_filter(self, text: str) -> None:
        """Show the connections that pass."""
        self._arrange()

    def _arrange(self) -> None:
        found = compile_filter(self.filter_text, searched=searched, keys=FILTER_KEYS)
        self._hint = found.hint
        table = self.table
        self._fit_columns()
        if self.overview.now is not None:
            table.empty = "No connection passes the filter."
        table.set_rows(ordered(self.overview.entries), cursor=self.connection_id)
        table.set_filter(found.predicate, found.words)
        self._show_chosen()

    def _fit_columns(self) -> None:
        """Share the width among the columns anew."""
        width = self.table.scrollable_content_region.width
        if width:
            self.table.set_columns(columns_for(self.overview.entries, self.now, width))

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out for another width."""
        self.call_after_refresh(self._fit_columns)
        self._show_summary()

    @on(Table.Ordered)
    def _ordered(self) -> None:
        self.post_message(self.Summary(self.table.count_text, self._hint))

    def _show_chosen(self) -> None:
        self._go_to_chosen()
        entry, before = self.entry, self._drawn
        if entry is not before:
            self._drawn = entry
            same = entry is not None and before is not None and entry.id == before.id
            self._draw_detail(anew=not same)
        self._show_summary()
        self.refresh_bindings()

    def _go_to_chosen(self) -> None:
        """Put the cursor on the connection that is chosen, if it passes the filter."""
        ids = [entry.id for entry in self.shown]
        if self.connection_id in ids:
            self.table.move_to(ids.index(self.connection_id))

    def _show_summary(self) -> None:
        entries = self.overview.entries
        if entries:
            lead, told = summary(entries, self.size.width - HEADING_PADDING)
            heading = self.query_one(".heading", Static)
            heading.update(Content.assemble((lead, "bold"), " ", told))

    def _draw_detail(self, *, anew: bool) -> None:
        self.details.show(self._detail, anew=anew)

    def _detail(self, width: int) -> Content:
        entry = self._drawn
        if entry is None:
            return Content("")
        return detail(
            entry,
            self.now,
            width,
            self.step_hint,
            whole=self.is_inside,
            marked=self.alert if self.is_inside else None,
        )

    def step_hint(self, alert: Alert) -> str:
        """Return the key of an alert's next step: that of the most urgent is always `n`."""
        if alert.put_away_at is not None:
            chosen = self.alert
            return "a bring back" if chosen is not None and chosen.id == alert.id else ""
        if alert.next_step is None:
            return ""
        found = self.step
        first = found is not None and found[0] == alert
        wanted = "health.next_step" if first else STEP_ACTIONS.get(alert.next_step)
        if self.host.workspace.read_only and not first:
            return ""
        key = keys_on(self.screen, [wanted] if wanted else ()).get(wanted or "")
        return f"{key} {STEP_WORDS[alert.next_step]}" if key else ""

    @on(Table.Highlighted)
    def _moved(self) -> None:
        # Where the cursor is now counts: what is told of may be behind already.
        entry = self.table.cursor_row
        if entry is None or entry.id == self.connection_id:
            return
        self.connection_id, self._alert_id = entry.id, ""
        self.show_error(None)
        self._show_chosen()
        self.post_message(self.Chosen(entry.id))

    @on(Table.Selected)
    def _opened(self) -> None:
        self.enter()

    def copies(self) -> tuple[Copy, ...]:
        """Return the forms of the alert under the cursor, or of the connection without any."""
        entry = self.entry
        return self.host.workspace.copies.alert(entry.status, self.alert) if entry else ()

    def can_copy(self) -> bool:
        """Return whether a connection shows."""
        return self.entry is not None

    def export_request(self) -> ExportRequest | None:
        """Export the health of the connections that show."""
        shown = frozenset(entry.id for entry in self.shown)
        return ExportRequest("health", only=shown, everywhere=True) if shown else None

    def state(self) -> dict[str, Any]:
        """Keep the sort."""
        sort = self.table.sort
        return {"sort": [sort.column_id, sort.descending] if sort else None}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the sort."""
        match state.get("sort"):
            case [str(column_id), bool(descending)]:
                self.table.set_sort(Sort(column_id, descending))

    def focus_target(self) -> Widget | None:
        """Return the connections, or the details that the user is in."""
        return self.details if self.is_inside else self.table
