"""The statuses of the connections, and how many decisions wait."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.tui.host import Console
from crmdeck.tui.loading.requests import Job, Loader

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus


class _Answer(NamedTuple):
    """The answer of one read; `undecided` counts the rows of the chosen connection only."""

    head: int
    statuses: tuple[ConnectionStatus, ...]
    undecided: dict[str, int]
    read_only: bool


class Statuses:
    """Reads the statuses, and calls `show` when they are read."""

    def __init__(self, console: Console, loader: Loader, show: Callable[[], None]) -> None:
        self.all: tuple[ConnectionStatus, ...] = ()
        self.head = 0
        self.read_only = console.read_only
        self.undecided: dict[str, int] = {}
        self._console = console
        self._loader = loader
        self._show = show

    def find(self, connection_id: str | None) -> ConnectionStatus | None:
        """Return the status of a connection."""
        return next((status for status in self.all if status.id == connection_id), None)

    def load(self, connection_id: str | None) -> None:
        """Read all statuses, and count the undecided rows of a connection, else of the first."""
        self._loader.load(
            "statuses",
            partial(self._read, connection_id),
            self._took,
            label="loading the connections",
            cancellable=False,
        )

    def _read(self, connection_id: str | None, _: Job) -> _Answer:
        workspace = self._console.workspace
        workspace.prepare()
        # Read before the rest: what another user writes in between counts as new then.
        head = workspace.head()
        with workspace.hold():
            statuses = workspace.health.statuses()
            ids = [status.id for status in statuses]
            chosen = connection_id if connection_id in ids else next(iter(ids), None)
            count = workspace.mappings.undecided_count
            undecided = {chosen: count(chosen)} if chosen is not None else {}
        return _Answer(head, statuses, undecided, workspace.read_only)

    def _took(self, answer: _Answer) -> None:
        self.head, self.all = answer.head, answer.statuses
        # Only the database knows whether its user can write.
        self.read_only = self._console.read_only or answer.read_only
        self.undecided |= answer.undecided
        self._show()

    def count_undecided(self, connection_id: str | None, then: Callable[[], None]) -> None:
        """Count the undecided rows of a connection that was not chosen before."""
        if not self.all or connection_id is None or connection_id in self.undecided:
            return

        def counted(number: int) -> None:
            self.undecided[connection_id] = number
            then()

        self._loader.load(
            "lines",
            lambda _: self._console.workspace.mappings.undecided_count(connection_id),
            counted,
            failed=lambda _: None,
            quiet=True,
            after_paint=True,
        )
