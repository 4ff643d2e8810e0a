"""The audit pane: the log as a table, and the details of one entry."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError
from crmdeck.model import Decision
from crmdeck.tui.filters import FilterSource
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import action
from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.audit.columns import (
    GIVES,
    LogRow,
    filter_keys,
    log_columns,
    searched,
    with_days,
)
from crmdeck.tui.panes.audit.detail import (
    entry_detail,
    entry_state,
    undo_words,
)
from crmdeck.tui.panes.audit.loader import MOST_READ, PART, AuditLog, every_line, read_log, read_on
from crmdeck.tui.panes.pane import CrmPlace, ExportRequest, Pane, View
from crmdeck.tui.panes.place import Brief, Place
from crmdeck.tui.panes.to_do import ToDo
from crmdeck.tui.text import count, display_text
from crmdeck.tui.widgets.table import Sort, Table

if TYPE_CHECKING:
    from crmdeck.workspace import Copy

VIEWS = (
    View("All"),
    View("People", "people:yes"),
    View("Failures", "failed:yes"),
    View("Decisions", "event:mapping"),
)
EMPTY = "No audit entries yet."


class LogTable(Table[LogRow]):
    """The table of entries below their days. Keys pass over the days, and they don't count."""

    _days: Sequence[int] = ()
    _days_of: Sequence[int] = ()

    def is_passed(self, row: LogRow) -> bool:
        return bool(row.title)

    @property
    def position_text(self) -> str:
        # Each key asks for it, and the log can be long.
        if self._days_of is not self._order:
            self._days_of = self._order
            self._days = [place for place, line in enumerate(self.shown()) if line.title]
        total = self.shown_count - len(self._days)
        above = bisect_right(self._days, self.cursor)
        return f"{self.cursor + 1 - above:,} of {total:,}{self.more}" if total else ""


class AuditPane(Pane):
    """The audit log of one connection, or of all."""

    SCOPE = "audit"
    goes_in = True
    wants_room = True
    views = VIEWS
    COUNTED = ("event", "who", "connection")

    def __init__(self, host: Host, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self.everywhere = False
        self._wanted: str | None = None
        self._log = AuditLog()
        self._shown: tuple[LogRow, ...] = ()
        self._flat = False
        self._kept: Kept[AuditLog] = Kept()
        self._read: str | None = None
        self._of: str | None = None
        self._is_read = False
        self._place: Place[LogRow] = Place(
            key=lambda line: line.key,
            rows=lambda: self._shown if self._flat else with_days(self._shown),
            columns=lambda _: (log_columns(everywhere=self.everywhere, flat=self._flat), GIVES),
            keys=lambda: filter_keys(self.host.workspace.now),
            searched=searched,
            brief=self._brief_of,
            copies=self._copies_of,
            empty=EMPTY,
            can_mark=False,
        )
        columns, gives = self._place.columns(())
        self._table = LogTable(
            columns, gives=gives, key=self._place.key, can_mark=False, empty=EMPTY, id="log"
        )

    @property
    def place(self) -> Place[LogRow]:
        return self._place

    @property
    def table(self) -> LogTable:
        return self._table

    def reload(self) -> None:
        # The same connection again is a reload: then all that was read is read again.
        ref, is_reload = self._ref, self._ref == self._read
        self._read = ref
        self._load(ref, fresh=is_reload, least=len(self._log.lines) if is_reload else 0)

    def _load(self, ref: str | None, *, fresh: bool, least: int = 0) -> None:
        workspace, text, passes = (
            self.host.workspace,
            self.filter_text,
            self.read_filter().predicate,
        )

        def work(job: Job) -> AuditLog:
            return self._kept.read(
                workspace,
                (ref, text),
                lambda: read_log(workspace, ref, passes, job, least),
                fresh=fresh,
            )

        self.loader.cancel("more")
        self.loader.load(
            "log", work, partial(self._on_loaded, text, ref), label="loading the audit log"
        )

    @property
    def _ref(self) -> str | None:
        return None if self.everywhere else self.connection_id

    def filter_source(self) -> FilterSource[LogRow]:
        return FilterSource(self._log.lines, self.place.keys())

    def counted(self) -> Iterable[LogRow]:
        if self._log.after is None:
            return self._shown
        # The worker that counts reads the rest of a long log.
        return every_line(self.host.workspace, self._ref, self.read_filter().predicate)

    def apply_filter(self, text: str) -> None:
        if self._log.is_long:
            self._load(self._ref, fresh=True)
        else:
            self._arrange()

    def _read_ahead(self) -> None:
        """Read on if the rows end within a page below the window, or if a sort needs them all."""
        log, table = self._log, self.table
        ends = table.scroll_offset.y + 2 * table.page >= table.shown_count
        if log.after is None or self.loader.loads("log", "more"):
            return
        if not ends and table.sort is None:
            return
        workspace, passes = self.host.workspace, self.read_filter().predicate
        # A sort waits for all entries, so it reads larger parts.
        part = PART if table.sort is None else MOST_READ
        self.loader.load(
            "more",
            lambda job: read_on(workspace, log, passes, job, part=part),
            partial(self._on_loaded, self.filter_text, self._ref),
            label="reading the audit log",
        )

    def _arrange(self, cursor: str | None = None) -> None:
        """Show the filtered entries below their days, with the cursor on an entry."""
        # A restored filter comes before the log.
        if not self._is_read:
            return
        found = self.read_filter()
        passes = found.predicate
        self._hint = found.hint
        self._shown = tuple(line for line in self._log.lines if passes is None or passes(line))
        table = self.table
        self._flat = table.sort is not None
        table.more = "+" if self._log.after is not None else ""
        table.words = tuple(word.casefold() for word in found.words if word)
        table.empty = "No entries match the filter. Esc clears it." if self._log.total else EMPTY
        rows = self.place.rows() or ()
        kept = cursor or table.cursor_key
        if kept not in {line.key for line in rows}:
            kept = self._shown[0].key if self._shown else None
        table.set_rows(rows, cursor=kept, columns=self.place.columns(rows))

    def on_mount(self) -> None:
        self.watch(self.table, "scroll_y", self._read_ahead, init=False)

    def _copies_of(self, rows: Sequence[LogRow]) -> tuple[Copy, ...]:
        found = [row for row in rows if not row.title]
        if not found:
            return ()
        return self.host.workspace.copies.audit_entry(found[0].entry, found[0].connection)

    def can_copy(self) -> bool:
        return self.table.cursor_row is not None and not self.table.cursor_row.title

    def crm_place(self) -> CrmPlace | None:
        line = self.table.cursor_row
        of = line.entry.connection_id if line is not None else None
        return CrmPlace(of) if of is not None else super().crm_place()

    def export_request(self) -> ExportRequest | None:
        workspace, ref, passes = self.host.workspace, self._ref, self.read_filter().predicate

        def every() -> frozenset[str]:
            return frozenset(line.entry.id for line in every_line(workspace, ref, passes))

        # Of a log that is read in part, the entries that match are read with the export.
        shown = frozenset(line.entry.id for line in self._shown)
        only = shown if self._log.after is None else every if passes is not None else None
        return ExportRequest("audit", only=only, everywhere=self.everywhere)

    def state(self) -> dict[str, object]:
        return {
            "entry": self.table.cursor_key,
            "sort": self.table.sort_state,
            "everywhere": self.everywhere,
        }

    def restore(self, state: Mapping[str, object]) -> None:
        self.everywhere = state.get("everywhere") is True
        entry = state.get("entry")
        self._wanted = entry if isinstance(entry, str) else None
        if sort := Sort.of(state.get("sort")):
            self.table.set_sort(sort)

    def why_no_decision(self) -> str | None:
        if (line := self.table.cursor_row) is not None and line.decision is not None:
            return None
        return "This entry is not a mapping decision."

    @action(
        "audit.undo",
        "Undo decision",
        "c",
        help="Undo this decision on its own, or undo an undo.",
        hint=90,
        blocked=why_no_decision,
        writes=True,
    )
    def undo_decision(self) -> None:
        line = self.table.cursor_row
        if line is None or line.decision is None or line.entry.connection_id is None:
            return
        ref, (pair, id_), workspace = line.entry.connection_id, line.decision, self.host.workspace

        def done(undone: Decision) -> None:
            self.show_error(None)
            self.host.say(f"Undone: {undone.partner_field or undone.crm_field}", timeout=2)
            self.reload()

        def refused(error: CrmdeckError) -> None:
            text = " ".join(filter(None, (error.cause, error.remedy)))
            self.host.say(text, title=str(error), severity="warning", timeout=10)

        self.loader.load(
            "undo",
            lambda _: workspace.mappings.undo(ref, pair, id_),
            done,
            label="undoing the decision",
            cancellable=False,
            failed=refused,
        )

    @action(
        "audit.everywhere",
        "All connections",
        "asterisk",
        help="Show all connections, or only this one.",
        hint=80,
        title_now=lambda pane: "This connection" if pane.everywhere else "All connections",
    )
    def turn_everywhere(self) -> None:
        self.everywhere = not self.everywhere
        self.reload()

    def shown_connection(self) -> str | None:
        return self._of

    def _on_loaded(self, text: str, ref: str | None, log: AuditLog) -> None:
        # A long log is read for one filter, and the user may have typed on since then.
        if log.is_long and text != self.filter_text:
            self._load(self._ref, fresh=True)
            return
        self._log, self._of = log, ref
        self._is_read = True
        self.dim()
        wanted, self._wanted = self._wanted, None
        self._arrange(wanted)

    def count_rows(self) -> None:
        # The user has sorted the table, or has ended that: sorted, days have no headings.
        if self._flat is not (self.table.sort is not None):
            self._arrange()
            return
        where = f"Audit log: {self.connection_name if self._of else 'all connections'}"
        total, shown = self._log.total, len(self._shown)
        if self._log.after is not None and self.read_filter().predicate is None:
            shown = total
        self.set_heading(where, count(total, "entry", "entries"))
        number = f"{total:,}" if shown == total else f"{shown:,}{self.table.more} of {total:,}"
        self.summarize(number, self._hint)
        self.call_later(self._read_ahead)

    def describe(self) -> None:
        super().describe()
        line = self.table.cursor_row
        undo = self._undo_words(line) if line is not None else ""
        steps = []
        if line is not None and line.about is not None:
            where, row = f"in {line.about.capitalize()}", line
            words = f"Enter opens {line.connection} {where}"
            steps.append(ToDo(words, f"Enter opens it {where}", lambda: self.open_row(row)))
        if undo.startswith("c "):
            words = "c undoes this decision"
            steps.append(ToDo(words, words, lambda: self.run_on("audit.undo", ())))
        self.show_to_do(steps, nothing="", lead="")

    def _brief_of(self, line: LogRow) -> Brief:
        log, known = self._log, self._log.lines
        # Of a long log, the entries around are unknown if a filter chose them, and the day is if it
        # was read in part.
        if log.is_long and self.read_filter().predicate is not None:
            known = ()
        elif log.after is not None and line.title:
            known = known if line.day > known[-1].day else ()
        title, undo = display_text(line.title or line.entry.event), self._undo_words(line)
        return Brief(
            [title], entry_state(line), lambda width: entry_detail(line, known, width, undo)
        )

    def _undo_words(self, line: LogRow) -> str:
        if line.decision is None:
            return ""
        pair, id_ = line.decision
        of_connection = self._log.decisions.get(line.entry.connection_id or "", ())
        return undo_words([one for one in of_connection if one.object_pair == pair], id_)

    def open_row(self, row: LogRow) -> None:
        if row.about is not None:
            pair = row.entry.summary.partition(": ")[0] if row.about == "mapping" else None
            self.host.go_to(row.about, Location(connection=row.entry.connection_id, pair=pair))
