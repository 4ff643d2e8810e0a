"""The queue in front of the turnstile: first come, first served. A dead process holds up no one.

A ticket is an empty file next to the cache, locked by the process that waits: the lock ends with
it. Tickets only set the order; the turnstile's own lock decides which process may enter.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NUMBERS = itertools.count()
# A process that checks whether a ticket is locked locks it for that moment.
_GLANCE_SECONDS = 1.0


class Queue:
    """The tickets next to the cache at `path`, in the order in which they were drawn."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beginning = f"{path.name}.wait-"

    @property
    def empty(self) -> bool:
        """True if no one waits; a dead process's ticket counts until another is drawn."""
        return not self._waiting_process_files()

    @contextmanager
    def place(self) -> Iterator[Callable[[], int]]:
        """Draw a ticket, and yield what returns how many are before it.

        Raises OSError if no ticket can be created.
        """
        import filelock

        while True:
            # Of equal length, so that names sort by time.
            name = f"{self._beginning}{time.time_ns():020d}-{os.getpid()}-{next(_NUMBERS)}"
            ticket = self._path.with_name(name)
            lock = filelock.FileLock(ticket, mode=0o600, thread_local=False)
            with suppress(filelock.Timeout):
                lock.acquire(timeout=_GLANCE_SECONDS)
                # Another process may have found the file before it was locked, and removed it as a
                # dead one's.
                if ticket.exists():
                    break
                lock.release()
        try:
            yield lambda: self._position(name)
        finally:
            with suppress(OSError):
                ticket.unlink()
            lock.release()
            # Some systems can't remove an open file.
            with suppress(OSError):
                ticket.unlink()

    def _position(self, name: str) -> int:
        """Return the number of tickets before `name`: 0 if no living process has one of them.

        Tickets of dead processes before the first living one are removed.
        """
        before = [other for other in self._waiting_process_files() if other < name]
        for place, other in enumerate(before):
            if self._held(self._path.with_name(other)):
                return len(before) - place
        return 0

    def _waiting_process_files(self) -> list[str]:
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
