"""What surrounds a pane, a screen, or a flow of dialogs, as each of them sees it."""

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
    """A place inside a pane to go to; what is None is left as it is.

    `connection` is an id, `event` that of a drift event, `alert` that of an alert. `field` is the
    name of a CRM field, or of a PartnerOS field where a `pair` is named. `repair` asks at once for
    another CRM field, `offered` for one with the cursor on this CRM field.
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
        """Return what is named, in the form of the state that a pane keeps."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False)}


class PaneHost(Protocol):
    """Handed to every pane; all of it is for the event loop only."""

    @property
    def workspace(self) -> Workspace:
        """The workspace, open; its calls read and write, so make them in a `Loader`'s work."""

    @property
    def status(self) -> ConnectionStatus | None:
        """How the chosen connection is doing, as last asked; None while none is chosen."""

    @property
    def steps(self) -> UndoStack:
        """What the operator did in all panes, to be told of each step that can be undone."""

    @property
    def takes_escape(self) -> bool:
        """Whether Esc has something to do first: cancel, put an error away, clear the filter."""

    @property
    def is_still(self) -> bool:
        """Whether nothing may change by itself, nor be remembered: pictures are drawn."""

    def say(
        self,
        text: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        command: str = "",
    ) -> None:
        """Show a toast for `timeout` seconds, and keep what it says among the messages.

        Text from outside is shown as the text it is; `command` is the command line that does the
        same.
        """

    def copy(self, text: str) -> None:
        """Copy `text` to the terminal's clipboard and say so; nothing where it is empty."""

    def go_to(self, pane_id: str, location: Location) -> None:
        """Show another pane at a location; the connection that it names is chosen first."""


class Console(Protocol):
    """The application, as its screens see it."""

    @property
    def opening(self) -> PendingWorkspace:
        """How the workspace is opened, and where it is."""

    @property
    def workspace(self) -> Workspace:
        """The workspace, once `take` was called."""

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed."""

    @property
    def is_still(self) -> bool:
        """Whether nothing may change by itself, nor be remembered: pictures are drawn."""

    def keys_for(self, workspace: Workspace) -> Mapping[str, str]:
        """Return the key map to use; imports much, so call it in a worker."""

    def take(self, workspace: Workspace, keys: Mapping[str, str]) -> None:
        """Take up a workspace that is open now; say what is wrong with the key map."""

    def give_up(self, error: CrmdeckError) -> None:
        """Leave: the workspace can't be opened."""

    def leave_for_demo(self) -> None:
        """Leave, and ask the caller to start the demo next."""

    def save_state(self) -> None:
        """Keep where the user is."""

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
        """Keep a message without a toast: it is on screen already."""

    def messages(self) -> tuple[Message, ...]:
        """Return what was said so far, the latest first."""

    def copy(self, text: str) -> None:
        """Copy to the clipboard, as `PaneHost.copy`."""


class FlowHost(PaneHost, Protocol):
    """What a flow of dialogs (signing in, exporting, going to a place) needs of its screen."""

    @property
    def app(self) -> App[Any]:
        """The application, to push dialogs on."""

    @property
    def console(self) -> Console:
        """The same application, by what it has of ours."""

    @property
    def loader(self) -> Loader:
        """Does the work between two dialogs."""

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed."""

    @property
    def ui_state(self) -> UiState:
        """What is kept for the user from one start to the next."""

    @property
    def titles(self) -> Mapping[str, str]:
        """The titles of the panes, by id."""

    @property
    def connection_id(self) -> str | None:
        """The connection that is chosen; None while there is none."""

    @property
    def statuses(self) -> Sequence[ConnectionStatus]:
        """The connections, as last asked."""

    def show_connection(self, connection_id: str | None) -> None:
        """Show another connection in the pane."""

    def show_added(self, connection: Connection, *, refresh: bool) -> None:
        """Show a connection that is new, or signed in to again; read its schema if wanted."""

    def reload(self) -> None:
        """Read the cache again."""

    def show_error(self, error: CrmdeckError) -> None:
        """Show an error in the pane."""

    def load_statuses(self) -> None:
        """Ask anew how the connections are doing."""
