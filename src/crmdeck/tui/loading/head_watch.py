"""Looks at whether anybody wrote to the workspace, and whether it can be reached at all.

One look for the whole console: what shows is told to read again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from textual.widget import Widget

from crmdeck.tui.loading.requests import Loader

if TYPE_CHECKING:
    from crmdeck.errors import CrmdeckError
    from crmdeck.workspace import Workspace

LOOK_EVERY = 0.4
"""Seconds between two looks at the head of the log."""

NEVER = -1
"""No log has this head: what shows is to be read again."""

SHARE = 4
"""How many times as long as reading took is waited before reading again.

While somebody refreshes a large org, every tenth of a second brings another head.
"""


class HeadView(Protocol):
    """What shows the workspace; all on the event loop."""

    @property
    def is_reading(self) -> bool:
        """Whether what shows is being read: it is not to be woken now."""

    def wake(self, head: int, failed: Callable[[CrmdeckError], None]) -> None:
        """Read again, quietly; `failed` takes what goes wrong.

        `head` is that of the log, which what was read last may have already.
        """

    def show_reach(self, away_since: datetime | None, error: CrmdeckError | None) -> None:
        """Tell that the workspace has been out of reach since then, or that it is not any more."""


class HeadWatch:
    """Asks for the head now and then, and wakes the view when it has moved."""

    def __init__(self, owner: Widget, workspace: Workspace, head: int, view: HeadView) -> None:
        self._workspace = workspace
        self._view = view
        self._head = head
        self._away_since: datetime | None = None
        self._woken_at: float | None = None
        self._rest_until = 0.0
        # Of its own: nothing of what the screen loads is replaced, cancelled or held up by it.
        self._loader = Loader(owner, self._away)
        owner.set_interval(LOOK_EVERY, self._look)

    def close(self) -> None:
        """Look no more."""
        self._loader.close()

    def _look(self) -> None:
        if self._woken_at is not None and not self._view.is_reading:
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
            self._view.show_reach(None, None)
            self._head = NEVER
        if head != self._head and not self._view.is_reading:
            self._head = head
            self._woken_at = monotonic()
            self._view.wake(head, self._not_read)

    def _not_read(self, _error: CrmdeckError) -> None:
        """Try again: what shows is older than the log."""
        self._head = NEVER

    def _away(self, error: CrmdeckError) -> None:
        if self._away_since is None:
            self._away_since = self._workspace.now
            self._view.show_reach(self._away_since, error)
