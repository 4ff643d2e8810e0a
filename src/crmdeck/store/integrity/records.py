"""Rows that are one record each: whether they can be read, and are there once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from crmdeck.model import FieldUsage
from crmdeck.store.audit import ENTRIES
from crmdeck.store.connections import VERSIONS
from crmdeck.store.database import Database, quote
from crmdeck.store.decisions import DECISIONS
from crmdeck.store.drift import EVENTS, STORIES
from crmdeck.store.integrity.flaws import (
    RESTORE,
    Examined,
    Flaw,
    delete,
    keep_one,
    number_of,
    why_unreadable,
)
from crmdeck.store.record_table import Table
from crmdeck.store.runs import FAILURES, QUOTAS, RUNS
from crmdeck.store.validators import Validators
from crmdeck.text import count

_CHUNK = 5_000
_WORDS = {
    "connection": "connections",
    "sync_run": "runs",
    "object_failure": "failures",
    "quota": "quotas",
    "drift_event": "drift events",
    "story": "stories",
    "decision": "decisions",
    "audit_entry": "audit entries",
}
_RECORDS: tuple[Table[Any], ...] = (
    VERSIONS,
    RUNS,
    FAILURES,
    QUOTAS,
    EVENTS,
    STORIES,
    DECISIONS,
    ENTRIES,
)


def examine_records(database: Database) -> Examined:
    """Look at every row that is one record, and at what has to be there once."""
    flaws: list[Flaw] = []
    total = 0
    for table in _RECORDS:
        rows, bad = _undecodable(database, table)
        total += rows
        if bad:
            flaws.append(_bad_rows(database, table.name, bad))
        if twice := _twice(database, table.name):
            flaws.append(
                Flaw(
                    f"{count(twice, 'row')} of the {_WORDS[table.name]} "
                    f"{'is' if twice == 1 else 'are'} there twice.",
                    mend=partial(keep_one, table.name, "seq"),
                )
            )
    usages = [
        (row[0], why_unreadable(partial(FieldUsage.model_validate_json, row[1])))
        for row in database.rows("SELECT seq, body FROM field_usage ORDER BY seq")
    ]
    if bad := {seq: why for seq, why in usages if why}:
        flaws.append(_bad_rows(database, "field_usage", bad))
    for (key,) in database.rows("SELECT DISTINCT connection_id FROM validators ORDER BY 1"):
        if why_unreadable(partial(Validators(database).get, key)):
            flaws.append(
                Flaw(
                    "What lets a source answer 'unchanged' can't be read.",
                    mend=partial(_forget_validators, key),
                )
            )
    return Examined(count(total + len(usages), "record"), tuple(flaws))


def _undecodable(database: Database, table: Table[Any]) -> tuple[int, dict[int, str]]:
    """Return the number of rows, and by `seq` why one can't be read."""
    total, last, bad = 0, -(2**62), {}
    while rows := database.rows(
        f"SELECT {table.selection}, seq FROM {quote(table.name)} WHERE seq > ? "
        "ORDER BY seq LIMIT ?",
        [last, _CHUNK],
    ):
        for row in rows:
            if why := why_unreadable(partial(table.decode, row[:-1])):
                bad[row[-1]] = why
        total += len(rows)
        last = rows[-1][-1]
    return total, bad


def _bad_rows(database: Database, table: str, bad: Mapping[int, str]) -> Flaw:
    words = _WORDS.get(table, "answers to where a field is used")
    found = f"{count(len(bad), 'row')} of the {words} can't be read: {next(iter(bad.values()))}"
    if table == "connection" and number_of(
        database,
        "SELECT count(*) FROM (SELECT DISTINCT id FROM connection "
        "WHERE seq IN (SELECT unnest(?::BIGINT[]))) AS lost WHERE id NOT IN (SELECT id "
        "FROM connection WHERE seq NOT IN (SELECT unnest(?::BIGINT[])))",
        [list(bad), list(bad)],
    ):
        return Flaw(
            found,
            lost="How that connection is reached; no older version of it is there.",
            remedy=RESTORE,
        )
    return Flaw(
        found,
        lost=f"What stood in {'it' if len(bad) == 1 else 'them'}.",
        mend=partial(_drop_rows, table, sorted(bad)),
    )


def _twice(database: Database, table: str) -> int:
    """Return how many rows have the number of another one."""
    return number_of(database, f"SELECT count(*) - count(DISTINCT seq) FROM {quote(table)}")


def _drop_rows(table: str, seqs: Sequence[int], database: Database) -> str:
    delete(database, table, "seq", seqs, "BIGINT")
    words = _WORDS.get(table, "answers to where a field is used")
    return f"{count(len(seqs), 'row')} of the {words} taken out; the backup has them"


def _forget_validators(connection_id: str, database: Database) -> str:
    database.run("DELETE FROM validators WHERE connection_id = ?", [connection_id])
    return "what let a source answer 'unchanged' forgotten; the next refresh reads in full"
