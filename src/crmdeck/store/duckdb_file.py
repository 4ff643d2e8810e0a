"""A DuckDB file: how it is opened, how rows go into it in bulk, and its failures in words."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from crmdeck.errors import CacheBusyError, CacheError, CacheTooNewError
from crmdeck.store.database import Row, quote

if TYPE_CHECKING:
    import duckdb

_ACCESS = "enable_external_access"
# The database never reaches out: no files but its own, no network, no extensions, no variables
# of the Python program.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    _ACCESS: "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}

LOG_DAMAGED = "CACHE_LOG_DAMAGED"

# What DuckDB makes of a file and beside it, in its versions.
_ITS_FILES = (
    "",
    ".wal",
    ".wal.checkpoint",
    ".wal.recovery",
    ".checkpoint.wal",
    ".recovery.wal",
)

# Up to here, rows travel as parameters of one statement; above, as columns.
_FEW_ROWS = 64


class DuckDBFile:
    """One open DuckDB file, or one thread's own cursor on it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        path: Path,
        read_only: bool,
        catalog: str | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self.read_only = read_only
        self._connection = connection
        self._path = path
        self._catalog = catalog
        self._on_close = on_close
        if catalog is not None:
            connection.execute(f"USE {catalog}")

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> DuckDBFile:
        """Open the file at `path`, creating it unless `read_only`.

        Raises CacheBusyError where another program has it open, CacheTooNewError where a newer
        DuckDB wrote it, CacheError where it is damaged or must not be read.
        """
        import duckdb

        with wording_failures(path):
            connection = duckdb.connect(str(path), read_only=read_only, config=_CONFIG)
        return cls(connection, path, read_only)

    @contextmanager
    def cursor(self) -> Iterator[DuckDBFile]:
        """Yield what another thread may use beside this one, in transactions of its own."""
        own = DuckDBFile(self._connection.cursor(), self._path, self.read_only, self._catalog)
        try:
            yield own
        finally:
            own.close()

    def close(self) -> None:
        """Close it; with the last one DuckDB folds the write-ahead log into the file."""
        try:
            with wording_failures(self._path):
                self._connection.close()
        finally:
            if self._on_close is not None:
                self._on_close()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement and return all its rows."""
        return self._connection.execute(sql, list(parameters)).fetchall()

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement, or several where there are no parameters."""
        self._connection.execute(sql, list(parameters) or None)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Append `rows` to `table` in one statement, in their order."""
        if not rows:
            return
        names = ", ".join(quote(column) for column in columns)
        target = f"INSERT INTO {quote(table)} ({names})"
        if len(rows) <= _FEW_ROWS:
            marks = f"({', '.join('?' * len(columns))})"
            values = ", ".join([marks] * len(rows))
            self.run(f"{target} VALUES {values}", [value for row in rows for value in row])
            return
        with self.table_of(columns, rows) as name:
            values = ", ".join(
                f"unhex({quote(column)})" if _holds_bytes(rows, index) else quote(column)
                for index, column in enumerate(columns)
            )
            self.run(f"{target} SELECT {values} FROM {name}")

    @contextmanager
    def table_of(self, columns: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
        """Let SQL see `rows` as a table of text columns, under the name that is yielded.

        Bytes are there as hexadecimal digits.
        """
        import numpy as np

        arrays = {}
        for index, column in enumerate(columns):
            array = np.empty(len(rows), dtype=object)
            values = [row[index] for row in rows]
            if _holds_bytes(rows, index):
                values = [None if value is None else value.hex() for value in values]
            array[:] = values
            arrays[column] = array
        # Text stays text in bulk inserts; DuckDB would guess types from a sample of the rows.
        self._connection.execute("SET pandas_analyze_sample = 0")
        self._connection.register("incoming", arrays)
        try:
            yield "incoming"
        finally:
            # Where a statement failed the transaction is over, and it is that failure that counts.
            with suppress(Exception):
                self._connection.unregister("incoming")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let the block see one state of the database, whatever other cursors write."""
        self._connection.begin()
        try:
            yield
        finally:
            with suppress(Exception):
                self._connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block does, or nothing of it where it raises."""
        self._connection.begin()
        try:
            yield
            self._connection.commit()
        except BaseException:
            with suppress(Exception):
                self._connection.rollback()
            raise


def _holds_bytes(rows: Sequence[Row], index: int) -> bool:
    first = next((row[index] for row in rows if row[index] is not None), None)
    return isinstance(first, bytes)


def isolated(place: str) -> duckdb.DuckDBPyConnection:
    """Return an empty database in memory that can open the file `place`, and no other."""
    import duckdb

    config = {name: value for name, value in _CONFIG.items() if name != _ACCESS}
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET allowed_paths = ?", [[f"{place}{each}" for each in _ITS_FILES]])
    connection.execute("SET temp_directory = ?", [f"{place}.tmp"])
    connection.execute(f"SET {_ACCESS} = false")
    return connection


@contextmanager
def wording_failures(path: Path) -> Iterator[None]:
    """Turn what DuckDB raises into errors that say what to do."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise explain(error, path) from error


@contextmanager
def wording_file_failures(path: Path) -> Iterator[None]:
    """Turn what the operating system raises into errors that say what to do."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def explain(error: Exception, path: Path) -> CacheError:
    """Return the error to show for one that DuckDB or the operating system raised."""
    text = str(error)
    cause = text.split("\n", 1)[0]
    if match := re.search(r"[Cc]onflicting lock is held in (.+?) \(PID (\d+)\)", text):
        program = Path(match[1]).name
        return CacheBusyError(
            f"The cache {path} is in use by another program.",
            cause=f"{program} (process {match[2]}) has the database file open.",
            remedy="Close that program, or wait for it, and try again.",
        )
    if re.search(r"Could not set lock|being used by another process", text):
        return CacheBusyError(
            f"The cache {path} is in use by another program.",
            cause=cause,
            remedy="Close that program, or wait for it, and try again.",
        )
    if re.search(r"different configuration than existing connections|already attached", text):
        return open_here(path)
    if re.search(r"database file with version number|newer version of DuckDB", text):
        return CacheTooNewError(
            f"The cache {path} was written by a newer DuckDB. It was left untouched.",
            cause=cause,
            remedy="Upgrade crmdeck, or choose another workspace with --home.",
        )
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) or re.search(
        r"[Pp]ermission denied|[Rr]ead-only file system", text
    ):
        return CacheError(
            f"The cache {path} can't be opened: no permission.",
            cause=cause,
            remedy="Give yourself the right to read and write the file and its folder, "
            "or choose another workspace with --home.",
            code="CACHE_NO_PERMISSION",
        )
    if number in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
        return CacheError(
            f"There can't be a workspace at {path.parent}.",
            cause=f"The folder can't be made: {os.strerror(number)}.",
            remedy="Choose another folder with --home or CRMDECK_HOME.",
            code="CACHE_NO_FOLDER",
        )
    if number in (errno.ENOSPC, errno.EDQUOT) or re.search(
        r"[Nn]o space left|[Dd]isk quota|[Nn]ot enough space|File too large", text
    ):
        return CacheError(
            f"The cache {path} can't be written: the disk is full. Nothing was changed.",
            cause=cause,
            remedy="Free some space and try again.",
            code="CACHE_DISK_FULL",
        )
    if "replaying WAL" in text:
        return CacheError(
            f"The write-ahead log of the cache {path} is damaged. It was left untouched.",
            cause=cause,
            remedy=f"Put {wal_of(path).name} back as it was, or go on with what of it can be "
            "read: crmdeck doctor --repair",
            code=LOG_DAMAGED,
        )
    return CacheError(
        f"The cache {path} can't be read; it may be damaged.",
        cause=cause,
        remedy=f"Put a backup in its place, or move {path.name} away and refresh: "
        "schemas are discovered anew, the history stays in the file you moved.",
    )


def open_here(path: Path) -> CacheBusyError:
    """Return the error for a file that is open in this process, otherwise than asked for."""
    return CacheBusyError(
        f"The cache {path} is in use.",
        cause="Another part of this program has it open.",
        remedy="Try again when it has finished.",
    )


def refuse_path(path: Path) -> None:
    """Raise CacheError for a path that DuckDB would take for another one.

    It reads what is behind a question mark as an address's options, and puts its log elsewhere.
    """
    try:
        str(path).encode()
        odd = "?" in str(path).removeprefix("\\\\?\\")
    except UnicodeEncodeError:
        odd = True
    if odd:
        raise CacheError(
            f"There can't be a workspace at {shown_path(path.parent)}.",
            cause="A path with a question mark in it, or with bytes that are no UTF-8, "
            "can't be used by DuckDB.",
            remedy="Rename the folder, or choose another one with --home or CRMDECK_HOME.",
            code="CACHE_NO_FOLDER",
        )


def shown_path(path: Path) -> str:
    """Return a path as text that can be printed anywhere: what is no UTF-8 as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def make_private(path: Path) -> None:
    """Take away everybody else's rights on a file, where it exists and that can be done."""
    with suppress(OSError):
        os.chmod(path, 0o600)  # noqa: PTH101


def wal_of(path: Path) -> Path:
    """Return where DuckDB keeps the write-ahead log of the file at `path`."""
    return path.with_name(path.name + ".wal")
