"""The main screen: the sidebar, one pane at a time, and the keys that work everywhere.

It knows panes only by their base class. They know it only by the functions it gives to the `Host`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Static

from crmdeck.model import Source, Status
from crmdeck.tui import dialogs, screens
from crmdeck.tui.host import Host, Location
from crmdeck.tui.keys.actions import EVERYWHERE, ActionHost, Actions, RunAction, action, actions_of
from crmdeck.tui.loading.head_watch import HeadWatch
from crmdeck.tui.loading.requests import BusyChanged, Job, Loader
from crmdeck.tui.marks import Health, health_of
from crmdeck.tui.panes.registry import PaneSpec
from crmdeck.tui.screens.go_keys import GoKeys
from crmdeck.tui.screens.refresh import refresh_connection
from crmdeck.tui.screens.stage import Stage
from crmdeck.tui.screens.statuses import Answer, most_urgent, read_statuses
from crmdeck.tui.screens.undo_keys import UndoKeys
from crmdeck.tui.screens.view_keys import ViewKeys
from crmdeck.tui.sheets import sheets
from crmdeck.tui.signals import has_job_control
from crmdeck.tui.state.messages import Message
from crmdeck.tui.state.undo import UndoStack, UndoStep
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.filter_bar import FilterBar
from crmdeck.tui.widgets.hints import Hints
from crmdeck.tui.widgets.progress_line import ProgressLine
from crmdeck.tui.widgets.sidebar import Sidebar, strips, tooltip_of
from crmdeck.tui.widgets.tab_counts import tab_counts
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.tint import repaint_once
from crmdeck.tui.widgets.top_bar import Tab, TopBar

if TYPE_CHECKING:
    from datetime import datetime

    from crmdeck.errors import CrmdeckError
    from crmdeck.tui.panes.pane import Pane
    from crmdeck.workspace import PendingWorkspace, Workspace

COLLAPSES_BELOW = 100
"""Width of the window below which the sidebar collapses by itself."""

ROOM_FOR_ALL = 225
"""Width of the window from which the sidebar shows in all panes."""

TOO_SMALL = (
    "crmdeck needs at least 60 columns and 12 rows.\nEnlarge the window, or press q to quit."
)
MESSAGE_LINES = 6
MESSAGE_SIGNS = {"warning": ("▲", "warn"), "error": ("✕", "error")}
MESSAGE_COLUMNS: tuple[Column[Message], ...] = (
    Column("at", "", lambda one: f"{one.at:%H:%M:%S}", style=lambda _: "muted", width=8),
    Column(
        "severity",
        "",
        lambda one: MESSAGE_SIGNS.get(one.severity, ("", ""))[0],
        style=lambda one: MESSAGE_SIGNS.get(one.severity, ("", ""))[1],
        width=1,
    ),
    Column("text", "", lambda one: one.line),
)
READ_ONLY_NOTE = "read-only"
CHANGED_DEMO_NOTE = "demo, changed"


class MainScreen(ActionHost, Screen[None]):
    """Shows one connection in one pane, and runs the keys that work everywhere."""

    # `show_pane` gives the focus to the pane once it is there.
    AUTO_FOCUS = ""
    ACTIONS: ClassVar[Actions] = actions_of(GoKeys, ViewKeys, UndoKeys)

    def __init__(
        self,
        app: App[None],
        opening: PendingWorkspace,
        specs: Sequence[PaneSpec],
        keys_for: Callable[[Workspace], Mapping[str, str]],
        take: Callable[[Workspace, Mapping[str, str]], None],
        *,
        is_still: bool,
    ) -> None:
        super().__init__()
        self.read_only = opening.read_only
        self.specs = tuple(specs)
        self._keys_for = keys_for
        self._take = take
        self.loader = Loader(self, self._show_error)
        self._is_ready = False
        self._takes_keys = False
        self._watch: HeadWatch | None = None
        self._away_code = ""
        self._healths: dict[str, Health] = {}
        self._laid_out_for: Size | None = None
        self._is_expanded = False
        self.host = Host(
            app=app,
            opening=opening,
            is_still=is_still,
            loader=self.loader,
            steps=UndoStack(self._show_undo, self._note_step),
            titles={spec.id: spec.title for spec in self.specs},
            # Later, because it waits for a new pane to be mounted, which its callers can't.
            go_to=partial(self.call_later, self._go_to),
            show_connection=self.show_connection,
            reload=self.reload,
            takes_escape=lambda: self._going.takes_escape(),
            collect_state=self._collect_state,
        )
        self.ui_state = self.host.ui_state
        self.filter_bar = FilterBar(id="filter")
        self.sidebar = Sidebar(id="sidebar")
        self.stage = Stage(self.host, self.specs, id="stage")
        self._going = GoKeys(self.host, self.stage, self.filter_bar)
        views = ViewKeys(self.host, self.stage, self.filter_bar)
        self.commands = (self._going, views, UndoKeys(self.host))

    def compose(self) -> ComposeResult:
        tabs = [Tab(spec.id, spec.title, spec.key) for spec in self.specs]
        yield TopBar(tabs, READ_ONLY_NOTE if self.read_only else "")
        yield ProgressLine()
        with Horizontal(id="body"):
            yield self.sidebar
            yield self.stage
        yield Hints(id="hints")

    def _compositor_refresh(self) -> None:
        super()._compositor_refresh()
        repaint_once(self)

    @property
    def pane(self) -> Pane | None:
        return self.stage.pane

    def on_mount(self) -> None:
        self.host.connection_id = self.ui_state.connection_id or None
        # The frame is painted before anything is imported or read.
        self._collapse()
        for spec in self.specs:
            self._bindings.bind(spec.key, f"show_pane('{spec.id}')", spec.title, show=False)
        self.call_after_refresh(self._open)

    def on_unmount(self) -> None:
        self.loader.close()
        if self._watch is not None:
            self._watch.close()

    def on_resize(self, event: events.Resize) -> None:
        before, self._laid_out_for = self._laid_out_for, event.size
        if before is not None and event.size.width < COLLAPSES_BELOW <= before.width:
            self._is_expanded = False
        self._collapse()
        if self.focused is None:
            # A window that was too small hid the pane, which lost the focus.
            self.call_after_refresh(self.stage.focus_pane)

    def on_screen_resume(self) -> None:
        # The window may have changed its size beneath a dialog.
        size = self.app.size
        if self._laid_out_for not in (None, size):
            self.post_message(events.Resize(size, size))

    async def _open(self) -> None:
        # Only now: parsing the sheets of panes and dialogs would delay the first frame.
        self.app.stylesheet.read_all(sheets()[1:])
        await self.mount_all(
            [Static(TOO_SMALL, id="too-small", markup=False), self.filter_bar], before="#hints"
        )

        def work(_: Job) -> tuple[Workspace, Mapping[str, str]]:
            workspace = self.host.opening.open()
            # Built here, because its imports would hold up keys and paints later.
            self._first_pane().load()
            return workspace, self._keys_for(workspace)

        self.loader.load(
            "workspace",
            work,
            self._opened,
            label="opening the workspace",
            failed=self.host.give_up,
            cancellable=False,
        )

    def _opened(self, answer: tuple[Workspace, Mapping[str, str]]) -> None:
        self.host.workspace, keys = answer
        self._take(self.host.workspace, keys)
        self.load_statuses()
        self.call_later(self._show_first_pane)

    def _first_pane(self) -> PaneSpec:
        # The pane of the last session may be gone from a newer version.
        wanted = (spec for spec in self.specs if spec.id == self.ui_state.pane)
        return next(wanted, self.specs[0])

    async def _show_first_pane(self) -> None:
        await self.show_pane(self._first_pane().id)

    def load_statuses(self) -> None:
        """Load the statuses of the connections with their findings."""
        self.loader.load(
            "statuses",
            lambda _: read_statuses(self.host.workspace),
            self._show_statuses,
            label="loading the connections",
            cancellable=False,
        )

    def _show_statuses(self, answer: Answer) -> None:
        host, statuses = self.host, answer.statuses
        host.statuses = statuses
        # Only the database knows whether its user can write.
        self.read_only = host.workspace.read_only
        demo = CHANGED_DEMO_NOTE if answer.is_changed_demo else ""
        self.query_one(TopBar).note = READ_ONLY_NOTE if self.read_only else demo
        if self._watch is None and not host.is_still:
            self._watch = HeadWatch(
                self,
                host.workspace,
                answer.head,
                is_reading=lambda: self.is_reading,
                wake=self._wake,
                show_reach=self._show_reach,
            )
        self._welcome(not statuses)
        first, self._is_ready = not self._is_ready, True
        lost = host.status is None
        # The connection of the last session may be gone, and none is chosen in a new workspace.
        if lost:
            host.connection_id = most_urgent(statuses)
        self.sidebar.set_statuses(statuses, host.connection_id)
        bar = self.query_one(TopBar)
        bar.counts = tab_counts(statuses)
        bar.connections = {status.id: tooltip_of(status) for status in statuses}
        self._healths = {status.id: health_of(status) for status in statuses}
        self._show_strip()
        if self.pane is not None and (first or lost):
            self.pane.show(self.host.connection_id)
        elif self.pane is not None:
            self.pane.show_statuses()
        self.refresh_bindings()

    @property
    def is_reading(self) -> bool:
        """True while the displayed data is being read or refreshed."""
        return self.loader.is_loading or (self.pane is not None and self.pane.is_reading)

    @property
    def takes_keys(self) -> bool:
        """True if the pane, or the welcome page, has its first data."""
        pane = self.pane
        # Once open, the console takes keys during a reload too.
        if not self._takes_keys and self._is_ready and pane is not None:
            self._takes_keys = not self.is_reading
        is_opening = pane is not None and pane.is_reading and not pane.has_data
        return self._takes_keys and not (is_opening and self.is_current)

    def _wake(self, head: int, failed: Callable[[CrmdeckError], None]) -> None:
        """Reload quietly, because another user changed the workspace."""
        # The user did not ask for it, so no progress shows and no error interrupts.
        with self.loader.quietly(failed):
            self.load_statuses()
        if self.pane is not None:
            with self.pane.loader.quietly(failed):
                self.pane.wake(head)

    def _show_reach(self, away_since: datetime | None, error: CrmdeckError | None) -> None:
        away = f"unavailable since {away_since:%H:%M} UTC" if away_since is not None else ""
        self.query_one(TopBar).away = away
        if error is not None:
            self._away_code = error.code
            lines = filter(None, (error.message, error.cause, "Showing the last data that loaded."))
            self.host.say("\n".join(lines), severity="error", timeout=10)
        else:
            pane = self.pane
            if pane is not None and pane.error is not None and pane.error.code == self._away_code:
                pane.show_error(None)
            self.host.say("Workspace is available again.", timeout=4)

    def _welcome(self, wanted: bool) -> None:
        self.query_one("#body").set_class(wanted, "-covered")
        page = next(iter(self.query("#welcome")), None)
        if wanted and page is None:
            self.mount(screens.Welcome(self.host, id="welcome"), before="#filter")
        elif page is not None and not wanted:
            page.remove()
            # The pane is displayed, and can have the focus, from the next layout on.
            self.call_after_refresh(self.stage.focus_pane)

    def show_connection(self, connection_id: str | None) -> None:
        """Choose another connection and show it in the pane."""
        self._choose(connection_id)
        if self.pane is not None:
            self.pane.show(connection_id)
        self.refresh_bindings()
        self.host.save_state()

    def _choose(self, connection_id: str | None) -> None:
        self.host.connection_id = connection_id
        if connection_id is not None:
            self.sidebar.choose(connection_id)
        self._show_strip()

    @property
    def _is_collapsed(self) -> bool:
        return self.sidebar.has_class("-collapsed")

    def _collapse(self) -> None:
        """Collapse the sidebar if the user wants that, or the window or the pane lacks room."""
        pane = self.pane
        width = self.app.size.width
        crowded = pane is not None and pane.wants_room and width < ROOM_FOR_ALL
        by_itself = width < COLLAPSES_BELOW or crowded
        collapsed = self.ui_state.sidebar_collapsed or (by_itself and not self._is_expanded)
        # A class of the screen would style all widgets in it again.
        self.sidebar.set_class(collapsed, "-collapsed")
        if collapsed and self.focused is self.sidebar:
            self.stage.focus_pane()
        self._show_strip()

    def _show_strip(self) -> None:
        """List the connections in the top line while the sidebar is collapsed."""
        host = self.host
        shown = strips(host.statuses, self._healths, host.connection_id)
        self.query_one(TopBar).strips = shown if self._is_collapsed else ()

    # `on(Pane.…)` would import the panes before the first frame.
    def on_pane_resized(self) -> None:
        self._collapse()

    def on_pane_next_steps(self) -> None:
        if self.pane is not None:
            self.query_one(ProgressLine).steps = self.pane.next_steps

    @on(TopBar.PickedConnection)
    @on(Sidebar.Chosen)
    def _chosen(self, message: TopBar.PickedConnection | Sidebar.Chosen) -> None:
        if message.connection_id != self.host.connection_id:
            self.show_connection(message.connection_id)
        if isinstance(message, Sidebar.Chosen) and message.enter:
            self.stage.focus_pane()

    async def show_pane(self, pane_id: str) -> Pane:
        """Show a pane; the first time, make and restore it."""
        # A user who goes through the connections in the sidebar stays there.
        had_focus = self.focused is not None and self.focused is not self.sidebar
        pane = await self.stage.bring(pane_id)
        for table in self.stage.tables():
            table.choose_columns(self.ui_state.columns.get(f"{pane_id}/{table.id}", ()))
        self.query_one(TopBar).current = pane_id
        self.query_one(ProgressLine).steps = pane.next_steps
        self._collapse()
        self.filter_bar.set_text(pane.filter_text)
        self.filter_bar.set_note(*pane.note)
        # Until the statuses are read, no connection is chosen. `_show_statuses` shows the pane
        # then.
        if self._is_ready:
            pane.show(self.host.connection_id)
        if had_focus or self.focused is None:
            self.stage.focus_pane()
        self.refresh_bindings()
        self.host.save_state()
        return pane

    async def action_show_pane(self, pane_id: str) -> None:
        """Show a pane by its key, or, until the workspace is open, choose the first one."""
        # Also while the workspace opens: the first pane may be shown after this one.
        self.ui_state.pane = pane_id
        if self.host.is_open:
            await self.show_pane(pane_id)

    @on(TopBar.Picked)
    async def _picked(self, message: TopBar.Picked) -> None:
        await self.action_show_pane(message.pane_id)

    async def _go_to(self, pane_id: str, location: Location) -> None:
        if location.connection is not None:
            self._choose(location.connection)
        self.ui_state.recent = screens.remembered(
            self.ui_state.recent, pane_id, location, self.host.connection_id
        )
        pane = await self.show_pane(pane_id)
        pane.visit(location)
        pane.show(self.host.connection_id)

    async def on_run_action(self, message: RunAction) -> None:
        inside = (self.pane.table, self.pane) if self.pane is not None else ()
        for host in (*inside, self):
            if host.can_run(message.action_id):
                await host.action_run(message.action_id)
                break

    @on(ProgressLine.PickedStep)
    def _step_picked(self, message: ProgressLine.PickedStep) -> None:
        if self.pane is not None:
            self.pane.take_step(message.position)

    def on_pane_add_connection(self) -> None:
        screens.ask_connection(self.host)

    def on_pane_chosen(self, message: Pane.Chosen) -> None:
        self._choose(message.connection_id)
        self.refresh_bindings()
        self.host.save_state()

    def on_pane_changed(self) -> None:
        self.load_statuses()

    @on(FilterBar.Changed)
    def _filter(self, message: FilterBar.Changed) -> None:
        if self.pane is not None:
            self.pane.set_filter_text(message.text)
        if message.done:
            self.stage.focus_pane()
            self.host.save_state()
        self.refresh_bindings()

    def on_pane_filtered(self, message: Pane.Filtered) -> None:
        self.filter_bar.set_text(message.text)

    def on_pane_summary(self) -> None:
        if self.pane is not None:
            self.filter_bar.set_note(*self.pane.note)

    @on(BusyChanged)
    def _busy(self, message: BusyChanged) -> None:
        self.query_one(ProgressLine).take(message)
        self.refresh_bindings()

    def _show_error(self, error: CrmdeckError) -> None:
        if self.pane is not None:
            self.pane.show_error(error)
        else:
            self.host.say(str(error), severity="error")

    def on_pane_failed(self, message: Pane.Failed) -> None:
        error = message.error
        lines = filter(None, (error.message, error.cause, error.remedy))
        self.host.note("\n".join(lines), severity="error")

    def _collect_state(self) -> None:
        if not self.is_mounted:
            # The console ends before its first frame.
            return
        state = self.ui_state
        state.connection_id = self.host.connection_id or ""
        state.pane = self.stage.pane_id or state.pane
        # Panes that weren't shown this time keep the state of an earlier session.
        state.panes |= self.stage.states()

    def _note_step(self, step: UndoStep) -> None:
        self.host.note(f"{step.title}  ({step.where})", command=step.command)

    def _show_undo(self) -> None:
        done = self.host.steps.done
        undo = f"u undoes: {display_text(done[-1].title, 40)}" if done else ""
        self.query_one(ProgressLine).undo = undo
        self.refresh_bindings()

    # The keys: the sidebar

    @action("go.sidebar", "Sidebar", help="Move to the sidebar.")
    def focus_sidebar(self) -> None:
        if self._is_collapsed:
            self.turn_sidebar()
        self.sidebar.focus()

    @action(
        "view.fold",
        "Collapse sidebar",
        help="Collapse the sidebar into the top line, or expand it.",
    )
    def turn_sidebar(self) -> None:
        collapsed = not self._is_collapsed
        # If it collapses by itself, it stays expanded until the window becomes narrow.
        self._is_expanded = not collapsed
        self.ui_state.sidebar_collapsed = collapsed
        self._collapse()
        self.host.save_state()

    # The keys: the connection and the row under the cursor

    @action(
        "connection.refresh",
        "Refresh",
        "r",
        help="Refresh the schema.",
        hint=50,
        blocked=lambda screen: screen.host.why_no_connection(),
        writes=True,
    )
    def refresh_chosen(self) -> None:
        if (status := self.host.status) is not None:
            refresh_connection(self.host, status.id, status.name)

    def _no_sign_in(self) -> str | None:
        status = self.host.status
        if status is None:
            return self.host.why_no_connection() or "Still loading the connections."
        if status.status is Status.DISCONNECTED:
            return f"{status.name} is disconnected. Reconnect it in Health first."
        return None

    @action(
        "connection.sign_in",
        "Sign in",
        help="Sign in again, or change the folder of schema files.",
        blocked=_no_sign_in,
        writes=True,
    )
    def sign_in(self) -> None:
        status = self.host.status
        if status is None:
            return
        if status.source == Source.FILES:
            screens.ask_folder(self.host, status.id)
        else:
            screens.SignInFlow(self.host, status.id, status.name).start()

    @action("view.reload", "Reload", help="Reload the cached data.")
    def reload(self) -> None:
        self.load_statuses()
        if self.pane is not None:
            self.pane.show(self.host.connection_id)

    @action(
        "app.messages",
        "Messages",
        help="Show messages, with the command line for each.",
        applies=lambda screen: not screen.stage.is_typing,
    )
    def show_messages(self) -> None:
        def chosen(message: Message | None) -> None:
            if message is not None:
                self.host.copy(message.command or message.text)

        def whole(message: Message) -> Iterator[tuple[str, str]]:
            yield message.text, "$foreground"
            if message.command:
                yield f"$ {message.command}", ""

        dialog = dialogs.Choose(
            "Messages (times in UTC)",
            [dialogs.Choice(one, one.line, one.command) for one in reversed(self.host.messages)],
            columns=dialogs.columns_of(MESSAGE_COLUMNS),
            key=id,
            empty="No messages yet.",
            notes=lambda message: [*whole(message)],
            note_lines=MESSAGE_LINES,
            takes="Copy command or text",
        )
        self.app.push_screen(dialog, chosen)

    # The keys: the console

    @action("app.help", "Help", "question_mark", "f1", help="Show what the keys do here.", hint=30)
    def show_help(self) -> None:
        scope = type(self.pane).SCOPE if self.pane is not None else EVERYWHERE
        dialogs.open_help(self.app.screen, self.stage.title, scope)

    @action(
        "app.suspend",
        "Suspend",
        "ctrl+z",
        help="Return to the shell; fg resumes.",
        blocked=lambda _: None if has_job_control() else "crmdeck wasn't started from a shell.",
    )
    def suspend(self) -> None:
        self.app.action_suspend_process()

    @action("app.quit", "Quit", "q", hint=15)
    async def quit(self) -> None:
        await self.app.action_quit()
