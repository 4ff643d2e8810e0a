"""A report as Markdown, with escaped cells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from crmdeck.exports.cells import cell_text
from crmdeck.exports.markdown import escape, table_row
from crmdeck.exports.report import Cell, Report


def draw(report: Report) -> Iterator[str]:
    """Yield the document, line by line."""
    return (line + "\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"# {escape(report.title)}"
    yield ""
    yield escape(report.summary)
    yield ""
    for part, share in report.shares():
        yield f"- {part.count:,} {escape(part.label)} ({escape(share)})"
    if report.bar:
        yield ""
    for name, value in report.facts:
        yield f"- {escape(name)}: {escape(_text(value))}"
    for section in report.sections:
        yield ""
        yield f"## {escape(section.title)}"
        yield ""
        for paragraph in section.text:
            yield escape(paragraph)
            yield ""
        if section.table:
            yield table_row(section.table.columns)
            yield "|" + " --- |" * len(section.table.columns)
            yield from (table_row([_text(cell) for cell in row]) for row in section.table.rows)
    if report.made_at:
        yield ""
        yield f"crmdeck, {_text(report.made_at)}"


def _text(value: Cell) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cell_text(value)
