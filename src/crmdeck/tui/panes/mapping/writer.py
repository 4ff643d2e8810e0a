"""Stores decisions in the order in which they were made, behind what is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError
from crmdeck.model import Decision
from crmdeck.tui.loading import as_crmdeck_error
from crmdeck.tui.panes.mapping.sitting import Sitting, Write

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

Outcome = tuple[Decision, ...] | CrmdeckError
Told = Callable[[Sitting, Write, Outcome], object]


class DecisionWriter:
    """One thread, so that decisions are stored one after the other.

    `told` is called from that thread with what became of each write.
    """

    def __init__(self, workspace: Workspace, told: Told) -> None:
        self._workspace = workspace
        self._told = told
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="decisions")

    def put(self, sitting: Sitting, write: Write) -> None:
        """Store `write` once those before it are."""
        self._pool.submit(self._work, sitting, write)

    def close(self) -> None:
        """Wait until everything is stored."""
        self._pool.shutdown(wait=True)

    def _work(self, sitting: Sitting, write: Write) -> None:
        outcome: Outcome
        try:
            outcome = tuple(self._store(sitting, write))
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator is told
            outcome = as_crmdeck_error(error)
        self._told(sitting, write, outcome)

    def _store(self, sitting: Sitting, write: Write) -> Sequence[Decision]:
        step, workspace = write.step, self._workspace
        if write.back is None:
            made = workspace.decide(sitting.ref, sitting.pair, write.choices)
            step.stored = [decision.id for decision in made]
            return made
        if write.back:
            made = workspace.undo_all(sitting.ref, sitting.pair, step.stored)
            step.undone_by = [decision.id for decision in made]
            return made
        return workspace.undo_all(sitting.ref, sitting.pair, step.undone_by)
