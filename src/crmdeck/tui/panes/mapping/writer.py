"""Stores decisions in the order in which they were made, behind what is shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError
from crmdeck.model import Decision
from crmdeck.tui.loading.requests import as_crmdeck_error
from crmdeck.workspace import MappingSession, Write

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

Outcome = tuple[Decision, ...] | CrmdeckError
Stored = Callable[[MappingSession, Write, Outcome], object]


class DecisionWriter:
    """One thread, so that decisions are stored one after the other.

    `stored` is called from that thread with what became of each write.
    """

    def __init__(self, workspace: Workspace, stored: Stored) -> None:
        self._workspace = workspace
        self._stored = stored
        self._made: set[str] = set()
        self._queue: deque[tuple[MappingSession, Write]] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="decisions")

    def put(self, session: MappingSession, write: Write) -> None:
        """Store `write` once those before it are."""
        self._queue.append((session, write))
        self._pool.submit(self._drain)

    def close(self) -> None:
        """Wait until everything is stored."""
        self._pool.shutdown(wait=True)

    def _drain(self) -> None:
        # Decisions that come faster than the cache opens and closes share one opening of it.
        hold = self._workspace.hold() if len(self._queue) > 1 else nullcontext()
        try:
            with hold:
                while self._queue:
                    session, write = self._queue.popleft()
                    self._stored(session, write, self._outcome(session, write))
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator is told
            while self._queue:
                session, write = self._queue.popleft()
                self._stored(session, write, as_crmdeck_error(error))

    def _outcome(self, session: MappingSession, write: Write) -> Outcome:
        try:
            return tuple(self._store(session, write))
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator is told
            return as_crmdeck_error(error)

    def _store(self, session: MappingSession, write: Write) -> Sequence[Decision]:
        step, mappings = write.step, self._workspace.mappings
        place, seen = (session.ref, session.pair), write.seen | self._made
        if write.back is None:
            made = mappings.record_decisions(*place, write.choices, seen=seen)
            step.stored = [decision.id for decision in made]
        elif write.back:
            made = mappings.undo_all(*place, step.stored, seen=seen)
            step.undone_by = [decision.id for decision in made]
        else:
            made = mappings.undo_all(*place, step.undone_by, seen=seen)
        self._made.update(decision.id for decision in made)
        return made
