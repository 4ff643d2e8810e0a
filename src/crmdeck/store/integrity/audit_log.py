"""Whether the audit log is complete and unchanged."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

from crmdeck.store.chain import (
    COLUMNS,
    NO_NUMBER,
    ROWS,
    START,
    Chain,
    entry_name,
    row_digests,
    rows_after,
    walk,
)
from crmdeck.store.database import Database, quote
from crmdeck.store.integrity.damage import RESTORE, Checked, Damage, number_of
from crmdeck.text import count

_COMPLETE_SINCE = (
    "SELECT coalesce(max(seq), 0) FROM audit_entry "
    f"WHERE event = 'cache.repaired' AND seq < {NO_NUMBER}"
)


def check_audit_log(database: Database, kept: str | None = None) -> Checked:
    """Find an emptied or changed audit log, rows that differ from it, and missing numbers.

    `kept` is a hash of the chain that was kept elsewhere. A repair writes an entry of its own.
    Only what is newer counts, so that it settles them.
    """
    # Before the first row.
    chain = walk(rows_after(database, -(2**62)), kept)
    checked = count(chain.entries, "entry", "entries")
    damage = [*_foreign_entries(database), *_chain_damage(chain, kept)]
    if not chain.entries:
        if number_of(database, "SELECT count(*) FROM connection"):
            lost = "Who did what, and when."
            damage.append(
                Damage("The audit log is empty.", lost=lost, remedy=RESTORE, repair=_note)
            )
        return Checked(checked, tuple(damage))
    since = number_of(database, _COMPLETE_SINCE)
    if number := _decisions_without_entry(database, since):
        damage.append(
            Damage(
                f"{count(number, 'decision')} without an audit entry.",
                lost="Who decided, and when: the entry was deleted outside crmdeck.",
                remedy=RESTORE,
                repair=_note,
            )
        )
    damage += _row_damage(database, since)
    if number := _missing_numbers(database, since):
        damage.append(
            Damage(
                f"{count(number, 'missing number')} in the history.",
                lost="Rows that were deleted outside crmdeck, or that a failed write rolled back.",
                remedy=RESTORE,
                repair=_note,
            )
        )
    return Checked(checked, tuple(damage), chain.head)


def _foreign_entries(database: Database) -> Iterator[Damage]:
    rows = database.rows(
        f"SELECT seq, {', '.join(map(quote, COLUMNS))} FROM audit_entry WHERE seq >= {NO_NUMBER}"
    )
    for seq, *values in rows:
        name = entry_name(values)

        def remove(database: Database, seq: int = seq, name: str = name) -> str:
            database.run("DELETE FROM audit_entry WHERE seq = ?", [seq])
            return f"removed the audit entry that crmdeck didn't write: {name}"

        yield Damage(
            f"The audit log has an entry with the number {seq:,}, which crmdeck never writes: "
            f"{name}.",
            repair=remove,
        )


def _chain_damage(chain: Chain, kept: str | None) -> Iterator[Damage]:
    if kept is not None and chain.kept is None and kept != START:
        yield Damage(
            f"The audit log doesn't contain the head {kept}. Its last entry is {chain.last}.",
            lost="Entries up to that head: deleted from the end, or rewritten.",
            remedy=RESTORE,
        )
    # A repair settles what it noted, but not for a head that was kept before the repair.
    before = chain.kept if chain.kept is not None and chain.kept < chain.repaired else -1
    broken = [each for each in chain.breaks if each.seq > chain.repaired or each.seq <= before]
    if broken:
        yield Damage(
            f"The audit log was changed outside crmdeck. The first entry that doesn't match its "
            f"hash: {broken[0].name}.",
            lost="What the log recorded there: an entry was edited, moved, added or deleted"
            f"{f', and {len(broken) - 1:,} later ones' if broken[1:] else ''}.",
            remedy=RESTORE,
            repair=_note if broken[-1].seq > chain.repaired else None,
        )


def _note(_: Database) -> str:
    return "noted what was deleted outside crmdeck; nothing can replace it"


def _row_damage(database: Database, since: int) -> Iterator[Damage]:
    entries = database.rows("SELECT seq, details, event, id FROM audit_entry ORDER BY seq")
    actual = row_digests(database, -(2**62), [seq for seq, *_ in entries])
    wrong: defaultdict[str, list[str]] = defaultdict(list)
    for place, (seq, details, event, key) in enumerate(entries):
        stated: dict[str, str] = {}
        # `check_records` reports entries that can't be read.
        with suppress(ValueError, TypeError, AttributeError, RecursionError):
            stated = dict(json.loads(details).get(ROWS) or {})
        found = actual.get(place, {})
        for table in sorted(stated.keys() | found.keys()) if seq > since else ():
            if stated.get(table) != found.get(table):
                wrong[table].append(f"{event}, {key}")
    for table, places in wrong.items():
        yield Damage(
            f"{table} has rows that don't match the audit log. The first entry: {places[0]}.",
            lost=f"What crmdeck wrote there: rows of {count(len(places), 'write')} were edited, "
            "added or deleted.",
            remedy=RESTORE,
            repair=_note,
        )


def _decisions_without_entry(database: Database, since: int) -> int:
    # PartnerOS keeps the log of its own connections, in which entries name no decision.
    decided = database.rows(
        "SELECT id FROM decision WHERE seq > ? AND connection_id NOT IN "
        "(SELECT id FROM connection WHERE source = 'partneros')",
        [since],
    )
    if not decided:
        return 0
    logged = set()
    for (details,) in database.rows(
        "SELECT details FROM audit_entry WHERE starts_with(event, 'mapping.')"
    ):
        # `check_records` reports entries that can't be read.
        with suppress(ValueError, TypeError, AttributeError, RecursionError):
            logged.add(json.loads(details).get("decision"))
    return sum(key not in logged for (key,) in decided)


def _missing_numbers(database: Database, since: int) -> int:
    """Return the count of numbers after `since` that no row has.

    PostgreSQL also gives out numbers to writes that fail, so there they prove nothing.
    """
    if str(database.rows("SELECT version()")[0][0]).startswith("PostgreSQL"):
        return 0
    tables = database.rows(
        "SELECT table_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND column_name = 'seq'"
    )
    every = " UNION ".join(f"SELECT seq FROM {quote(name)}" for (name,) in tables)
    return number_of(
        database,
        f"SELECT coalesce(max(seq) - min(seq) + 1 - count(*), 0) FROM ({every}) AS every "
        "WHERE seq >= ?",
        [since],
    )
