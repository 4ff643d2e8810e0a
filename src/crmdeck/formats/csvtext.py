"""CSV (RFC 4180) without cells that a spreadsheet would run, which reads back exactly.

A missing value is empty, and empty text is `""`, as in PostgreSQL. A spreadsheet may run a cell
that starts, after apostrophes and blanks, with `=`, `+`, `-`, `@` or a full-width or small form of
these, or that starts with a tab or a line break. Such a cell gets one apostrophe in front, and
reading removes that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

_BLANK = r"[\s\x00-\x1f\xa0\u200b-\u200f\u2060\ufeff]*"
_OPERATOR = r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
_WOULD_RUN = rf"(?:[\t\r\n]|{_BLANK}{_OPERATOR})"
_DANGEROUS = re.compile(rf"'*{_WOULD_RUN}")
_DEFUSED = re.compile(rf"'+{_WOULD_RUN}")
_SPECIAL = re.compile(r'[",\r\n]')


class BadCsvError(ValueError):
    """Text that isn't CSV; `line` counts from 1."""

    def __init__(self, line: int, why: str = "a misplaced quotation mark") -> None:
        super().__init__(why)
        self.line = line


def defuse(text: str) -> str:
    """Return `text` as a cell that no spreadsheet runs."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def restore(cell: str) -> str:
    """Return the text that `defuse` was given."""
    return cell[1:] if _DEFUSED.match(cell) else cell


def csv_line(cells: Iterable[str | None]) -> str:
    """Return one line with its line break; None is a missing value."""
    texts = []
    for cell in cells:
        if cell is None or (cell and not _SPECIAL.search(cell)):
            texts.append(cell or "")
        else:
            texts.append('"' + cell.replace('"', '""') + '"')
    return ",".join(texts) + "\r\n"


def csv_rows(text: str, delimiter: str = ",") -> Iterator[tuple[int, list[str | None]]]:
    """Yield the first line of each record, and its raw cells.

    An empty cell becomes None, and `""` an empty text. Raises BadCsvError.
    """
    match_cell = _cell_pattern(delimiter).match
    place, line = 0, 1
    while place < len(text):
        begin, cells = line, list[str | None]()
        while True:
            cell = match_cell(text, place)
            if cell is None:
                raise BadCsvError(line)
            quoted, bare, end = cell.groups()
            cells.append((bare or None) if quoted is None else quoted.replace('""', '"'))
            line += (quoted or "").count("\n")
            place = cell.end()
            if end != delimiter:
                break
        yield begin, cells
        line += 1


@cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    # Possessive, so that an unclosed quotation mark in a large file doesn't backtrack.
    mark = re.escape(delimiter)
    return re.compile(
        rf'(?:"((?:[^"]++|"")*+)"|([^"\r\n{mark}]*+))({mark}|\r\n|\r|\n|\Z)',
    )
