"""The lock that processes share, and the note that says who has it."""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crmdeck.clock import Clock
from crmdeck.errors import CacheBusyError
from crmdeck.model import format_utc

if TYPE_CHECKING:
    from filelock import BaseFileLock

_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Holder:
    """Who has the lock: `since` is a UTC time as the wire writes it."""

    pid: int
    host: str
    command: str
    since: str

    @property
    def gone(self) -> bool:
        """Return whether it is known that this process has ended."""
        if self.host != socket.gethostname() or os.name == "nt":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid} on {self.host}) has had it since {self.since}"


class CacheLock:
    """An operating-system lock beside the cache; it ends with the process that holds it."""

    def __init__(self, path: Path, *, wait: float, clock: Clock) -> None:
        self._path = path
        self._note = path.with_name(path.name + ".holder")
        self._wait = wait
        self._clock = clock
        self._lock: BaseFileLock | None = None

    def acquire(self) -> None:
        """Take the lock, or raise CacheBusyError that names the holder after the wait.

        Raises OSError where the lock file can't be made.
        """
        import filelock

        if self._lock is None:
            self._lock = filelock.FileLock(
                self._path.with_name(self._path.name + ".lock"), mode=0o600, thread_local=False
            )
        try:
            self._lock.acquire(timeout=self._wait, poll_interval=_POLL_SECONDS)
        except filelock.Timeout:
            raise self.busy() from None
        self._write_note()

    def release(self) -> None:
        """Give the lock back."""
        if self._lock is not None and self._lock.is_locked:
            with suppress(OSError):
                self._note.unlink()
            self._lock.release()

    def busy(self) -> CacheBusyError:
        """Return the error that says who holds the cache and since when."""
        holder = self.holder()
        return CacheBusyError(
            f"The cache {self._path} is busy; waited {self._wait:g} s.",
            cause=f"{holder}." if holder else "Another process is using it.",
            remedy="Try again when it has finished"
            + (f", or end process {holder.pid} if it hangs." if holder else "."),
        )

    def holder(self) -> Holder | None:
        """Return who holds the lock, None where that is not known."""
        try:
            holder = Holder(**json.loads(self._note.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return None if holder.gone else holder

    def _write_note(self) -> None:
        note = json.dumps(
            asdict(
                Holder(
                    pid=os.getpid(),
                    host=socket.gethostname(),
                    command=_command(),
                    since=format_utc(self._clock()),
                )
            )
        )
        draft = self._note.with_name(self._note.name + ".new")
        with suppress(OSError):
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(note)
            draft.replace(self._note)


def _command() -> str:
    """Return the program and its first word; the rest of a command line may be private."""
    words = [Path(sys.argv[0]).name or "python"] if sys.argv else ["python"]
    words += [word for word in sys.argv[1:2] if not word.startswith("-")]
    return " ".join(words)
