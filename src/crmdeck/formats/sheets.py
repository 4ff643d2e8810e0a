"""The rows of a CSV, and of each sheet of a workbook."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crmdeck.formats.document import ZIP_MAGIC, SchemaFile, broken, check_size

# A picklist of 14,000 values is one cell of more than a megabyte.
csv.field_size_limit(max(csv.field_size_limit(), 64 * 1024 * 1024))

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_DELIMITERS = (",", ";", "\t")
_MOST_ROWS = 200_000
_MOST_COLUMNS = 256
_MOST_SECONDS = 120
_READER = Path(__file__).with_name("workbook_reader.py")


@dataclass(frozen=True)
class Row:
    """The cells of one row as text, and its place for errors."""

    place: str
    cells: tuple[str, ...]

    @property
    def filled(self) -> list[str]:
        return [cell.strip() for cell in self.cells if cell.strip()]


@dataclass(frozen=True)
class Sheet:
    """One sheet; a CSV has no `name`."""

    name: str | None
    rows: tuple[Row, ...]


def first_line(text: str) -> str:
    return text.lstrip("\r\n").partition("\n")[0].rstrip("\r")


def delimiter_of(text: str) -> str:
    """Return the delimiter of a CSV: the most frequent one in its first line."""
    # Of equal ones the first: a header without delimiters is one column of a comma-separated file.
    return max(_DELIMITERS, key=first_line(text).count)


def read_csv(file: SchemaFile, text: str) -> Sheet:
    """Return the rows of a CSV. Raises SourceError naming file and line."""
    # Line by line: StringIO would copy the text with four bytes for each character.
    lines = (line[0] for line in _LINE.finditer(text))
    reader = csv.reader(lines, delimiter=delimiter_of(text), strict=True)
    rows: list[Row] = []
    start = 1
    try:
        for cells in reader:
            if len(rows) > _MOST_ROWS:
                raise broken(file.name, f"line {start}", f"it has more than {_MOST_ROWS:,} rows")
            rows.append(Row(f"line {start}", tuple(cells)))
            start = reader.line_num + 1
    except csv.Error as error:
        raise broken(file.name, f"line {start}", f"this isn't a CSV line ({error})") from error
    return Sheet(None, tuple(rows))


def read_workbook(file: SchemaFile, data: bytes) -> list[Sheet]:
    """Return the sheets of a workbook: XLSX, XLSB, XLS or ODS.

    Raises SourceError if it is broken or too large. Checks the sizes before it decompresses.
    """
    if data.startswith(ZIP_MAGIC):
        with _broken_archives(file), zipfile.ZipFile(io.BytesIO(data)) as archive:
            # No reader reads more of a member than this size.
            check_size(file.name, sum(each.file_size for each in archive.infolist()), len(data))
    sheets = []
    for title, rows in _read_apart(file, data):
        if len(rows) > _MOST_ROWS:
            raise broken(file.name, f"sheet '{title}'", f"it has more than {_MOST_ROWS:,} rows")
        sheets.append(
            Sheet(
                title,
                tuple(
                    Row(f"sheet '{title}', row {number}", tuple(cells))
                    for number, cells in enumerate(rows, 1)
                ),
            )
        )
    return sheets


def _read_apart(file: SchemaFile, data: bytes) -> list[tuple[str, list[list[str]]]]:
    """Return title and rows of each sheet, read in a separate process: see `workbook_reader`."""
    try:
        # Isolated, so that no module of the current folder takes part.
        ran = subprocess.run(
            [sys.executable, "-I", str(_READER), str(_MOST_ROWS), str(_MOST_COLUMNS)],
            input=data,
            capture_output=True,
            timeout=_MOST_SECONDS,
            check=False,
        )
        found = json.loads(ran.stdout) if ran.returncode == 0 else {"error": "too many cells"}
    except subprocess.TimeoutExpired:
        found = {"error": f"not read in {_MOST_SECONDS} s"}
    if isinstance(found, dict):
        raise broken(file.name, "its archive", f"it isn't a readable workbook ({found['error']})")
    return [(title, rows) for title, rows in found]


@contextmanager
def _broken_archives(file: SchemaFile) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        why = f"it isn't a readable workbook ({type(error).__name__})"
        raise broken(file.name, "its archive", why) from error
