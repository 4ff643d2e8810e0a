"""Access to the workspace's history: sessions to read and to write."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmdeck import store
from crmdeck.clock import Clock, utc_now
from crmdeck.model import CancelToken
from crmdeck.store.database import Engine, WaitListener, refusal
from crmdeck.store.leases import Lease, Leases
from crmdeck.store.recent import RecentSnapshots
from crmdeck.store.session import Session
from crmdeck.store.sign_in_attempts import SignInAttempts, attempts_in_file

if TYPE_CHECKING:
    from crmdeck.store.automatic_backups import AutomaticBackups


_log = logging.getLogger(__name__)
# Any number that other programs in the same database are unlikely to lock.
_ATTEMPTS_LOCK = 0x63726D_7472696573


@dataclass(frozen=True)
class _Inside:
    """The block that a thread is in."""

    session: Session
    writing: bool


class Store:
    """The history at `place`, a DuckDB file or the URL of a PostgreSQL database, for many at once.

    Creating a Store does no I/O. `wait` is how many seconds to wait for others. Everything here
    raises CacheBusyError (others did not finish in time; names them), CacheTooNewError (a newer
    crmdeck wrote the cache, which is left untouched) or CacheError (damaged, no permission, disk
    full). `backups` is where copies of a DuckDB file go, by default a folder next to it.
    """

    def __init__(
        self,
        place: Path | str,
        *,
        wait: float = 10.0,
        read_only: bool = False,
        clock: Clock = utc_now,
        backups: AutomaticBackups | None = None,
    ) -> None:
        self._engine: Engine
        if isinstance(place, Path):
            self._engine = store.DuckDBEngine(
                place, wait=wait, read_only=read_only, clock=clock, backups=backups
            )
        else:
            self._engine = store.PostgresEngine(place, wait=wait, read_only=read_only, clock=clock)
        self._recent = RecentSnapshots()
        self._memory: dict[Hashable, Any] = {}
        self._thread = threading.local()
        self.waited: Callable[[float], None] | None = None
        """Receives the seconds that each write waited for its turn, in any thread."""
        self.before_commit: Callable[[Session], None] | None = None
        """Derives what readers need from the rows of a write."""

    @property
    def read_only(self) -> bool:
        """True if nothing can be written: opened so, or no permission."""
        return self._engine.read_only_reason is not None

    def report_waits(self, listener: WaitListener | None) -> None:
        """Call `listener` with a sentence about each long wait for others, from any thread."""
        self._engine.waiting = listener

    def require_writable(self) -> None:
        """Raise ReadOnlyError with the reason if nothing can be written."""
        if (reason := self._engine.read_only_reason) is not None:
            raise refusal(reason)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session that sees one moment; readers don't wait for each other.

        Inside a block of the same thread it is that block's session.
        """
        inside = self._inside
        if inside is not None:
            yield inside.session
            return
        _log.debug("Reading %s", self.place)
        with (
            self._engine.reading() as database,
            self._within(Session(database, self._recent, self._memory), False) as session,
        ):
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session whose writes are committed together when the block ends, or not at all.

        No one else writes in the meantime. A write inside another one belongs to the outer one.
        Raises ReadOnlyError if nothing can be written, RuntimeError inside a read of this thread.
        """
        self.require_writable()
        inside = self._inside
        if inside is not None:
            if not inside.writing:
                raise RuntimeError("a write inside a read would wait for itself")
            yield inside.session
            return
        began = time.monotonic()
        _log.debug("Writing to %s", self.place)
        with ExitStack() as turn:
            try:
                database = turn.enter_context(self._engine.writing())
            finally:
                if self.waited is not None:
                    self.waited(time.monotonic() - began)
            # Nothing is kept of what a writer reads: it may be rolled back.
            with self._within(Session(database), True) as session:
                yield session
                if self.before_commit is not None:
                    self.before_commit(session)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep open what many reads and writes of any thread open; for bulk work."""
        with self._engine.holding():
            yield

    @property
    def place(self) -> str:
        """Return the place of the history, without a password."""
        return self._engine.place

    def describe(self) -> str:
        """Return the engine, its version and the place, for the doctor."""
        with self._engine.reading() as database:
            version = str(database.rows("SELECT version()")[0][0])
        name = version if version.startswith("PostgreSQL") else f"DuckDB {version}"
        return f"{name.split(' on ')[0]}, {self.place}"

    def salvage(self, code: str) -> list[str]:
        """Make a history that was rejected with `code` usable again; return what was done.

        The original is kept first. Raises CacheError if nothing can be saved.
        """
        return self._engine.salvage(code)

    def now(self) -> datetime:
        """Return the current time in UTC, by the one clock of all writers."""
        return self._engine.now()

    @property
    def leases(self) -> Leases | None:
        """The leases of a team's workspace. In a file there are none."""
        leasing = self._engine.leasing
        return Leases(leasing, self._engine.now) if leasing else None

    @contextmanager
    def alone(
        self, connection_id: str, who: str, patience: CancelToken | None = None
    ) -> Iterator[Lease | None]:
        """Keep others, on any machine, from a refresh of a connection; yield the lease.

        With `patience`, wait for the lease of a process that was lost, up to a minute.
        Raises ConflictError with the user and machine at work on it. Over DuckDB no one is kept
        out: a refresh compares again with what others wrote.
        """
        if (leases := self.leases) is None:
            yield None
            return
        with leases.refreshing(connection_id, who, patience) as lease:
            yield lease

    @contextmanager
    def sign_in_attempts(self, file: Path) -> Iterator[SignInAttempts]:
        """Yield the attempts of all servers: in the database of a team, otherwise in `file`.

        No other server changes them in the meantime; writers of the history do not wait.
        """
        leasing = self._engine.leasing
        if leasing is None:
            with attempts_in_file(file) as attempts:
                yield attempts
            return
        with leasing() as database:
            database.rows("SELECT pg_advisory_xact_lock(?)", [_ATTEMPTS_LOCK])
            yield SignInAttempts(database.rows)

    @property
    def in_use(self) -> int:
        """Return the number of connections to the database that this process uses now."""
        return self._engine.in_use

    def head(self) -> int:
        """Return a number that changes with each write. Cheap."""
        return self._engine.head()

    def probe(self) -> None:
        """Raise CacheError unless the history answers now, on a connection of its own."""
        self._engine.probe()

    def close(self) -> None:
        """Release everything; the next use opens it again."""
        self._engine.close()

    @property
    def _inside(self) -> _Inside | None:
        return getattr(self._thread, "inside", None)

    @contextmanager
    def _within(self, session: Session, writing: bool) -> Iterator[Session]:
        self._thread.inside = _Inside(session, writing)
        try:
            yield session
        finally:
            self._thread.inside = None
