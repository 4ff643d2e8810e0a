"""The main screen and the application, as panes and flows of dialogs see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from textual.app import App
from textual.notifications import SeverityLevel

from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.state.ui_state import UiState
from crmdeck.tui.state.undo import UndoStack

if TYPE_CHECKING:
    from crmdeck.errors import CrmdeckError
    from crmdeck.model import Connection, ConnectionStatus
    from crmdeck.tui.state.messages import Message
    from crmdeck.workspace import PendingWorkspace, Workspace


@dataclass(frozen=True)
class Location:
    """A place inside a pane. Parts without a value stay unchanged.

    `connection`, `event` (a change) and `alert` are ids. `field` is the name of a CRM field, or of
    a PartnerOS field if there is a `pair`. `repair` asks immediately for another CRM field.
    `offered` asks for a CRM field with the cursor on this one.
    """

    connection: str | None = None
    object: str | None = None
    field: str | None = None
    pair: str | None = None
    event: str | None = None
    alert: str | None = None
    filter: str | None = None
    repair: bool = False
    offered: str | None = None

    def as_state(self) -> dict[str, Any]:
        """Return the named parts, in the form of a pane's state."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False)}


class PaneHost(Protocol):
    """The main screen, as panes see it. Event loop only."""

    @property
    def workspace(self) -> Workspace:
        """The open workspace. Its calls do I/O: make them in the work of a `Loader`."""

    @property
    def status(self) -> ConnectionStatus | None:
        """The last known status of the chosen connection, or None if none is chosen."""

    @property
    def statuses(self) -> Sequence[ConnectionStatus]:
        """The last known statuses of all connections."""

    @property
    def steps(self) -> UndoStack:
        """The steps of the user in all panes, to undo and redo."""

    @property
    def takes_escape(self) -> bool:
        """True if Esc cancels, dismisses an error or clears the filter."""

    @property
    def is_still(self) -> bool:
        """True if nothing changes by itself, so that pictures stay equal."""

    def say(
        self,
        text: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        command: str = "",
    ) -> None:
        """Show a toast for `timeout` seconds, and keep it among the messages.

        The text is shown literally. `command` is the command line that does the same.
        """

    def copy(self, text: str) -> None:
        """Copy `text`, unless empty, to the clipboard of the terminal, and confirm it."""

    def go_to(self, pane_id: str, location: Location) -> None:
        """Show another pane at a location, on the connection that it names."""


class Console(Protocol):
    """The application, as its screens see it."""

    @property
    def opening(self) -> PendingWorkspace:
        """The workspace to open."""

    @property
    def workspace(self) -> Workspace:
        """The workspace, after `take`."""

    @property
    def read_only(self) -> bool:
        """True if the user can't change anything."""

    @property
    def is_still(self) -> bool:
        """True if nothing changes by itself, so that pictures stay equal."""

    def keys_for(self, workspace: Workspace) -> Mapping[str, str]:
        """Return the key map. Call it in a worker: it imports all actions."""

    def take(self, workspace: Workspace, keys: Mapping[str, str]) -> None:
        """Use an open workspace, and report errors in the key map."""

    def give_up(self, error: CrmdeckError) -> None:
        """Quit, because the workspace can't be opened."""

    def leave_for_demo(self) -> None:
        """Quit, and let the caller start the demo."""

    def save_state(self) -> None:
        """Save the state of the console."""

    def say(
        self,
        text: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        command: str = "",
    ) -> None:
        """Show a toast, as `PaneHost.say`."""

    def note(
        self, text: str, *, severity: SeverityLevel = "information", command: str = ""
    ) -> None:
        """Keep a message without a toast, because the screen shows it already."""

    def messages(self) -> tuple[Message, ...]:
        """Return the messages, the latest first."""

    def copy(self, text: str) -> None:
        """Copy to the clipboard, as `PaneHost.copy`."""


class FlowHost(PaneHost, Protocol):
    """The main screen, as flows of dialogs see it: sign-in, export, go to anything."""

    @property
    def app(self) -> App[Any]:
        """The application, to show dialogs."""

    @property
    def console(self) -> Console:
        """The same application, with its own methods."""

    @property
    def loader(self) -> Loader:
        """The loader for the work between two dialogs."""

    @property
    def read_only(self) -> bool:
        """True if the user can't change anything."""

    @property
    def ui_state(self) -> UiState:
        """The state of the console, kept between sessions."""

    @property
    def required(self) -> Mapping[str, int]:
        """The number of required CRM fields without a source, by connection ID."""

    @property
    def titles(self) -> Mapping[str, str]:
        """The titles of the panes by their ids."""

    @property
    def connection_id(self) -> str | None:
        """The id of the chosen connection, or None."""

    def show_connection(self, connection_id: str | None) -> None:
        """Choose another connection and show it in the pane."""

    def show_added(self, connection: Connection, *, refresh: bool) -> None:
        """Show a new connection, or one with a new sign-in."""

    def reload(self) -> None:
        """Load the statuses and the pane again."""

    def show_error(self, error: CrmdeckError) -> None:
        """Show an error in the pane."""

    def load_statuses(self) -> None:
        """Load the statuses of the connections."""
