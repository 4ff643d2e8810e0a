"""Sign-in attempts of the last minutes: in a team's database, or in a file for one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from crmdeck.errors import CacheError
from crmdeck.store.database import Row

# The oldest are dropped, so that a flood can't fill the disk.
_MOST = 100_000

# The baseline has the same table for a team's database.
_FILE = """
    CREATE TABLE IF NOT EXISTS sign_in_attempt (
        id INTEGER PRIMARY KEY, tried_at REAL, email TEXT, address TEXT, device TEXT);
    CREATE INDEX IF NOT EXISTS by_time ON sign_in_attempt (tried_at);
    CREATE INDEX IF NOT EXISTS by_email ON sign_in_attempt (email, id DESC);
    CREATE INDEX IF NOT EXISTS by_address ON sign_in_attempt (address, id DESC);
    CREATE INDEX IF NOT EXISTS by_device ON sign_in_attempt (device, id DESC);"""

Run = Callable[[str, Sequence[object]], Sequence[Row]]


class SignInAttempts:
    """The attempts, while no other server changes them. Times are seconds since 1970."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def add(self, at: float, email: str, address: str, device: str | None) -> None:
        [(number,)] = self._run(
            "INSERT INTO sign_in_attempt (tried_at, email, address, device) VALUES (?, ?, ?, ?) "
            "RETURNING id",
            [at, email, address, device],
        )
        self._run("DELETE FROM sign_in_attempt WHERE id <= ? RETURNING id", [number - _MOST])

    def forget(self, before: float) -> None:
        """Remove the attempts from before a time, and at it."""
        self._run("DELETE FROM sign_in_attempt WHERE tried_at <= ? RETURNING id", [before])

    def remove(self, **of: str | None) -> None:
        """Remove the attempts with these values of columns."""
        where, values = _where(of)
        self._run(f"DELETE FROM sign_in_attempt WHERE {where} RETURNING id", values)

    def time_of(self, number: int, **of: str | None) -> float | None:
        """Return when the attempt was that is the `number`th from the last with these values."""
        where, values = _where(of)
        rows = self._run(
            f"SELECT tried_at FROM sign_in_attempt WHERE {where} ORDER BY id DESC LIMIT 1 OFFSET ?",
            [*values, number - 1],
        )
        return rows[0][0] if rows else None


@contextmanager
def attempts_in_file(path: Path) -> Iterator[SignInAttempts]:
    """Yield the attempts in a private file; raises CacheError if it can't be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as file:
            file.executescript(_FILE)
            file.execute("BEGIN IMMEDIATE")
            yield SignInAttempts(lambda sql, values: file.execute(sql, values).fetchall())
            file.execute("COMMIT")
    except (OSError, sqlite3.Error) as error:
        raise CacheError(
            f"Can't use {path}.",
            cause=f"{error}.",
            remedy="Check the permissions of the file and its folder.",
        ) from error


def _where(of: dict[str, str | None]) -> tuple[str, list[object]]:
    conditions = [f"{name} {'IS NULL' if of[name] is None else '= ?'}" for name in of]
    return " AND ".join(conditions), [value for value in of.values() if value is not None]
