"""Reads the files of `crmdeck export --what schema` back into the same schemas.

JSON has one object for each object type. All other formats have one row for each field, under the
wire names of `Field` (`exports/tables.py` writes them). The first row of an object type also has
the facts about the object. An object type without fields is one row without a name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from crmdeck.formats.csvtext import BadCsvError, csv_rows, restore
from crmdeck.formats.document import SchemaFile, broken
from crmdeck.formats.entry import Build, Contents, FileEntry
from crmdeck.model import Field, ObjectSchema
from crmdeck.model.schema import Count, Flag

OBJECT_DETAILS = (
    "plural",
    "createable",
    "updateable",
    "deletable",
    "queryable",
    "customSetting",
    "fieldSets",
    "recordTypes",
    "rules",
    "notRead",
    "user",
    "native",
)
"""The keys of the JSON in the cell `objectDetails`, as far as they are known."""

_OF_A_ROW = frozenset({"objectType", "name", "nativeType", "native"})
_OF_THE_OBJECT = frozenset({"objectType", "objectLabel", "objectCustom", "objectDetails"})
_JSON = frozenset({"picklist", "references", "allowedValues", "native", "objectDetails"})
_NAMES = frozenset(info.alias or name for name, info in Field.model_fields.items())
# A spreadsheet saves true as TRUE and 80 as 80.0. The model itself is strict.
_CELLS: dict[str, TypeAdapter[int]] = {
    info.alias or name: TypeAdapter(bool if kind == Flag else int)
    for name, info in Field.model_fields.items()
    for kind in get_args(info.annotation)
    if kind in (Flag, Count)
} | {"objectCustom": TypeAdapter(bool)}

Row = Mapping[str, object]


def is_exported_row(names: Iterable[str]) -> bool:
    """Return True if columns or keys are those of crmdeck's own rows."""
    return set(names) >= _OF_A_ROW


def exported_object(object_type: str, exported: Mapping[str, object]) -> ObjectSchema:
    """Return the schema in an object of a JSON export; raises ValidationError."""
    return ObjectSchema.from_wire({**exported, "objectType": object_type})


def read_exported_csv(file: SchemaFile, text: str, delimiter: str) -> Contents:
    """Read crmdeck's own CSV, even after a spreadsheet saved it. Raises SourceError."""
    rows = csv_rows(text, delimiter)
    try:
        _, header = next(rows)
        names = [restore((name or "").strip()) for name in header]
        found = list[tuple[str, Row]]()
        for line, cells in rows:
            if len(cells) > len(names) and any(cells[len(names) :]):
                why = f"it has {len(cells)} cells, the header has {len(names)}"
                raise broken(file.name, f"line {line}", why)
            if any(cells):
                texts = (cell and restore(cell) for cell in cells)
                found.append((f"line {line}", dict(zip(names, texts, strict=False))))
    except BadCsvError as error:
        raise broken(file.name, f"line {error.line}", str(error)) from error
    return Contents(entries=tuple(exported_entries(file, found)))


def exported_entries(file: SchemaFile, rows: Iterable[tuple[str, Row]]) -> Iterator[FileEntry]:
    """Yield an entry for each object type; each row comes with its place for errors.

    Raises SourceError for a row without an object type.
    """
    groups: dict[str, list[tuple[str, Row]]] = {}
    for place, row in rows:
        object_type = row.get("objectType")
        if not isinstance(object_type, str) or not object_type:
            raise broken(file.name, place, "the column objectType is empty")
        groups.setdefault(object_type, []).append((place, row))
    for object_type, group in groups.items():
        digest = hashlib.sha256(repr([row for _, row in group]).encode("utf-8", "surrogatepass"))
        build = _builder(file.name, group)
        yield FileEntry(object_type, file, group[0][0], digest.digest(), build)


def _builder(file: str, group: Sequence[tuple[str, Row]]) -> Build:
    def build(object_type: str, _: object) -> ObjectSchema:
        itself: dict[str, object] = {"label": object_type}
        fields = []
        for place, row in group:
            values = _values(file, place, row)
            if values.get("objectLabel") is not None:
                itself["label"] = values["objectLabel"]
            if values.get("objectCustom") is not None:
                itself["custom"] = values["objectCustom"]
            details = values.get("objectDetails")
            if isinstance(details, Mapping):
                itself |= {name: details[name] for name in OBJECT_DETAILS if name in details}
            if values.get("name"):
                fields.append(_field(file, place, values))
        return ObjectSchema.from_wire({**itself, "objectType": object_type, "fields": fields})

    return build


def _values(file: str, place: str, row: Row) -> dict[str, object]:
    """Return the values in a row; the model has the defaults of the others."""
    values = dict[str, object]()
    for name, value in row.items():
        if value is None:
            continue
        if name in _JSON and isinstance(value, str):
            try:
                values[name] = from_json(value)
            except ValueError as error:
                raise broken(file, f"{place}, column {name}", f"not JSON ({error})") from error
        elif name in _CELLS:
            try:
                values[name] = _CELLS[name].validate_python(value)
            except ValidationError as error:
                why = str(error.errors(include_url=False)[0]["msg"])
                raise broken(file, f"{place}, column {name}", why) from error
        else:
            values[name] = value
    return values


def _field(file: str, place: str, values: Mapping[str, object]) -> Field:
    known = {name: value for name, value in values.items() if name in _NAMES}
    # An extra column goes into `native`, as in any data dictionary.
    others = {
        name: value
        for name, value in values.items()
        if name and name not in _NAMES and name not in _OF_THE_OBJECT
    }
    if others:
        native = values.get("native")
        known["native"] = {**(native if isinstance(native, Mapping) else {}), **others}
    try:
        return Field.from_wire(known)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        column = str(first["loc"][0]) if first["loc"] else "?"
        raise broken(file, f"{place}, column {column}", str(first["msg"])) from error
