"""What the main screen, its panes and its flows of dialogs share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.notifications import SeverityLevel

from crmdeck.tui.layout import wrap_hanging
from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.state.messages import MOST_MESSAGES, Message
from crmdeck.tui.state.ui_state import UiState
from crmdeck.tui.state.undo import UndoStack
from crmdeck.tui.text import count, display_block, display_text

if TYPE_CHECKING:
    from crmdeck.errors import CrmdeckError
    from crmdeck.model import ConnectionStatus
    from crmdeck.workspace import PendingWorkspace, Workspace

LONGEST_TOAST = 400
TOAST_CELLS, TOAST_EDGES, TOAST_HANG, RACK_EDGES = 60, 3, 2, 2
"""Widths of a toast as in Textual, its edges, its indent, and the edges around all toasts.

A toast takes half of the window within these edges at most.
"""


@dataclass(frozen=True)
class Location:
    """A place inside a pane. Parts without a value stay unchanged.

    `connection`, `event` (a change) and `finding` are ids. `field` is the name of a CRM field, or
    of a PartnerOS field if there is a `pair`. `repair` asks immediately for another CRM field.
    `offered` asks for a CRM field with the cursor on this one.
    """

    connection: str | None = None
    object: str | None = None
    field: str | None = None
    pair: str | None = None
    event: str | None = None
    finding: str | None = None
    filter: str | None = None
    repair: bool = False
    offered: str | None = None

    def as_state(self) -> dict[str, Any]:
        """Return the named parts, in the form of a pane's state."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False)}


@dataclass(eq=False, kw_only=True)
class Host:
    """The console of one workspace, for everything below the main screen. Event loop only.

    `workspace` exists once it is open, or there is a `failure`. Its calls do I/O: make them in
    the work of a `Loader`. `connection_id` is that of the chosen connection. If `is_still`,
    nothing changes by itself, so that pictures stay equal.

    The main screen, which nothing below it can import, builds it with its loader, the steps to
    undo, the titles of its panes by id, and what it does: `go_to` shows another pane at a location,
    on the connection that it names; `show_connection` shows another connection; `reload` loads the
    statuses and the pane again; `takes_escape` is true if Esc cancels, dismisses an error or clears
    the filter; `collect_state` completes `ui_state`.
    """

    app: App[None]
    opening: PendingWorkspace
    is_still: bool
    loader: Loader
    steps: UndoStack
    titles: Mapping[str, str]
    go_to: Callable[[str, Location], object]
    show_connection: Callable[[str | None], None]
    reload: Callable[[], None]
    takes_escape: Callable[[], bool]
    collect_state: Callable[[], None]
    workspace: Workspace = field(init=False)
    ui_state: UiState = field(init=False)
    failure: CrmdeckError | None = None
    wants_demo: bool = False
    connection_id: str | None = None
    statuses: tuple[ConnectionStatus, ...] = ()
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=MOST_MESSAGES))

    def __post_init__(self) -> None:
        self.ui_state = UiState.load(self.opening.home)

    @property
    def is_open(self) -> bool:
        """True once the workspace is open."""
        return "workspace" in vars(self)

    def why_no_connection(self) -> str | None:
        return None if self.connection_id is not None else "No connections yet."

    @property
    def status(self) -> ConnectionStatus | None:
        """The last known status of the chosen connection."""
        return next((one for one in self.statuses if one.id == self.connection_id), None)

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
        self.note(text, title=title, severity=severity, command=command)
        width = min(TOAST_CELLS, (self.app.size.width - RACK_EDGES) // 2) - TOAST_EDGES
        lines = display_block(text, LONGEST_TOAST).split("\n")
        self.app.notify(
            "\n".join(wrap_hanging(line, width, TOAST_HANG) for line in lines),
            title=display_text(title, 60),
            severity=severity,
            timeout=timeout,
            markup=False,
        )

    def note(
        self,
        text: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        command: str = "",
    ) -> None:
        """Keep a message without a toast, because the screen shows it already."""
        self.messages.append(Message(datetime.now(UTC), text, title, severity, command))

    def copy(self, text: str) -> None:
        """Copy `text`, unless empty, to the clipboard of the terminal (OSC 52), and confirm it."""
        if text:
            self.app.copy_to_clipboard(text)
            lines = text.count("\n") + 1
            shown = display_text(text, 60) if lines == 1 else count(lines, "line")
            self.say(f"Copied {shown}", timeout=2)

    def give_up(self, error: CrmdeckError) -> None:
        """Quit, because the workspace can't be opened."""
        self.failure = error
        self.app.exit()

    def leave_for_demo(self) -> None:
        """Quit, and let the caller start the demo."""
        self.wants_demo = True
        self.app.exit()

    def save_state(self) -> None:
        """Save the state of the console, unless the workspace is read-only."""
        # If the workspace failed to open, the last state stays: nothing was shown.
        if self.opening.read_only or self.failure is not None or not self.app.screen_stack:
            return
        self.collect_state()
        self.ui_state.theme = self.app.theme
        self.ui_state.save(self.opening.home)
