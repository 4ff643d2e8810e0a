"""The statuses of the connections, and the open rows of their mappings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.tui.host import Console
from crmdeck.tui.loading.requests import Job, Loader

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus
    from crmdeck.workspace import OpenRows


class _Answer(NamedTuple):
    head: int
    statuses: tuple[ConnectionStatus, ...]
    open_rows: dict[str, OpenRows]
    read_only: bool


class Statuses:
    """Reads the statuses, and calls `show` when they are read."""

    def __init__(self, console: Console, loader: Loader, show: Callable[[], None]) -> None:
        self.all: tuple[ConnectionStatus, ...] = ()
        self.head = 0
        self.read_only = console.read_only
        self.open_rows: dict[str, OpenRows] = {}
        self._console = console
        self._loader = loader
        self._show = show

    def find(self, connection_id: str | None) -> ConnectionStatus | None:
        """Return the status of a connection."""
        return next((status for status in self.all if status.id == connection_id), None)

    def load(self) -> None:
        """Read all statuses, and count the open rows of all mappings."""
        self._loader.load(
            "statuses",
            self._read,
            self._took,
            label="loading the connections",
            cancellable=False,
        )

    def _read(self, _: Job) -> _Answer:
        workspace = self._console.workspace
        workspace.prepare()
        # Read before the rest: what another user writes in between counts as new then.
        head = workspace.head()
        with workspace.hold():
            statuses = workspace.health.statuses()
            open_rows = workspace.mappings.open_rows()
        return _Answer(head, statuses, open_rows, workspace.read_only)

    def _took(self, answer: _Answer) -> None:
        self.head, self.all = answer.head, answer.statuses
        # Only the database knows whether its user can write.
        self.read_only = self._console.read_only or answer.read_only
        self.open_rows = answer.open_rows
        self._show()
