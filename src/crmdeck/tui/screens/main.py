"""The main screen: the rail, one pane at a time, the filter, and how they open.

It knows panes by their contract only (`crmdeck.tui.panes.pane`), never a widget of theirs, and is
their host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.geometry import Size
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input, Static

from crmdeck.model import Source, Status
from crmdeck.tui.actions import EVERYWHERE, Action, ActionHost, Actions
from crmdeck.tui.head_watch import HeadWatch
from crmdeck.tui.host import Console, Location
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.registry import PaneSpec
from crmdeck.tui.requests import BusyChanged, Job, Loader
from crmdeck.tui.screens.stage import Stage
from crmdeck.tui.signals import has_job_control
from crmdeck.tui.text import count
from crmdeck.tui.ui_state import UiState
from crmdeck.tui.undo import UndoStack, UndoStep
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
    from crmdeck.tui.messages import Message as Said
    from crmdeck.tui.screens.go_to import GoToAnything
    from crmdeck.tui.widgets.table import Table
    from crmdeck.workspace import Copy, CrmPage, Workspace

FOLDS_BELOW = 100
"""Cells of the window below which the connections fold into a strip by themselves."""

TOO_SMALL = "crmdeck needs at least 60 columns and 12 lines.\nMake the window larger; q quits."
READ_ONLY_NOTE = "read-only"


class Standing(NamedTuple):
    """How things stand, read at one go: `open_lines` by connection, of the chosen one only."""

    head: int
    statuses: tuple[ConnectionStatus, ...]
    open_lines: dict[str, int]
    read_only: bool


class MainScreen(ActionHost, Screen[None]):
    """Holds which connection and pane are shown, and hands messages on."""

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
        self._go_to_anything: GoToAnything | None = None
        self._laid_out_for: Size | None = None
        self._unfolded = False
        self.steps = UndoStack(self.refresh_bindings, self._note_step)

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
            lines = {chosen: workspace.mappings.open_lines(chosen)} if chosen is not None else {}
        return Standing(head, statuses, lines, workspace.read_only)

    def _took(self, standing: Standing) -> None:
        statuses = standing.statuses
        # Who may write to a database is known once it has been asked.
        self.read_only = self.console.read_only or standing.read_only
        self.query_one(TopBar).note = READ_ONLY_NOTE if self.read_only else ""
        self._open_lines |= standing.open_lines
        if self._watch is None and not self.is_still:
            self._watch = HeadWatch(self, self.workspace, standing.head, self)
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
            lambda _: self.workspace.mappings.open_lines(ref),
            counted,
            failed=lambda _: None,
            quiet=True,
            after_paint=True,
        )

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
        folded = self.has_class("-folded")
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

    def show_messages(self) -> None:
        """Show what was said so far; Enter copies the command line of a message."""
        from crmdeck.tui.dialogs.messages import Messages

        def chosen(message: Said | None) -> None:
            if message is not None:
                self.copy(message.command or message.text)

        self.app.push_screen(Messages(self.console.messages()), chosen)

    @property
    def table(self) -> Table[Any] | None:
        """The table that shows in the pane."""
        tables = tables_of(self.pane) if self.pane is not None else ()
        shown = (one for one in tables if all(node.display for node in one.ancestors_with_self))
        return next(shown, None)

    def open_saved_views(self) -> None:
        """Choose a saved view of the table, save one, or choose its columns."""
        from crmdeck.tui.screens.saved_views import SavedViewsFlow

        pane, table = self.pane, self.table
        if pane is not None and table is not None:
            place = f"{self.stage.pane_id}/{table.id}"
            SavedViewsFlow(self, pane, table, place).start()

    def _no_table(self) -> str | None:
        return None if self.table is not None else "There is no table here."

    def open_in_crm(self) -> None:
        """Open what is under the cursor in the CRM's own setup page."""
        from crmdeck.tui.dialogs.browser import can_open_browser

        place = self.pane.crm_place() if self.pane is not None else None
        if place is None:
            return

        def opened(page: CrmPage) -> None:
            # A browser in this terminal would take it from the console.
            if can_open_browser() and not self.app.is_headless:
                self.app.open_url(page.url)
                self.say("\n".join(filter(None, (f"Opened {page.url}", page.note))), timeout=4)
            else:
                self.copy(page.url)
                lines = ("No browser can be opened from here; copied:", page.url, page.note)
                self.say("\n".join(filter(None, lines)), timeout=10)

        self.loader.load(
            "page",
            lambda _: self.workspace.connections.page(*place),
            opened,
            label="finding its page",
            failed=lambda error: self.say(
                " ".join(filter(None, (error.message, error.cause, error.remedy))),
                severity="warning",
                timeout=8,
            ),
            quiet=True,
        )

    def _no_crm_place(self) -> str | None:
        pane = self.pane
        some = pane is not None and pane.crm_place() is not None
        return None if some else "There is nothing to open in the CRM."

    def copy(self, text: str) -> None:
        """Copy `text` to the clipboard of the terminal and say so."""
        self.console.copy(text)

    @property
    def statuses(self) -> Sequence[ConnectionStatus]:
        """The connections, as last asked."""
        return self.rail.statuses

    @property
    def titles(self) -> dict[str, str]:
        """The panes that there are: their titles by id."""
        return {spec.id: spec.title for spec in self.specs}

    @property
    def recent(self) -> Sequence[dict[str, str]]:
        """Where one was, the latest first."""
        return self.ui_state.recent

    def collect_state(self) -> UiState:
        """Return where the user is, to be kept."""
        state = self.ui_state
        state.connection_id = self.connection_id or ""
        state.pane = self.stage.pane_id or state.pane
        state.panes |= self.stage.states()
        return state

    def focus_rail(self) -> None:
        """Go to the connections, which unfold."""
        if self.has_class("-folded"):
            self.fold_rail()
        self.rail.focus()

    def fold_rail(self) -> None:
        """Fold the connections into a strip in the header line, or show them beside again.

        Where they fold by themselves, they show until the window becomes narrow.
        """
        folded = self.has_class("-folded")
        self._unfolded = folded
        self.ui_state.rail_folded = not folded
        self._fold()
        self.console.save_state()

    def next_connection(self) -> None:
        """Show the next connection, after the last the first."""
        self._step(1)

    def previous_connection(self) -> None:
        """Show the previous connection, before the first the last."""
        self._step(-1)

    def _step(self, step: int) -> None:
        ids = [status.id for status in self.rail.statuses]
        if self.connection_id in ids:
            self.show_connection(ids[(ids.index(self.connection_id) + step) % len(ids)])

    def go_back(self) -> None:
        """Undo the latest of: loading, an error, the filter."""
        pane = self.pane
        if self.loader.cancel() or (pane is not None and pane.loader.cancel()):
            self.say("Cancelled; what was there stays.")
        elif pane is not None and pane.error is not None:
            pane.show_error(None)
        else:
            self.filter_bar.drop()
        self.refresh_bindings()

    def edit_filter(self) -> None:
        """Type a filter."""
        self.filter_bar.edit()

    def refresh_chosen(self) -> None:
        """Refresh the schema of the connection."""
        if self.status is not None:
            self.refresh_connection(self.status.id, self.status.name)

    def sign_in(self) -> None:
        """Sign in again to the connection, or read it from another folder."""
        from crmdeck.tui.screens.folder import ask_folder
        from crmdeck.tui.screens.sign_in import SignInFlow

        status = self.status
        if status is None:
            return
        if status.source is Source.FILES:
            ask_folder(self, status.id)
        else:
            SignInFlow(self, status.id, status.name).start()

    def copy_shown(self) -> None:
        """Copy the error that shows, else what the pane has under its cursor, as one chooses."""
        from crmdeck.tui.dialogs.copy_as import CopyAs

        pane = self.pane
        if pane is None:
            return
        if pane.error is not None:
            self.copy(pane.error_details())
            return
        if copies := pane.copies():
            self.app.push_screen(CopyAs(copies, self.ui_state.copy_kind), self._copy_as)

    def _copy_as(self, chosen: Copy | None) -> None:
        if chosen is not None:
            self.ui_state.copy_kind = chosen.kind
            self.copy(chosen.text)

    def export_shown(self) -> None:
        """Export what the pane shows."""
        from crmdeck.tui.screens.export import ask_and_export

        request = self.pane.export_request() if self.pane is not None else None
        if request is not None:
            ask_and_export(self, request, self.connection_id)

    def _note_step(self, step: UndoStep) -> None:
        self.console.note(f"{step.title}  ({step.where})", command=step.command)

    def undo(self) -> None:
        """Take the latest step back, in whichever pane it was done."""
        step = self.steps.undo()
        self.say(f"Undone: {step.title}  ({step.where})", timeout=4)

    def redo(self) -> None:
        """Do again what was taken back last."""
        step = self.steps.redo()
        self.say(f"Done again: {step.title}  ({step.where})", timeout=4)

    def list_steps(self) -> None:
        """List what was done and can be taken back."""
        from crmdeck.tui.dialogs.steps import Steps

        self.app.push_screen(Steps(self.steps, self.undo, self.redo))

    def _undo_title(self) -> str:
        number = len(self.steps.done)
        return f"undo {count(number, 'step')}" if number > 1 else "undo"

    def _no_undo(self) -> str | None:
        return None if self.steps.done else "Nothing was done since the console was opened."

    def _no_redo(self) -> str | None:
        return None if self.steps.undone else "Nothing was taken back."

    def _no_steps(self) -> str | None:
        return self._no_undo() if not self.steps.undone else None

    def show_help(self) -> None:
        """Show what the keys do here."""
        from crmdeck.tui.dialogs.help import open_help

        scope = type(self.pane).SCOPE if self.pane is not None else EVERYWHERE
        open_help(self, self.stage.title, scope)

    def open_go_to(self) -> None:
        """Go to a connection, an object, a field, a change, an action: to anything."""
        from crmdeck.tui.screens.go_to import GoToAnything

        if self._go_to_anything is None:
            self._go_to_anything = GoToAnything(self)
        self._go_to_anything.open()

    def suspend(self) -> None:
        """Go back to the shell, which brings the console back with `fg`."""
        self.app.action_suspend_process()

    async def quit(self) -> None:
        """Leave; where the user was is kept."""
        await self.app.action_quit()

    def turn_view(self, step: int) -> None:
        """Show the view of the pane that is `step` further on."""
        if self.pane is not None and self.pane.views:
            self.pane.show_view(self.pane.view_position + step)

    def size_details(self, step: int) -> None:
        """Make the details of the pane larger or smaller."""
        if self.pane is not None:
            self.pane.size_details(step)

    def turn_details(self) -> None:
        """Go to the details of the pane, or back; from a line of text first to the pane."""
        if self.pane is None:
            return
        if self.is_typing:
            self.focus_pane()
        else:
            self.pane.turn_details()

    def scroll_details(self, direction: int) -> None:
        """Scroll the details of the pane."""
        if self.pane is not None:
            self.pane.scroll_details(direction)

    def _has_details(self) -> bool:
        return self.pane is not None and self.pane.details is not None

    def _no_shell(self) -> str | None:
        return None if has_job_control() else "There is no shell to go back to."

    def _no_connection(self) -> str | None:
        return None if self.connection_id is not None else "There is no connection yet."

    def _no_sign_in(self) -> str | None:
        status = self.status
        if status is None:
            return self._no_connection() or "The connections are still being read."
        if status.status is Status.DISCONNECTED:
            return f"{status.name} is disconnected: reconnect it in Health first."
        return None

    def _no_filter(self) -> str | None:
        return "There is nothing to filter yet." if self.pane is None else self._no_connection()

    def _no_copy(self) -> str | None:
        pane = self.pane
        can = pane is not None and bool(pane.error or pane.can_copy())
        return None if can else "There is nothing to copy here."

    def _no_export(self) -> str | None:
        can = self.pane is not None and self.pane.can_export()
        return None if can else "There is nothing to export here."

    @property
    def takes_escape(self) -> bool:
        """Whether Esc has something to do here: cancel, put an error away, clear the filter."""
        pane = self.pane
        return bool(
            self.loader.can_cancel
            or self.filter_text
            or (pane is not None and (pane.error is not None or pane.loader.can_cancel))
        )

    ACTIONS: ClassVar[Actions] = (
        Action(
            "go.rail",
            "connections",
            ("h",),
            focus_rail,
            help="go to the connections",
            palette=False,
        ),
        Action(
            "view.fold",
            "fold the rail",
            ("backslash",),
            fold_rail,
            help="fold the connections into a strip at the top, or show them beside again",
        ),
        Action(
            "go.pane",
            "pane",
            ("l",),
            focus_pane,
            help="go to the pane",
            applies=lambda screen: screen.pane is not None,
            palette=False,
        ),
        Action(
            "go.next",
            "next connection",
            ("right_square_bracket",),
            next_connection,
            blocked=_no_connection,
        ),
        Action(
            "go.previous",
            "previous connection",
            ("left_square_bracket",),
            previous_connection,
            blocked=_no_connection,
        ),
        Action(
            "go.back",
            "back",
            ("escape",),
            go_back,
            help="cancel what is loading, put an error away, clear the filter",
            applies=lambda screen: screen.takes_escape,
            palette=False,
        ),
        Action(
            "view.filter",
            "filter",
            ("slash",),
            edit_filter,
            hint=60,
            # `/` is a letter like any other for who is typing; Textual does not hold it back.
            applies=lambda screen: not screen.is_typing,
            blocked=_no_filter,
        ),
        Action(
            "edit.undo",
            "undo",
            ("u",),
            undo,
            help="take the latest step back, in whichever pane it was done",
            hint=91,
            blocked=_no_undo,
            writes=True,
            told=_undo_title,
        ),
        Action(
            "edit.redo",
            "redo",
            ("U",),
            redo,
            help="do again what was taken back",
            hint=70,
            blocked=_no_redo,
            writes=True,
        ),
        Action(
            "edit.steps",
            "steps",
            ("ctrl+u",),
            list_steps,
            help="list what was done in all panes and can be taken back",
            blocked=_no_steps,
        ),
        Action(
            "view.next",
            "next view",
            ("full_stop",),
            lambda screen: screen.turn_view(1),
            help="show the next view of the pane, or click its name",
            applies=lambda screen: bool(screen.pane and screen.pane.views),
        ),
        Action(
            "view.previous",
            "previous view",
            ("comma",),
            lambda screen: screen.turn_view(-1),
            help="show the view of the pane before",
            applies=lambda screen: bool(screen.pane and screen.pane.views),
        ),
        Action(
            "view.larger",
            "larger details",
            ("plus",),
            lambda screen: screen.size_details(1),
            applies=_has_details,
        ),
        Action(
            "view.smaller",
            "smaller details",
            ("underscore",),
            lambda screen: screen.size_details(-1),
            applies=_has_details,
        ),
        Action(
            "view.details",
            "details",
            ("tab",),
            turn_details,
            help="go to the details, and back",
            applies=_has_details,
            palette=False,
        ),
        Action(
            "view.details_down",
            "scroll the details",
            ("J",),
            lambda screen: screen.scroll_details(1),
            applies=_has_details,
            palette=False,
        ),
        Action(
            "view.details_up",
            "scroll the details back",
            ("K",),
            lambda screen: screen.scroll_details(-1),
            applies=_has_details,
            palette=False,
        ),
        Action(
            "connection.refresh",
            "refresh",
            ("r",),
            refresh_chosen,
            help="read the schema from the CRM again",
            hint=50,
            blocked=_no_connection,
            writes=True,
        ),
        Action(
            "connection.sign_in",
            "sign in",
            ("i",),
            sign_in,
            help="sign in again, or in another way; for files: read another folder",
            blocked=_no_sign_in,
            writes=True,
        ),
        Action(
            "view.reload",
            "reload",
            ("f5",),
            reload,
            help="show what the cache holds now",
        ),
        Action(
            "view.copy",
            "copy as…",
            ("y",),
            copy_shown,
            help="copy as a name, Markdown, a message, a command",
            hint=19,
            blocked=_no_copy,
        ),
        Action(
            "view.open_in_crm",
            "open in CRM",
            ("O",),
            open_in_crm,
            help="open the field, object or connection in the CRM's setup",
            hint=18,
            blocked=_no_crm_place,
        ),
        Action(
            "view.saved",
            "saved views",
            ("F",),
            open_saved_views,
            help="saved views: filter, sort, columns",
            blocked=_no_table,
        ),
        Action(
            "app.messages",
            "messages",
            ("exclamation_mark",),
            show_messages,
            help="what was said so far, with the commands for it",
            applies=lambda screen: not screen.is_typing,
        ),
        Action(
            "view.export",
            "export",
            ("e",),
            export_shown,
            help="export what this pane shows",
            hint=20,
            blocked=_no_export,
        ),
        Action(
            "app.help",
            "keys",
            ("question_mark", "f1"),
            show_help,
            help="what the keys do here",
            hint=30,
        ),
        Action(
            "app.go_to",
            "go to",
            ("ctrl+k", "colon", "ctrl+p"),
            open_go_to,
            help="go to any connection, object, field, change, action",
            hint=25,
            applies=lambda screen: screen.is_open and not screen.is_typing,
        ),
        Action(
            "app.suspend",
            "suspend",
            ("ctrl+z",),
            suspend,
            help="back to the shell; fg returns",
            blocked=_no_shell,
        ),
        Action("app.quit", "quit", ("q",), quit, hint=15),
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
