"""Markdown tables with escaped cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from crmdeck.exports.cells import cell_text

_LINE_BREAK = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# The last two keep GitHub from making links of bare addresses.
_MARKUP = re.compile(r"[\\`*_\[\]{}()|~$@#!]|:(?=//)|(?<=www)\.")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape(text: str) -> str:
    """Return `text` escaped for Markdown, on one line of source.

    Line breaks become `<br>`, other control characters the replacement character.
    """
    lines = _LINE_BREAK.split(text.replace("\t", " "))
    return "<br>".join(
        _MARKUP.sub(r"\\\g<0>", _CONTROL.sub("\ufffd", line).translate(_ENTITIES)) for line in lines
    )


def render_markdown(
    records: Iterable[Mapping[str, object]], columns: Sequence[str], title: str
) -> Iterator[str]:
    """Yield a table with one row per record, below the heading `title` if any."""
    if title:
        yield f"# {escape(title)}\n\n"
    if columns:
        yield from table(columns, ([cell_text(r.get(name)) for name in columns] for r in records))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield table_row(columns) + "\n|" + " --- |" * len(columns) + "\n"
    for row in rows:
        yield table_row(row) + "\n"


def table_row(cells: Sequence[str]) -> str:
    """Return one row of a table."""
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
