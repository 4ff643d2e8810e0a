"""The turnstile in front of DuckDB's own lock, and a note of each process that passed.

DuckDB admits many readers or one writer, whoever comes at the right moment, so a writer may wait
forever. Here the first in the queue enters next.
"""

from __future__ import annotations

import json
import math
import os
import random
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from crmdeck.clock import Clock
from crmdeck.errors import CacheBusyError
from crmdeck.model import format_utc
from crmdeck.store.database import LONG_WAIT, WaitListener
from crmdeck.store.leftovers import is_gone
from crmdeck.store.queue import Queue

if TYPE_CHECKING:
    from filelock import BaseFileLock

_POLL_SECONDS, _LONGEST_PAUSE = 0.01, 0.1


@dataclass(frozen=True)
class Holder:
    """The process that passed; `since` is a UTC time in wire format."""

    pid: int
    host: str
    command: str
    since: str

    @property
    def gone(self) -> bool:
        """True if this process is known to have ended."""
        return self.host == socket.gethostname() and is_gone(self.pid)

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid} on {self.host}) has used it since {self.since}"


class Turnstile:
    """An operating-system lock next to the cache; the system releases it when its process exits.

    One thread at a time: its users have their own lock.
    """

    def __init__(self, path: Path, *, wait: float, clock: Clock) -> None:
        self._path = path
        self._notes = f"{path.name}.holder."
        self._wait = wait
        self._clock = clock
        self._queue = Queue(path)

    @property
    def _note(self) -> Path:
        # A process that was forked has a note of its own.
        return self._path.with_name(f"{self._notes}{os.getpid()}")

    @contextmanager
    def passing(self, deadline: float, tell: WaitListener) -> Iterator[None]:
        """Enter the turnstile; raise CacheBusyError after `deadline` (monotonic).

        A long wait calls `tell` with the user of the cache. Raises OSError if the lock file can't
        be created.
        """
        # Who comes later must not overtake those in the queue.
        if not (self._queue.empty and self._may_go_in()):
            reported_at = time.monotonic() + LONG_WAIT
            with self._queue.place() as position:
                while (behind := position()) or not self._may_go_in():
                    now = time.monotonic()
                    if now >= deadline:
                        raise self.busy()
                    if now >= reported_at:
                        tell(self.describe_holders())
                        reported_at = math.inf
                    # Waiters check at different times, the last in the queue least often.
                    pause = min((behind + 1) * _POLL_SECONDS, _LONGEST_PAUSE)
                    time.sleep(random.uniform(0.5, 1.5) * pause)  # noqa: S311
        try:
            self._leave_note()
            yield
        except BaseException:
            self.take_back_note()
            raise
        finally:
            self._lock.release()

    def describe_holders(self, seen: str | None = None) -> str:
        """Return a sentence on who uses the cache; `seen` as in `busy`."""
        holder = self._holder()
        return f"{holder}." if holder else seen or "Another process is using it."

    def someone_waits(self) -> bool:
        """True if another process, or another Store, is in the turnstile."""
        import filelock

        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout:
            return True
        except OSError:
            return False
        self._lock.release()
        return False

    def take_back_note(self) -> None:
        """Remove the note of this process."""
        with suppress(OSError):
            self._note.unlink()

    def _leave_note(self) -> None:
        """Leave a note that this process uses the cache, if the folder is writable."""
        # The program and its first word; the rest of a command line may be private.
        words = [Path(sys.argv[0]).name or "python"] if sys.argv else ["python"]
        words += [word for word in sys.argv[1:2] if not word.startswith("-")]
        holder = Holder(
            pid=os.getpid(),
            host=socket.gethostname(),
            command=" ".join(words),
            since=format_utc(self._clock()),
        )
        draft = self._note.with_name(f".{self._note.name}.new")
        with suppress(OSError):
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(asdict(holder)))
            # Others read a whole note or none.
            draft.replace(self._note)

    def busy(self, seen: str | None = None) -> CacheBusyError:
        """Return the error that names who uses the cache, since when, and the next step.

        `seen` is what the database's own lock reports, used without a note.
        """
        holder = self._holder()
        return CacheBusyError(
            f"The cache at {self._path} is still busy after {self._wait:g} s.",
            cause=self.describe_holders(seen),
            remedy="Try again when it has finished"
            + (f", or end process {holder.pid} if it hangs." if holder else ".")
            + " If many users share one cache all day, keep it in PostgreSQL: --home "
            "postgresql://HOST/DATABASE",
        )

    @cached_property
    def _lock(self) -> BaseFileLock:
        import filelock

        return filelock.FileLock(
            self._path.with_name(self._path.name + ".lock"), mode=0o600, thread_local=False
        )

    def _may_go_in(self) -> bool:
        import filelock

        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout:
            return False
        return True

    def _holder(self) -> Holder | None:
        """Return the process that has used the cache for longest, except this one."""
        found = []
        with suppress(OSError):
            for path in self._path.parent.iterdir():
                if path.name.startswith(self._notes) and path != self._note:
                    # It can be damaged, or gone by now.
                    with suppress(OSError, ValueError, TypeError):
                        found.append(Holder(**json.loads(path.read_text("utf-8"))))
        return min((each for each in found if not each.gone), key=lambda e: e.since, default=None)
