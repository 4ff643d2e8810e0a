"""Data dictionaries: one row for each field, from a CSV, a workbook, or the records of a query.

`crmdeck/knowledge/formats/dictionaries.toml` has the headings and the words for types. This module
doesn't guess: it rejects a sheet without a column of API names, or with two columns that contradict
each other. Columns with other headings go into `native`.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from crmdeck.errors import SourceError
from crmdeck.formats.document import SchemaFile, broken
from crmdeck.formats.entry import Contents, FileEntry, unknown
from crmdeck.formats.picklist import picklist_value
from crmdeck.formats.sheets import Row, Sheet
from crmdeck.model import Field, FieldType, ObjectSchema, PicklistValue

_FLAGS = (
    "required",
    "nillable",
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
# The header is near the top of a sheet, after a title and remarks.
_HEADER_WITHIN = 30
_API_NAME = re.compile(r"\w+(\.\w+)*")
_BRACKETS = re.compile(r"\s*\(([^()]*)\)")
_DIGITS = re.compile(r"(\d{1,9})(?:\s*,\s*(\d{1,9}))?")
_NO_NAMES = "The file has no column with the API names of fields."
# A bare `text` comes from a `schema` export; Setup always adds a length.
_OWN_TYPES = frozenset(each.value for each in FieldType)
_WITH_PRECISION = frozenset({FieldType.DECIMAL, FieldType.CURRENCY, FieldType.PERCENT})


class _Words:
    """The table of headings and words, in plain form."""

    def __init__(self, table: Mapping[str, Mapping[str, Any]]) -> None:
        # Heading to (attribute, rank): a lower rank is more certain.
        self.columns: dict[str, tuple[str, int]] = {
            plain(heading): (attribute, rank)
            for attribute, ranks in table["columns"].items()
            for rank, headings in enumerate(ranks)
            for heading in headings
        }
        self.types = {plain(w): FieldType(t) for t, words in table["types"].items() for w in words}
        self.kinds = {plain(w): kind for kind, words in table["kinds"].items() for w in words}
        self.tags = [(plain(w), tag) for tag, words in table["tags"].items() for w in words]
        self.yes = frozenset(table["flags"]["yes"])
        self.no = frozenset(table["flags"]["no"])
        self.unnamed = frozenset(plain(w) for w in table["sheets"]["unnamed"])


@cache
def _words() -> _Words:
    file = resources.files("crmdeck") / "knowledge" / "formats" / "dictionaries.toml"
    return _Words(tomllib.loads(file.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class _Header:
    """The attribute of each column; the other columns keep their headings."""

    row: Row
    columns: Mapping[int, str]
    others: Mapping[int, str]
    surely_named: bool
    """True if the column of names contains only API names."""


@dataclass
class _Section:
    """The rows under one header; `title` is the row above it."""

    header: _Header
    title: str | None
    rows: list[Row] = field(default_factory=list)


def read_dictionary(file: SchemaFile, sheets: Sequence[Sheet]) -> Contents:
    """Return the object types in sheets.

    An unusable sheet is an error next to usable ones. Raises SourceError naming file and place if
    there are none.
    """
    found: list[tuple[Sheet, _Section]] = []
    errors: list[SourceError] = []
    for sheet in sheets:
        try:
            found += [(sheet, section) for section in _sections(file, sheet)]
        except SourceError as error:
            errors.append(error)
    if not found:
        none = errors or [unknown(file, "The workbook has no sheets.")]
        raise next((each for each in none if each.code != "UNKNOWN_FILE"), none[0])
    entries: list[FileEntry] = []
    for sheet, section in found:
        try:
            entries += _entries(file, sheet, section, alone=len(found) == 1)
        except SourceError as error:
            errors.append(error)
    if not entries:
        raise next(each for each in errors if each.code != "UNKNOWN_FILE")
    # A sheet without a dictionary (a cover, a list of values) isn't an error next to one with it.
    reported = tuple(each for each in errors if each.code != "UNKNOWN_FILE")
    return Contents(entries=tuple(entries), errors=reported)


def sheet_of_records(records: Sequence[Mapping[str, object]], path: str) -> Sheet:
    """Return the records of a query, such as FieldDefinition, as a sheet; `A.B` is nested."""
    flat = [dict(_flat(record)) for record in records]
    headings = list(dict.fromkeys(key for record in flat for key in record))
    rows = [Row(path, tuple(headings))]
    for index, record in enumerate(flat):
        rows.append(Row(f"{path}[{index}]", tuple(record.get(key, "") for key in headings)))
    return Sheet(None, tuple(rows))


def plain(text: str) -> str:
    """Return `text` without case, accents, spaces and punctuation."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in bare if char.isalnum())


def _flat(record: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        if key == "attributes":
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            cell = "true" if value is True else "false" if value is False else str(value)
            yield f"{prefix}{key}", cell


def _sections(file: SchemaFile, sheet: Sheet) -> list[_Section]:
    """Return the parts of a sheet with a header each.

    Raises SourceError for a sheet without a header, or with a contradictory one.
    """
    sections: list[_Section] = []
    title: Row | None = None
    after_gap = True
    for number, row in enumerate(row for row in sheet.rows if row.filled or not after_gap):
        if not row.filled:
            after_gap = True
            continue
        header = None
        if not sections:
            if number > _HEADER_WITHIN:
                break
            header = _header(file, sheet, row)
        elif after_gap or title is not None:
            header = _next_header(file, sheet, row)
        if header is not None:
            sections.append(_Section(header, title.filled[0] if title else None))
            title = None
        elif len(row.filled) == 1 and after_gap and title is None:
            # The name of the next object, or a field without other cells: the next row decides.
            title = row
        elif sections:
            sections[-1].rows += [row] if title is None else [title, row]
            title = None
        after_gap = False
    if title is not None and sections:
        sections[-1].rows.append(title)
    sections = [section for section in sections if section.rows]
    if not sections:
        raise _no_header(file, sheet)
    return sections


def _header(file: SchemaFile, sheet: Sheet, row: Row) -> _Header | None:
    """Return the header in `row`; None if it has no known headings."""
    words = _words()
    ranked: dict[str, list[tuple[int, int]]] = {}
    for index, cell in enumerate(row.cells):
        attribute, rank = words.columns.get(plain(cell), ("", 0))
        if attribute:
            ranked.setdefault(attribute, []).append((rank, index))
    if "name" not in ranked or (len(ranked) < 2 and len(row.filled) > len(ranked["name"])):
        return None
    columns: dict[int, str] = {}
    rank_of_name = 0
    for attribute, places in ranked.items():
        best = min(places)[0]
        if attribute == "name":
            rank_of_name = best
        first, *more = [index for rank, index in places if rank == best]
        below = sheet.rows[sheet.rows.index(row) + 1 :] if more else ()
        for other in more:
            # Two columns of one meaning are fine while all their cells are the same.
            if any(
                each.cells[first : first + 1] != each.cells[other : other + 1] for each in below
            ):
                left, right = row.cells[first].strip(), row.cells[other].strip()
                raise SourceError(
                    f"{file.name} ({row.place}): the columns '{left}' and '{right}' both mean "
                    f"`{attribute}`, but differ.",
                    remedy="Keep the current column, or rename the columns to name, label, "
                    "description, type, picklist.",
                    code="AMBIGUOUS_SHEET",
                )
        columns[first] = attribute
    # Next to API names, a column `Name` has the labels.
    shown = [index for rank, index in sorted(ranked["name"]) if rank > rank_of_name]
    if shown and "label" not in ranked:
        columns[shown[0]] = "label"
    others = {
        index: cell.strip()
        for index, cell in enumerate(row.cells)
        if index not in columns and cell.strip()
    }
    return _Header(row, columns, others, surely_named=rank_of_name == 0)


def _next_header(file: SchemaFile, sheet: Sheet, row: Row) -> _Header | None:
    # A field can have the name Name and the type Name: that isn't a header.
    header = _header(file, sheet, row)
    wanted = {"name", "type"}
    return header if header and wanted <= set(header.columns.values()) else None


def _entries(
    file: SchemaFile, sheet: Sheet, section: _Section, *, alone: bool
) -> Iterator[FileEntry]:
    groups: dict[str | None, list[tuple[str, Mapping[str, str]]]] = {}
    for row in section.rows:
        record = _record(file, section.header, row)
        if record:
            name = record.get("object_type", "").strip() or None
            groups.setdefault(name, []).append((row.place, record))
    _check_names(file, section.header, [r["name"] for group in groups.values() for _, r in group])
    named = None if None not in groups else _object_name(sheet, section)
    if None in groups and named is None and not alone:
        raise SourceError(
            f"{file.name} doesn't name the object of the fields below {section.header.row.place}.",
            cause="The file has several tables, but no column or sheet name gives the object.",
            remedy="Add a column `object`, or name the sheet after the object's API name.",
            code="AMBIGUOUS_SHEET",
        )
    for name, group in groups.items():
        lines = tuple(group)
        yield FileEntry(
            object_type=name or named or file.stem,
            file=file,
            place=lines[0][0],
            digest=hashlib.sha256(repr([record for _, record in lines]).encode()).digest(),
            build=_builder(file.name, lines),
            named=(name or named) is not None,
        )


def _builder(
    file: str, lines: Sequence[tuple[str, Mapping[str, str]]]
) -> Callable[[str, object], ObjectSchema]:
    def build(object_type: str, _: object) -> ObjectSchema:
        seen: dict[str, str] = {}
        fields = []
        for place, row in lines:
            found = _field(file, place, row)
            if found.name in seen:
                why = f"the field {found.name} is already on {seen[found.name]}"
                raise broken(file, place, why)
            seen[found.name] = place
            fields.append(found)
        return ObjectSchema(object_type=object_type, label=object_type, fields=tuple(fields))

    return build


def _object_name(sheet: Sheet, section: _Section) -> str | None:
    """Return the object's API name from the title or the name of the sheet, if any."""
    for text in (section.title, sheet.name):
        name = (text or "").rpartition(":")[2].strip()
        bare = plain(name).rstrip("0123456789")
        if _API_NAME.fullmatch(name) and bare not in _words().unnamed:
            return name
    return None


def _record(file: SchemaFile, header: _Header, row: Row) -> dict[str, str]:
    """Return the cells of a row by attribute or heading."""
    if not row.filled:
        return {}
    width = len(header.row.cells)
    if any(cell.strip() for cell in row.cells[width:]):
        raise broken(file.name, row.place, f"it has {len(row.cells)} cells, the header has {width}")
    record: dict[str, str] = {}
    for index, cell in enumerate(row.cells):
        key = header.columns.get(index) or header.others.get(index)
        if key and cell != "":
            record.setdefault(key, cell)
    for index, attribute in header.columns.items():
        if attribute in ("name", "object_type") and not record.get(attribute, "").strip():
            raise broken(file.name, row.place, f"column {index + 1} is empty")
    return record


def _check_names(file: SchemaFile, header: _Header, names: Sequence[str]) -> None:
    """Raise SourceError if a possible column of API names contains labels."""
    if header.surely_named:
        return
    shown = next((name for name in names if re.search(r"\s", name.strip())), None)
    if shown is None:
        return
    index = next(i for i, each in header.columns.items() if each == "name")
    raise SourceError(
        f"{file.name} has no column of API names: '{header.row.cells[index].strip()}' "
        f"({header.row.place}) contains labels, such as '{shown.strip()[:60]}'.",
        cause="crmdeck identifies fields by API name, because labels change and aren't unique.",
        remedy="Add a column `API name`, or rename the column with the API names to `API name`.",
        code="AMBIGUOUS_SHEET",
    )


def _no_header(file: SchemaFile, sheet: Sheet) -> SourceError:
    """Return the error for a sheet without a usable header."""
    words = _words()
    for row in sheet.rows[:_HEADER_WITHIN]:
        known = {
            words.columns[plain(cell)][0] for cell in row.filled if plain(cell) in words.columns
        }
        if "name" in known:
            return broken(file.name, row.place, "the header has no fields below it")
        if {"type", "label"} <= known:
            return SourceError(
                f"{file.name} has no column of API names ({row.place}).",
                cause=f"The columns are {', '.join(row.filled)[:200]}.",
                remedy="Rename the column with the API names of the fields to `API name`.",
                code="AMBIGUOUS_SHEET",
            )
    return unknown(file, _NO_NAMES)


def _field(file: str, place: str, row: Mapping[str, str]) -> Field:
    word = row.get("type", "").strip()
    values = _typed(word)
    values.update((key, row[key]) for key in _TEXTS if key in row)
    for keys, convert in _CONVERTERS:
        for key in keys:
            if key in row:
                values[key] = _converted(file, place, key, row[key], convert)
    read_only = _stated(file, place, row, "read_only")
    if read_only is not None:
        values.setdefault("createable", not read_only)
        values.setdefault("updateable", not read_only)
    vendors = _stated(file, place, row, "vendor_defined")
    if vendors is not None:
        values.setdefault("custom", not vendors)
    return Field(name=row["name"].strip(), native=_native(row), **values)


def _typed(cell: str, *, in_brackets: bool = False) -> dict[str, Any]:
    """Return the attributes in a cell such as `Text(255) (External ID) (Unique)`.

    Setup counts only the digits before the decimal point: Number(16, 2) has a precision of 18.
    """
    words = _words()
    if cell.casefold() in _OWN_TYPES and not in_brackets:
        return {"type": FieldType(cell.casefold()), "native_type": cell}
    base = cell.partition("(")[0].strip()
    kept = base
    inside: list[str] = []
    values: dict[str, Any] = {}
    for group in _BRACKETS.findall(cell):
        text = group.strip()
        tag = next((tag for word, tag in words.tags if plain(text).startswith(word)), None)
        if tag is not None:
            values[tag] = True
            kept += f" ({text})"
        else:
            inside.append(text)
    kind = words.kinds.get(plain(base))
    if kind == "formula":
        values |= {"calculated": True}
        values |= _typed(inside.pop(0) if inside else "", in_brackets=True)
        kept = cell
    elif kind == "summary":
        values |= {"calculated": True, "type": FieldType.OTHER}
        kept = cell
    elif kind == "auto_number":
        values |= {"type": FieldType.STRING, "createable": False, "updateable": False}
        values["auto_number"] = True
    else:
        whole = next((text for text in inside if plain(base + text) in words.types), None)
        if whole is not None:
            inside.remove(whole)
            kept += f" ({whole})"
        found = words.types.get(plain(base + (whole or "")), FieldType.OTHER)
        values["type"] = found
        values |= _dimensions(found, inside)
    return values | {"native_type": kept}


def _dimensions(kind: FieldType, inside: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in inside:
        digits = _DIGITS.fullmatch(text)
        if kind is FieldType.REFERENCE and text and not digits:
            values["references"] = tuple(each.strip() for each in text.split(",") if each.strip())
        elif digits and kind in _WITH_PRECISION:
            scale = int(digits[2] or 0)
            values |= {"precision": int(digits[1]) + scale, "scale": scale}
        elif digits and not digits[2]:
            values["length"] = int(digits[1])
    return values


def _stated(file: str, place: str, row: Mapping[str, str], key: str) -> bool | None:
    found = _converted(file, place, key, row[key], _flag) if key in row else None
    return found if isinstance(found, bool) else None


def _converted(
    file: str, place: str, key: str, cell: str, convert: Callable[[str], object]
) -> object:
    try:
        return convert(cell.strip())
    except ValueError as error:
        raise broken(file, f"{place}, column {key}", str(error)) from error


def _flag(cell: str) -> bool | None:
    word = cell.casefold()
    if word in _words().yes:
        return True
    if word in _words().no:
        return False
    if not word:
        return None
    raise ValueError(f"'{cell[:40]}' is neither true nor false")


def _number(cell: str) -> int | None:
    if not cell:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(?:\.0+)?", cell):
        raise ValueError(f"'{cell[:40]}' isn't a whole number")
    return int(cell.partition(".")[0])


def _picklist(cell: str) -> tuple[PicklistValue, ...]:
    items = _items(cell)
    if all(isinstance(item, Mapping) for item in items):
        try:
            return tuple(PicklistValue.from_wire(item) for item in items)
        except ValidationError:
            raise ValueError("the `value` or `label` of a picklist value isn't text") from None
    return tuple(picklist_value(item, item) for item in dict.fromkeys(map(str, items)))


_CONVERTERS: tuple[tuple[tuple[str, ...], Callable[[str], object]], ...] = (
    (_FLAGS, _flag),
    (_NUMBERS, _number),
    (("picklist",), _picklist),
    (("references",), lambda cell: tuple(map(str, _items(cell)))),
)


def _items(cell: str) -> list[object]:
    """Return the items in a cell: a JSON list, or text between separators."""
    if cell.startswith("["):
        try:
            items = from_json(cell)
        except ValueError:
            items = None
        if isinstance(items, list):
            return items
    separator = next((each for each in ("|", "\n", ";") if each in cell), "|")
    return [item.strip() for item in cell.split(separator) if item.strip()]


def _native(row: Mapping[str, str]) -> dict[str, object]:
    known = {attribute for attribute, _ in _words().columns.values()}
    other: dict[str, object] = {key: cell for key, cell in row.items() if key not in known}
    if "native" in row:
        try:
            native = from_json(row["native"])
        except ValueError:
            native = None
        if isinstance(native, dict):
            return native | other
        other["native"] = row["native"]
    return other
