"""The numbers of what happened: what was lost goes back to the place that it had."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from crmdeck.store.database import Database, quote
from crmdeck.store.tables import tables_of


def free_numbers(
    database: Database, after: int, before: int | None, wanted: int, *, last: bool = False
) -> list[int] | None:
    """Return so many numbers between two that nothing has, in order; None where they are fewer.

    The first of them, or the `last`. Without `before` there are always enough: new ones.
    """
    taken = _taken(database, after, before)
    end = max(taken, default=after) + 1 if before is None else before
    numbers = range(after + 1, end)
    free: Iterator[int] = (each for each in (reversed(numbers) if last else numbers))
    found = sorted(islice((each for each in free if each not in taken), wanted))
    while before is None and len(found) < wanted:
        found.append(int(database.rows("SELECT nextval('happened')")[0][0]))
    return found if len(found) == wanted else None


def _taken(database: Database, after: int, before: int | None) -> set[int]:
    places = [
        ("seq", table)
        for table, columns in tables_of(database).items()
        if any(column.name == "seq" for column in columns)
    ]
    # A refresh that was lost is still pointed to.
    places += [("refresh", "object_state"), ("seen", "object_state")]
    every = " UNION ".join(f"SELECT {column} AS seq FROM {quote(t)}" for column, t in places)
    rows = database.rows(
        f"SELECT seq FROM ({every}) AS numbers WHERE seq > ? AND seq < ?",
        [after, 2**62 if before is None else before],
    )
    return {int(seq) for (seq,) in rows}
