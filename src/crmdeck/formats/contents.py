"""What a schema file holds, found from its content.

Known are Salesforce describe answers (one, a list, or wrapped), describeGlobal answers,
HubSpot property lists, object schemas and pipelines, and CSV data dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic_core import from_json

from crmdeck.errors import SourceError
from crmdeck.formats.dictionary import read_dictionary
from crmdeck.formats.document import SchemaFile, broken, decode
from crmdeck.formats.hubspot_properties import parse_properties
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import ObjectSchema, Platform

Pipelines: TypeAlias = Sequence[Mapping[str, Any]]
Build: TypeAlias = Callable[[str, Pipelines], ObjectSchema]

_WRAPPERS = ("sobjects", "objects", "results", "result", "records", "describes")
# The order matters: a description of an object has some of the keys of a listing, too.
_MARKS = (
    ("describe", frozenset({"fields"})),
    ("schema", frozenset({"properties"})),
    ("pipelines", frozenset({"stages"})),
    ("properties", frozenset({"fieldType", "groupName"})),
    ("listed", frozenset({"keyPrefix", "queryable"})),
)
_KNOWN = (
    "Known are Salesforce describe answers, HubSpot property lists, object schemas and "
    "pipelines, and CSV data dictionaries."
)


@dataclass(frozen=True)
class Entry:
    """One object type that a file holds, and where.

    `build` makes the schema, given the object type and its pipelines. `named` tells whether the
    content names the object type; else the file's name does.
    """

    object_type: str
    file: SchemaFile
    place: str
    build: Build
    named: bool = True


@dataclass(frozen=True)
class Contents:
    """What one file holds, and of which platform if that shows.

    `pipelines` are those of the object type that the file's name says, `listed` object types
    without fields, `errors` parts of which it no longer shows which object types they were.
    """

    platform: Platform | None
    entries: tuple[Entry, ...] = ()
    pipelines: Pipelines | None = None
    listed: frozenset[str] = frozenset()
    errors: tuple[SourceError, ...] = ()


@dataclass(frozen=True)
class _Records:
    """The records inside a JSON document, and the path of their list, or of the `single` one."""

    items: Sequence[Any]
    path: str
    single: bool = False

    def placed(self) -> Iterator[tuple[Any, str]]:
        for index, item in enumerate(self.items):
            yield item, self.path if self.single else f"{self.path}[{index}]"


def read_contents(file: SchemaFile) -> Contents:
    """Return what `file` holds. Raises SourceError naming file and place where it is broken."""
    if file.error is not None:
        raise file.error
    text = decode(file)
    if text.lstrip()[:1] in ("{", "["):
        return _read_json(file, text)
    if not text.strip():
        raise broken(file.name, "its start", "it is empty")
    return Contents(
        platform=None,
        entries=tuple(
            Entry(
                object_type=rows.object_type or file.stem,
                file=file,
                place=f"line {rows.line}",
                build=rows.build,
                named=rows.object_type is not None,
            )
            for rows in read_dictionary(file.name, text)
        ),
    )


def _read_json(file: SchemaFile, text: str) -> Contents:
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        reason, _, place = str(error).rpartition(" at ")
        raise broken(file.name, place, f"this is not valid JSON ({reason})") from error
    records = _unwrap(value)
    if records is None:
        raise _unknown(file)
    match next(filter(None, map(_kind, records.items)), None):
        case "describe":
            return _describes(file, records)
        case "schema":
            return _object_schemas(file, records)
        case "properties":
            return Contents(Platform.HUBSPOT, entries=(_properties(file, records),))
        case "pipelines":
            return Contents(Platform.HUBSPOT, pipelines=records.items)
        case "listed":
            names = (item.get("name") for item in records.items if isinstance(item, Mapping))
            listed = frozenset(name for name in names if isinstance(name, str))
            return Contents(Platform.SALESFORCE, listed=listed)
        case None if not records.items and "pipelines" in file.name:
            return Contents(Platform.HUBSPOT, pipelines=())
    raise _unknown(file)


def _unknown(file: SchemaFile) -> SourceError:
    return SourceError(
        f"{file.name} holds nothing that describes objects or fields.",
        cause=_KNOWN,
        remedy="Take it away, or export it again.",
        code="UNKNOWN_FILE",
    )


def _unwrap(value: object) -> _Records | None:
    path = "$"
    while isinstance(value, Mapping) and _kind(value) is None:
        key = next((key for key in _WRAPPERS if isinstance(value.get(key), list | dict)), None)
        if key is None:
            return None
        value, path = value[key], f"{path}.{key}"
    if isinstance(value, list):
        return _Records(value, path)
    return _Records((value,), path, single=True)


def _kind(item: object) -> str | None:
    """Return what kind of record `item` is, from the keys that only this kind has."""
    if not isinstance(item, Mapping):
        return None
    for kind, keys in _MARKS:
        if not keys.isdisjoint(item):
            return kind
    return None


def _describes(file: SchemaFile, records: _Records) -> Contents:
    def entry(item: Mapping[str, Any], place: str) -> Entry:
        return Entry(item["name"], file, place, lambda *_: parse_object(item))

    return _each(Platform.SALESFORCE, "fields", file, records, entry)


def _object_schemas(file: SchemaFile, records: _Records) -> Contents:
    def entry(item: Mapping[str, Any], place: str) -> Entry:
        name = item.get("fullyQualifiedName") or item["name"]
        return Entry(str(name), file, place, _schema_builder(item))

    return _each(Platform.HUBSPOT, "properties", file, records, entry)


def _each(
    platform: Platform,
    key: str,
    file: SchemaFile,
    records: _Records,
    entry: Callable[[Mapping[str, Any], str], Entry],
) -> Contents:
    entries = []
    errors = []
    for item, place in records.placed():
        if _describes_object(item, key):
            entries.append(entry(item, place))
        else:
            why = f"an object with a `name` and a list of `{key}` should stand there"
            errors.append(broken(file.name, place, why))
    return Contents(platform, entries=tuple(entries), errors=tuple(errors))


def _describes_object(item: object, key: str) -> bool:
    return (
        isinstance(item, Mapping)
        and isinstance(item.get("name"), str)
        and item["name"] != ""
        and isinstance(item.get(key), list)
    )


def _schema_builder(schema: Mapping[str, Any]) -> Build:
    labels = schema.get("labels")
    label = labels.get("plural") if isinstance(labels, Mapping) else None
    required = schema.get("requiredProperties")

    def build(object_type: str, pipelines: Pipelines) -> ObjectSchema:
        return parse_properties(
            object_type,
            label if isinstance(label, str) else "",
            schema["properties"],
            pipelines,
            custom=True,
            required=required if isinstance(required, list) else None,
        )

    return build


def _properties(file: SchemaFile, records: _Records) -> Entry:
    def build(object_type: str, pipelines: Pipelines) -> ObjectSchema:
        label = object_type.replace("_", " ").capitalize()
        return parse_properties(object_type, label, records.items, pipelines)

    return Entry(file.stem, file, records.path, build, named=False)
