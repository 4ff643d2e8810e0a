"""Definitions of fields and objects, each compared with its SHA-256."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from crmdeck.model import Field
from crmdeck.store.database import Database, Row, quote
from crmdeck.store.definitions import FIELD_COLUMNS, OBJECT_COLUMNS, Definition, sha256
from crmdeck.store.integrity.damage import (
    RESTORE,
    Checked,
    Damage,
    delete,
    keep_one,
    named_few,
    number_of,
)
from crmdeck.store.refresh_record import THERE, UNREAD
from crmdeck.text import count

# Definitions that are in memory at a time, more or less.
_AT_ONCE = 20_000


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
    altered: set[str]
    counts: dict[str, tuple[int, int]]
    repeated: int


def check_definitions(database: Database) -> Checked:
    """Compare every definition with its SHA-256, and find missing and inconsistent ones."""
    fields = _check_fields(database)
    objects = _check_objects(database, fields.right)
    damage: list[Damage] = []
    if fields.altered:
        damage.append(
            Damage(
                f"{count(len(fields.altered), 'field definition')} of {fields.total:,} "
                f"{_do(fields.altered)} match the SHA-256: "
                f"{named_few(fields.altered.values())}.",
                repair=partial(_remove_altered_fields, sorted(fields.altered)),
            )
        )
    if fields.columns:
        damage.append(
            Damage(
                f"{count(len(fields.columns), 'field definition')} {_do(fields.columns)} match "
                "the columns shown in lists.",
                repair=partial(_write_columns, fields.columns),
            )
        )
    for table, key, number in (
        ("field_definition", "field_hash", fields.repeated),
        ("object_definition", "content_hash", objects.repeated),
    ):
        if number:
            damage.append(
                Damage(
                    f"{count(number, 'duplicate row')} in {table}.",
                    repair=partial(keep_one, table, key),
                )
            )
    if objects.counts:
        damage.append(
            Damage(
                f"{count(len(objects.counts), 'object definition')} with a wrong field count.",
                repair=partial(_write_counts, objects.counts),
            )
        )
    if objects.broken:
        damage.append(_broken_objects(database, objects))
    checked = (
        f"{count(fields.total, 'field definition')} and "
        f"{count(objects.total, 'object definition')} compared with their SHA-256"
    )
    if unused := len(fields.right - objects.used):
        checked += f"; {unused:,} unused"
    return Checked(checked, tuple(damage))


def _do(several: Collection[object]) -> str:
    return "doesn't" if len(several) == 1 else "don't"


def _check_fields(database: Database) -> _Fields:
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
                if (expected := _columns_of(key, body)) != row:
                    columns[key] = expected
    return _Fields(total, right, altered, columns, repeated)


def _check_objects(database: Database, fields: Collection[str]) -> _Objects:
    custom = {
        key for (key,) in database.rows("SELECT field_hash FROM field_definition WHERE custom")
    }
    used: set[str] = set()
    right: set[str] = set()
    broken: set[str] = set()
    altered: set[str] = set()
    counts: dict[str, tuple[int, int]] = {}
    total = repeated = 0
    for rows in _parts(database, "object_definition", OBJECT_COLUMNS):
        lists = _field_lists(database, [row[0] for row in rows])
        for row in rows:
            total += 1
            named = dict(zip(OBJECT_COLUMNS, row, strict=True))
            key = named["content_hash"]
            listed = lists.get(key, [])
            face = Definition(named["label"], named["custom"], named["native"], named["body"])
            used.update(listed)
            if face.hash(listed) != key:
                altered.add(key)
            elif not all(each in fields for each in listed):
                broken.add(key)
            elif key in right:
                repeated += 1
            else:
                right.add(key)
                expected = (len(listed), sum(each in custom for each in listed))
                if expected != (named["field_count"], named["custom_field_count"]):
                    counts[key] = expected
    # A list of fields without its object keeps a refresh from writing the object again.
    altered |= {
        key
        for (key,) in database.rows(
            "SELECT DISTINCT content_hash FROM object_field "
            "WHERE content_hash NOT IN (SELECT content_hash FROM object_definition)"
        )
    }
    known = {key for (key,) in database.rows("SELECT DISTINCT content_hash FROM object_state")}
    return _Objects(total, used, (broken | altered | known) - right, altered, counts, repeated)


def _parts(database: Database, table: str, columns: Sequence[str]) -> Iterator[list[Row]]:
    """Yield a table by the first digits of its hashes, so that little is in memory at a time."""
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


def _field_lists(database: Database, contents: Sequence[str]) -> dict[str, list[str]]:
    """Return the hashes of the fields of each object, in their order."""
    lists: dict[str, list[str]] = {}
    for content, key in database.rows(
        "SELECT content_hash, field_hash FROM object_field "
        "WHERE content_hash IN (SELECT unnest(?::VARCHAR[])) ORDER BY content_hash, position",
        [list(contents)],
    ):
        lists.setdefault(content, []).append(key)
    return lists


def _columns_of(key: str, body: str) -> Row:
    """Return the row of a field as its definition has it, with defaults for what is absent."""
    stored = json.loads(body)

    def of(attribute: str) -> object:
        field = Field.model_fields[attribute]
        return stored.get(field.alias or attribute, field.get_default())

    return (key, *map(of, FIELD_COLUMNS[1:-2]), ", ".join(stored.get("references", ())), body)


def _broken_objects(database: Database, objects: _Objects) -> Damage:
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
        if content in objects.broken:
            kind = now if latest and state in (THERE, UNREAD) else past
            kind[names.get(connection) or str(connection)].append(name)
    lost = [f"The current schema of {who}: {named_few(listed)}." for who, listed in now.items()]
    lost += [f"A past schema of {who}: {named_few(listed)}." for who, listed in past.items()]
    refreshes = ", then ".join(f"crmdeck refresh {who}" for who in now)
    number = len(objects.broken)
    return Damage(
        f"{count(number, 'object definition')} {'is' if number == 1 else 'are'} missing, "
        "incomplete, or altered.",
        lost=" ".join(lost) or None,
        remedy=f"Read the current schema from the CRM: {refreshes}" if now else RESTORE,
        repair=partial(_remove_altered_objects, sorted(objects.altered))
        if objects.altered
        else None,
    )


def _remove_altered_fields(keys: Sequence[str], database: Database) -> str:
    # Only the CRM has a text that matches the SHA-256: the next refresh writes it.
    delete(database, "field_definition", "field_hash", keys)
    return f"removed {count(len(keys), 'altered field definition')}"


def _write_columns(columns: Mapping[str, Row], database: Database) -> str:
    delete(database, "field_definition", "field_hash", list(columns))
    database.insert("field_definition", FIELD_COLUMNS, list(columns.values()))
    return f"recomputed the columns of {count(len(columns), 'field definition')}"


def _write_counts(counts: Mapping[str, tuple[int, int]], database: Database) -> str:
    for content, (fields, custom) in counts.items():
        database.run(
            "UPDATE object_definition SET field_count = ?, custom_field_count = ? "
            "WHERE content_hash = ?",
            [fields, custom, content],
        )
    return f"recomputed the field counts of {count(len(counts), 'object definition')}"


def _remove_altered_objects(contents: Sequence[str], database: Database) -> str:
    delete(database, "object_definition", "content_hash", contents)
    delete(database, "object_field", "content_hash", contents)
    return f"removed {count(len(contents), 'altered object definition')}"
