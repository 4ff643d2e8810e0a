"""CSV after RFC 4180, with cells that a spreadsheet would run defused.

A cell counts as one that would run when, after any apostrophes and blanks, it starts with
`=`, `+`, `-`, `@` or a full-width or small form of these, or when it starts with a tab or a
line break. It gets one apostrophe in front. `read_csv` takes exactly that one away again, so
any text comes back as it was. Numbers are not text and stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from crmdeck.errors import UsageError
from crmdeck.exports.cells import cell_text, columns_of

# A picklist of 14,000 values is one cell of more than a megabyte.
csv.field_size_limit(max(csv.field_size_limit(), 64 * 1024 * 1024))

_BLANK = r"[\s\x00-\x1f\xa0\u200b-\u200f\u2060\ufeff]*"
_OPERATOR = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
_WOULD_RUN = rf"(?:[\t\r\n]|{_BLANK}{_OPERATOR})"
_DANGEROUS = re.compile(rf"'*{_WOULD_RUN}")
_DEFUSED = re.compile(rf"'+{_WOULD_RUN}")


def defuse(text: str) -> str:
    """Return `text` as a cell that no spreadsheet runs."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def restore(cell: str) -> str:
    """Return the text that `defuse` was given."""
    return cell[1:] if _DEFUSED.match(cell) else cell


def render_csv(
    records: Iterable[Mapping[str, object]], columns: Sequence[str] | None, title: str
) -> Iterator[str]:
    """Yield a header and one line a record; lists and objects are cells of JSON."""
    if columns is None:
        records = list(records)
        columns = columns_of(records)
    line = _Line()
    writer = csv.writer(line, lineterminator="\r\n")
    writer.writerow([defuse(name) for name in columns])
    yield line.text
    for record in records:
        writer.writerow([_cell(record.get(name)) for name in columns])
        yield line.text


def read_csv(text: str) -> list[dict[str, str]]:
    """Return the records of a CSV that `render_csv` wrote, every value as text.

    None and empty text are both an empty cell and come back as empty text. Raises UsageError
    where `text` is not such a CSV.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [restore(name) for name in next(reader, [])]
        return [dict(zip(names, map(restore, row), strict=True)) for row in reader]
    except (csv.Error, ValueError) as error:
        raise UsageError(
            f"This is not a CSV table: line {reader.line_num} can't be read.",
            cause=str(error),
            remedy="Export it again.",
            code="BAD_CSV",
        ) from error


class _Line:
    """What the writer of a CSV wrote last: it hands over one record at a time, whole."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text = text


def _cell(value: object) -> str:
    text = cell_text(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return text if is_number else defuse(text)
