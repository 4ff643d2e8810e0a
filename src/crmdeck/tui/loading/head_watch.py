"""Watch whether other users write to the workspace, and whether it is available.

One watch for the whole console: when the head of the log moves, what is on screen reloads.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from textual.widget import Widget

from crmdeck.tui.loading.requests import Failed, Loader

if TYPE_CHECKING:
    from crmdeck.errors import CrmdeckError
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
    """Checks the head of the log regularly. Everything runs on the event loop.

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
        self._workspace = workspace
        self._is_reading = is_reading
        self._wake = wake
        self._show_reach = show_reach
        self._head = head
        self._away_since: datetime | None = None
        self._woken_at: float | None = None
        self._rest_until = 0.0
        # Its own loader, so that it never replaces, cancels or delays a request of the screen.
        self._loader = Loader(owner, self._away)
        owner.set_interval(LOOK_EVERY, self._look)

    def close(self) -> None:
        """Stop watching."""
        self._loader.close()

    def _look(self) -> None:
        if self._woken_at is not None and not self._is_reading():
            took, self._woken_at = monotonic() - self._woken_at, None
            self._rest_until = monotonic() + SHARE * max(0.0, took - LOOK_EVERY)
        if self._loader.is_loading or monotonic() < self._rest_until:
            return
        self._loader.load(
            "head", lambda _: self._workspace.head(), self._took, label="", quiet=True
        )

    def _took(self, head: int) -> None:
        if self._away_since is not None:
            self._away_since = None
            self._show_reach(None, None)
            self._head = NEVER
        if head != self._head and not self._is_reading():
            self._head = head
            self._woken_at = monotonic()
            self._wake(head, self._not_read)

    def _not_read(self, _error: CrmdeckError) -> None:
        # What is on screen is older than the log: try again.
        self._head = NEVER

    def _away(self, error: CrmdeckError) -> None:
        if self._away_since is None:
            self._away_since = self._workspace.now
            self._show_reach(self._away_since, error)
