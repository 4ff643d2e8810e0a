"""Answers of the workspace, kept until someone writes to it."""

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
"""Number of answers kept; the oldest goes first."""

AGE = timedelta(minutes=1)
"""Time for which a result is good without writes: it contains ages and staleness."""


class _Answer(NamedTuple, Generic[T]):
    value: T
    head: int
    at: datetime


class Kept(Generic[T]):
    """Answers of the workspace by key. Thread-safe."""

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
        fresh: bool = False,
    ) -> T:
        """Return the kept result for `key`, or do `work` and keep its result; `fresh` always works.

        Call it in a worker. Raises what `work` raises, and CacheError.
        """
        # Ask before reading: a write during `work` then makes the result outdated.
        head, now = workspace.head(), workspace.now
        with self._lock:
            known = self._answers.get(key)
        if known is not None and not fresh and known.head == head and now - known.at < AGE:
            return known.value
        # Outside the lock: the work reads the database, and others have answers of their own.
        value = work()
        with self._lock:
            self._answers[key] = _Answer(value, head, now)
            self._answers.move_to_end(key)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return value
