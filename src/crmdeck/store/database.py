"""What the store asks of a database; DuckDB and PostgreSQL answer it alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from crmdeck.errors import ReadOnlyError

Row = tuple[Any, ...]

WaitListener = Callable[[str], None]
"""Takes the sentence that says on whom somebody waits; called from any thread."""

LONG_WAIT = 1.0
"""Seconds after which a wait for others is told."""


class Database(Protocol):
    """An open database inside a transaction, for the thread that it was given to.

    SQL is one text for both engines; its parameters are written `?`.
    """

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement and return all its rows."""

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run one statement, or several where there are no parameters."""

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Append `rows` to `table`, in their order."""


class Engine(Protocol):
    """A database that many threads and processes use at once.

    Every method raises CacheBusyError (others did not finish in time), CacheTooNewError (a newer
    crmdeck wrote it; it is left untouched) or CacheError (anything else).
    """

    waiting: WaitListener | None
    """Is told of each long wait for others on the way to what is asked."""

    @property
    def place(self) -> str:
        """Return where it is, as it may be shown."""

    @property
    def read_only_reason(self) -> str | None:
        """Return why nothing can be written here, as a sentence; None where it can."""

    def reading(self) -> AbstractContextManager[Database]:
        """Yield the database as it is at this moment, whatever others write meanwhile.

        It is made or brought up to date first where that is needed and possible.
        """

    def writing(self) -> AbstractContextManager[Database]:
        """Yield the database with nobody else writing; commit in the end, or nothing."""

    def holding(self) -> AbstractContextManager[None]:
        """Keep open, over many readings and writings of any thread, what they open."""

    def alone(self, what: str, doing: str) -> AbstractContextManager[None]:
        """Keep others from the same work on `what`, as far as the engine can."""

    def salvage(self, code: str) -> list[str]:
        """Make a log that was refused with `code` one that can be opened; return what was done."""

    def now(self) -> datetime:
        """Return the present moment in UTC by the clock that orders what happens."""

    def head(self) -> int:
        """Return a number that is another one after each write; cheap, for asking often."""

    def close(self) -> None:
        """Let go of everything; what comes later opens anew."""


def refusal(reason: str) -> ReadOnlyError:
    """Return the error for a write where there is a reason not to."""
    return ReadOnlyError(
        "The workspace is open for reading only.",
        cause=reason,
        remedy="Open it without --read-only, as somebody who may write, to change it.",
    )


def quote(identifier: str) -> str:
    """Return `identifier` as SQL takes it."""
    return '"' + identifier.replace('"', '""') + '"'
