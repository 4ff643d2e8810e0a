"""The audit pane: the log as a table, and one entry in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from crmdeck.tui.actions import Action, Actions
from crmdeck.tui.filters import compile_filter
from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.audit.columns import OF_ALL, OF_ONE, Line, filter_keys, searched
from crmdeck.tui.panes.audit.detail import entry_detail
from crmdeck.tui.panes.audit.loader import read_log
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane, View
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Sort, Table

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

VIEWS = (
    View("all"),
    View("people", "people:yes"),
    View("failures", "failed:yes"),
    View("mappings", "event:mapping"),
)
LABEL = "reading the audit log"


class AuditPane(Pane):
    """Who did what when, of one connection or of all."""

    SCOPE = "audit"

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.everywhere = False
        self._wanted: str | None = None
        self._hint = ""

    @property
    def views(self) -> tuple[View, ...]:
        """What most look for in a log."""
        return VIEWS

    def compose_body(self) -> ComposeResult:
        """Yield the log and the entry under the cursor."""
        yield Table(
            OF_ONE,
            key=lambda line: line.entry.id,
            can_mark=False,
            empty="Nothing has been done yet.",
            id="log",
        )
        yield Static("", id="entry", classes="detail", markup=False)

    def reload(self) -> None:
        """Load the log."""
        ref = None if self.everywhere else self.connection_id
        self.loader.load(
            "log", lambda _: read_log(self.host.workspace, ref), self._took, label=LABEL
        )

    def apply_filter(self, text: str) -> None:
        """Filter the log."""
        found = compile_filter(text, searched=searched, keys=filter_keys(self.host.workspace.now))
        self._hint = found.hint
        self.query_one(Table).set_filter(found.predicate, found.words)

    def copies(self) -> tuple[Copy, ...]:
        """Return the forms of the entry under the cursor."""
        line: Line | None = self.query_one(Table).cursor_row
        if line is None:
            return ()
        return self.host.workspace.copies.audit_entry(line.entry, line.connection)

    def crm_place(self) -> CrmPlace | None:
        """Return the connection of the entry under the cursor."""
        line: Line | None = self.query_one(Table).cursor_row
        of = line.entry.connection_id if line is not None else None
        return CrmPlace(of) if of is not None else super().crm_place()

    def export_request(self) -> ExportRequest | None:
        """Export the audit log."""
        shown = frozenset(line.entry.id for line in self.query_one(Table).shown())
        return ExportRequest("audit", only=shown, everywhere=self.everywhere)

    def state(self) -> dict[str, Any]:
        """Keep the entry, the sort, and whether all connections are shown."""
        table = self.query_one(Table)
        sort = table.sort
        return {
            "entry": table.cursor_key,
            "sort": [sort.column_id, sort.descending] if sort else None,
            "everywhere": self.everywhere,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where the user was."""
        self.everywhere = state.get("everywhere") is True
        self._wanted = state.get("entry")
        match state.get("sort"):
            case [str(column_id), bool(descending)]:
                self.query_one(Table).set_sort(Sort(column_id, descending))

    def turn_everywhere(self) -> None:
        """Show all connections, or this one only."""
        self.everywhere = not self.everywhere
        self.reload()

    def _took(self, lines: tuple[Line, ...]) -> None:
        table = self.query_one(Table)
        table.set_columns(OF_ALL if self.everywhere else OF_ONE)
        table.set_rows(lines, cursor=self._wanted)
        self._wanted = None

    @on(Table.Ordered)
    def _ordered(self, message: Table.Ordered) -> None:
        table = message.table
        where = "all connections" if self.everywhere else self.connection_name
        self.set_heading("Audit", where, count(table.total_count, "entry", "entries"))
        self.post_message(self.Summary(table.count_text, self._hint))

    @on(Table.Highlighted)
    def _highlighted(self, message: Table.Highlighted) -> None:
        line: Line | None = message.row
        self.query_one("#entry", Static).update(entry_detail(line) if line else "")

    ACTIONS: ClassVar[Actions] = (
        Action(
            "audit.everywhere",
            "all connections",
            ("asterisk",),
            turn_everywhere,
            help="show all connections, or this one only",
            hint=80,
        ),
    )
