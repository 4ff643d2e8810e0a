"""Rows that are one record each: whether they can be read, and exist once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from crmdeck.model import FieldUsage
from crmdeck.model.delivery import DeliveryReading
from crmdeck.store.audit import ENTRIES
from crmdeck.store.connections import VERSIONS
from crmdeck.store.database import Database, quote
from crmdeck.store.decisions import DECISIONS
from crmdeck.store.drift import CHANGE_GROUPS, EVENTS
from crmdeck.store.integrity.damage import (
    RESTORE,
    Checked,
    Damage,
    delete,
    keep_one,
    number_of,
    why_unreadable,
)
from crmdeck.store.record_table import RecordTable
from crmdeck.store.runs import FAILURES, QUOTAS, RUNS
from crmdeck.store.sync_access import parse_access
from crmdeck.store.validators import Validators
from crmdeck.text import count

_AT_ONCE = 5_000
_BODIES: Mapping[str, Callable[[str], object]] = {
    "field_usage": FieldUsage.model_validate_json,
    "sync_access": parse_access,
    "delivery": DeliveryReading.model_validate_json,
}
_RECORDS: tuple[RecordTable[Any], ...] = (
    VERSIONS,
    RUNS,
    FAILURES,
    QUOTAS,
    EVENTS,
    CHANGE_GROUPS,
    DECISIONS,
    ENTRIES,
)


def check_records(database: Database) -> Checked:
    """Read every row that is one record, and find duplicates."""
    damage: list[Damage] = []
    total = 0
    for table in _RECORDS:
        rows, bad = _undecodable(database, table)
        total += rows
        if bad:
            damage.append(_bad_rows(database, table.name, bad))
        duplicates = number_of(
            database, f"SELECT count(*) - count(DISTINCT seq) FROM {quote(table.name)}"
        )
        if duplicates:
            damage.append(
                Damage(
                    f"{count(duplicates, 'duplicate row')} in {table.name}.",
                    repair=partial(keep_one, table.name, "seq"),
                )
            )
    for name, parse in _BODIES.items():
        bodies = database.rows(f"SELECT seq, body FROM {name} ORDER BY seq")
        total += len(bodies)
        whys = {seq: why_unreadable(partial(parse, body)) for seq, body in bodies}
        if bad := {seq: why for seq, why in whys.items() if why}:
            damage.append(_bad_rows(database, name, bad))
    for (key,) in database.rows("SELECT DISTINCT connection_id FROM validators ORDER BY 1"):
        if why_unreadable(partial(Validators(database).get, key)):
            damage.append(
                Damage(
                    "Can't read the markers for unchanged objects.",
                    repair=partial(_forget_validators, key),
                )
            )
    return Checked(count(total, "record"), tuple(damage))


def _undecodable(database: Database, table: RecordTable[Any]) -> tuple[int, dict[int, str]]:
    """Return the number of rows, and by `seq` why a row can't be read."""
    total, last, bad = 0, -(2**62), {}
    while rows := database.rows(
        f"SELECT {table.selection}, seq FROM {quote(table.name)} WHERE seq > ? "
        "ORDER BY seq LIMIT ?",
        [last, _AT_ONCE],
    ):
        for row in rows:
            if why := why_unreadable(partial(table.decode, row[:-1])):
                bad[row[-1]] = why
        total += len(rows)
        last = rows[-1][-1]
    return total, bad


def _bad_rows(database: Database, table: str, bad: Mapping[int, str]) -> Damage:
    found = f"{count(len(bad), 'unreadable row')} in {table}: {next(iter(bad.values()))}"
    # Without any version of a connection, its history would belong to nothing.
    if table == "connection" and number_of(
        database,
        "SELECT count(*) FROM (SELECT DISTINCT id FROM connection "
        "WHERE seq IN (SELECT unnest(?::BIGINT[]))) AS lost WHERE id NOT IN (SELECT id "
        "FROM connection WHERE seq NOT IN (SELECT unnest(?::BIGINT[])))",
        [list(bad), list(bad)],
    ):
        lost = "The connection's settings; no older version of them exists."
        return Damage(found, lost=lost, remedy=RESTORE)
    return Damage(
        found,
        lost=f"The contents of {'this row' if len(bad) == 1 else 'these rows'}.",
        remedy=RESTORE,
        repair=partial(_drop_rows, table, sorted(bad)),
    )


def _drop_rows(table: str, seqs: Sequence[int], database: Database) -> str:
    delete(database, table, "seq", seqs, "BIGINT")
    return f"removed {count(len(seqs), 'unreadable row')} of {table}; the backup has them"


def _forget_validators(connection_id: str, database: Database) -> str:
    database.run("DELETE FROM validators WHERE connection_id = ?", [connection_id])
    return "cleared the markers for unchanged objects; the next refresh reads in full"
