"""CSV data dictionaries: one line a field.

The columns `name`, `label`, `description`, `type` and `picklist` (values separated by `|`) are
read, and every other attribute of a field under its name (`required`, `length`, `unique`,
`externalId` or `external_id`, ...). A column `object` names the object type, where one file
holds several. Columns under other names are kept verbatim. A `schema` export is such a
dictionary, too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from crmdeck.errors import SourceError
from crmdeck.formats.document import broken
from crmdeck.model import Field, FieldType, ObjectSchema, PicklistValue

# A picklist of 14,000 values is one cell of more than a megabyte.
csv.field_size_limit(max(csv.field_size_limit(), 64 * 1024 * 1024))

_DELIMITERS = (",", ";", "\t")
_ALIASES = {
    "object": "object_type",
    "fieldname": "name",
    "apiname": "name",
    "fieldlabel": "label",
    "help": "description",
    "helptext": "description",
    "fieldtype": "type",
    "datatype": "type",
    "picklistvalues": "picklist",
    "options": "picklist",
}
_FLAGS = (
    "required",
    "readable",
    "createable",
    "updateable",
    "unique",
    "external_id",
    "calculated",
    "custom",
    "restricted",
    "archived",
)
_NUMBERS = ("length", "precision", "scale")
_TEXTS = ("label", "description", "formula", "compound", "default", "group", "native_type")
_ATTRIBUTES = (
    *("object_type", "name", "type", "picklist", "references", "native"),
    *(*_FLAGS, *_NUMBERS, *_TEXTS),
)
_COLUMNS = {name.replace("_", ""): name for name in _ATTRIBUTES} | _ALIASES

_TRUE = frozenset({"true", "yes", "y", "1", "x"})
_FALSE = frozenset({"false", "no", "n", "0"})
_TYPES = {member.value: member for member in FieldType} | {
    "int": FieldType.INTEGER,
    "long": FieldType.INTEGER,
    "number": FieldType.DECIMAL,
    "double": FieldType.DECIMAL,
    "bool": FieldType.BOOLEAN,
    "checkbox": FieldType.BOOLEAN,
    "textarea": FieldType.TEXT,
    "longtextarea": FieldType.TEXT,
    "richtextarea": FieldType.HTML,
    "encryptedstring": FieldType.STRING,
    "combobox": FieldType.PICKLIST,
    "enumeration": FieldType.PICKLIST,
    "enum": FieldType.PICKLIST,
    "lookup": FieldType.REFERENCE,
    "masterdetail": FieldType.REFERENCE,
    "phonenumber": FieldType.PHONE,
    "address": FieldType.COMPOUND,
    "location": FieldType.COMPOUND,
    "base64": FieldType.BINARY,
    "file": FieldType.BINARY,
}


@dataclass(frozen=True)
class Rows:
    """The lines of one object type; `object_type` is None where the file has no such column."""

    object_type: str | None
    file: str
    lines: tuple[tuple[int, Mapping[str, str]], ...]

    @property
    def line(self) -> int:
        """Return the number of the first line."""
        return self.lines[0][0]

    def build(self, object_type: str, _: object = ()) -> ObjectSchema:
        """Return the schema. Raises SourceError naming file, line and column."""
        seen: dict[str, int] = {}
        fields = []
        for line, row in self.lines:
            field = _field(self.file, line, row)
            if field.name in seen:
                raise broken(
                    self.file,
                    f"line {line}",
                    f"the field {field.name} stands on line {seen[field.name]} already",
                )
            seen[field.name] = line
            fields.append(field)
        return ObjectSchema(object_type=object_type, label=object_type, fields=tuple(fields))


def read_dictionary(file: str, text: str) -> list[Rows]:
    """Return the lines of the dictionary `text`, by object type, in order of appearance.

    `file` is the name that errors give. Raises SourceError naming file and line where it is not
    a dictionary.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    found: dict[str | None, list[tuple[int, Mapping[str, str]]]] = {}
    for line, row in _rows(file, reader):
        found.setdefault(row.get("object_type"), []).append((line, row))
    if not found:
        raise broken(file, "line 2", "there is a header and no field below it")
    return [Rows(object_type, file, tuple(lines)) for object_type, lines in found.items()]


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(_DELIMITERS, key=header.count)


def _rows(file: str, reader: Any) -> Iterator[tuple[int, Mapping[str, str]]]:
    columns: list[str] = []
    start = 1
    try:
        for row in reader:
            if not columns:
                columns = _header(file, row)
            elif any(cell.strip() for cell in row):
                yield start, _record(file, start, columns, row)
            start = reader.line_num + 1
    except csv.Error as error:
        raise broken(file, f"line {start}", f"this is not a CSV line ({error})") from error


def _header(file: str, row: Sequence[str]) -> list[str]:
    columns = [_COLUMNS.get(_plain(name), name.strip()) for name in row]
    if "name" not in columns:
        raise SourceError(
            f"{file} is not a data dictionary.",
            cause="Its first line has no column `name`.",
            remedy="Name the columns name,label,description,type,picklist, or take the file away.",
            code="UNKNOWN_FILE",
        )
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice is not None:
        raise broken(file, "line 1", f"two columns say `{twice}`")
    return columns


def _record(file: str, line: int, columns: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    if any(cell.strip() for cell in row[len(columns) :]):
        raise broken(
            file, f"line {line}", f"it has {len(row)} cells, the header has {len(columns)}"
        )
    record = {name: cell for name, cell in zip(columns, row, strict=False) if cell != ""}
    for key in ("name", "object_type"):
        if key in columns and not record.get(key, "").strip():
            raise broken(file, f"line {line}", f"column {columns.index(key) + 1} is empty")
    return record


def _field(file: str, line: int, row: Mapping[str, str]) -> Field:
    values: dict[str, Any] = {key: row[key] for key in _TEXTS if key in row}
    for keys, convert in _CONVERTERS:
        for key in keys:
            if key in row:
                values[key] = _converted(file, line, key, row[key], convert)
    word = row.get("type", "").strip()
    values.setdefault("native_type", word)
    return Field(
        name=row["name"].strip(),
        # Salesforce's setup pages write `Text(255)` and `Lookup(Account)`.
        type=_TYPES.get(_plain(word.partition("(")[0]), FieldType.OTHER),
        native=_native(row),
        **values,
    )


def _converted(
    file: str, line: int, key: str, cell: str, convert: Callable[[str], object]
) -> object:
    try:
        return convert(cell.strip())
    except ValueError as error:
        raise broken(file, f"line {line}, column {key}", str(error)) from error


def _flag(cell: str) -> bool | None:
    word = cell.casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    if not word:
        return None
    raise ValueError(f"'{cell[:40]}' is neither true nor false")


def _number(cell: str) -> int | None:
    if not cell:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(?:\.0+)?", cell):
        raise ValueError(f"'{cell[:40]}' is not a whole number")
    return int(cell.partition(".")[0])


def _references(cell: str) -> tuple[str, ...]:
    return tuple(str(item) for item in _items(cell))


def _picklist(cell: str) -> tuple[PicklistValue, ...]:
    items = _items(cell)
    if all(isinstance(item, Mapping) for item in items):
        try:
            return tuple(PicklistValue.from_wire(item) for item in items)
        except ValidationError:
            raise ValueError("a picklist value has no text as its `value` or `label`") from None
    return tuple(PicklistValue(value=item, label=item) for item in dict.fromkeys(map(str, items)))


_CONVERTERS: tuple[tuple[tuple[str, ...], Callable[[str], object]], ...] = (
    (_FLAGS, _flag),
    (_NUMBERS, _number),
    (("picklist",), _picklist),
    (("references",), _references),
)


def _items(cell: str) -> list[Any]:
    """Return the items of a cell: a JSON list as exports write it, or text between bars."""
    if cell.startswith("["):
        try:
            items = from_json(cell)
        except ValueError:
            items = None
        if isinstance(items, list):
            return items
    return [item.strip() for item in cell.split("|") if item.strip()]


def _native(row: Mapping[str, str]) -> dict[str, Any]:
    other = {key: cell for key, cell in row.items() if key not in _ATTRIBUTES}
    if "native" in row:
        try:
            native = from_json(row["native"])
        except ValueError:
            native = None
        if isinstance(native, dict):
            return native | other
        other["native"] = row["native"]
    return other


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
