"""Definitions by content: an unchanged field or object is stored once."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from pydantic import ValidationError

from crmdeck.model import Field, ObjectSchema
from crmdeck.model.hashes import (
    canonical_dump,
    canonical_json,
    definition_json,
    lines_hash,
    object_hash,
    rules_hash,
    schema_hash,
    structural_hash,
)
from crmdeck.store.database import Database, Row

FIELD_COLUMNS = (
    "field_hash",
    "name",
    "label",
    "type",
    "native_type",
    "required",
    "unique",
    "custom",
    "calculated",
    "references",
    "body",
)
OBJECT_COLUMNS = (
    "content_hash",
    "label",
    "custom",
    "field_count",
    "custom_field_count",
    "schema_hash",
    "structural_hash",
    "object_hash",
    "rules_hash",
    "native",
    "body",
)
# An object definition has changed if one of these differs.
FACE = ("schema_hash", "label", "custom", "object_hash", "rules_hash")
_DEFINITION = ("field_count", "custom_field_count", *FACE)
_NOT_IN_BODY = {"object_type", "label", "custom", "fields", "native"}
# Object definitions, with the number of their fields that exist.
_COUNTED = """
    object_definition LEFT JOIN (
        SELECT content_hash, count(*) AS fields
        FROM object_field JOIN field_definition USING (field_hash)
        WHERE {which}
        GROUP BY content_hash
    ) AS found USING (content_hash)"""
ORDER_COLUMNS = ("content_hash", "position", "field_hash")
# Object types, and fields, that are unpacked and written by one statement.
_OBJECTS_AT_ONCE = 500
_FIELDS_AT_ONCE = 2_000
_PARSED_AT_ONCE = 10_000
_CHUNK = 1024 * 1024
T = TypeVar("T")
# The snapshots of an object have most of their fields in common.
_in_use: WeakValueDictionary[str, Field] = WeakValueDictionary()


@dataclass(frozen=True)
class ObjectDefinition:
    """An object type by content; `face` is what is compared to find a change."""

    content_hash: str
    field_count: int
    custom_field_count: int
    face: tuple[object, ...]

    @property
    def named(self) -> dict[str, object]:
        return dict(zip(FACE, self.face, strict=True))

    def differs(self, other: ObjectDefinition) -> bool:
        """True if the faces differ. An attribute that one of them never checked doesn't count."""
        pairs = zip(self.face, other.face, strict=True)
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)


@dataclass(frozen=True)
class Definition:
    """What an object definition contains in addition to its fields, as JSON; None in old rows."""

    label: str
    custom: bool | None
    native: str
    body: str | None

    def hash(self, fields: Sequence[str]) -> str:
        """Return the SHA-256 that it is stored under, together with the hashes of its fields."""
        return content_hash(self.label, self.custom, fields, self.native, self.body)


@dataclass(frozen=True)
class PackedSchema:
    """An object type as the cache stores it, in a fiftieth of the memory of its model.

    The response of a large org has ten thousand of them.
    """

    object_type: str
    definition: ObjectDefinition
    row: Row
    packed: bytes

    def schema(self) -> ObjectSchema:
        """Return the object type before it was packed."""
        parsed = tuple(_shared(field[0], field[-1]) for field in self.field_rows())
        return self._summary().model_copy(
            update={"object_type": self.object_type, "fields": parsed}
        )

    def field_rows(self) -> Iterator[Row]:
        """Yield the rows of the fields, in their order."""
        decompressor = zlib.decompressobj()
        packed, rest = self.packed, b""
        while packed:
            rest += decompressor.decompress(packed, _CHUNK)
            packed = decompressor.unconsumed_tail
            *lines, rest = (rest if packed else rest + decompressor.flush()).split(b"\n")
            for line in lines:
                yield tuple(json.loads(line))

    def with_face(
        self, change: Callable[[ObjectSchema, Sequence[str]], ObjectSchema]
    ) -> PackedSchema:
        """Return the object type with what `change` makes of it without its fields.

        `change` also gets the names of the fields, which stay packed: models of all their values
        would need most of the memory of a refresh.
        """
        fields = [field[:2] for field in self.field_rows()]
        face = change(self._summary(), [name for _, name in fields])
        native, body = canonical_dump(face.native), _body(face)
        keys = [key for key, _ in fields]
        named = dict(zip(OBJECT_COLUMNS, self.row, strict=True)) | {
            "content_hash": content_hash(face.label, face.custom, keys, native, body),
            "label": face.label,
            "custom": face.custom,
            "object_hash": object_hash(face),
            "rules_hash": rules_hash(face),
            "native": native,
            "body": body,
        }
        return replace(self, definition=_defined(named), row=tuple(named.values()))

    def _summary(self) -> ObjectSchema:
        named = dict(zip(OBJECT_COLUMNS, self.row, strict=True))
        return summary_of(named["label"], named["custom"], named["body"], named["native"])


class SchemaPacker:
    """Packs object types. A field that many share is put into its canonical form once."""

    _REMEMBERED = 16_384
    _LONGEST = 16_384

    def __init__(self) -> None:
        self._canonical: dict[tuple[str, bool], str] = {}

    def pack(self, schema: ObjectSchema) -> PackedSchema:
        # One field at a time: one can have 100,000 values.
        compressor = zlib.compressobj(1)
        packed = bytearray()
        keys: list[str] = []
        for field in schema.fields:
            body = definition_json(field)
            key = sha256(body)
            keys.append(key)
            line = json.dumps(_field_row(key, field, body)).encode()
            packed += compressor.compress(line + b"\n")
        packed += compressor.flush()
        row = _object_row(
            schema,
            keys,
            lines_hash(map(partial(self._form, False), keys, schema.fields)),
            lines_hash(map(partial(self._form, True), keys, schema.fields)),
        )
        return PackedSchema(
            object_type=schema.object_type,
            definition=_defined(dict(zip(OBJECT_COLUMNS, row, strict=True))),
            row=row,
            packed=bytes(packed),
        )

    def forget(self) -> None:
        """Forget the canonical forms, once everything is packed."""
        self._canonical.clear()

    def _form(self, structural: bool, key: str, field: Field) -> str:
        """Return the part of a field that counts for the structural or the schema hash."""
        form = self._canonical.get((key, structural))
        if form is None:
            form = canonical_json(field, structural=structural)
            if len(self._canonical) == self._REMEMBERED:
                self._canonical.clear()
            if len(form) <= self._LONGEST:
                self._canonical[key, structural] = form
        return form


class Definitions:
    """Field and object definitions of all connections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, schemas: Sequence[PackedSchema]) -> int:
        """Store the new definitions in `schemas`; return the number of new fields."""
        contents = [schema.definition.content_hash for schema in schemas]
        known = self.having(contents).keys()
        # A lost part of a known definition comes back with a response that contains it.
        lacking = self.incomplete(contents)
        placed = set(self._having("object_field", "content_hash", list(lacking), "position"))
        wanted = {schema.definition.content_hash: schema for schema in schemas}
        new = 0
        for batch in _batches([wanted[content] for content in lacking], _OBJECTS_AT_ONCE):
            fields: dict[str, Row] = {}
            object_rows: list[Row] = []
            order_rows: list[Row] = []
            for schema in batch:
                content = schema.definition.content_hash
                if content not in known:
                    object_rows.append(schema.row)
                for position, field in enumerate(schema.field_rows()):
                    fields[field[0]] = field
                    if (content, position) not in placed:
                        order_rows.append((content, position, field[0]))
                    if len(fields) == _FIELDS_AT_ONCE:
                        new += self._put_fields(fields)
                        fields.clear()
            new += self._put_fields(fields)
            self._database.insert("object_definition", OBJECT_COLUMNS, object_rows)
            self._database.insert("object_field", ORDER_COLUMNS, order_rows)
        return new

    def having(self, content_hashes: Sequence[str]) -> dict[str, ObjectDefinition]:
        return {
            row[0]: _definition(row)
            for row in self._having(
                "object_definition", "content_hash", content_hashes, ", ".join(_DEFINITION)
            )
        }

    def incomplete(self, content_hashes: Iterable[str]) -> set[str]:
        """Return the hashes that lack their definition, or some of their fields."""
        wanted = list(dict.fromkeys(content_hashes))
        these = "content_hash IN (SELECT unnest(?::VARCHAR[]))"
        rows = self._database.rows(
            "SELECT wanted.content_hash FROM ("
            "SELECT unnest(?::VARCHAR[]) AS content_hash) AS wanted "
            f"LEFT JOIN (SELECT content_hash FROM {_COUNTED.format(which=these)} "
            f"WHERE {these} AND field_count = coalesce(fields, 0)) AS whole USING (content_hash) "
            "WHERE whole.content_hash IS NULL",
            [wanted, wanted, wanted],
        )
        return {content for (content,) in rows}

    def lacking(self, connection_id: str | None = None) -> list[str]:
        """Return the hashes of definitions that are missing or lack some of their fields.

        Those of one connection, by default all.
        """
        mine, which, keys = "true", "true", []
        if connection_id is not None:
            mine, keys = "connection_id = ?", [connection_id]
            which = f"content_hash IN (SELECT content_hash FROM object_state WHERE {mine})"
        rows = self._database.rows(
            f"SELECT content_hash FROM {_COUNTED.format(which=which)} "
            f"WHERE {which} AND field_count <> coalesce(fields, 0) "
            f"UNION SELECT content_hash FROM object_state WHERE {mine} AND NOT EXISTS (SELECT 1 "
            "FROM object_definition AS known WHERE known.content_hash = object_state.content_hash)",
            keys * 3,
        )
        return [content for (content,) in rows]

    def load(self, content_hashes: Iterable[str]) -> dict[str, ObjectSchema]:
        """Return the contents of these hashes; a field that many share is parsed once.

        Contents that are lost, or don't match their SHA-256, are left out. The object type is
        empty.
        """
        wanted = list(content_hashes)
        if not wanted:
            return {}
        lists: dict[str, list[str]] = {content: [] for content in wanted}
        for content, key in self._database.rows(
            "SELECT content_hash, field_hash FROM object_field "
            "WHERE content_hash IN (SELECT unnest(?::VARCHAR[])) "
            "ORDER BY content_hash, position",
            [wanted],
        ):
            lists[content].append(key)
        parsed: dict[str, Field] = {}
        keys = list({key for each in lists.values() for key in each})
        # In parts, because the texts of a large org need more memory than its fields.
        for some in _batches(keys, _PARSED_AT_ONCE):
            for key, body in self._having("field_definition", "field_hash", some, "body"):
                # This takes a thirtieth of the time of parsing.
                if sha256(body) == key:
                    parsed[key] = _shared(key, body)
        objects = self._having(
            "object_definition", "content_hash", wanted, "label, custom, native, body"
        )
        return {
            content: summary_of(label, custom, body, native).model_copy(
                update={"fields": tuple(parsed[key] for key in lists[content])}
            )
            for content, label, custom, native, body in objects
            if content_hash(label, custom, lists[content], native, body) == content
            and parsed.keys() >= set(lists[content])
        }

    def row(self, content: str, face: Definition, fields: Sequence[str]) -> Row:
        """Return the row of an object definition, with its fields counted again."""
        bodies: dict[str, str] = dict(
            self._having("field_definition", "field_hash", fields, "body")
        )
        parsed = tuple(_parse(bodies[key]) for key in fields)
        schema = summary_of(face.label, face.custom, face.body, face.native)
        schema = schema.model_copy(update={"fields": parsed})
        row = _object_row(schema, fields, schema_hash(parsed), structural_hash(parsed))
        named = dict(zip(OBJECT_COLUMNS, row, strict=True))
        kept = {"content_hash": content, "native": face.native, "body": face.body}
        return tuple((named | kept).values())

    def _put_fields(self, fields: dict[str, Row]) -> int:
        known = {row[0] for row in self._having("field_definition", "field_hash", list(fields))}
        rows = [row for key, row in fields.items() if key not in known]
        self._database.insert("field_definition", FIELD_COLUMNS, rows)
        return len(rows)

    def _having(
        self, table: str, key: str, values: Sequence[str], columns: str | None = None
    ) -> list[Row]:
        selection = f"{key}, {columns}" if columns else key
        return self._database.rows(
            f"SELECT {selection} FROM {table} WHERE {key} IN (SELECT unnest(?::VARCHAR[]))",
            [list(values)],
        )


def _definition(row: Row) -> ObjectDefinition:
    content_hash, fields, custom_fields, *face = row
    return ObjectDefinition(content_hash, fields, custom_fields, tuple(face))


def _defined(named: Mapping[str, Any]) -> ObjectDefinition:
    return _definition((named["content_hash"], *(named[name] for name in _DEFINITION)))


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def summary_of(
    label: str, custom: bool | None, body: str | None, native: str = "{}"
) -> ObjectSchema:
    """Return an object type without its fields; raises ValidationError for a damaged body."""
    return ObjectSchema.model_validate(
        {
            "objectType": "",
            "label": label,
            "custom": custom,
            "native": json.loads(native),
            **json.loads(body or "{}"),
        }
    )


def _field_row(key: str, field: Field, body: str) -> Row:
    return (
        key,
        field.name,
        field.label,
        field.type.value,
        field.native_type,
        field.required,
        field.unique,
        field.custom,
        field.calculated,
        ", ".join(field.references),
        body,
    )


def _object_row(schema: ObjectSchema, keys: Sequence[str], compared: str, structural: str) -> Row:
    native, body = canonical_dump(schema.native), _body(schema)
    return (
        content_hash(schema.label, schema.custom, keys, native, body),
        schema.label,
        schema.custom,
        len(schema.fields),
        sum(1 for field in schema.fields if field.custom),
        compared,
        structural,
        object_hash(schema),
        rules_hash(schema),
        native,
        body,
    )


def _parse(body: str) -> Field:
    try:
        return Field.model_validate_json(body)
    except ValidationError:
        # The fast parser rejects half a surrogate pair, which a CRM can send in `native`.
        return Field.model_validate(json.loads(body))


def _shared(key: str, body: str) -> Field:
    """Return the field with this hash: one object for everything that uses it at the time."""
    field = _in_use.get(key)
    if field is None:
        field = _in_use[key] = _parse(body)
    return field


def _body(schema: ObjectSchema) -> str:
    return schema.model_dump_json(by_alias=True, exclude_defaults=True, exclude=_NOT_IN_BODY)


def content_hash(
    label: str, custom: bool | None, field_hashes: Sequence[str], native: str, body: str | None
) -> str:
    """Return the SHA-256 (hex) that an object definition is stored under.

    `native` and `body` are the JSON texts of its row; old rows have no body.
    """
    face = [label, custom, sha256(native), list(field_hashes)]
    if body and body != "{}":
        face.append(body)
    return sha256(canonical_dump(face))


def sha256(text: str) -> str:
    """Return the SHA-256 (hex) of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
