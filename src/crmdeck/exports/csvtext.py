"""Records as CSV, and back; `formats.csvtext` defines the cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from crmdeck.errors import UsageError
from crmdeck.exports.cells import cell_text
from crmdeck.formats.csvtext import BadCsvError, csv_line, csv_rows, defuse, restore


def render_csv(records: Iterable[Mapping[str, object]], columns: Sequence[str]) -> Iterator[str]:
    """Yield a header and one line per record; lists and objects become JSON."""
    yield csv_line(map(defuse, columns))
    for record in records:
        yield csv_line(_cell(record.get(name)) for name in columns)


def read_csv(text: str) -> list[dict[str, str | None]]:
    """Return the records of a CSV that `render_csv` wrote, with None for empty cells.

    Raises UsageError if `text` is anything else.
    """
    names: list[str] | None = None
    found: list[dict[str, str | None]] = []
    try:
        for line, cells in csv_rows(text):
            texts = [cell and restore(cell) for cell in cells]
            if names is None:
                names = [name or "" for name in texts]
            elif len(texts) == len(names):
                found.append(dict(zip(names, texts, strict=True)))
            else:
                raise BadCsvError(line, f"The row has {len(texts)} cells, the header {len(names)}")
    except BadCsvError as error:
        raise UsageError(
            f"Can't read line {error.line} of the CSV file.",
            cause=str(error),
            remedy="Export the file again.",
            code="BAD_CSV",
        ) from error
    return found


def _cell(value: object) -> str | None:
    if value is None:
        return None
    text = cell_text(value)
    # A negative number begins like a formula, but a spreadsheet reads it as a number.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return text if is_number else defuse(text)
