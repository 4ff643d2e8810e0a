"""What was read before, kept for as long as nobody has written to the workspace since."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

T = TypeVar("T")

MOST = 4
"""Answers that are kept; the oldest goes first."""

AGE = timedelta(minutes=1)
"""How long an answer is good where nobody writes: ages are told in it, and what is stale."""


class _Answer(NamedTuple, Generic[T]):
    value: T
    head: int
    at: datetime


class Kept(Generic[T]):
    """Answers of the workspace by what was asked; for all threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, _Answer[T]] = OrderedDict()

    def read(
        self,
        workspace: Workspace,
        key: Hashable,
        work: Callable[[], T],
        *,
        anew: bool = False,
    ) -> T:
        """Return what `work` returns, or returned for `key` lately; for a worker.

        With `anew` it is done in any case, and kept. Raises what `work` raises, and CacheError.
        """
        # Before what is read: what is written meanwhile makes the answer worthless.
        head, now = workspace.head(), workspace.now
        with self._lock:
            known = self._answers.get(key)
        if known is not None and not anew and known.head == head and now - known.at < AGE:
            return known.value
        value = work()
        with self._lock:
            self._answers[key] = _Answer(value, head, now)
            self._answers.move_to_end(key)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return value
