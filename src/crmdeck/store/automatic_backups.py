"""Verified copies of the DuckDB file that crmdeck makes automatically.

Copying closes the file in this process, which releases DuckDB's lock on it. So a copy is only made
inside the turnstile, while this process has the file closed and no other can write.
"""

from __future__ import annotations

import errno
import filecmp
import logging
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crmdeck.clock import utc_now
from crmdeck.errors import CacheError
from crmdeck.store.database import quote
from crmdeck.store.duckdb_file import DuckDBFile, make_private, wal_of, wording_failures
from crmdeck.store.tables import tables_of

_log = logging.getLogger(__name__)

FOLDER = "backups"
KEPT_LATEST, KEPT_MONTHS = 7, 6

_NAME = re.compile(r"crmdeck-(\d{8}T\d{6})Z-v(\d+)\.duckdb")


@dataclass(frozen=True)
class CacheCopy:
    """One copy: its time in UTC, and the version of its tables."""

    path: Path
    at: datetime
    version: int


@dataclass(frozen=True)
class AutomaticBackups:
    """The copies in `folder`; `daily` is False if only migrations make them."""

    folder: Path
    daily: bool = True

    def all(self) -> list[CacheCopy]:
        """Return the copies, newest first. Other files in the folder are ignored."""
        found = []
        with suppress(OSError):
            for path in self.folder.iterdir():
                if match := _NAME.fullmatch(path.name):
                    at = datetime.fromisoformat(f"{match[1]}+00:00")
                    found.append(CacheCopy(path, at, int(match[2])))
        return sorted(found, key=lambda copy: (copy.at, copy.version), reverse=True)

    def is_due(self, cache: Path) -> bool:
        """True if the cache was last written on an earlier day, and no copy was made since."""
        if not self.daily or (written := last_written(cache)) is None:
            return False
        now = utc_now()
        # A clock that was wrong once must not stop backups until that day.
        past = [copy.at for copy in self.all() if copy.at <= now]
        return written.date() < now.date() and not (past and past[0] > written)

    def make_daily(self, cache: Path, version: int) -> None:
        """Copy the closed cache. A failure is logged and must not stop the user's write."""
        try:
            self.make(cache, version)
        except (CacheError, OSError) as error:
            _log.warning("Can't write the daily backup to %s: %s", self.folder, error)

    def make(self, cache: Path, version: int) -> CacheCopy:
        """Copy the closed cache, verify the copy, and delete surplus copies.

        Raises OSError or CacheError; nothing is left behind then.
        """
        log = wal_of(Path(os.path.realpath(cache)))
        if log.exists():
            raise CacheError(f"Can't copy the cache at {cache}: {log.name} still exists.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # As much stays free for the user's writes: a backup must not fill the disk.
        if shutil.disk_usage(self.folder).free < 2 * cache.stat().st_size:
            raise OSError(errno.ENOSPC, "No space left for a backup")
        at = utc_now().replace(microsecond=0)
        name = f"crmdeck-{at:%Y%m%dT%H%M%S}Z-v{version}.duckdb"
        copy = CacheCopy(self.folder / name, at, version)
        draft = self.folder / f"{name}.new"
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as target, cache.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
            make_private(draft)
            if not filecmp.cmp(cache, draft, shallow=False):
                raise CacheError(f"The backup {copy.path} differs from the cache.")
            # A copy gets its name only after DuckDB has read all of it.
            verify(CacheCopy(draft, at, version))
            draft.replace(copy.path)
        finally:
            draft.unlink(missing_ok=True)
        copies = self.all()
        months: dict[str, CacheCopy] = {}
        for each in copies:
            months.setdefault(f"{each.at:%Y-%m}", each)
        kept = [*copies[:KEPT_LATEST], *list(months.values())[:KEPT_MONTHS]]
        # The way back to crmdeck before the last upgrade.
        kept += [each for each in copies if each.version < copies[0].version][:1]
        for each in copies:
            if each not in kept:
                each.path.unlink(missing_ok=True)
        return copy

    def newest_usable(self) -> CacheCopy | None:
        """Return the newest copy whose rows can all be read."""
        for copy in self.all():
            with suppress(CacheError):
                verify(copy)
                return copy
        return None


def verify(copy: CacheCopy) -> int:
    """Read every row of a copy, so that DuckDB checks every block, and return their number.

    Raises CacheError.
    """
    file = DuckDBFile.open(copy.path, read_only=True)
    try:
        with wording_failures(copy.path):
            [(found,)] = file.rows("SELECT max(number) FROM schema_migration")
        if found != copy.version:
            raise CacheError(
                f"The backup {copy.path} has version {found} instead of {copy.version}."
            )
        rows = 0
        for table, columns in tables_of(file, ()).items():
            hashed = ", ".join(quote(column.name) for column in columns)
            # Counting alone would read no column.
            sql = f"SELECT count(*), bit_xor(hash({hashed})) FROM {quote(table)}"
            rows += int(file.rows(sql)[0][0])
        return rows
    except CacheError:
        raise
    except Exception as error:
        raise CacheError(f"Can't read the backup {copy.path}.", cause=f"{error}.") from error
    finally:
        with suppress(Exception):
            file.close()


def last_written(cache: Path) -> datetime | None:
    """Return when the cache or its write-ahead log was last written, in UTC."""
    times = [each.stat().st_mtime for each in (cache, wal_of(cache)) if each.exists()]
    return datetime.fromtimestamp(max(times), UTC) if times else None
