"""The door to the cache: a lock, a short connection, one transaction for each write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crmdeck.clock import Clock, utc_now
from crmdeck.errors import CacheBusyError, CacheError, ReadOnlyError
from crmdeck.store import migrate
from crmdeck.store.database import (
    Database,
    explain,
    make_private,
    wal_of,
    wording_failures,
    wording_file_failures,
)
from crmdeck.store.lock import CacheLock
from crmdeck.store.session import Session


class Store:
    """The cache at `path`, which several threads and processes may use at once.

    Creating a Store does no I/O. `wait` is how many seconds to wait for others. Everything here
    raises CacheBusyError (others did not finish in time; names them), CacheTooNewError (a newer
    crmdeck wrote the cache, which is left untouched) or CacheError (damaged, no permission, disk
    full).
    """

    def __init__(
        self, path: Path, *, wait: float = 10.0, read_only: bool = False, clock: Clock = utc_now
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._wait = wait
        self._clock = clock
        self._lock = CacheLock(path, wait=wait, clock=clock)
        self._turn = threading.RLock()
        self._users = 0
        self._database: Database | None = None
        self._writing = False

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield a session to read with; the cache is made or migrated first where needed."""
        with self._opened() as database, wording_failures(self.path):
            yield Session(database)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a session whose writes are kept together when the block ends, or not at all.

        A write inside another one belongs to the outer one. Raises ReadOnlyError where the
        store is read-only.
        """
        if self.read_only:
            raise ReadOnlyError(
                "The workspace is open for reading only.",
                remedy="Open it without --read-only to change something.",
            )
        with self._opened() as database, wording_failures(self.path):
            if self._writing:
                yield Session(database)
                return
            self._writing = True
            try:
                with database.transaction():
                    yield Session(database)
            finally:
                self._writing = False
                make_private(wal_of(self.path))

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the lock and the connection over many reads and writes, from any thread."""
        with self._my_turn():
            self._enter()
        try:
            yield
        finally:
            with self._turn:
                self._leave()

    @contextmanager
    def _opened(self) -> Iterator[Database]:
        with self._my_turn():
            database = self._enter()
            try:
                yield database
            finally:
                self._leave()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._wait):
            raise CacheBusyError(
                f"The cache {self.path} is busy; waited {self._wait:g} s.",
                cause="Another part of this program is using it.",
                remedy="Try again when it has finished.",
            )
        try:
            yield
        finally:
            self._turn.release()

    def _enter(self) -> Database:
        if self._database is None:
            self._database = self._open()
        self._users += 1
        return self._database

    def _leave(self) -> None:
        self._users -= 1
        if self._users == 0:
            database, self._database = self._database, None
            try:
                if database is not None:
                    database.close()
            finally:
                self._lock.release()

    def _open(self) -> Database:
        if self.read_only and not self.path.exists():
            raise CacheError(
                f"There is no cache at {self.path} yet.",
                remedy="Open the workspace once without --read-only.",
                code="CACHE_MISSING",
            )
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
        except OSError as error:
            # A reader in a folder that it must not write to has DuckDB's own lock to rely on.
            if not self.read_only:
                raise explain(error, self.path) from error
        try:
            return self._open_read_only() if self.read_only else self._open_current()
        except BaseException:
            self._lock.release()
            raise

    def _open_read_only(self) -> Database:
        database = Database.open(self.path, read_only=True)
        try:
            version = migrate.version_of(database, self.path)
            newest = migrate.newest(migrate.shipped())
            migrate.refuse_newer(version, newest, self.path)
            if version < newest:
                raise CacheError(
                    f"The cache {self.path} has to be brought up to date first.",
                    cause=f"It has version {version}; this crmdeck reads version {newest}.",
                    remedy="Open the workspace once without --read-only.",
                    code="CACHE_TOO_OLD",
                )
        except BaseException:
            database.close()
            raise
        return database

    def _open_current(self) -> Database:
        migrations = migrate.shipped()
        newest = migrate.newest(migrations)
        if not self.path.exists():
            with wording_failures(self.path), wording_file_failures(self.path):
                migrate.create(self.path, migrations, self._clock())
        if wal_of(self.path).exists():
            # Opening for writing would fold the log in, and a newer cache must not be touched.
            self._check(newest)
        database = Database.open(self.path)
        try:
            version = migrate.version_of(database, self.path)
            migrate.refuse_newer(version, newest, self.path)
            if version < newest:
                database.close()
                migrate.back_up(self.path, version)
                database = Database.open(self.path)
                pending = tuple(m for m in migrations if m.number > version)
                with wording_failures(self.path):
                    migrate.apply(database, pending, self._clock())
        except BaseException:
            database.close()
            raise
        return database

    def _check(self, newest: int) -> None:
        database = Database.open(self.path, read_only=True)
        try:
            migrate.refuse_newer(migrate.version_of(database, self.path), newest, self.path)
        finally:
            database.close()
