"""The health pane: the findings of today, all connections, and the accepted risks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from crmdeck.model import Finding, FindingKind, FindingState, Urgency
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import EVERYWHERE, Actions, actions_of, keys_on
from crmdeck.tui.marks import STATE_COLORS, TO_DO, URGENCY_STATES, URGENCY_WORDS
from crmdeck.tui.panes.health.columns import GIVES, connection_columns
from crmdeck.tui.panes.health.commands import HealthCommands
from crmdeck.tui.panes.health.detail import detail, findings_state, row_detail, row_titles
from crmdeck.tui.panes.health.loader import (
    ACCEPTED,
    CONNECTIONS,
    TODAY,
    HealthViewState,
    OverviewLoader,
)
from crmdeck.tui.panes.health.overview import (
    FILTER_KEYS,
    ConnectionHealth,
    ordered,
    searched,
    settled,
)
from crmdeck.tui.panes.health.strip import strip
from crmdeck.tui.panes.health.today import (
    ACCEPTED_COLUMNS,
    ACCEPTED_GIVES,
    FINDING_KEYS,
    TODAY_GIVES,
    FindingRow,
    arrange,
    today_columns,
)
from crmdeck.tui.panes.health.today import searched as searched_in_finding
from crmdeck.tui.panes.pane import DETAILS_BESIDE, ExportRequest, Pane, View
from crmdeck.tui.panes.place import Brief, Place
from crmdeck.tui.panes.settling import first_step
from crmdeck.tui.panes.to_do import KeyStep
from crmdeck.tui.widgets.panel import Parts
from crmdeck.tui.widgets.table import Sort, Table

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

TALL = 36
"""Height of the window from which the connections are a block below the findings."""


class FindingTable(Table[FindingRow]):
    """The table of findings. Keys pass over titles; left and right fold and expand."""

    opens = "Steps"

    def is_passed(self, row: FindingRow) -> bool:
        return row.is_title

    @property
    def position_text(self) -> str:
        rows = self.shown()
        above = sum(not row.is_title for row in rows[: self.cursor + 1])
        total = sum(not row.is_title for row in rows)
        return f"{above:,} of {total:,}" if total else ""

    def go_left(self) -> None:
        row = self.cursor_row
        if row is not None and (row.open or row.parent is not None):
            self.post_message(self.Selected(self, row))

    def go_right(self) -> None:
        row = self.cursor_row
        if row is not None and row.open is False:
            self.post_message(self.Selected(self, row))


class HealthPane(Pane):
    """The morning check: what is open, the state of each connection, and accepted risks."""

    SCOPE = "health"
    wants_room = True
    views = (View("Today"), View("Connections"), View("Accepted"))
    WITHIN: ClassVar[tuple[str, ...]] = ("table", EVERYWHERE)
    ACTIONS: ClassVar[Actions] = actions_of(HealthCommands)

    def __init__(self, host: Host, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.view = HealthViewState()
        self.findings = FindingTable(
            (), gives=(), key=lambda row: row.key, can_mark=False, id="findings"
        )
        self.connections: Table[ConnectionHealth] = Table(
            (), key=lambda entry: entry.id, can_mark=False, id="connections"
        )
        self.block: Table[ConnectionHealth] = Table(
            (), key=lambda entry: entry.id, can_mark=False, id="block", classes="part"
        )
        self.block.can_focus = False
        self.overview = OverviewLoader(self, self._arrange)
        self.commands = HealthCommands(
            self, self.overview, self.view, self.findings, self.connections, self._arrange
        )
        self._flat = False
        self._placed: object = None

    def compose_body(self) -> ComposeResult:
        yield self.findings
        yield self.connections

    def compose_details(self) -> ComposeResult:
        with Parts(id="sides"):
            yield self.brief
            yield self.block

    @property
    def table(self) -> Table[Any]:
        return self.connections if self.view.lists_connections else self.findings

    @property
    def now(self) -> datetime:
        """The time of the overview: ages count up to it."""
        return self.overview.overview.now or self.host.workspace.now

    @property
    def place(self) -> Place[Any]:
        overview = self.overview.overview
        if self.view.lists_connections:
            return Place[ConnectionHealth](
                key=lambda entry: entry.id,
                rows=lambda: ordered(overview.entries),
                columns=lambda _: (connection_columns(self.now), GIVES),
                keys=lambda: FILTER_KEYS,
                searched=searched,
                brief=self._brief_of_connection,
                copies=lambda rows: self.host.workspace.copies.connection(rows[0].status),
                empty="No connections.",
            )
        is_today = self.view.view == TODAY
        columns = (today_columns(self.now), TODAY_GIVES)
        return Place[FindingRow](
            key=lambda row: row.key,
            rows=self._finding_rows,
            columns=lambda _: columns if is_today else (ACCEPTED_COLUMNS, ACCEPTED_GIVES),
            keys=lambda: FINDING_KEYS,  # type: ignore[arg-type, return-value]
            searched=searched_in_finding,  # type: ignore[arg-type]
            brief=self._brief_of_finding,
            copies=self._copies_of,
            empty="No open findings." if is_today else "No risk is accepted. a accepts one.",
        )

    @property
    def view_position(self) -> int:
        return self.view.view

    def show_view(self, position: int) -> None:
        self.view.view = position % len(self.views)
        self.set_class(self.view.lists_connections, "-listing")
        self._arrange()
        self.show_views()
        focused = self.screen.focused
        if focused in (self.findings, self.connections):
            self.table.focus()

    def view_name(self, view: View) -> str:
        entries = self.overview.overview.entries
        if self.overview.overview.now is None:
            return view.name
        numbers = {
            "Today": sum(one.urgency is not Urgency.NOTE for one in self._findings(TODAY)),
            "Connections": len(entries),
            "Accepted": sum(1 for _ in self._findings(ACCEPTED)),
        }
        return f"{view.name} {numbers[view.name]:,}" if numbers[view.name] else view.name

    def _findings(self, view: int) -> Iterator[Finding]:
        for entry in self.overview.overview.entries:
            yield from entry.status.open_findings if view == TODAY else settled(entry.status)

    def show(self, connection_id: str | None) -> None:
        super().show(connection_id)
        # Move it before the overview is read again, so that the cursor follows immediately.
        self._follow()

    def visit(self, location: Location) -> None:
        super().visit(location)
        if location.filter is not None:
            self.replace_filter(location.filter)
        if location.finding is not None:
            state = {one.id: one.state for one in self._findings(ACCEPTED)}.get(location.finding)
            self.view.wanted = location.finding
            self.show_view(TODAY if state in (None, FindingState.OPEN) else ACCEPTED)

    def reload(self) -> None:
        self.overview.read()

    def apply_filter(self, text: str) -> None:
        self._arrange()

    def _finding_rows(self) -> tuple[FindingRow, ...]:
        passes = self.read_filter().predicate
        found = [one for one in self._findings(self.view.view) if passes is None or passes(one)]
        kinds = list(FindingKind)
        found.sort(
            key=lambda one: (one.urgency.rank, kinds.index(one.kind), one.connection, one.title)
        )
        flat = self._flat or self.view.view == ACCEPTED
        return arrange(found, self.view.expanded, self.overview.title_of, flat=flat)

    def _arrange(self) -> None:
        overview = self.overview.overview
        if overview.now is None:
            return
        found, place, table = self.read_filter(), self.place, self.table
        self._hint = found.hint
        entries = ordered(overview.entries)
        self._fit_tables()
        columns = connection_columns(self.now), GIVES
        self.block.set_rows(entries, cursor=self.connection_id, columns=columns)
        if self.view.lists_connections:
            table.set_rows(entries, cursor=self.connection_id, columns=columns)
            table.set_filter(found.predicate, found.words)
        else:
            self._flat = table.sort is not None
            rows: Sequence[FindingRow] = place.rows() or ()
            table.words = tuple(word.casefold() for word in found.words if word)
            table.empty = "No findings match the filter." if self.filter_text else place.empty
            wanted, self.view.wanted = self.view.wanted, None
            cursor = wanted or table.cursor_key
            known = {row.key for row in rows}
            if wanted is not None and wanted not in known:
                # A finding inside of a folded row.
                inside = (
                    r for r in rows if r.open is False and wanted in [f.id for f in r.findings]
                )
                row = next(inside, None)
                if row is not None:
                    self.view.expanded.add(row.key)
                    rows = place.rows() or ()
            elif cursor not in known or table.cursor_row is None:
                cursor = self._first_of(rows)
            # A connection without findings stays chosen, unless the filter hides it.
            self._placed = None if self.filter_text else cursor
            table.set_rows(rows, cursor=cursor, columns=place.columns(rows))
        self.show_next_steps(partial(strip, entries))
        self.show_views()
        self._show_heading()
        self._follow()

    def _first_of(self, rows: Sequence[FindingRow]) -> str | None:
        """Return the first row of the chosen connection, else the first row."""
        rows = [row for row in rows if not row.is_title]
        mine = (row.key for row in rows if self.connection_id in row.connection_ids)
        return next(mine, None) or next((row.key for row in rows), None)

    @on(events.Resize)
    def _fit_tables(self) -> None:
        """Give the tables of connections their heights, which a style sheet can't compute."""
        width, height = self.app.size
        self.set_class(height >= TALL, "-tall")
        # A row for the titles, and at most a third of the window.
        rows = len(self.overview.overview.entries) + 1
        self.block.styles.height = min(rows, height // 3)
        tallest = height if width >= DETAILS_BESIDE else height * 2 // 5 - 1
        self.connections.styles.max_height = max(3, tallest)

    def _follow(self) -> None:
        """Put the cursors on the chosen connection, and show the details."""
        for table in (self.connections, self.block):
            ids = [entry.id for entry in table.shown()]
            if self.connection_id in ids:
                table.move_to(ids.index(self.connection_id))
        row = self.findings.cursor_row
        if row is not None and self.connection_id not in row.connection_ids:
            rows = self.findings.shown()
            key = self._first_of(rows)
            place = next(at for at, one in enumerate(rows) if one.key == key)
            if self.connection_id in rows[place].connection_ids:
                self.findings.move_to(place)
        self.describe()
        self.refresh_bindings()

    def _show_heading(self) -> None:
        counts = Counter(one.urgency for one in self._findings(TODAY))
        state = [
            Content.styled(
                f"{counts[urgency]:,} {URGENCY_WORDS[urgency]}",
                STATE_COLORS[URGENCY_STATES[urgency]],
            )
            for urgency in (*TO_DO, Urgency.SETUP)
            if counts[urgency]
        ]
        title = self.views[self.view.view].name
        self.set_heading(title, *(state if self.view.view == TODAY else ()))
        self.panel.caption(
            self.block, "Connections", state=[Content(f"{len(self.overview.overview.entries):,}")]
        )

    def describe(self) -> None:
        if self.overview.overview.now is None:
            return
        row = self.table.cursor_row
        if row is None or self.view.lists_connections or self.commands.row is not None:
            super().describe()
            return
        # The cursor is on another connection's finding, because the chosen one has none.
        name = self.connection_name
        self.panel.caption(self.brief, name)
        self.brief.show(lambda _: Content(f"{name} has no findings here. n goes to the next one."))
        self._briefed = None

    def count_rows(self) -> None:
        if not self.view.lists_connections and self._flat is not (self.table.sort is not None):
            self._arrange()
            return
        super().count_rows()

    def _brief_of_connection(self, entry: ConnectionHealth) -> Brief:
        name = entry.connection.name
        return Brief([name], [findings_state(entry)], partial(detail, entry, self.now))

    def _brief_of_finding(self, row: FindingRow) -> Brief:
        steps = {}
        if row.finding is not None and not row.finding.is_open:
            steps["health.reopen"] = "Reopen"
        elif row.finding is not None and (step := first_step(row.finding)) is not None:
            steps |= {"health.next_step": step.text, "table.select": "All steps"}
            if row.finding.can_be_accepted or row.finding.is_unread:
                steps["health.accept"] = self.commands.settling_title()
        elif row.open is not None:
            steps["table.select"] = "Collapse" if row.open else "Expand"
        keys = keys_on(self.screen, steps)
        offered = [KeyStep(id_, keys[id_], text) for id_, text in steps.items()]
        return Brief(row_titles(row), (), lambda width: row_detail(row, self.now, width, offered))

    @on(Table.Highlighted)
    def _moved(self, message: Table.Highlighted) -> None:
        row, placed = self.table.cursor_row, self._placed
        # The other tables follow this one.
        if message.table is not self.table or row is None:
            return
        self._placed = None
        ids = row.connection_ids if isinstance(row, FindingRow) else (row.id,)
        if self.connection_id not in ids and self.table.cursor_key != placed:
            self.connection_id = ids[0]
            self.show_error(None)
            self.post_message(self.Chosen(ids[0]))
            self._follow()

    @on(Table.Selected, "#block")
    def _block_opened(self, message: Table.Selected) -> None:
        self.connection_id = message.row.id
        self.post_message(self.Chosen(message.row.id))
        self.show_view(CONNECTIONS)

    def open_row(self, row: Any) -> None:
        if isinstance(row, FindingRow) and row.parent is not None and row.finding is None:
            return
        self.commands.show_steps()

    def _copies_of(self, rows: Sequence[FindingRow]) -> tuple[Copy, ...]:
        finding = rows[0].finding if rows else None
        return self.host.workspace.copies.finding(finding) if finding is not None else ()

    def can_copy(self) -> bool:
        row = self.table.cursor_row
        return row is not None and (not isinstance(row, FindingRow) or row.finding is not None)

    def export_request(self) -> ExportRequest | None:
        if self.view.lists_connections:
            shown = frozenset(entry.id for entry in self.connections.shown())
        else:
            shown = frozenset(id_ for row in self.findings.shown() for id_ in row.connection_ids)
        return ExportRequest("health", only=shown, everywhere=True) if shown else None

    def can_export(self) -> bool:
        return self.table.shown_count > 0

    def state(self) -> dict[str, object]:
        return {
            "view": self.view.view,
            "sort": self.table.sort_state,
            "expanded": sorted(self.view.expanded),
            "row": str(self.findings.cursor_key),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        match state.get("view"):
            case int(view) if 0 <= view < len(self.views):
                self.view.view = view
                self.set_class(self.view.lists_connections, "-listing")
        match state.get("expanded"):
            case [*keys]:
                self.view.expanded = {key for key in keys if isinstance(key, str)}
        match state.get("row"):
            case str(key):
                self.view.wanted = key
        if sort := Sort.of(state.get("sort")):
            self.table.set_sort(sort)

    def focus_target(self) -> Widget | None:
        return self.table
