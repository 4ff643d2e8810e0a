"""Watch whether other users write to the workspace, and whether it is available.

One watch for the whole console: when the head of the log moves, what is on screen reloads.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from textual.widget import Widget

from crmdeck.errors import CrmdeckError
from crmdeck.tui.loading.requests import Failed, as_crmdeck_error

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

LOOK_EVERY = 0.4
"""Seconds between two checks of the head of the log."""

NEVER = -1
"""No log has this head, so the next check reloads."""

SHARE = 4
"""Pause before the next reload, as a multiple of the time that the last one took.

While another user refreshes a large org, the head moves every tenth of a second.
"""


class HeadWatch:
    """Checks the head of the log regularly, in a thread of its own.

    Everything but the check runs on the event loop, which sleeps while nothing changes.
    `is_reading` is True while the screen loads already. `wake` reloads it quietly: it gets the
    head, and a function for errors. `show_reach` gets the time since when the workspace is
    unavailable and the error, or None and None when it is available again.
    """

    def __init__(
        self,
        owner: Widget,
        workspace: Workspace,
        head: int,
        *,
        is_reading: Callable[[], bool],
        wake: Callable[[int, Failed], None],
        show_reach: Callable[[datetime | None, CrmdeckError | None], None],
    ) -> None:
        self._owner = owner
        self._workspace = workspace
        self._is_reading = is_reading
        self._wake = wake
        self._show_reach = show_reach
        self._head = head
        self._away_since: datetime | None = None
        self._woken_at: float | None = None
        self._rest_until = 0.0
        self._closed = Event()
        # A thread, not a timer: for each timer of a screen below a dialog Textual repaints both,
        # which cost 5 % of a core.
        Thread(target=self._watch, name="head-watch", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_EVERY):
            found: int | CrmdeckError
            try:
                found = self._workspace.head()
            except Exception as error:  # noqa: BLE001 - the watch must survive any error
                found = as_crmdeck_error(error)
            is_known = found == self._head and self._away_since is None
            # While a reload runs, the event loop also measures how long it takes.
            if not is_known or self._woken_at is not None:
                handled = Event()
                self._owner.call_later(self._note, found, handled)
                # A busy event loop gets one check at a time.
                while not handled.wait(LOOK_EVERY) and not self._closed.is_set():
                    pass

    def _note(self, found: int | CrmdeckError, handled: Event) -> None:
        handled.set()
        if self._closed.is_set():
            return
        if self._woken_at is not None and not self._is_reading():
            took, self._woken_at = monotonic() - self._woken_at, None
            self._rest_until = monotonic() + SHARE * max(0.0, took - LOOK_EVERY)
        if isinstance(found, CrmdeckError):
            if self._away_since is None:
                self._away_since = self._workspace.now
                self._show_reach(self._away_since, found)
            return
        if self._away_since is not None:
            self._away_since = None
            self._show_reach(None, None)
            self._head = NEVER
        if found != self._head and not self._is_reading() and monotonic() >= self._rest_until:
            self._head = found
            self._woken_at = monotonic()
            self._wake(found, self._not_read)

    def _not_read(self, _error: CrmdeckError) -> None:
        # What is on screen is older than the log: try again.
        self._head = NEVER
