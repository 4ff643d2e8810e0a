"""The hash chain over the audit log.

The hash of an entry is SHA-256 over the hash of the entry before it and the entry's own columns.
Entries without a stored hash have one too: that of the next entry covers them. docs/security.md
describes the computation: change both together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from crmdeck.model import AuditHead
from crmdeck.store.database import Database, Row, quote

START = ""
"""What stands for the hash before the first entry."""

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
    parts = [
        each.isoformat(timespec="microseconds") if isinstance(each, datetime) else each
        for each in values
    ]
    text = json.dumps([previous, *parts], separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def rows_after(database: Database, seq: int) -> Iterator[Row]:
    """Yield the entries after a number, oldest first: number, stored hash, and COLUMNS."""
    while rows := database.rows(
        # By `seq` and not by OFFSET, which would read all entries before each part.
        f"SELECT {_SELECTION} FROM audit_entry WHERE seq > ? ORDER BY seq, id LIMIT ?",
        [seq, _AT_ONCE],
    ):
        yield from rows
        seq = rows[-1][0]


def walk(rows: Iterable[Row], kept: str | None = None) -> Chain:
    """Follow the chain along `rows` as `rows_after` yields them, and look for the hash `kept`."""
    chain, running, begun = Chain(), START, False
    for seq, stored, *values in rows:
        expected = link(running, tuple(values))
        if stored != expected and (begun or stored is not None):
            chain.breaks.append(Break(seq, _name(values)))
        running, begun = stored or expected, begun or stored is not None
        if kept == running:
            chain.kept = seq
        if values[COLUMNS.index("event")] == _REPAIR:
            chain.repaired = seq
        chain.entries += 1
        chain.head, chain.last = AuditHead(number=seq, hash=running), _name(values)
    return chain


def end_of(database: Database) -> tuple[str | None, str]:
    """Return the user that the database knows, and the hash that the next entry follows."""
    rows = database.rows(f"SELECT {database.user}, hash FROM audit_entry ORDER BY seq DESC LIMIT 1")
    if not rows:
        return database.rows(f"SELECT {database.user}")[0][0], START
    user, last = rows[0]
    if last is not None:
        return user, last
    # Entries from before the chain, or that other programs wrote.
    hashed = database.rows(
        "SELECT seq, hash FROM audit_entry WHERE hash IS NOT NULL ORDER BY seq DESC LIMIT 1"
    )
    first, running = hashed[0] if hashed else (-(2**62), START)
    for _, _, *values in rows_after(database, first):
        running = link(running, tuple(values))
    return user, running


def rehashed(rows: Iterable[Row], columns: Iterable[str]) -> Iterator[Row]:
    """Yield all rows of an audit log, oldest first, with new hashes for the old ones."""
    names = list(columns)
    places, place = [names.index(name) for name in COLUMNS], names.index("hash")
    running = START
    for row in rows:
        running = link(running, tuple(row[each] for each in places))
        stored = None if row[place] is None else running
        yield (*row[:place], stored, *row[place + 1 :])


def _name(values: list[object]) -> str:
    named = dict(zip(COLUMNS, values, strict=True))
    at = named["at"]
    moment = f"{at:%Y-%m-%d %H:%M:%S} UTC" if isinstance(at, datetime) else "unknown time"
    return f"{named['event']} of {moment}, {named['id']}"
