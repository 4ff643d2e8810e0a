"""What brings a lost definition back: old copies and neighbors, where the SHA-256 proves it.

An object type differs little from what it was before and what it became, so what is lost of one
is tried with what the others have.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from crmdeck.model import Field
from crmdeck.store.database import Database, Row
from crmdeck.store.definitions import (
    FIELD_COLUMNS,
    OBJECT_COLUMNS,
    ORDER_COLUMNS,
    Definition,
    Definitions,
    sha256,
)
from crmdeck.store.integrity.flaws import delete, number_of

# Lists that are tried for all objects together; one takes up to a tenth of a millisecond.
_MOST_TRIES = 50_000


@dataclass(frozen=True)
class Proof:
    """A face and a list of fields that have the hash, and the bodies of fields from elsewhere."""

    face: Definition
    fields: tuple[str, ...]
    bodies: Mapping[str, str]


def find_proofs(
    database: Database,
    copies: Sequence[Database],
    broken: Collection[str],
    right: Collection[str],
    unused: Collection[str],
) -> dict[str, Proof]:
    """Return by content hash what the objects in `broken` were, as far as it can be proven.

    `right` has the hashes of the fields that are there, `unused` of those that are in no list;
    `copies` are older logs of the same.
    """
    bodies: dict[str, str] = {}
    for copy in copies:
        bodies |= _bodies(database, copy, broken, right)
    there = {*right, *bodies}
    proofs = {}
    tries = _Tries(_MOST_TRIES)
    for content in sorted(broken):
        near = [content, *_neighbors(database, content)]
        sources = [database, *copies]
        faces = list(dict.fromkeys(face for each in sources for _, face in _faces(each, near)))
        lists = [fields for each in sources for fields in field_lists(each, near).values()]
        for fields in _candidates(lists, sorted(unused), tries):
            face = next((face for face in faces if face.hash(fields) == content), None)
            if face is not None:
                if there.issuperset(fields):
                    missing = {key: bodies[key] for key in fields if key not in right}
                    proofs[content] = Proof(face, tuple(fields), missing)
                break
    return proofs


def put_object(database: Database, content: str, proof: Proof) -> None:
    """Write an object definition anew, with its list and the fields that were missing."""
    delete(database, "field_definition", "field_hash", list(proof.bodies))
    rows = [columns_of(key, body) for key, body in proof.bodies.items()]
    database.insert("field_definition", FIELD_COLUMNS, rows)
    delete(database, "object_definition", "content_hash", [content])
    delete(database, "object_field", "content_hash", [content])
    row = Definitions(database).row(content, proof.face, proof.fields)
    database.insert("object_definition", OBJECT_COLUMNS, [row])
    places = [(content, place, key) for place, key in enumerate(proof.fields)]
    database.insert("object_field", ORDER_COLUMNS, places)


def wrong_objects(database: Database, contents: Collection[str]) -> Set[str]:
    """Return which have a face or a list of fields, and not those of their hash."""
    listed = sorted(contents)
    lists = field_lists(database, listed)
    faces = dict(_faces(database, listed))
    return {
        content
        for content in lists.keys() | faces.keys()
        if content not in faces or faces[content].hash(lists.get(content, ())) != content
    }


def field_lists(database: Database, contents: Sequence[str]) -> dict[str, list[str]]:
    """Return the hashes of the fields of each object, in their order."""
    lists: dict[str, list[str]] = {}
    for content, key in database.rows(
        "SELECT content_hash, field_hash FROM object_field "
        "WHERE content_hash IN (SELECT unnest(?::VARCHAR[])) ORDER BY content_hash, position",
        [list(contents)],
    ):
        lists.setdefault(content, []).append(key)
    return lists


def columns_of(key: str, body: str) -> Row:
    """Return the row of a field as its definition has it, defaults where it is silent."""
    told = json.loads(body)

    def of(attribute: str) -> object:
        field = Field.model_fields[attribute]
        return told.get(field.alias or attribute, field.get_default())

    return (
        key,
        of("name"),
        of("label"),
        of("type"),
        of("native_type"),
        of("required"),
        of("unique"),
        of("custom"),
        of("calculated"),
        ", ".join(told.get("references", ())),
        body,
    )


def _bodies(
    database: Database, copy: Database, contents: Collection[str], right: Collection[str]
) -> dict[str, str]:
    """Return the fields of these objects that are right in the copy, and not here."""
    keys = {
        key
        for each in (database, copy)
        for fields in field_lists(each, sorted(contents)).values()
        for key in fields
        if key not in right
    }
    rows = copy.rows(
        "SELECT DISTINCT field_hash, body FROM field_definition "
        "WHERE field_hash IN (SELECT unnest(?::VARCHAR[]))",
        [sorted(keys)],
    )
    return {key: body for key, body in rows if sha256(body) == key}


def _faces(database: Database, contents: Sequence[str]) -> list[tuple[str, Definition]]:
    return [
        (content, Definition(*row))
        for content, *row in database.rows(
            f"SELECT content_hash, label, custom, native, {_body_of(database)} "
            "FROM object_definition WHERE content_hash IN (SELECT unnest(?::VARCHAR[])) "
            "ORDER BY content_hash",
            [list(contents)],
        )
    ]


def _body_of(database: Database) -> str:
    """Return what selects the body of an object definition; old copies have none."""
    there = number_of(
        database,
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'object_definition' "
        "AND column_name = 'body'",
    )
    return "body" if there else "NULL"


def _neighbors(database: Database, content: str) -> list[str]:
    return [
        key
        for (key,) in database.rows(
            "SELECT DISTINCT near.content_hash FROM object_state AS near JOIN object_state AS own "
            "USING (connection_id, object_type) "
            "WHERE own.content_hash = ? AND near.content_hash <> ? ORDER BY 1",
            [content, content],
        )
    ]


class _Tries:
    """How many lists may still be tried."""

    def __init__(self, left: int) -> None:
        self.left = left


def _candidates(
    lists: Sequence[Sequence[str]], unused: Sequence[str], tries: _Tries
) -> Iterator[list[str]]:
    """Yield the lists, and then each with one field fewer, more, or another one."""
    once = list(dict.fromkeys(map(tuple, lists)))
    for fields in once:
        yield list(fields)
    known = list(dict.fromkeys([*unused, *(key for fields in once for key in fields)]))
    for fields in once:
        for place in range(len(fields) + 1):
            yield [*fields[:place], *fields[place + 1 :]]
            for key in known:
                tries.left -= 2
                if tries.left < 0:
                    return
                yield [*fields[:place], key, *fields[place:]]
                yield [*fields[:place], key, *fields[place + 1 :]]
