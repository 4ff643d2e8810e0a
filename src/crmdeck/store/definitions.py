"""Definitions by content: a field or an object that has not changed is stored once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError

from crmdeck.model import Field, ObjectSchema
from crmdeck.model.hashes import (
    canonical_json,
    definition_json,
    lines_hash,
    object_hash,
    rules_hash,
)
from crmdeck.store.database import Database, Row

_FIELD_COLUMNS = (
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
_OBJECT_COLUMNS = (
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
# An object definition is called changed where one of these differs.
FACE = ("schema_hash", "label", "custom", "object_hash", "rules_hash")
_DEFINITION = ("field_count", "custom_field_count", *FACE)
_NOT_IN_BODY = {"object_type", "label", "custom", "fields", "native"}
# Every object definition beside the number of its fields that are there.
_COUNTED = """
    object_definition LEFT JOIN (
        SELECT content_hash, count(*) AS fields
        FROM object_field JOIN field_definition USING (field_hash)
        GROUP BY content_hash
    ) AS found USING (content_hash)"""
_ORDER_COLUMNS = ("content_hash", "position", "field_hash")


@dataclass(frozen=True)
class ObjectDefinition:
    """An object type by content; `face` is what is compared to call it changed."""

    content_hash: str
    field_count: int
    custom_field_count: int
    face: tuple[object, ...]

    def differs(self, other: ObjectDefinition) -> bool:
        """Return whether the faces differ; what was not looked at once is no difference."""
        pairs = zip(self.face, other.face, strict=True)
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)


@dataclass
class _NewField:
    """A field that may have to be stored; object types share many, so each is worked out once."""

    field: Field
    body: str

    @cached_property
    def compared(self) -> str:
        return canonical_json(self.field, structural=False)

    @cached_property
    def structural(self) -> str:
        return canonical_json(self.field, structural=True)


class Definitions:
    """Field and object definitions of all connections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, schemas: Sequence[ObjectSchema]) -> tuple[list[ObjectDefinition], int]:
        """Store what is new; return each schema's definition and the number of new fields."""
        fields: dict[str, _NewField] = {}
        lists = [[_take(field, fields) for field in schema.fields] for schema in schemas]
        natives = [_dump(schema.native) for schema in schemas]
        bodies = list(map(_body, schemas))
        contents = [
            content_hash(schema.label, schema.custom, keys, native, body)
            for schema, keys, native, body in zip(schemas, lists, natives, bodies, strict=True)
        ]
        definitions = self.having(contents)
        # What was lost of a definition that is known comes back with an answer that holds it.
        lacking = self.incomplete(contents)
        placed = self._places(lacking)
        wanted: dict[str, _NewField] = {}
        object_rows: list[Row] = []
        order_rows: list[Row] = []
        for schema, keys, native, body, content in zip(
            schemas, lists, natives, bodies, contents, strict=True
        ):
            if content not in lacking:
                continue
            lacking.discard(content)
            if content not in definitions:
                row = _object_row(content, schema, [fields[key] for key in keys], native, body)
                named = dict(zip(_OBJECT_COLUMNS, row, strict=True))
                values = (named[name] for name in _DEFINITION)
                definitions[content] = _definition((content, *values))
                object_rows.append(row)
            wanted.update((key, fields[key]) for key in keys)
            order_rows += [
                (content, position, key)
                for position, key in enumerate(keys)
                if (content, position) not in placed
            ]
        new = self._put_fields(wanted)
        self._database.insert("object_definition", _OBJECT_COLUMNS, object_rows)
        self._database.insert("object_field", _ORDER_COLUMNS, order_rows)
        return [definitions[content] for content in contents], new

    def having(self, content_hashes: Sequence[str]) -> dict[str, ObjectDefinition]:
        """Return the definitions of those hashes."""
        return {
            row[0]: _definition(row)
            for row in self._having(
                "object_definition", "content_hash", content_hashes, ", ".join(_DEFINITION)
            )
        }

    def incomplete(self, content_hashes: Iterable[str]) -> set[str]:
        """Return which of those hashes lack their definition, or some of their fields."""
        rows = self._database.rows(
            "SELECT wanted.content_hash FROM ("
            "SELECT unnest(?::VARCHAR[]) AS content_hash) AS wanted "
            f"LEFT JOIN (SELECT content_hash FROM {_COUNTED} "
            "WHERE field_count = coalesce(fields, 0)) AS whole USING (content_hash) "
            "WHERE whole.content_hash IS NULL",
            [list(dict.fromkeys(content_hashes))],
        )
        return {content for (content,) in rows}

    def lacking(self) -> list[str]:
        """Return the hashes of all that lack their definition, or some of their fields."""
        rows = self._database.rows(
            f"SELECT content_hash FROM {_COUNTED} WHERE field_count <> coalesce(fields, 0) "
            "UNION SELECT content_hash FROM object_state WHERE NOT EXISTS (SELECT 1 "
            "FROM object_definition AS known WHERE known.content_hash = object_state.content_hash)"
        )
        return [content for (content,) in rows]

    def load(self, content_hashes: Iterable[str]) -> dict[str, ObjectSchema]:
        """Return the contents of those hashes; a field that many share is parsed once.

        What was lost or altered, by its SHA-256, is left out. The object type is not known here:
        it is the empty text.
        """
        wanted = list(content_hashes)
        bodies = self._database.rows(
            "SELECT field_hash, body FROM field_definition WHERE field_hash IN ("
            "SELECT field_hash FROM object_field "
            "WHERE content_hash IN (SELECT unnest(?::VARCHAR[])))",
            [wanted],
        )
        # That takes a thirtieth of the time that parsing takes.
        parsed = {key: _parse(body) for key, body in bodies if sha256(body) == key}
        lists: dict[str, list[str]] = {content: [] for content in wanted}
        for content, key in self._database.rows(
            "SELECT content_hash, field_hash FROM object_field "
            "WHERE content_hash IN (SELECT unnest(?::VARCHAR[])) "
            "ORDER BY content_hash, position",
            [wanted],
        ):
            lists[content].append(key)
        objects = self._having(
            "object_definition", "content_hash", wanted, "label, custom, native, body"
        )
        return {
            content: ObjectSchema.model_validate(
                {
                    "objectType": "",
                    "label": label,
                    "custom": custom,
                    "native": json.loads(native),
                    **json.loads(body or "{}"),
                }
            ).model_copy(update={"fields": tuple(parsed[key] for key in lists[content])})
            for content, label, custom, native, body in objects
            if content_hash(label, custom, lists[content], native, body) == content
            and parsed.keys() >= set(lists[content])
        }

    def _places(self, content_hashes: Iterable[str]) -> set[tuple[str, int]]:
        rows = self._having("object_field", "content_hash", list(content_hashes), "position")
        return {(content, position) for content, position in rows}

    def _put_fields(self, fields: Mapping[str, _NewField]) -> int:
        keys = list(fields)
        known = {row[0] for row in self._having("field_definition", "field_hash", keys)}
        rows = [_field_row(key, fields[key]) for key in keys if key not in known]
        self._database.insert("field_definition", _FIELD_COLUMNS, rows)
        return len(rows)

    def _having(
        self, table: str, key: str, values: Sequence[str], columns: str | None = None
    ) -> list[Row]:
        selection = f"{key}, {columns}" if columns else key
        return self._database.rows(
            f"SELECT {selection} FROM {table} WHERE {key} IN (SELECT unnest(?::VARCHAR[]))",
            [list(values)],
        )


def unknown_definition(content: str) -> ObjectDefinition:
    """Return what is known of a definition that was lost: nothing, which is no difference."""
    return ObjectDefinition(content, 0, 0, (None,) * len(FACE))


def _definition(row: Row) -> ObjectDefinition:
    content_hash, fields, custom_fields, *face = row
    return ObjectDefinition(content_hash, fields, custom_fields, tuple(face))


def _take(field: Field, fields: dict[str, _NewField]) -> str:
    body = definition_json(field)
    key = sha256(body)
    fields.setdefault(key, _NewField(field, body))
    return key


def _field_row(key: str, new: _NewField) -> Row:
    field = new.field
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
        new.body,
    )


def _object_row(
    content: str, schema: ObjectSchema, fields: Sequence[_NewField], native: str, body: str
) -> Row:
    return (
        content,
        schema.label,
        schema.custom,
        len(fields),
        sum(1 for new in fields if new.field.custom),
        lines_hash(new.compared for new in fields),
        lines_hash(new.structural for new in fields),
        object_hash(schema),
        None if schema.rules is None else rules_hash(schema.rules),
        native,
        body,
    )


def _parse(body: str) -> Field:
    try:
        return Field.model_validate_json(body)
    except ValidationError:
        # The quick parser refuses half a surrogate pair, which a CRM may well send in `native`.
        return Field.model_validate(json.loads(body))


def _body(schema: ObjectSchema) -> str:
    return schema.model_dump_json(by_alias=True, exclude_defaults=True, exclude=_NOT_IN_BODY)


def content_hash(
    label: str, custom: bool | None, field_hashes: Sequence[str], native: str, body: str | None
) -> str:
    """Return the SHA-256 (hex) that an object definition is stored under.

    `native` and `body` are the JSON texts of its row; there is no body in rows of old.
    """
    face = [label, custom, sha256(native), list(field_hashes)]
    if body and body != "{}":
        face.append(body)
    return sha256(_dump(face))


def sha256(text: str) -> str:
    """Return the SHA-256 (hex) of a text as UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def _dump(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
