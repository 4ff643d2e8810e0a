"""The hash chain over the audit log.

The hash of an entry is SHA-256 over the hash of the entry before it and the entry's own columns,
its details with digests of the rows that were written with it. The docs describe the
computation, and the function `add_audit_entry` of the baseline does it in PostgreSQL: change the
three together.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crmdeck.model import AuditHead
from crmdeck.store.database import Database, Row, quote
from crmdeck.store.postgres_database import encode_nul

START = ""
"""What stands for the hash before the first entry."""

NO_NUMBER = 2**62
"""A number that no entry reaches, unless someone inserted it."""

COLUMNS = (
    "id",
    "at",
    "actor",
    "db_user",
    "event",
    "connection_id",
    "summary",
    "details",
)
"""The columns that a hash covers, in their order, as they are stored."""

COVERED = ("acceptance", "acknowledgement", "connection", "decision", "drift_event")
"""The tables whose new rows the next entry covers, by a digest in its details."""
ROWS = "rows"
"""The detail with these digests, by table."""

_AT_ONCE = 5_000
_SELECTION = ", ".join(map(quote, ("seq", "hash", *COLUMNS)))
_REPAIR = "cache.repaired"


@dataclass(frozen=True)
class Break:
    """An entry whose hash doesn't follow from the entries before it."""

    seq: int
    name: str


@dataclass
class Chain:
    """What a walk along the chain found."""

    entries: int = 0
    head: AuditHead | None = None
    last: str = "none"
    """The last entry, for people."""
    breaks: list[Break] = field(default_factory=list)
    repaired: int = 0
    """The number of the last repair, 0 without one."""
    kept: int | None = None
    """The number of the entry that had the kept hash, None if none has it."""


def link(previous: str, values: Row) -> str:
    """Return the hash of an entry with `values` of COLUMNS, after one with the hash `previous`."""
    parts = []
    for each in (previous, *values):
        if each is None:
            parts.append("-")
            continue
        is_time = isinstance(each, datetime)
        # A text as PostgreSQL stores it.
        text = each.isoformat(timespec="microseconds") if is_time else encode_nul(str(each))
        parts.append(f"{len(text)}:{text}")
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def rows_after(database: Database, seq: int) -> Iterator[Row]:
    """Yield the entries after a number, oldest first: number, stored hash, and COLUMNS."""
    while rows := database.rows(
        # Page by `seq`, because OFFSET would read all entries before each part.
        f"SELECT {_SELECTION} FROM audit_entry WHERE seq > ? AND seq < {NO_NUMBER} "
        "ORDER BY seq, id LIMIT ?",
        [seq, _AT_ONCE],
    ):
        yield from rows
        seq = rows[-1][0]


def walk(rows: Iterable[Row], kept: str | None = None) -> Chain:
    """Follow the chain along `rows` as `rows_after` yields them, and look for the hash `kept`."""
    chain, running = Chain(), START
    for seq, stored, *values in rows:
        if stored != link(running, tuple(values)):
            chain.breaks.append(Break(seq, entry_name(values)))
        running = stored or running
        if kept == running:
            chain.kept = seq
        if values[COLUMNS.index("event")] == _REPAIR:
            chain.repaired = seq
        chain.entries += 1
        chain.head, chain.last = AuditHead(number=seq, hash=running), entry_name(values)
    return chain


def row_digests(
    database: Database, after: int, entries: Sequence[int] = ()
) -> dict[int, dict[str, str]]:
    """Return the digests of covered rows with a number above `after`, by table.

    The keys are positions in `entries`, the sorted numbers of audit entries: each entry covers the
    rows between the one before and itself. Times are left out, because a demo moves them.
    """
    found: dict[int, dict[str, hashlib._Hash]] = {}
    for table in COVERED:
        for row in database.rows(f"SELECT * FROM {table} WHERE seq > ? ORDER BY seq", [after]):
            values = [None if isinstance(value, datetime) else value for value in row]
            # A later version can add columns, which are empty in older rows.
            while values[-1] is None:
                values.pop()
            tables = found.setdefault(bisect_left(entries, row[0]), {})
            tables.setdefault(table, hashlib.sha256()).update(
                json.dumps(values, default=str).encode()
            )
    return {
        key: {name: each.hexdigest() for name, each in tables.items()}
        for key, tables in found.items()
    }


def rehashed(rows: Iterable[Row], columns: Iterable[str]) -> Iterator[Row]:
    """Yield all rows of an audit log, oldest first, with new hashes."""
    names = list(columns)
    places, place = [names.index(name) for name in COLUMNS], names.index("hash")
    running = START
    for row in rows:
        running = link(running, tuple(row[each] for each in places))
        yield (*row[:place], running, *row[place + 1 :])


def entry_name(values: Sequence[object]) -> str:
    """Return an entry with `values` of COLUMNS, for people."""
    named = dict(zip(COLUMNS, values, strict=True))
    at = named["at"]
    moment = f"{at:%Y-%m-%d %H:%M:%S} UTC" if isinstance(at, datetime) else "unknown time"
    return f"{named['event']} of {moment}, {named['id']}"
