"""The main screen, as its commands and their flows of dialogs see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from crmdeck.tui.host import Console, FlowHost, Location

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus
    from crmdeck.tui.panes.pane import Pane
    from crmdeck.tui.screens.stage import Stage
    from crmdeck.tui.state.ui_state import UiState
    from crmdeck.tui.state.undo import UndoStack
    from crmdeck.tui.widgets.filter_bar import FilterBar
    from crmdeck.tui.widgets.rail import Rail
    from crmdeck.tui.widgets.table import Table

Recent = dict[str, str]
"""A place where the user was: its pane, and what a `Location` names."""


class MainHost(FlowHost, Protocol):
    """The main screen; all of it is for the event loop only."""

    @property
    def console(self) -> Console:
        """The application."""

    @property
    def ui_state(self) -> UiState:
        """What is kept for the user from one start to the next."""

    @property
    def steps(self) -> UndoStack:
        """What was done in all panes and can be undone."""

    @property
    def rail(self) -> Rail:
        """The connections."""

    @property
    def filter_bar(self) -> FilterBar:
        """The line in which the filter of the pane is typed."""

    @property
    def stage(self) -> Stage:
        """Where the panes are."""

    @property
    def pane(self) -> Pane | None:
        """The pane that shows."""

    @property
    def table(self) -> Table[Any] | None:
        """The table that shows in the pane."""

    @property
    def titles(self) -> dict[str, str]:
        """The titles of the panes, by id."""

    @property
    def recent(self) -> Sequence[Recent]:
        """The places that the user went to, the latest first."""

    @property
    def connection_id(self) -> str | None:
        """The connection that is chosen; None while there is none."""

    @property
    def statuses(self) -> Sequence[ConnectionStatus]:
        """The connections, as last asked."""

    @property
    def status(self) -> ConnectionStatus | None:
        """How the chosen connection is doing, as last asked; None while none is chosen."""

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed."""

    @property
    def is_open(self) -> bool:
        """Whether the workspace is open."""

    @property
    def is_folded(self) -> bool:
        """Whether the connections are folded into a strip in the header line."""

    @property
    def is_typing(self) -> bool:
        """Whether printable keys go into a line of text."""

    @property
    def takes_escape(self) -> bool:
        """Whether Esc has something to do first: cancel, put an error away, clear the filter."""

    def show_connection(self, connection_id: str | None) -> None:
        """Show another connection in the pane."""

    def go_to(self, pane_id: str, location: Location) -> None:
        """Show another pane at a location; the connection that it names is chosen first."""

    def fold(self, folded: bool) -> None:
        """Fold the connections, or show them beside the pane again."""

    def focus_pane(self) -> None:
        """Go to the pane."""

    def reload(self) -> None:
        """Read the cache again."""

    def refresh_bindings(self) -> None:
        """Draw the footer again."""

    def copy(self, text: str) -> None:
        """Copy to the clipboard, as `PaneHost.copy`."""
