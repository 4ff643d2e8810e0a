"""The main screen: the rail, one pane at a time, the filter, and how they open.

It knows panes by their contract only (`crmdeck.tui.panes.pane`), never a widget of theirs, and is
their host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.geometry import Size
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input, Static

from crmdeck.tui.host import Console, Location
from crmdeck.tui.keys.actions import ActionHost
from crmdeck.tui.loading.head_watch import HeadWatch
from crmdeck.tui.loading.requests import BusyChanged, Job, Loader
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.registry import PaneSpec
from crmdeck.tui.screens.main_actions import MAIN_ACTIONS
from crmdeck.tui.screens.main_commands import MainCommands
from crmdeck.tui.screens.stage import Stage
from crmdeck.tui.state.ui_state import UiState
from crmdeck.tui.state.undo import UndoStack, UndoStep
from crmdeck.tui.text import count
from crmdeck.tui.widgets.filter_bar import FilterBar
from crmdeck.tui.widgets.hints import Hints
from crmdeck.tui.widgets.progress_line import ProgressLine
from crmdeck.tui.widgets.rail import Rail, strips, told
from crmdeck.tui.widgets.tab_counts import tab_counts
from crmdeck.tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from datetime import datetime

    from crmdeck.errors import CrmdeckError
    from crmdeck.model import Connection, ConnectionStatus, RefreshResult
    from crmdeck.tui.widgets.table import Table
    from crmdeck.workspace import Workspace

FOLDS_BELOW = 100
"""Cells of the window below which the connections fold into a strip by themselves."""

TOO_SMALL = "crmdeck needs at least 60 columns and 12 lines.\nMake the window larger; q quits."
READ_ONLY_NOTE = "read-only"


class Standing(NamedTuple):
    """How things stand, read at one go: `undecided_count` by connection, of the chosen one only."""

    head: int
    statuses: tuple[ConnectionStatus, ...]
    undecided_count: dict[str, int]
    read_only: bool


class MainScreen(ActionHost, Screen[None]):
    """Holds which connection and pane are shown, and hands messages on.

    What its keys do is in `MainCommands`.
    """

    ACTIONS = MAIN_ACTIONS
    AUTO_FOCUS = ""

    def __init__(self, console: Console, specs: Sequence[PaneSpec], state: UiState) -> None:
        super().__init__()
        self.console = console
        self.read_only = console.read_only
        self.is_still = console.is_still
        self.specs = tuple(specs)
        self.ui_state = state
        self.connection_id: str | None = state.connection_id or None
        self.filter_bar = FilterBar(id="filter")
        self.loader = Loader(self, self.show_error)
        self._is_open = False
        self._ready = False
        self._watch: HeadWatch | None = None
        self._open_lines: dict[str, int] = {}
        self._away_code = ""
        self._laid_out_for: Size | None = None
        self._unfolded = False
        self.steps = UndoStack(self.refresh_bindings, self._note_step)
        self.commands = MainCommands(self)

    def compose(self) -> ComposeResult:
        """Lay the frame out."""
        yield TopBar(self.specs, READ_ONLY_NOTE if self.read_only else "")
        yield ProgressLine()
        with Horizontal(id="body"):
            yield Rail(id="rail")
            yield Stage(self, self.specs, self.ui_state.panes, id="stage")
        yield Hints(id="hints")

    @property
    def rail(self) -> Rail:
        """The connections."""
        return self.query_one(Rail)

    @property
    def stage(self) -> Stage:
        """Where the panes are."""
        return self.query_one(Stage)

    @property
    def pane(self) -> Pane | None:
        """The pane that shows."""
        return self.stage.pane

    @property
    def workspace(self) -> Workspace:
        """The workspace, once it is open."""
        return self.console.workspace

    @property
    def status(self) -> ConnectionStatus | None:
        """How the connection that shows is doing, as last asked."""
        statuses = self.rail.statuses
        return next((status for status in statuses if status.id == self.connection_id), None)

    @property
    def is_open(self) -> bool:
        """Whether the workspace is open."""
        return self._is_open

    @property
    def is_typing(self) -> bool:
        """Whether printable keys go into a line of text."""
        return isinstance(self.focused, Input)

    @property
    def filter_text(self) -> str:
        """The filter of the pane that shows."""
        return self.filter_bar.text

    def on_mount(self) -> None:
        """Paint the frame before anything is made, imported or read for what it holds."""
        self._fold()
        for spec in self.specs:
            self._bindings.bind(spec.key, f"show_pane('{spec.id}')", spec.title, show=False)
        self.call_after_refresh(self._open)

    def on_unmount(self) -> None:
        """Stop the work that nobody waits for any more."""
        self.loader.close()
        if self._watch is not None:
            self._watch.close()

    def on_resize(self, event: events.Resize) -> None:
        """Note for which size the screen has been laid out."""
        before, self._laid_out_for = self._laid_out_for, event.size
        if before is not None and event.size.width < FOLDS_BELOW <= before.width:
            self._unfolded = False
        self._fold()

    def on_screen_resume(self) -> None:
        """Catch up with a window whose size changed beneath a dialog."""
        size = self.app.size
        if self._laid_out_for not in (None, size):
            self.post_message(events.Resize(size, size))

    async def _open(self) -> None:
        """Open the workspace, and import the pane of last time meanwhile."""
        await self.mount_all(
            [Static(TOO_SMALL, id="too-small", markup=False), self.filter_bar], before="#hints"
        )

        def work(_: Job) -> tuple[Workspace, Mapping[str, str]]:
            workspace = self.console.opening.open()
            self._first_pane().load()
            return workspace, self.console.keys_for(workspace)

        self.loader.load(
            "workspace",
            work,
            self._opened,
            label="opening",
            failed=self.console.give_up,
            cancellable=False,
        )

    def _opened(self, answer: tuple[Workspace, Mapping[str, str]]) -> None:
        self.console.take(*answer)
        self._is_open = True
        self.load_statuses()
        self.call_later(self.show_pane, self._first_pane().id)

    def _first_pane(self) -> PaneSpec:
        wanted = (spec for spec in self.specs if spec.id == self.ui_state.pane)
        return next(wanted, self.specs[0])

    def load_statuses(self) -> None:
        """Ask how the connections are doing, and what waits."""
        self.loader.load(
            "statuses",
            partial(self._statuses, self.connection_id),
            self._took,
            label="opening",
            cancellable=False,
        )

    def _statuses(self, connection_id: str | None, job: Job) -> Standing:
        workspace = self.workspace
        workspace.prepare(job.progress)
        # Before what is read: what is written meanwhile is news then.
        head = workspace.head()
        with workspace.hold():
            statuses = workspace.health.statuses()
            ids = [status.id for status in statuses]
            chosen = connection_id if connection_id in ids else next(iter(ids), None)
            lines = (
                {chosen: workspace.mappings.undecided_count(chosen)} if chosen is not None else {}
            )
        return Standing(head, statuses, lines, workspace.read_only)

    def _took(self, standing: Standing) -> None:
        statuses = standing.statuses
        # Who may write to a database is known once it has been asked.
        self.read_only = self.console.read_only or standing.read_only
        self.query_one(TopBar).note = READ_ONLY_NOTE if self.read_only else ""
        self._open_lines |= standing.undecided_count
        if self._watch is None and not self.is_still:
            self._watch = HeadWatch(
                self,
                self.workspace,
                standing.head,
                is_reading=lambda: self.is_reading,
                wake=self.wake,
                show_reach=self.show_reach,
            )
        ids = [status.id for status in statuses]
        self._welcome(not statuses)
        first = not self._ready
        self._ready = True
        lost = self.connection_id not in ids
        if lost:
            self.connection_id = ids[0] if ids else None
        self.rail.set_statuses(statuses, self.connection_id)
        self._show_strip()
        self._show_counts()
        if self.pane is not None and (first or lost):
            self.pane.show(self.connection_id)
        self.refresh_bindings()

    @property
    def is_reading(self) -> bool:
        """Whether what shows is being read or refreshed: it is not to be woken now."""
        return self.loader.is_loading or (self.pane is not None and self.pane.is_reading)

    def wake(self, head: int, failed: Callable[[CrmdeckError], None]) -> None:
        """Read again, quietly, since somebody wrote to the workspace."""
        with self.loader.quietly(failed):
            self.load_statuses()
        if self.pane is not None:
            with self.pane.loader.quietly(failed):
                self.pane.wake(head)

    def show_reach(self, away_since: datetime | None, error: CrmdeckError | None) -> None:
        """Tell since when the workspace is out of reach, or take what was told of it away."""
        away = f"unreachable since {away_since:%H:%M} UTC" if away_since is not None else ""
        self.query_one(TopBar).away = away
        if error is not None:
            self._away_code = error.code
            lines = filter(None, (error.message, error.cause, "What was read before stays."))
            self.say("\n".join(lines), severity="error", timeout=10)
        else:
            pane = self.pane
            if pane is not None and pane.error is not None and pane.error.code == self._away_code:
                pane.show_error(None)
            self.say("The workspace can be reached again.", timeout=4)

    def _show_counts(self) -> None:
        """Tell in the tabs what waits: of all connections in Health, else of the chosen one."""
        chosen = self.connection_id if self.stage.pane_id != "health" else None
        self.query_one(TopBar).counts = tab_counts(
            self.rail.statuses, chosen, self._open_lines.get(self.connection_id or "", 0)
        )

    def _welcome(self, wanted: bool) -> None:
        self.query_one("#body").set_class(wanted, "-covered")
        page = next(iter(self.query("#welcome")), None)
        if wanted and page is None:
            from crmdeck.tui.screens.welcome import Welcome

            self.mount(Welcome(self, self.console, id="welcome"), before="#filter")
        elif page is not None and not wanted:
            page.remove()
            self.call_after_refresh(self.focus_pane)

    def show_connection(self, connection_id: str | None) -> None:
        """Show another connection in the pane."""
        self._choose(connection_id)
        if self.pane is not None:
            self.pane.show(connection_id)
        self.refresh_bindings()
        self.console.save_state()
        self._count_lines()

    def show_added(self, connection: Connection, *, refresh: bool) -> None:
        """Show a connection that is new, or signed in to again; read its schema if wanted."""
        self.connection_id = connection.id
        self.reload()
        if refresh:
            self.refresh_connection(connection.id, connection.name)

    def refresh_connection(self, ref: str, name: str) -> None:
        """Read the schema of a connection again; a failure shows in the pane, and in its health."""

        def work(job: Job) -> RefreshResult:
            return self.workspace.refreshes.run(ref, progress=job.progress, cancel=job.cancel)

        def done(result: RefreshResult) -> None:
            severity: SeverityLevel = "warning" if result.failures else "information"
            self.say(
                f"{name}: {refresh_text(result)}",
                severity=severity,
                command=self.workspace.command_line("refresh", name),
            )
            self.reload()

        def failed(error: CrmdeckError) -> None:
            self.reload()
            self.show_error(error)

        self.loader.load("refresh", work, done, label=f"refreshing {name}", failed=failed)

    def reload(self) -> None:
        """Read the cache again."""
        self.load_statuses()
        if self.pane is not None:
            self.pane.show(self.connection_id)

    def _choose(self, connection_id: str | None) -> None:
        self.connection_id = connection_id
        if connection_id is not None:
            self.rail.choose(connection_id)
        self._show_strip()
        self._show_counts()

    def _count_lines(self) -> None:
        """Count the open lines of a connection that was not chosen before."""
        ref = self.connection_id
        if not self._ready or ref is None or ref in self._open_lines:
            return

        def counted(lines: int) -> None:
            self._open_lines[ref] = lines
            self._show_counts()

        self.loader.load(
            "lines",
            lambda _: self.workspace.mappings.undecided_count(ref),
            counted,
            failed=lambda _: None,
            quiet=True,
            after_paint=True,
        )

    @property
    def is_folded(self) -> bool:
        """Whether the connections are folded into a strip in the header line."""
        return self.has_class("-folded")

    def fold(self, folded: bool) -> None:
        """Fold the connections, or show them beside the pane again, now and from now on.

        Where they fold by themselves, they show until the window becomes narrow.
        """
        self._unfolded = not folded
        self.ui_state.rail_folded = folded
        self._fold()
        self.console.save_state()

    def _fold(self) -> None:
        """Fold the connections where the user, the window or the pane has no room for them."""
        pane = self.pane
        by_itself = self.app.size.width < FOLDS_BELOW or (pane is not None and pane.wants_room)
        folded = self.ui_state.rail_folded or (by_itself and not self._unfolded)
        self.set_class(folded, "-folded")
        if folded and self.focused is self.rail:
            self.focus_pane()
        self._show_strip()

    def _show_strip(self) -> None:
        """Name the connections in the header line where no rail does."""
        folded = self.is_folded
        bar = self.query_one(TopBar)
        bar.strips = strips(self.rail.statuses, self.connection_id) if folded else ()
        bar.connections = {status.id: told(status) for status in self.rail.statuses}

    @on(Pane.Resized)
    def _resized(self) -> None:
        self._fold()

    @on(TopBar.PickedConnection)
    def _picked_connection(self, message: TopBar.PickedConnection) -> None:
        if message.connection_id != self.connection_id:
            self.show_connection(message.connection_id)

    @on(Rail.Chosen)
    def _chosen(self, message: Rail.Chosen) -> None:
        if message.connection_id != self.connection_id:
            self.show_connection(message.connection_id)
        if message.enter:
            self.focus_pane()

    async def show_pane(self, pane_id: str) -> Pane:
        """Bring a pane up; it is made and restored when it is first wanted."""
        had_focus = self.focused is not None and self.focused is not self.rail
        pane = await self.stage.bring(pane_id)
        for table in tables_of(pane):
            table.choose_columns(self.ui_state.columns.get(f"{pane_id}/{table.id}", ()))
        self.query_one(TopBar).current = pane_id
        self._fold()
        self._show_counts()
        self.filter_bar.set_text(pane.filter_text)
        if self._ready:
            pane.show(self.connection_id)
        if had_focus or self.focused is None:
            self.focus_pane()
        self.refresh_bindings()
        self.console.save_state()
        return pane

    async def action_show_pane(self, pane_id: str) -> None:
        """Show a pane by its key; before the workspace is open it is the one to begin with."""
        if self._is_open:
            await self.show_pane(pane_id)
        else:
            self.ui_state.pane = pane_id

    @on(TopBar.Picked)
    async def _picked(self, message: TopBar.Picked) -> None:
        await self.action_show_pane(message.pane_id)

    def go_to(self, pane_id: str, location: Location) -> None:
        """Show another pane at a location; the connection that it names is chosen first."""
        self.call_later(self._go_to, pane_id, location)

    async def _go_to(self, pane_id: str, location: Location) -> None:
        from crmdeck.tui.screens.go_to import remembered

        if location.connection is not None:
            self._choose(location.connection)
        self.ui_state.recent = remembered(self.recent, pane_id, location, self.connection_id)
        pane = await self.show_pane(pane_id)
        pane.visit(location)
        pane.show(self.connection_id)

    @on(Pane.Asked)
    async def _asked(self, message: Pane.Asked) -> None:
        await self.action_run(message.action_id)

    @on(Pane.AddConnection)
    def _add_connection(self) -> None:
        from crmdeck.tui.screens.add_connection import add_connection

        add_connection(self)

    @on(Pane.Chosen)
    def _went_on(self, message: Pane.Chosen) -> None:
        self._choose(message.connection_id)
        self.refresh_bindings()
        self.console.save_state()
        self._count_lines()

    @on(Pane.Changed)
    def _changed(self) -> None:
        self.load_statuses()

    def focus_pane(self) -> None:
        """Go to the pane."""
        target = self.pane.focus_target() if self.pane is not None else None
        if target is not None:
            target.focus()

    @on(FilterBar.Changed)
    def _filter(self, message: FilterBar.Changed) -> None:
        if self.pane is not None:
            self.pane.set_filter_text(message.text)
        if message.done:
            self.focus_pane()
            self.console.save_state()
        self.refresh_bindings()

    @on(Pane.Filtered)
    def _filtered(self, message: Pane.Filtered) -> None:
        self.filter_bar.set_text(message.text)

    @on(Pane.Summary)
    def _summary(self, message: Pane.Summary) -> None:
        self.filter_bar.set_note(message.count, message.hint)

    @on(BusyChanged)
    def _busy(self, message: BusyChanged) -> None:
        self.query_one(ProgressLine).take(message)
        self.refresh_bindings()

    def show_error(self, error: CrmdeckError) -> None:
        """Show an error of the screen's own work in the pane."""
        if self.pane is not None:
            self.pane.show_error(error)
        else:
            self.say(str(error), severity="error")

    def say(
        self,
        text: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        command: str = "",
    ) -> None:
        """Show a toast, and keep what it says; text from outside is shown as the text it is."""
        self.console.say(text, title=title, severity=severity, timeout=timeout, command=command)

    @on(Pane.Failed)
    def _failed(self, message: Pane.Failed) -> None:
        error = message.error
        lines = filter(None, (error.message, error.cause, error.remedy))
        self.console.note("\n".join(lines), severity="error")

    @property
    def table(self) -> Table[Any] | None:
        """The table that shows in the pane."""
        tables = tables_of(self.pane) if self.pane is not None else ()
        shown = (one for one in tables if all(node.display for node in one.ancestors_with_self))
        return next(shown, None)

    def copy(self, text: str) -> None:
        """Copy `text` to the clipboard of the terminal and say so."""
        self.console.copy(text)

    @property
    def statuses(self) -> Sequence[ConnectionStatus]:
        """The connections, as last asked."""
        return self.rail.statuses

    @property
    def titles(self) -> dict[str, str]:
        """The titles of the panes, by id."""
        return {spec.id: spec.title for spec in self.specs}

    @property
    def recent(self) -> Sequence[dict[str, str]]:
        """The places that the user went to, the latest first."""
        return self.ui_state.recent

    def _note_step(self, step: UndoStep) -> None:
        self.console.note(f"{step.title}  ({step.where})", command=step.command)

    def collect_state(self) -> UiState:
        """Return where the user is, to be kept."""
        state = self.ui_state
        state.connection_id = self.connection_id or ""
        state.pane = self.stage.pane_id or state.pane
        state.panes |= self.stage.states()
        return state

    @property
    def takes_escape(self) -> bool:
        """Whether Esc has something to do here: cancel, put an error away, clear the filter."""
        pane = self.pane
        return bool(
            self.loader.can_cancel
            or self.filter_text
            or (pane is not None and (pane.error is not None or pane.loader.can_cancel))
        )


def tables_of(pane: Pane) -> Sequence[Table[Any]]:
    """Return the tables of a pane."""
    from crmdeck.tui.widgets.table import Table

    return tuple(pane.query(Table))


def refresh_text(result: RefreshResult) -> str:
    """Return `1,019 objects, 47,404 fields, 3 changes`, and how many objects failed."""
    parts = [count(len(result.objects), "object"), count(result.total_fields, "field")]
    parts.append("first look" if result.baseline else count(len(result.drift_events), "change"))
    if result.failures:
        parts.append(f"{len(result.failures)} failed")
    return ", ".join(parts)
