"""Definitions of fields and objects, each held against its SHA-256."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from crmdeck.store.database import Database, Row, quote
from crmdeck.store.definitions import FIELD_COLUMNS, OBJECT_COLUMNS, Definition, sha256
from crmdeck.store.integrity.flaws import (
    RESTORE,
    Examined,
    Flaw,
    delete,
    is_or_are,
    keep_one,
    named_few,
    number_of,
)
from crmdeck.store.integrity.recovery import (
    Proof,
    columns_of,
    field_lists,
    find_proofs,
    put_object,
    wrong_objects,
)
from crmdeck.store.refresh_record import THERE, UNREAD
from crmdeck.text import count

# Definitions that are held at a time, more or less.
_AT_ONCE = 20_000


def examine_definitions(database: Database, copies: Sequence[Database]) -> Examined:
    """Hold every definition against its SHA-256, and find what is missing or said otherwise."""
    held = _hold_fields(database)
    contents = _hold_objects(database, held.right)
    flaws: list[Flaw] = []
    if held.altered:
        flaws.append(
            Flaw(
                f"{count(len(held.altered), 'field definition')} of {held.total:,} "
                f"{is_or_are(held.altered)} not what the SHA-256 says: "
                f"{named_few(held.altered.values())}.",
                mend=partial(_drop_altered_fields, sorted(held.altered)),
            )
        )
    if held.columns:
        flaws.append(
            Flaw(
                f"{count(len(held.columns), 'field definition')} {is_or_are(held.columns)} not "
                "shown as defined.",
                mend=partial(_write_columns, held.columns),
            )
        )
    if held.repeated:
        flaws.append(
            Flaw(
                f"{count(held.repeated, 'field definition')} too many: the same twice.",
                mend=partial(keep_one, "field_definition", "field_hash"),
            )
        )
    if contents.repeated:
        flaws.append(
            Flaw(
                f"{count(contents.repeated, 'object definition')} too many: the same twice.",
                mend=partial(keep_one, "object_definition", "content_hash"),
            )
        )
    if contents.counts:
        flaws.append(
            Flaw(
                f"{count(len(contents.counts), 'object definition')} {is_or_are(contents.counts)} "
                "counted wrong.",
                mend=partial(_write_counts, contents.counts),
            )
        )
    if contents.broken:
        flaws.append(_lost_objects(database, copies, contents.broken, held.right, contents.used))
    unused = len(held.right - contents.used)
    looked_at = (
        f"{count(held.total, 'field definition')} and "
        f"{count(contents.total, 'object definition')} held against their SHA-256"
    )
    if unused:
        looked_at += f"; {unused:,} that no object has"
    return Examined(looked_at, tuple(flaws))


@dataclass(frozen=True)
class _Fields:
    total: int
    right: set[str]
    altered: dict[str, str]
    columns: dict[str, Row]
    repeated: int


@dataclass(frozen=True)
class _Objects:
    total: int
    used: set[str]
    broken: set[str]
    counts: dict[str, tuple[int, int]]
    repeated: int


def _hold_fields(database: Database) -> _Fields:
    right: set[str] = set()
    altered: dict[str, str] = {}
    columns: dict[str, Row] = {}
    total = repeated = 0
    for rows in _parts(database, "field_definition", FIELD_COLUMNS):
        for row in rows:
            total += 1
            key, body = row[0], row[-1]
            if sha256(body) != key:
                altered[key] = row[1]
            elif key in right:
                repeated += 1
            else:
                right.add(key)
                if (meant := columns_of(key, body)) != row:
                    columns[key] = meant
    return _Fields(total, right, altered, columns, repeated)


def _hold_objects(database: Database, fields: Collection[str]) -> _Objects:
    custom = {
        key for (key,) in database.rows("SELECT field_hash FROM field_definition WHERE custom")
    }
    used: set[str] = set()
    right: set[str] = set()
    broken: set[str] = set()
    counts: dict[str, tuple[int, int]] = {}
    total = repeated = 0
    for rows in _parts(database, "object_definition", OBJECT_COLUMNS):
        lists = field_lists(database, [row[0] for row in rows])
        for row in rows:
            total += 1
            named = dict(zip(OBJECT_COLUMNS, row, strict=True))
            key = named["content_hash"]
            listed = lists.get(key, [])
            face = Definition(named["label"], named["custom"], named["native"], named["body"])
            used.update(listed)
            if face.hash(listed) != key or not all(each in fields for each in listed):
                broken.add(key)
            elif key in right:
                repeated += 1
            else:
                right.add(key)
                meant = (len(listed), sum(each in custom for each in listed))
                if meant != (named["field_count"], named["custom_field_count"]):
                    counts[key] = meant
    known = {key for (key,) in database.rows("SELECT DISTINCT content_hash FROM object_state")}
    return _Objects(total, used, (broken | known) - right, counts, repeated)


def _parts(database: Database, table: str, columns: Sequence[str]) -> Iterator[list[Row]]:
    """Yield a table by the first digits of its hashes, so that little is held at a time."""
    key = columns[0]
    names = ", ".join(map(quote, columns))
    digits = len(f"{number_of(database, f'SELECT count(*) FROM {table}') // _AT_ONCE:x}") - 1
    beginnings = database.rows(
        f"SELECT DISTINCT substr({key}, 1, ?::INTEGER) FROM {table} ORDER BY 1", [digits]
    )
    for (beginning,) in beginnings:
        yield database.rows(
            f"SELECT {names} FROM {table} WHERE starts_with({key}, ?) ORDER BY {key}", [beginning]
        )


def _lost_objects(
    database: Database,
    copies: Sequence[Database],
    broken: Collection[str],
    right: set[str],
    used: set[str],
) -> Flaw:
    names: dict[str, str] = dict(
        database.rows("SELECT DISTINCT ON (id) id, name FROM connection ORDER BY id, seq DESC")
    )
    now: defaultdict[str, list[str]] = defaultdict(list)
    past: defaultdict[str, list[str]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for connection, name, content, state in database.rows(
        "SELECT connection_id, object_type, content_hash, state FROM object_state "
        "ORDER BY connection_id, object_type, refresh DESC"
    ):
        latest = (connection, name) not in seen
        seen.add((connection, name))
        if content in broken:
            kind = now if latest and state in (THERE, UNREAD) else past
            kind[names.get(connection) or str(connection)].append(name)
    proofs = find_proofs(database, copies, broken, right, right - used)
    wrong = sorted(wrong_objects(database, broken) - proofs.keys())
    told = [f"{who}: {named_few(objects)} as now" for who, objects in now.items()]
    told += [f"{who}: {named_few(objects)} as in the past" for who, objects in past.items()]
    refreshes = ", then ".join(f"crmdeck refresh {who}" for who in now)
    return Flaw(
        f"{count(len(broken), 'object definition')} {is_or_are(broken)} missing, not whole, or not "
        "what the SHA-256 says.",
        lost=f"The schema of {'; '.join(told)}." if told else None,
        remedy=f"Read what the CRM has now: {refreshes}" if now else RESTORE,
        mend=partial(_bring_back, proofs, wrong) if proofs or wrong else None,
    )


def _drop_altered_fields(keys: Sequence[str], database: Database) -> str:
    altered = [
        key
        for key, body in database.rows(
            "SELECT field_hash, body FROM field_definition "
            "WHERE field_hash IN (SELECT unnest(?::VARCHAR[]))",
            [list(keys)],
        )
        if sha256(body) != key
    ]
    delete(database, "field_definition", "field_hash", altered)
    return (
        f"{count(len(altered), 'altered field definition')} taken out, so that a true one can come"
    )


def _write_columns(columns: Mapping[str, Row], database: Database) -> str:
    delete(database, "field_definition", "field_hash", list(columns))
    database.insert("field_definition", FIELD_COLUMNS, list(columns.values()))
    return f"{count(len(columns), 'field definition')} shown as defined again"


def _write_counts(counts: Mapping[str, tuple[int, int]], database: Database) -> str:
    for content, (fields, custom) in counts.items():
        database.run(
            "UPDATE object_definition SET field_count = ?, custom_field_count = ? "
            "WHERE content_hash = ?",
            [fields, custom, content],
        )
    return f"{count(len(counts), 'object definition')} counted again"


def _bring_back(proofs: Mapping[str, Proof], wrong: Sequence[str], database: Database) -> str:
    """Put what is proven, and take out what no hash proves, so that a refresh puts it anew."""
    for content, proof in proofs.items():
        put_object(database, content, proof)
    delete(database, "object_definition", "content_hash", wrong)
    delete(database, "object_field", "content_hash", wrong)
    told = [
        f"{count(len(proofs), 'object definition')} brought back, proven by SHA-256" * bool(proofs),
        f"{count(len(wrong), 'altered object definition')} taken out, so that a true one can come"
        * bool(wrong),
    ]
    return "; ".join(filter(None, told))
