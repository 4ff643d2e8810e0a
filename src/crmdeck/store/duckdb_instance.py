"""This process's DuckDB for one file, kept between openings of the file.

Creating a DuckDB takes several times as long as opening a file in an existing one. Between the
openings the file is closed and unlocked.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from crmdeck.errors import CacheBusyError
from crmdeck.store.duckdb_file import DuckDBFile, explain, isolated, open_here

if TYPE_CHECKING:
    import duckdb

_CATALOG = "cache"


class DuckDBInstance:
    """Opens the file `place` for the whole process, in one way at a time; for any thread."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self.write_turn = threading.Lock()
        """Held by a writer: several Stores of this process can have the file open for writing."""
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._users = 0
        self._read_only = False

    @property
    def in_use(self) -> bool:
        """True if the file is open in this process."""
        with self._lock:
            return self._users > 0

    def prepare(self) -> None:
        """Do what takes long about the first opening, without touching the file.

        Others wait in the turnstile while a process opens the file.
        """
        with self._lock:
            self._connection = self._connection or isolated(self._place)

    def open(self, path: Path, *, read_only: bool = False) -> DuckDBFile:
        """Open the file, or share it if it is open; `path` is for messages.

        Raises what DuckDBFile.open does, and CacheBusyError if it is open in the other way.
        """
        import duckdb

        with self._lock:
            if self._users and read_only is not self._read_only:
                raise open_here(path)
            try:
                connection = self._connection = self._connection or isolated(self._place)
                if not self._users:
                    # ATTACH takes no parameters.
                    place = self._place.replace("'", "''")
                    mode = " (READ_ONLY)" if read_only else ""
                    connection.execute(f"ATTACH '{place}' AS {_CATALOG}{mode}")
                    self._read_only = read_only
                # The connection itself stays with the instance; a user only gets a cursor.
                cursor = connection.cursor()
                file = DuckDBFile(cursor, path, read_only, _CATALOG, self._leave)
            except duckdb.Error as error:
                explained = explain(error, path)
                # A caller that is only kept out will ask again.
                if not self._users and not isinstance(explained, CacheBusyError):
                    self._end()
                raise explained from error
            self._users += 1
            return file

    def _leave(self) -> None:
        """Close the file with its last user."""
        import duckdb

        with self._lock:
            self._users -= 1
            if self._users or self._connection is None:
                return
            try:
                self._connection.execute(f"DETACH {_CATALOG}")
            except duckdb.Error:
                # DuckDB stumbled over the file; it is closed with the instance.
                self._end()

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def leave_to_parent(self) -> None:
        """Start again in the child of a fork: DuckDB's threads don't exist there."""
        if self._connection is not None:
            _of_parent.append(self._connection)
        self._begin()


_known: WeakValueDictionary[str, DuckDBInstance] = WeakValueDictionary()
_known_lock = threading.Lock()
_latest: DuckDBInstance | None = None
# Ending these would wait for threads that don't exist.
_of_parent: list[duckdb.DuckDBPyConnection] = []


def instance_of(path: Path) -> DuckDBInstance:
    """Return the shared instance for the file at `path`.

    It exists while someone holds it, and until another file is asked for.
    """
    global _latest
    # DuckDB puts its log next to the file itself, not next to a link to it.
    place = os.path.realpath(path)
    with _known_lock:
        instance = _known.get(place)
        if instance is None:
            instance = _known[place] = DuckDBInstance(place)
        _latest = instance
        return instance


def _begin_again() -> None:
    global _known_lock
    _known_lock = threading.Lock()
    for instance in list(_known.values()):
        instance.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
