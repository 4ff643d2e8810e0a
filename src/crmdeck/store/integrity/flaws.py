"""What may be wrong with a log, and what all examinations of it use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from crmdeck.errors import CacheDamagedError
from crmdeck.store.database import Database, Row, quote
from crmdeck.text import count

RESTORE = "Restore a backup that has it into another workspace: crmdeck restore FILE --home HOME"
_NAMED = 5

Mend = Callable[[Database], str]


@dataclass(frozen=True)
class Flaw:
    """Something in the log that is not as it was written.

    `lost` says what can't be shown any more, None where nothing is. `mend` puts right what can be,
    in a transaction, and says what it did; None where the log itself does not have what it takes.
    `remedy` is what else helps.
    """

    found: str
    lost: str | None = None
    remedy: str | None = None
    mend: Mend | None = None


@dataclass(frozen=True)
class Examined:
    """One part of the log: what was looked at, and what is wrong with it."""

    looked_at: str
    flaws: tuple[Flaw, ...] = ()


def why_unreadable(read: Callable[[], object]) -> str | None:
    """Return why something can't be read, None where it can."""
    try:
        read()
    except CacheDamagedError as error:
        return error.cause
    # Whatever a damaged value makes a reader stumble over, it can't be read.
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}."
    return None


def delete(
    database: Database, table: str, key: str, values: Sequence[object], type_: str = "VARCHAR"
) -> None:
    """Delete the rows whose `key` is one of `values`."""
    database.run(
        f"DELETE FROM {quote(table)} WHERE {key} IN (SELECT unnest(?::{type_}[]))", [list(values)]
    )


def number_of(database: Database, sql: str, parameters: Sequence[object] = ()) -> int:
    """Return the one number that a query answers."""
    return int(database.rows(sql, parameters)[0][0])


def is_or_are(several: Collection[object]) -> str:
    """Return the verb for one or for several."""
    return "is" if len(several) == 1 else "are"


def named_few(names: Iterable[str]) -> str:
    """Return a few of the names, each once, and how many more there are."""
    listed = list(dict.fromkeys(names))
    more = len(listed) - _NAMED
    return ", ".join(listed[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def whole_rows(database: Database, table: str, condition: str) -> tuple[list[str], list[Row]]:
    """Return the columns of a table, and the rows of which `condition` holds."""
    columns = [
        name
        for (name,) in database.rows(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position",
            [table],
        )
    ]
    names = ", ".join(map(quote, columns))
    return columns, database.rows(f"SELECT {names} FROM {quote(table)} WHERE {condition}")


def keep_one(table: str, key: str, database: Database) -> str:
    """Keep one row of each `key`; say how many were too many."""
    columns, rows = whole_rows(
        database, table, f"{key} IN (SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1)"
    )
    place = columns.index(key)
    first = {row[place]: row for row in reversed(rows)}
    delete(database, table, key, list(first), "BIGINT" if key == "seq" else "VARCHAR")
    database.insert(table, columns, list(first.values()))
    return f"{count(len(rows) - len(first), 'definition')} taken out: there twice"
