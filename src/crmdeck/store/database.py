"""What the store needs of a database; DuckDB and PostgreSQL both provide it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from crmdeck.errors import ReadOnlyError

Row = tuple[Any, ...]

WaitListener = Callable[[str], None]
"""Receives a sentence about whom a thread waits for; called from any thread."""

LONG_WAIT = 1.0
"""Seconds after which a wait is reported."""


class Database(Protocol):
    """An open database inside a transaction, for one thread.

    SQL is one text for both engines; its parameters are written `?`.
    """

    has_functions: bool
    """True if the audit log is written by a function of the database."""

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement and return all its rows."""

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement, or several without parameters."""

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Append `rows` to `table`, in their order."""


class Engine(Protocol):
    """A database that many threads and processes use at once.

    Every method raises CacheBusyError (others did not finish in time), CacheTooNewError (a newer
    crmdeck wrote it; it is left untouched) or CacheError (anything else).
    """

    waiting: WaitListener | None
    """Called for each long wait for others."""

    @property
    def place(self) -> str:
        """Return its place, without a password."""

    @property
    def read_only_reason(self) -> str | None:
        """Return why nothing can be written, as a sentence; None if it can."""

    def reading(self) -> AbstractContextManager[Database]:
        """Yield one state of the database, whatever others write at the same time.

        It is created or upgraded first, if needed and possible.
        """

    def writing(self) -> AbstractContextManager[Database]:
        """Yield the database while no one else writes; commit at the end, or nothing."""

    def holding(self) -> AbstractContextManager[None]:
        """Keep open what readings and writings of any thread open."""

    @property
    def in_use(self) -> int:
        """Return the number of connections to the database that this process uses now."""

    @property
    def leasing(self) -> Callable[[], AbstractContextManager[Database]] | None:
        """Yields the database for leases, without the turn of a writer; None in a file."""

    def salvage(self, code: str) -> list[str]:
        """Make a history that was rejected with `code` usable again; return what was done."""

    def now(self) -> datetime:
        """Return the current time in UTC, by the clock that orders events."""

    def head(self) -> int:
        """Return a number that changes with each write. Cheap."""

    def probe(self) -> None:
        """Check that the database answers, without waiting for others in this process."""

    def close(self) -> None:
        """Release everything; the next use opens it again."""


def refusal(reason: str) -> ReadOnlyError:
    """Return the error for a write while nothing can be written."""
    return ReadOnlyError(
        "The workspace is open read-only.",
        cause=reason,
        remedy="Open it without --read-only, as a user who can write.",
    )


def quote(identifier: str) -> str:
    """Return `identifier`, quoted for SQL."""
    return '"' + identifier.replace('"', '""') + '"'
