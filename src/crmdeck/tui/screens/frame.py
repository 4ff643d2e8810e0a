"""The frame of the main screen: the rail, one pane at a time, the filter, and how they open.

It knows panes by their contract only (`crmdeck.tui.panes.base`), never a widget of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from crmdeck.tui.loading import BusyChanged, Job, Loading
from crmdeck.tui.panes.base import Pane
from crmdeck.tui.panes.registry import PaneSpec
from crmdeck.tui.screens.stage import Stage
from crmdeck.tui.screens.window import Window
from crmdeck.tui.ui_state import UiState
from crmdeck.tui.widgets.filter_bar import FilterBar
from crmdeck.tui.widgets.hints import Hints
from crmdeck.tui.widgets.progress_line import ProgressLine
from crmdeck.tui.widgets.rail import Rail
from crmdeck.tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from crmdeck.errors import CrmdeckError
    from crmdeck.model import ConnectionStatus
    from crmdeck.tui.app import CrmdeckApp
    from crmdeck.workspace import Workspace

TOO_SMALL = "crmdeck needs at least 60 columns and 12 lines.\nMake the window larger; q quits."


class Frame(Loading, Window):
    """Holds which connection and pane are shown, and hands messages on."""

    AUTO_FOCUS = ""

    def __init__(self, specs: Sequence[PaneSpec], state: UiState) -> None:
        super().__init__()
        self.specs = tuple(specs)
        self.ui_state = state
        self.connection_id: str | None = state.connection_id or None
        self.filter_bar = FilterBar(id="filter")
        self._is_open = False
        self._ready = False

    # The frame

    def compose(self) -> ComposeResult:
        """Lay the frame out."""
        yield TopBar(self.specs, "read-only" if self.deck.read_only else "")
        yield ProgressLine()
        with Horizontal(id="body"):
            yield Rail(id="rail")
            yield Stage(self.specs, self.ui_state.panes, id="stage")
        yield Hints(id="hints")

    @property
    def deck(self) -> CrmdeckApp:
        """The application."""
        return cast("CrmdeckApp", self.app)

    @property
    def stage(self) -> Stage:
        """Where the panes are."""
        return self.query_one(Stage)

    @property
    def pane(self) -> Pane | None:
        """The pane that shows."""
        return self.stage.pane

    def on_mount(self) -> None:
        """Paint the frame before anything is made, imported or read for what it holds."""
        for spec in self.specs:
            self._bindings.bind(spec.key, f"show_pane('{spec.id}')", spec.title, show=False)
        self.call_after_refresh(self._open)

    async def _open(self) -> None:
        """Open the workspace, and import the pane of last time meanwhile."""
        await self.mount_all(
            [Static(TOO_SMALL, id="too-small", markup=False), self.filter_bar], before="#hints"
        )

        def work(_: Job) -> tuple[Workspace, Mapping[str, str]]:
            workspace = self.deck.opening.open()
            self._first_pane().load()
            return workspace, self.deck.keys_for(workspace)

        self.load(
            "workspace",
            work,
            self._opened,
            label="opening",
            failed=self.deck.give_up,
            cancellable=False,
        )

    def _opened(self, answer: tuple[Workspace, Mapping[str, str]]) -> None:
        self.deck.take(*answer)
        self._is_open = True
        self.load_statuses()
        self.call_later(self.show_pane, self._first_pane().id)

    def _first_pane(self) -> PaneSpec:
        wanted = (spec for spec in self.specs if spec.id == self.ui_state.pane)
        return next(wanted, self.specs[0])

    # Connections

    def load_statuses(self) -> None:
        """Ask how the connections are doing."""
        self.load("statuses", self._statuses, self._took, label="opening", cancellable=False)

    def _statuses(self, job: Job) -> tuple[ConnectionStatus, ...]:
        self.deck.workspace.prepare(job.progress)
        return self.deck.workspace.statuses()

    def _took(self, statuses: tuple[ConnectionStatus, ...]) -> None:
        ids = [status.id for status in statuses]
        self._welcome(not statuses)
        first = not self._ready
        self._ready = True
        lost = self.connection_id not in ids
        if lost:
            self.connection_id = ids[0] if ids else None
        self.query_one(Rail).set_statuses(statuses, self.connection_id)
        if self.pane is not None and (first or lost):
            self.pane.show(self.connection_id)
        self.refresh_bindings()

    def _welcome(self, wanted: bool) -> None:
        self.query_one("#body").set_class(wanted, "-covered")
        page = next(iter(self.query("#welcome")), None)
        if wanted and page is None:
            from crmdeck.tui.screens.welcome import Welcome

            self.mount(Welcome(id="welcome"), before="#filter")
        elif page is not None and not wanted:
            page.remove()
            self.call_after_refresh(self.focus_pane)

    @property
    def status(self) -> ConnectionStatus | None:
        """How the connection that shows is doing, as last asked."""
        statuses = self.query_one(Rail).statuses
        return next((status for status in statuses if status.id == self.connection_id), None)

    def show_connection(self, connection_id: str | None) -> None:
        """Show another connection in the pane."""
        self.connection_id = connection_id
        if connection_id is not None:
            self.query_one(Rail).choose(connection_id)
        if self.pane is not None:
            self.pane.show(connection_id)
        self.refresh_bindings()
        self.deck.save_state()

    @on(Rail.Chosen)
    def _chosen(self, message: Rail.Chosen) -> None:
        if message.connection_id != self.connection_id:
            self.show_connection(message.connection_id)
        if message.enter:
            self.focus_pane()

    # Panes

    async def show_pane(self, pane_id: str) -> Pane:
        """Bring a pane up; it is made and restored when it is first wanted."""
        had_focus = self.focused is not None and self.focused is not self.query_one(Rail)
        pane = await self.stage.bring(pane_id)
        self.query_one(TopBar).current = pane_id
        self.filter_bar.set_text(pane.filter_text)
        if self._ready:
            pane.show(self.connection_id)
        if had_focus or self.focused is None:
            self.focus_pane()
        self.refresh_bindings()
        self.deck.save_state()
        return pane

    @property
    def is_typing(self) -> bool:
        """Whether printable keys go into a line of text."""
        return isinstance(self.focused, Input)

    @property
    def filter_text(self) -> str:
        """The filter of the pane that shows."""
        return self.filter_bar.text

    async def action_show_pane(self, pane_id: str) -> None:
        """Show a pane by its key; before the workspace is open it is the one to begin with."""
        if self._is_open:
            await self.show_pane(pane_id)
        else:
            self.ui_state.pane = pane_id

    @on(TopBar.Picked)
    async def _picked(self, message: TopBar.Picked) -> None:
        await self.action_show_pane(message.pane_id)

    @on(Pane.GoTo)
    async def _go_to(self, message: Pane.GoTo) -> None:
        connection_id = message.place.get("connection")
        if isinstance(connection_id, str):
            self.connection_id = connection_id
            self.query_one(Rail).choose(connection_id)
        pane = await self.show_pane(message.pane_id)
        pane.restore(message.place)
        pane.show(self.connection_id)

    @on(Pane.Chosen)
    def _went_on(self, message: Pane.Chosen) -> None:
        self.connection_id = message.connection_id
        self.query_one(Rail).choose(message.connection_id)
        self.refresh_bindings()
        self.deck.save_state()

    @on(Pane.Changed)
    def _changed(self) -> None:
        self.load_statuses()

    def focus_pane(self) -> None:
        """Go to the pane."""
        target = self.pane.focus_target() if self.pane is not None else None
        if target is not None:
            target.focus()

    # Filter

    @on(FilterBar.Changed)
    def _filter(self, message: FilterBar.Changed) -> None:
        if self.pane is not None:
            self.pane.set_filter_text(message.text)
        if message.done:
            self.focus_pane()
            self.deck.save_state()
        self.refresh_bindings()

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
            self.deck.say(str(error), severity="error")
