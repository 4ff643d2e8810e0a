"""The queue in front of the turnstile: first come, first served; a process that died holds up none.

A ticket is an empty file beside the cache, locked by the process that waits: the lock ends with it.
Tickets only set the order; the turnstile's own lock decides which process may go in.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NUMBERS = itertools.count()
# A process that looks whether a ticket is held locks it for that moment.
_GLANCE_SECONDS = 1.0


class Queue:
    """The tickets beside the cache at `path`, in the order in which they were drawn."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beginning = f"{path.name}.wait-"

    @property
    def empty(self) -> bool:
        """Return whether nobody waits; a dead process's ticket counts until another is drawn."""
        return not self._tickets()

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Yield a place at the end of the queue; raises OSError where no ticket can be made."""
        import filelock

        while True:
            name = f"{self._beginning}{time.time_ns():020d}-{os.getpid()}-{next(_NUMBERS)}"
            ticket = self._path.with_name(name)
            lock = filelock.FileLock(ticket, mode=0o600, thread_local=False)
            with suppress(filelock.Timeout):
                lock.acquire(timeout=_GLANCE_SECONDS)
                # Somebody may have found it before it was locked, and taken it for a dead one's.
                if ticket.exists():
                    break
                lock.release()
        try:
            yield Place(self, name)
        finally:
            with suppress(OSError):
                ticket.unlink()
            lock.release()
            # Where an open file can't be taken away.
            with suppress(OSError):
                ticket.unlink()

    def first_but(self, name: str) -> bool:
        """Return whether nobody alive stands before `name`; tickets of the dead are taken away."""
        for other in self._tickets():
            if other >= name:
                return True
            if self._held(self._path.with_name(other)):
                return False
        return True

    def _tickets(self) -> list[str]:
        with suppress(OSError):
            names = (each.name for each in self._path.parent.iterdir())
            return sorted(name for name in names if name.startswith(self._beginning))
        return []

    def _held(self, ticket: Path) -> bool:
        import filelock

        lock = filelock.FileLock(ticket, mode=0o600, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            return True
        except OSError:
            return False
        with suppress(OSError):
            ticket.unlink()
        lock.release()
        return False


class Place:
    """Where one stands in the queue."""

    def __init__(self, queue: Queue, name: str) -> None:
        self._queue = queue
        self._name = name

    @property
    def first(self) -> bool:
        """Return whether it is one's turn."""
        return self._queue.first_but(self._name)
