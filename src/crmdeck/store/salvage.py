"""A DuckDB file that can't be opened or read: save what can be saved.

The file is copied first, and nothing empty ever takes its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from crmdeck.errors import CacheDamagedError, CacheError
from crmdeck.store import migrations
from crmdeck.store.automatic_backups import AutomaticBackups, CacheCopy
from crmdeck.store.database import Database, Row, quote
from crmdeck.store.duckdb_file import LOG_DAMAGED, DuckDBFile, make_private, wal_of
from crmdeck.store.tables import Column, count_on, tables_of
from crmdeck.store.wal_mark import LOG_LOST, WalMark
from crmdeck.text import count

SALVAGEABLE = (LOG_LOST, LOG_DAMAGED, migrations.VERSION_LOST, CacheError.code)
"""The codes of the errors that `salvage` can handle."""

# Rows that are saved or lost together, if a table can't be read as a whole.
_ROWS = 2_048
_OWN = ("schema_migration", "settlement")
# Tables that can be filled again.
_UNIMPORTANT = ("text_vector", "validators")


def salvage(path: Path, code: str, at: datetime, backups: AutomaticBackups) -> list[str]:
    """Make a cache that was rejected with `code` usable again; return what was done.

    Readable rows go into a new file; if there are none, the newest automatic backup takes the
    file's place. No one else may open the cache in the meantime. Raises CacheError if nothing can
    be saved; the cache is unchanged then.
    """
    aside = keep_aside(path, at)
    done = [f"copy of the damaged cache: {aside}"]
    if code == migrations.VERSION_LOST:
        file = DuckDBFile.open(path)
        try:
            with file.transaction():
                done.append(record_version(file, path, at))
        finally:
            file.close()
    elif code in (LOG_LOST, LOG_DAMAGED):
        done.append(_shorten_log(path, aside))
    else:
        try:
            done += _rebuild(path, at)
        except CacheError:
            if (copy := backups.newest_usable()) is None:
                raise
            done.append(_restore(path, copy))
    return done


def keep_aside(path: Path, at: datetime) -> Path:
    """Copy the file, its log and its mark into a folder next to them, and return the folder."""
    folder = path.with_name(f"{path.name}.damaged-{at:%Y%m%dT%H%M%S}")
    folder.mkdir(mode=0o700, exist_ok=True)
    for each in (path, wal_of(path), WalMark(path).path):
        if each.exists():
            shutil.copyfile(each, folder / each.name)
            make_private(folder / each.name)
    return folder


def version_by_tables(database: Database) -> int | None:
    """Return the version with these tables and columns; None if no version has them."""
    there = _shape(database)
    known = migrations.shipped()
    model = DuckDBFile.open(Path(":memory:"))
    try:
        migrations.begin(model)
        for migration in known:
            model.run(migration.sql)
            if _shape(model) == there:
                return migration.number
    finally:
        model.close()
    return None


def record_version(database: Database, place: Path | str, at: datetime) -> str:
    """Fill the empty table of migrations by the existing tables; return what was done."""
    version = version_by_tables(database)
    if version is None:
        raise CacheDamagedError(
            f"The cache at {place} has no version. It was left untouched.",
            cause="The tables match no known version.",
            remedy="Restore a backup into another workspace: crmdeck restore FILE --home HOME",
            code=migrations.VERSION_LOST,
        )
    for migration in migrations.up_to(version, f"the cache at {place}", "It was left untouched."):
        migrations.mark(database, migration, at)
    return f"detected version {version} from the tables"


def last_number(database: Database) -> int:
    """Return the highest number of any event."""
    tables = [
        table
        for table, columns in tables_of(database, _OWN).items()
        if any(column.name == "seq" for column in columns)
    ]
    numbers = " UNION ALL ".join(f"SELECT max(seq) AS seq FROM {quote(each)}" for each in tables)
    return int(database.rows(f"SELECT coalesce(max(seq), 0) FROM ({numbers}) AS every")[0][0])


def _shape(database: Database) -> set[tuple[str, str]]:
    return {
        (table, column)
        for table, column in database.rows(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name <> 'head'"
        )
    }


def _shorten_log(path: Path, aside: Path) -> str:
    """Cut the log after its readable part."""
    log, mark = wal_of(path), WalMark(path)
    if not log.exists():
        mark.take_away()
        return "continued without the log; the last writes are lost"
    whole = log.read_bytes()
    proven = mark.proven()
    if proven is not None and proven < len(whole):
        whole = whole[:proven]
        log.write_bytes(whole)
        make_private(log)
    trial = aside / "trial" / path.name
    trial.parent.mkdir(exist_ok=True)
    shutil.copyfile(path, trial)
    # A log that ends too early is read up to its end, so there is one longest beginning.
    low, high = 0, len(whole)
    try:
        if not _opens(trial, whole):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _opens(trial, whole[:middle]) else (low, middle)
            log.write_bytes(whole[:low])
            make_private(log)
    finally:
        shutil.rmtree(trial.parent)
    mark.take_away()
    return "continued with the readable part of the log; the last writes are lost"


def _opens(path: Path, log: bytes) -> bool:
    wal_of(path).write_bytes(log)
    try:
        DuckDBFile.open(path, read_only=True).close()
    except CacheError:
        return False
    return True


def _rebuild(path: Path, at: datetime) -> list[str]:
    """Replace the cache by a new file with every readable row."""
    source = _Source(path)
    try:
        known = migrations.up_to(source.version(), f"the cache at {path}", "It was left untouched.")
        draft = path.with_name(path.name + ".salvaged")
        draft.unlink(missing_ok=True)
        migrations.create(draft, known, at)
        target = DuckDBFile.open(draft)
        lost: dict[str, int] = {}
        saved = 0
        try:
            with target.transaction():
                for table, columns in tables_of(target, _OWN).items():
                    missing, number = source.copy(table, columns, target)
                    saved += number
                    if missing and table not in _UNIMPORTANT:
                        lost[table] = missing
                count_on(target, last_number(target))
                connections = target.rows("SELECT count(*) FROM connection")[0][0]
        finally:
            target.close()
    finally:
        source.close()
    if not connections:
        draft.unlink()
        raise _hopeless(path, "Can't read its connections.")
    draft.replace(path)
    wal_of(path).unlink(missing_ok=True)
    WalMark(path).take_away()
    tables = ", ".join(f"about {number:,} of {table}" for table, number in lost.items())
    return [f"saved {count(saved, 'row')} into a new file; lost: {tables or 'none'}"]


def _restore(path: Path, copy: CacheCopy) -> str:
    draft = path.with_name(path.name + ".restored")
    shutil.copyfile(copy.path, draft)
    make_private(draft)
    # The log belongs to the damaged file: DuckDB would replay it into the copy.
    wal_of(path).unlink(missing_ok=True)
    WalMark(path).take_away()
    draft.replace(path)
    return f"restored the backup of {copy.at:%Y-%m-%d %H:%M} UTC; later writes are lost"


class _Source:
    """A damaged file. DuckDB closes it when it stumbles, so it may have to be opened again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()

    def version(self) -> int:
        try:
            return migrations.version_of(self._file, self._path)
        except Exception:  # noqa: BLE001  # whatever DuckDB makes of damaged blocks
            self._again()
        version = version_by_tables(self._file)
        if version is None:
            raise _hopeless(self._path, "The tables match no known version.")
        return version

    def copy(self, table: str, columns: Sequence[Column], target: DuckDBFile) -> tuple[int, int]:
        """Copy the readable rows of a table; return how many rows are lost, and how many saved."""
        names = [column.name for column in columns]
        selection = ", ".join(map(quote, names))
        rows = self._rows(f"SELECT {selection} FROM {quote(table)}")
        if rows is not None:
            target.insert(table, names, rows)
            return 0, len(rows)
        counted = self._rows(f"SELECT count(*) FROM {quote(table)}")
        if counted is None:
            return 1, 0
        total, saved = int(counted[0][0]), 0
        for first in range(0, total, _ROWS):
            part = self._rows(
                f"SELECT {selection} FROM {quote(table)} "
                f"WHERE rowid >= {first} AND rowid < {first + _ROWS}"
            )
            target.insert(table, names, part or [])
            saved += len(part or [])
        return total - saved, saved

    def close(self) -> None:
        with suppress(CacheError):
            self._file.close()

    def _rows(self, sql: str) -> list[Row] | None:
        try:
            return self._file.rows(sql)
        except Exception:  # noqa: BLE001  # whatever DuckDB makes of damaged blocks
            self._again()
            return None

    def _again(self) -> None:
        self.close()
        self._file = self._open()

    def _open(self) -> DuckDBFile:
        try:
            return DuckDBFile.open(self._path, read_only=True)
        except CacheError as error:
            raise _hopeless(self._path, error.cause or error.message) from error


def _hopeless(path: Path, cause: str) -> CacheError:
    return CacheError(
        f"Can't save anything from the cache at {path}. It was left untouched.",
        cause=cause,
        remedy=f"Move {path.name} away and restore a backup: crmdeck restore FILE",
    )
