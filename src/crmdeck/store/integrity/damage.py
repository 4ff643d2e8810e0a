"""Damage to the history, and what every check of it uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from crmdeck.errors import CacheDamagedError
from crmdeck.model import AuditHead
from crmdeck.store.database import Database, quote
from crmdeck.text import count, first_few

RESTORE = "Restore a backup into another workspace: crmdeck restore FILE --home HOME"
_NAMED = 5


@dataclass(frozen=True)
class Damage:
    """Something in the history that differs from what crmdeck wrote.

    `lost` names what can no longer be shown, if anything. `repair` runs in a transaction and
    returns what it did; None if nothing in the history can replace what is lost.
    """

    found: str
    lost: str | None = None
    remedy: str | None = None
    repair: Callable[[Database], str] | None = None


@dataclass(frozen=True)
class Checked:
    """One part of the history: what was checked, its damage, and the head of the audit log."""

    checked: str
    damage: tuple[Damage, ...] = ()
    head: AuditHead | None = None


def why_unreadable(read: Callable[[], object]) -> str | None:
    """Return why `read` fails; None if it doesn't."""
    try:
        read()
    except CacheDamagedError as error:
        return error.cause
    # A damaged value can make a reader raise anything.
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
    """Return the single number that a query returns."""
    return int(database.rows(sql, parameters)[0][0])


def named_few(names: Iterable[str]) -> str:
    """Return a few of the names, each once, and the number of the others."""
    return first_few(list(dict.fromkeys(names)), _NAMED)


def keep_one(table: str, key: str, database: Database) -> str:
    """Keep one row of each `key`; return what was removed."""
    columns = [
        name
        for (name,) in database.rows(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position",
            [table],
        )
    ]
    rows = database.rows(
        f"SELECT {', '.join(map(quote, columns))} FROM {quote(table)} "
        f"WHERE {key} IN (SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1)"
    )
    place = columns.index(key)
    first = {row[place]: row for row in reversed(rows)}
    delete(database, table, key, list(first), "BIGINT" if key == "seq" else "VARCHAR")
    database.insert(table, columns, list(first.values()))
    return f"removed {count(len(rows) - len(first), 'duplicate row')} of {table}"
