"""The rows of a CSV, and of each sheet of a workbook."""

from __future__ import annotations

import csv
import datetime
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from crmdeck.errors import SourceError
from crmdeck.formats.document import SchemaFile, broken, check_size

# A picklist of 14,000 values is one cell of more than a megabyte.
csv.field_size_limit(max(csv.field_size_limit(), 64 * 1024 * 1024))

_DELIMITERS = (",", ";", "\t")
_MOST_ROWS = 200_000
_MOST_COLUMNS = 256


@dataclass(frozen=True)
class Row:
    """The cells of one row as text, and its place for errors."""

    place: str
    cells: tuple[str, ...]

    @property
    def filled(self) -> list[str]:
        """The cells that aren't empty."""
        return [cell.strip() for cell in self.cells if cell.strip()]


@dataclass(frozen=True)
class Sheet:
    """One sheet; a CSV has no `name`."""

    name: str | None
    rows: tuple[Row, ...]


def first_line(text: str) -> str:
    """Return the header line of a CSV."""
    return text.lstrip("\r\n").partition("\n")[0].rstrip("\r")


def delimiter_of(text: str) -> str:
    """Return the delimiter of a CSV: the most frequent one in its first line."""
    return max(_DELIMITERS, key=first_line(text).count)


def read_csv(file: SchemaFile, text: str) -> Sheet:
    """Return the rows of a CSV. Raises SourceError naming file and line."""
    delimiter = delimiter_of(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    start = 1
    try:
        for cells in reader:
            rows.append(Row(f"line {start}", tuple(cells)))
            start = reader.line_num + 1
    except csv.Error as error:
        raise broken(file.name, f"line {start}", f"this isn't a CSV line ({error})") from error
    return Sheet(None, tuple(rows))


def read_workbook(file: SchemaFile, data: bytes) -> list[Sheet]:
    """Return the sheets of an XLSX workbook.

    Raises SourceError if it is broken or too large. Checks the sizes before it decompresses.
    """
    # The import takes half a second, and only a workbook needs it.
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # zipfile never reads more of a member than this size.
            check_size(file.name, sum(each.file_size for each in archive.infolist()), len(data))
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        return [
            Sheet(sheet.title, tuple(_rows(file, sheet.title, sheet))) for sheet in book.worksheets
        ]
    except SourceError:
        raise
    # openpyxl has no exception class of its own for a broken workbook.
    except Exception as error:
        why = f"it isn't a readable workbook ({type(error).__name__})"
        raise broken(file.name, "its archive", why) from error


def _rows(file: SchemaFile, title: str, sheet: object) -> Iterator[Row]:
    # Some programs write workbooks with wrong dimensions.
    sheet.reset_dimensions()  # type: ignore[attr-defined]
    rows = sheet.iter_rows(values_only=True, max_col=_MOST_COLUMNS)  # type: ignore[attr-defined]
    for number, cells in enumerate(rows, 1):
        if number > _MOST_ROWS:
            raise broken(file.name, f"sheet '{title}'", f"it has more than {_MOST_ROWS:,} rows")
        yield Row(f"sheet '{title}', row {number}", tuple(map(_text, cells)))


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case _:
            return str(value)
