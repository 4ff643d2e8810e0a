"""Records in a file: as PartnerOS or a person exports them, for a preflight."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from crmdeck.errors import SourceError, UsageError
from crmdeck.files import open_regular, parse_json
from crmdeck.formats.document import ZIP_MAGIC, SchemaFile, read_bounded, to_text, unpack
from crmdeck.formats.sheets import read_csv, read_workbook
from crmdeck.model import Field
from crmdeck.preflight.fields import Raw

MOST_RECORDS = 200_000
_MIDNIGHT = re.compile(r"(\d{4}-\d{2}-\d{2})[ T]00:00:00")
# PDF, PNG, JPEG, GIF, old Office, Parquet: decoded as text, they would be one wild column.
_BINARY = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\xd0\xcf\x11\xe0", b"PAR1")


class RecordFile(NamedTuple):
    """Records by PartnerOS field and by CRM field that identifies a record.

    `keys` are those CRM fields, `ignored` the columns that were left out on request.
    """

    records: tuple[Mapping[str, Raw], ...]
    keys: tuple[str, ...]
    ignored: tuple[str, ...]


def read_records(
    path: Path, fields: Sequence[Field], ignore: Collection[str] = (), keys: Sequence[str] = ()
) -> RecordFile:
    """Return the records of a CSV, JSON, JSON lines or Excel file.

    A column is the API name or label of a PartnerOS field, or the API name of a CRM field in
    `keys`. Raises UsageError if a column fits no field or two columns fit one, and SourceError if
    the file can't be read.
    """
    if path.is_dir():
        raise UsageError(
            f"{path.absolute()} is a folder.",
            remedy="Enter a file of records.",
            code="FILE_NOT_READ",
        )
    try:
        with open_regular(path) as stream:
            file = SchemaFile(path.name, read_bounded(path.name, stream))
    except OSError as error:
        raise UsageError(
            f"Can't read {path}.",
            cause=f"{error.strerror}.",
            remedy="Check the path and the permissions of the file.",
            code="FILE_NOT_READ",
        ) from error
    rows = _rows(file, unpack(file))
    if not rows:
        raise UsageError(
            f"{path.name} has no records.",
            remedy="Export the records with a header row.",
            code="NO_RECORDS",
        )
    columns = list(dict.fromkeys(name for row in rows for name in row))
    names = _names(path.name, columns, fields, ignore, keys)
    partner = {field.name for field in fields}
    return RecordFile(
        tuple(
            {names[column]: value for column, value in row.items() if column in names}
            for row in rows
        ),
        tuple(name for name in names.values() if name not in partner),
        tuple(column for column in columns if column not in names),
    )


def _rows(file: SchemaFile, data: bytes) -> list[dict[str, Raw]]:
    if data.startswith(ZIP_MAGIC):
        sheets = [sheet for sheet in read_workbook(file, data) if sheet.rows]
        # Excel stores a date as a moment at midnight.
        return _of_table(
            file.name,
            [[_MIDNIGHT.sub(r"\1", cell) for cell in row.cells] for row in sheets[0].rows]
            if sheets
            else [],
        )
    if data.startswith(_BINARY):
        raise _not_a_table(file.name, "It contains no text.")
    text = to_text(file, data)
    start = text.lstrip()[:1]
    if start in ("[", "{"):
        return _of_json(file.name, text)
    try:
        rows = read_csv(file, text).rows
    except SourceError as error:
        error.remedy = "Export the records again as CSV, JSON, JSON lines or Excel."
        raise
    return _of_table(file.name, [row.cells for row in rows])


def _not_a_table(name: str, cause: str) -> UsageError:
    return UsageError(
        f"{name} isn't a table of records.",
        cause=cause,
        remedy="Export the records as CSV, JSON, JSON lines or Excel.",
        code="NOT_A_TABLE",
    )


def _of_table(name: str, rows: Sequence[Sequence[str]]) -> list[dict[str, Raw]]:
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if not filled:
        return []
    header = [cell.strip() for cell in filled[0]]
    doubled = next((cell for cell in header if cell and header.count(cell) > 1), None)
    if doubled is not None:
        raise UsageError(
            f"{name} has two columns named '{doubled}'.",
            remedy="Rename or remove one of them.",
            code="TWO_COLUMNS",
        )
    _check_count(name, len(filled) - 1)
    for position, row in enumerate(filled[1:], 1):
        if any(cell.strip() for cell in row[len(header) :]):
            raise UsageError(
                f"Record {position:,} of {name} has more cells than the header.",
                cause="A comma inside a value splits it, unless quotes enclose the value.",
                remedy="Quote the values, or export the records as Excel.",
                code="TOO_MANY_CELLS",
            )
    # Not strict: exports leave out empty cells at the end of a row.
    return [
        {column: cell for column, cell in zip(header, row, strict=False) if column}
        for row in filled[1:]
    ]


def _of_json(name: str, text: str) -> list[dict[str, Raw]]:
    # The whole text first: of JSON lines, only a single one is also valid JSON.
    try:
        parsed: Any = parse_json(text)
    except ValueError:
        parsed = _of_json_lines(name, text)
    records = parsed if isinstance(parsed, list) else [parsed]
    # APIs put the list into an object, as `data` or `records`.
    if len(records) == 1 and isinstance(records[0], dict):
        inner = next((v for k, v in records[0].items() if k in ("data", "records")), None)
        records = inner if isinstance(inner, list) else records
    for position, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise UsageError(
                f"Record {position} of {name} isn't an object.",
                remedy="Export a list of objects, one for each record.",
                code="NOT_A_RECORD",
            )
    _check_count(name, len(records))
    return [{key: as_raw(value) for key, value in record.items()} for record in records]


def _of_json_lines(name: str, text: str) -> list[object]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found.append(parse_json(line))
            except ValueError as error:
                raise SourceError(
                    f"Can't read line {number} of {name}.",
                    cause=f"The line isn't valid JSON: {error}.",
                    remedy="Export the records again as CSV, JSON, JSON lines or Excel.",
                    code="NOT_JSON",
                ) from error
    return found


def as_raw(value: object) -> Raw:
    """Return a JSON value as preflight reads it; an object as its text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return [str(each) for each in value] if isinstance(value, list) else json.dumps(value)


def _check_count(name: str, count: int) -> None:
    if count > MOST_RECORDS:
        raise UsageError(
            f"{name} has {count:,} records; a preflight accepts at most {MOST_RECORDS:,}.",
            remedy="Split the file.",
            code="TOO_MANY_RECORDS",
        )


def _names(
    name: str,
    columns: Sequence[str],
    fields: Sequence[Field],
    ignore: Collection[str],
    keys: Sequence[str],
) -> dict[str, str]:
    known = {_folded(key): key for key in keys}
    # Names come last and win: a column can be the name of one field and the label of another.
    known |= {_folded(field.label): field.name for field in fields if field.label}
    known.update({_folded(field.name): field.name for field in fields})
    ignored = {_folded(each) for each in ignore}
    if not any(_folded(column) in known or _near(column, known) for column in columns):
        raise _not_a_table(name, f"No column is a PartnerOS field: {', '.join(columns[:3])[:100]}.")
    found: dict[str, str] = {}
    for column in columns:
        if _folded(column) in ignored:
            continue
        field = known.get(_folded(column))
        if field is None:
            nearest = ", ".join(dict.fromkeys(known[each] for each in _near(column, known)))
            raise UsageError(
                f"Column '{column}' of {name} isn't a PartnerOS field.",
                cause=f"Similar fields: {nearest}." if nearest else None,
                remedy=f"Rename the column, or leave it out with --ignore '{column}'",
                code="UNKNOWN_COLUMN",
            )
        if field in found.values():
            other = next(each for each, taken in found.items() if taken == field)
            raise UsageError(
                f"Columns '{other}' and '{column}' of {name} are both {field}.",
                remedy=f"Remove one, or leave it out with --ignore '{column}'",
                code="TWO_COLUMNS",
            )
        found[column] = field
    return found


def _near(column: str, known: Mapping[str, str]) -> list[str]:
    return difflib.get_close_matches(_folded(column), known, n=3, cutoff=0.6)


def _folded(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
