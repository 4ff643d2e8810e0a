"""Access to the DuckDB file: concurrent readers, one writer, and no one waits forever.

A DuckDB file is open in many processes for reading or in one for writing, and within a process in
one of the two ways. So the threads of a process share an open file. A thread that has to open it
goes through the turnstile, and leaves it once the file is open. While another process waits in the
turnstile, no thread joins an open file, so that it gets closed.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from crmdeck.clock import Clock
from crmdeck.errors import CacheBusyError, CacheError
from crmdeck.store import migrations
from crmdeck.store.automatic_backups import FOLDER, AutomaticBackups
from crmdeck.store.database import LONG_WAIT, Database, WaitListener
from crmdeck.store.duckdb_file import (
    DuckDBFile,
    explain,
    make_private,
    refuse_path,
    wal_of,
    wording_failures,
    wording_file_failures,
)
from crmdeck.store.duckdb_instance import DuckDBInstance, instance_of
from crmdeck.store.leftovers import remove_leftovers
from crmdeck.store.salvage import salvage
from crmdeck.store.turnstile import Turnstile
from crmdeck.store.wal_mark import WalMark

# A rejected open takes a few milliseconds of CPU, so waiting threads ask less and less often.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.04


class _OwnHolds(threading.local):
    """Holds of this thread that keep nothing open until it has opened the file itself."""

    late = 0


class DuckDBEngine:
    """The DuckDB file at `path`; `wait` is how many seconds to wait for others."""

    leasing: None = None

    def __init__(
        self,
        path: Path,
        *,
        wait: float,
        read_only: bool,
        clock: Clock,
        backups: AutomaticBackups | None = None,
    ) -> None:
        self.place = str(path)
        self.waiting: WaitListener | None = None
        self._path = path
        self._wait = wait
        self._asked_read_only = read_only
        self._clock = clock
        self._backups = backups or AutomaticBackups(path.parent / FOLDER)
        self._turnstile = Turnstile(path, wait=wait, clock=clock)
        self._wal_mark = WalMark(path)
        # Kept, so that it still exists at the next opening.
        self._instance: DuckDBInstance | None = None
        self._was_there = False
        self._blank: DuckDBFile | None = None
        self._blank_lock = threading.Lock()
        self._write_turn = threading.Lock()
        # Everything below changes under this condition only, which is notified then.
        self._changed = threading.Condition()
        self._file: DuckDBFile | None = None
        self._opening = False
        self._users = 0
        self._holds = 0
        self._writers_waiting = 0
        self._own = _OwnHolds()

    @property
    def read_only_reason(self) -> str | None:
        if self._asked_read_only:
            return "It was opened read-only."
        # DuckDB writes its log next to the file, so the folder counts too.
        places = (self._path, self._path.parent)
        if self._path.exists() and not all(os.access(place, os.W_OK) for place in places):
            return f"Can't write to {self._path} or its folder."
        return None

    @property
    def in_use(self) -> int:
        return self._users

    @contextmanager
    def reading(self) -> Iterator[Database]:
        refuse_path(self._path)
        with wording_file_failures(self._path):
            is_new = self._file is None and not self._path.exists()
        if is_new:
            # Reading a workspace that no one has written to must not create it.
            self._refuse_missing()
            with self._blank_lock, wording_failures(self._path):
                if self._blank is None:
                    self._blank = migrations.blank(migrations.shipped(), self._clock())
            with self._blank.cursor() as cursor, cursor.snapshot():
                yield cursor
            return
        deadline = time.monotonic() + self._wait
        with (
            self._joined(deadline, writing=False) as file,
            wording_failures(self._path),
            file.cursor() as cursor,
            cursor.snapshot(),
        ):
            yield cursor

    @contextmanager
    def writing(self) -> Iterator[Database]:
        deadline = time.monotonic() + self._wait
        # First: a writer that waits with the file open would keep other processes out.
        if not self._write_turn.acquire(timeout=self._wait):
            raise self._busy_here()
        try:
            with (
                self._joined(deadline, writing=True) as file,
                self._alone(deadline),
                self._wal_mark.moved(),
                wording_failures(self._path),
                file.cursor() as cursor,
                cursor.transaction(),
            ):
                yield cursor
        finally:
            # DuckDB creates its log with the rights that the umask leaves.
            make_private(wal_of(self._path))
            self._write_turn.release()

    @contextmanager
    def holding(self) -> Iterator[None]:
        with self._changed:
            # An open file would never be closed if each hold began before the last one ended.
            late = self._file is not None and self._turnstile.someone_waits()
            self._own.late += late
            self._holds += not late
        try:
            yield
        finally:
            with self._changed:
                if late and self._own.late:
                    self._own.late -= 1
                else:
                    self._holds -= 1
                self._close_if_idle()
                self._changed.notify_all()

    def salvage(self, code: str) -> list[str]:
        refuse_path(self._path)
        with (
            wording_failures(self._path),
            wording_file_failures(self._path),
            self._turnstile.passing(time.monotonic() + self._wait, self._report_wait),
        ):
            done = salvage(self._path, code, self._clock(), self._backups)
            self._turnstile.take_back_note()
            return done

    def now(self) -> datetime:
        return self._clock()

    def head(self) -> int:
        files = (self._path, wal_of(self._path))
        return max((each.stat().st_mtime_ns for each in files if each.exists()), default=0)

    def probe(self) -> None:
        self.head()

    # The last thread that uses the file has closed it.
    def close(self) -> None: ...

    @contextmanager
    def _joined(self, deadline: float, *, writing: bool) -> Iterator[DuckDBFile]:
        file = self._join(deadline, writing=writing)
        try:
            yield file
        finally:
            with self._changed:
                self._users -= 1
                self._close_if_idle()
                self._changed.notify_all()

    @contextmanager
    def _alone(self, deadline: float) -> Iterator[None]:
        """Keep other Stores of this process from writing, as the file keeps other processes."""
        instance = instance_of(self._path)
        if not instance.write_turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise self._busy_here()
        try:
            yield
        finally:
            instance.write_turn.release()

    def _join(self, deadline: float, *, writing: bool) -> DuckDBFile:
        with self._changed:
            self._writers_waiting += writing
            try:
                while not self._may_open(writing):
                    if self._file is not None and self._may_join(self._file, writing):
                        self._users += 1
                        return self._file
                    if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                        raise self._busy_here()
            finally:
                self._writers_waiting -= writing
            self._opening = True
            held, self._file = self._file, None
        # Outside the lock, because it takes long; `_opening` keeps other threads waiting.
        try:
            if held is not None:
                self._close(held)
            file = self._open(deadline, writing=writing)
        except BaseException:
            with self._changed:
                self._opening = False
                self._changed.notify_all()
            raise
        with self._changed:
            self._opening = False
            self._file = file
            self._users += 1
            self._holds, self._own.late = self._holds + self._own.late, 0
            self._changed.notify_all()
        return file

    def _may_open(self, writing: bool) -> bool:
        if self._opening or self._users:
            return False
        if self._file is None:
            # A writer opens the file for all, so readers leave that to one that waits.
            return writing or not self._writers_waiting
        # DuckDB has a file open in one of two ways: the writer closes it and opens it again.
        return writing and self._file.read_only

    def _may_join(self, file: DuckDBFile, writing: bool) -> bool:
        if file.read_only and (writing or self._writers_waiting):
            return False
        return self._holds > 0 or not self._turnstile.someone_waits()

    def _close_if_idle(self) -> None:
        if self._file is not None and not self._users and not self._holds:
            file, self._file = self._file, None
            self._close(file)

    def _close(self, file: DuckDBFile) -> None:
        self._turnstile.take_back_note()
        if not file.read_only:
            # Closing writes the log into the file.
            self._wal_mark.take_away()
        file.close()

    def _busy_here(self) -> CacheBusyError:
        return CacheBusyError(
            f"The cache at {self._path} is still busy after {self._wait:g} s.",
            cause="Another part of this program is using the cache.",
            remedy="Try again when it has finished.",
        )

    def _open(self, deadline: float, *, writing: bool) -> DuckDBFile:
        refuse_path(self._path)
        if not self._path.exists():
            self._refuse_missing()
        read_only = self.read_only_reason is not None
        self._instance = instance_of(self._path)
        self._instance.prepare()
        try:
            if not read_only:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._turnstile.passing(deadline, self._report_wait):
                if writing:
                    remove_leftovers(self._path, self._backups.folder)
                return self._open_current(deadline, writing=writing)
        except OSError as error:
            # A user who can't create the turnstile next to the cache relies on DuckDB's own lock.
            if not read_only:
                raise explain(error, self._path) from error
        return self._open_current(deadline, writing=writing)

    def _refuse_missing(self) -> None:
        """Raise CacheError if a new cache must not be created although the file is missing."""
        for link in (self._path, *self._path.parents):
            if not link.is_symlink() or link.exists():
                continue
            raise CacheError(
                f"Can't reach the cache at {self._path}. No new file was created.",
                cause=f"{link} is a link to {link.readlink()}, which doesn't exist.",
                remedy="Mount its volume, or correct the link.",
                code="CACHE_LINK_BROKEN",
            )
        # An unmounted volume looks like a new workspace.
        if self._was_there:
            raise CacheError(
                f"The cache at {self._path} disappeared. No new file was created.",
                cause="The file existed a moment ago.",
                remedy="Mount its volume, or put the file back. To start with an empty "
                "workspace, restart crmdeck.",
                code="CACHE_GONE",
            )
        # DuckDB would replay the log of another file into a new one. Another process may have
        # created both since.
        if wal_of(self._path).exists() and not self._path.exists():
            raise CacheError(
                f"The cache at {self._path} is missing. No new file was created.",
                cause=f"Only the write-ahead log {wal_of(self._path).name} exists.",
                remedy="Put back the file that belongs to the log, or a backup. To start with an "
                "empty workspace, move the log away.",
                code="CACHE_GONE",
            )

    def _open_current(self, deadline: float, *, writing: bool) -> DuckDBFile:
        """Open the file as asked, and create or upgrade it if needed.

        The file is opened read-only first: opening it for writing would merge a log that a newer
        crmdeck wrote.
        """
        known = migrations.shipped()
        newest = migrations.newest(known)
        # Asked first: opening the file for writing may change when it was last written.
        backup_due = writing and self._backups.is_due(self._path)
        if not self._path.exists():
            self._refuse_missing()
            with wording_failures(self._path), wording_file_failures(self._path):
                migrations.create(self._path, known, self._clock())
        self._was_there = True
        if not writing or wal_of(self._path).exists() or self._wal_mark.path.exists():
            file = self._attempt(deadline, read_only=True)
            if self._version(file, newest) >= newest and not writing:
                return file
            file.close()
        self._wal_mark.take_away()
        file = self._attempt(deadline, read_only=False)
        version = self._version(file, newest)
        if version < newest or backup_due:
            # No one else has the file open: it was ours alone a moment ago, and we are in the
            # turnstile. Only another Store of this process may share what is open here.
            file.close()
            if version < newest:
                # The way back, if the upgrade turns out to be a mistake.
                with wording_file_failures(self._path):
                    self._backups.make(self._path, version)
                file = self._attempt(deadline, read_only=False)
                try:
                    with wording_failures(self._path):
                        new = tuple(each for each in known if each.number > version)
                        migrations.apply(file, new, self._clock())
                finally:
                    with suppress(CacheError):
                        file.close()
            elif self._instance is None or not self._instance.in_use:
                self._backups.make_daily(self._path, version)
            file = self._attempt(deadline, read_only=False)
        if writing:
            return file
        file.close()
        return self._attempt(deadline, read_only=True)

    def _attempt(self, deadline: float, *, read_only: bool) -> DuckDBFile:
        pause, long = _FIRST_PAUSE, time.monotonic() + LONG_WAIT
        while True:
            try:
                self._instance = instance_of(self._path)
                return self._instance.open(self._path, read_only=read_only)
            except CacheBusyError as error:
                now = time.monotonic()
                if now >= long:
                    self._report_wait(self._turnstile.describe_holders(error.cause))
                    long = math.inf
                if now >= deadline:
                    raise self._turnstile.busy(error.cause) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _report_wait(self, who: str) -> None:
        if self.waiting is not None:
            self.waiting(f"Waiting for the cache at {self._path}: {who}")

    def _version(self, file: DuckDBFile, newest: int) -> int:
        """Return the version of the file's tables; close the file if it can't be used."""
        try:
            self._wal_mark.check()
            version = migrations.version_of(file, self._path)
            migrations.reject_unknown(file, version, self._path)
            if version < newest and (reason := self.read_only_reason):
                raise CacheError(
                    f"The cache at {self._path} needs an upgrade. {reason}",
                    cause=f"The cache has version {version}; this crmdeck reads version {newest}.",
                    remedy="Open the workspace once as a user who can write to it.",
                    code=migrations.TOO_OLD,
                )
        except BaseException:
            file.close()
            raise
        return version
