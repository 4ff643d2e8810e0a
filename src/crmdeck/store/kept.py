"""Results over the whole history, kept by a process; later only new rows are read.

History is appended, so a number (`seq`) separates old rows from new ones. Two things write below
it: a repair, which leaves an audit entry, and a restored backup or another cache file, whose last
row differs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple, TypeVar

from crmdeck.store.database import Database

T = TypeVar("T")
_MOST = 64

# The column that identifies a row, for each table that is followed.
_NAMES = {
    "decision": "id",
    "object_failure": "run_id",
    "refresh": "run_id",
    "sync_run": "id",
}
_REPAIRED = (
    "(SELECT 'repaired', seq, id FROM audit_entry WHERE event = 'cache.repaired' "
    "ORDER BY seq DESC LIMIT 1)"
)


class _Last(NamedTuple):
    """The last row of a table: its number, 0 if it is empty, and its name."""

    seq: int = 0
    name: str | None = None


class _Answer(NamedTuple):
    value: Any
    repaired: str | None
    last: Mapping[str, _Last]


class KeptAnswers:
    """Results by key, for all threads of a process; the oldest are dropped first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Answer] = OrderedDict()
        self._memory: dict[Hashable, Any] = {}

    def recall(self, key: Hashable) -> Any:
        """Return the last value remembered under a key, None without one."""
        with self._lock:
            return self._memory.get(key)

    def remember(self, key: Hashable, value: object) -> None:
        """Keep a value that depends on more than the history."""
        with self._lock:
            self._memory[key] = value

    def get(self, key: Hashable) -> _Answer | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, answer: _Answer) -> None:
        with self._lock:
            self._kept[key] = answer
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)


def followed(
    database: Database,
    kept: KeptAnswers | None,
    key: Hashable,
    tables: tuple[str, ...],
    whole: Callable[[], T],
    since: Callable[[T, Mapping[str, int]], T],
) -> T:
    """Return `whole()`, or what `since` makes of the kept result.

    `since` gets the kept result, which it must not change, and by table the number of the last row
    in it. Without `kept` nothing is kept.
    """
    if kept is None:
        return whole()
    # A repair writes below the last row, so it discards every kept result.
    newest = [
        f"(SELECT '{table}', seq, {_NAMES[table]} FROM {table} ORDER BY seq DESC LIMIT 1)"
        for table in tables
    ]
    rows = database.rows(" UNION ALL ".join([_REPAIRED, *newest]))
    found = {name: _Last(*row) for name, *row in rows}
    repaired = found.get("repaired", _Last()).name
    last = {table: found.get(table, _Last()) for table in tables}
    before = kept.get(key)
    if before is None or before.repaired != repaired:
        value = whole()
    elif before.last == last:
        return before.value  # type: ignore[no-any-return]
    elif _has_rows(database, before.last):
        value = since(before.value, {table: each.seq for table, each in before.last.items()})
    else:
        value = whole()
    kept.put(key, _Answer(value, repaired, last))
    return value


def _has_rows(database: Database, last: Mapping[str, _Last]) -> bool:
    """True unless a row is gone or differs, as in a restored backup."""
    for table, row in last.items():
        same = f"SELECT {_NAMES[table]} FROM {table} WHERE seq = ?"
        if row.seq and (row.name,) not in database.rows(same, [row.seq]):
            return False
    return True
