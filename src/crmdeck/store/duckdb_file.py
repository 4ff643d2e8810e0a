"""A DuckDB file: opening it, bulk inserts, and its errors."""

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
# DuckDB must not reach outside: no files but its own, no network, no extensions, no Python
# variables.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    _ACCESS: "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}

LOG_DAMAGED = "CACHE_LOG_DAMAGED"

# Files that DuckDB's versions create next to a database.
_ITS_FILES = (
    "",
    ".wal",
    ".wal.checkpoint",
    ".wal.recovery",
    ".checkpoint.wal",
    ".recovery.wal",
)

# Up to this many rows travel as parameters of one statement; more travel as columns.
_FEW_ROWS = 64


class DuckDBFile:
    """One open DuckDB file, or one thread's cursor on it."""

    has_functions = False

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
        """Open the file at `path`, and create it unless `read_only`.

        Raises CacheBusyError if another program has it open, CacheTooNewError if a newer DuckDB
        wrote it, CacheError if it is damaged or can't be read.
        """
        import duckdb

        with wording_failures(path):
            connection = duckdb.connect(str(path), read_only=read_only, config=_CONFIG)
        return cls(connection, path, read_only)

    @contextmanager
    def cursor(self) -> Iterator[DuckDBFile]:
        """Yield a cursor for another thread, with its own transactions."""
        own = DuckDBFile(self._connection.cursor(), self._path, self.read_only, self._catalog)
        try:
            yield own
        finally:
            own.close()

    def close(self) -> None:
        """Close it; the last close merges the write-ahead log into the file."""
        try:
            with wording_failures(self._path):
                self._connection.close()
        finally:
            if self._on_close is not None:
                self._on_close()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(sql, list(parameters)).fetchall()

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        self._connection.execute(sql, list(parameters) or None)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
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
        """Let SQL see `rows` as a table of text columns, under the yielded name.

        Bytes become hexadecimal digits.
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
            # A failed statement ended the transaction, so that failure is the one to raise.
            with suppress(Exception):
                self._connection.unregister("incoming")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Show the block one state of the database, whatever other cursors write."""
        self._connection.begin()
        try:
            yield
        finally:
            with suppress(Exception):
                self._connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block does; nothing of it if the block raises."""
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
    """Return an in-memory database that can open the file `place` and no other."""
    import duckdb

    config = {name: value for name, value in _CONFIG.items() if name != _ACCESS}
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET allowed_paths = ?", [[f"{place}{each}" for each in _ITS_FILES]])
    connection.execute("SET temp_directory = ?", [f"{place}.tmp"])
    connection.execute(f"SET {_ACCESS} = false")
    return connection


@contextmanager
def wording_failures(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors into errors with a next step."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise explain(error, path) from error


@contextmanager
def wording_file_failures(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into errors with a next step."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def explain(error: Exception, path: Path) -> CacheError:
    """Return the error to show for one of DuckDB or the operating system."""
    text = str(error)
    cause = text.split("\n", 1)[0]
    if match := re.search(r"[Cc]onflicting lock is held in (.+?) \(PID (\d+)\)", text):
        program = Path(match[1]).name
        return CacheBusyError(
            f"Another program is using the cache at {path}.",
            cause=f"{program} (process {match[2]}) has the database file open.",
            remedy="Close that program, or try again when it has finished.",
        )
    if re.search(r"Could not set lock|being used by another process", text):
        return CacheBusyError(
            f"Another program is using the cache at {path}.",
            cause=cause,
            remedy="Close that program, or try again when it has finished.",
        )
    if re.search(r"different configuration than existing connections|already attached", text):
        return open_here(path)
    if re.search(r"database file with version number|newer version of DuckDB", text):
        return CacheTooNewError(
            f"A newer DuckDB wrote the cache at {path}. It was left untouched.",
            cause=cause,
            remedy="Choose another workspace with --home, or upgrade DuckDB: pip install --upgrade "
            "duckdb",
        )
    if type(error).__name__ in ("ParserException", "NotImplementedException"):
        return CacheError(
            f"This DuckDB can't work with the cache at {path}. It was left untouched.",
            cause=cause,
            remedy="Install a DuckDB that crmdeck supports: pip install --upgrade crmdeck duckdb",
            code="DUCKDB_UNSUITABLE",
        )
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) or re.search(
        r"[Pp]ermission denied|[Rr]ead-only file system", text
    ):
        return CacheError(
            f"Can't open the cache at {path}: no permission.",
            cause=cause,
            remedy="Get read and write permission for the file and its folder, or choose another "
            "workspace with --home.",
            code="CACHE_NO_PERMISSION",
        )
    if number in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
        return CacheError(
            f"Can't create a workspace at {path.parent}.",
            cause=f"Can't create the folder: {os.strerror(number)}.",
            remedy="Choose another folder with --home or CRMDECK_HOME.",
            code="CACHE_NO_FOLDER",
        )
    if number in (errno.ENOSPC, errno.EDQUOT) or re.search(
        r"[Nn]o space left|[Dd]isk quota|[Nn]ot enough space|File too large", text
    ):
        return CacheError(
            f"Can't write the cache at {path}: the disk is full. Nothing was changed.",
            cause=cause,
            remedy="Free some space, and try again.",
            code="CACHE_DISK_FULL",
        )
    if "replaying WAL" in text:
        return CacheError(
            f"The write-ahead log of the cache at {path} is damaged. It was left untouched.",
            cause=cause,
            remedy=f"Put {wal_of(path).name} back, or continue with its readable part: crmdeck "
            "doctor --repair",
            code=LOG_DAMAGED,
        )
    return CacheError(
        f"Can't read the cache at {path}; it may be damaged.",
        cause=cause,
        remedy="Save the readable part, or restore the newest automatic backup: crmdeck doctor "
        "--repair",
    )


def open_here(path: Path) -> CacheBusyError:
    """Return the error for a file that is open in this process in the other way."""
    return CacheBusyError(
        f"The cache at {path} is in use.",
        cause="Another part of this program has the cache open.",
        remedy="Try again when it has finished.",
    )


def refuse_path(path: Path) -> None:
    """Raise CacheError for a path that DuckDB would misread.

    DuckDB takes the part after a question mark for options, and puts its log elsewhere.
    """
    try:
        str(path).encode()
        odd = "?" in str(path).removeprefix("\\\\?\\")
    except UnicodeEncodeError:
        odd = True
    if odd:
        raise CacheError(
            # Bytes that aren't UTF-8 can't be printed, so they show as escapes.
            "Can't create a workspace at "
            f"{os.fsencode(path.parent).decode('utf-8', 'backslashreplace')}.",
            cause="DuckDB can't use a path with a question mark, or with bytes that aren't UTF-8.",
            remedy="Rename the folder, or choose another one with --home or CRMDECK_HOME.",
            code="CACHE_NO_FOLDER",
        )


def make_private(path: Path) -> None:
    """Remove all rights of others on a file, if possible."""
    with suppress(OSError):
        os.chmod(path, 0o600)  # noqa: PTH101


def wal_of(path: Path) -> Path:
    """Return the path of DuckDB's write-ahead log for the file at `path`."""
    return path.with_name(path.name + ".wal")
