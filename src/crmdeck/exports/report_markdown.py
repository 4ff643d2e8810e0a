"""A report as Markdown, with escaped cells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from crmdeck.exports.cells import cell_text
from crmdeck.exports.markdown import escape, table
from crmdeck.exports.report import Cell, Report


def draw(report: Report) -> Iterator[str]:
    """Yield the document, line by line."""
    yield f"# {escape(report.title)}\n\n{escape(report.summary)}\n\n"
    for part, share in report.shares():
        yield f"- {part.count:,} {escape(part.label)} ({escape(share)})\n"
    if report.bar:
        yield "\n"
    for name, value in report.facts:
        yield f"- {escape(name)}: {escape(_text(value))}\n"
    for section in report.sections:
        yield f"\n## {escape(section.title)}\n\n"
        for paragraph in section.text:
            yield f"{escape(paragraph)}\n\n"
        if section.table:
            rows = ([_text(cell) for cell in row] for row in section.table.rows)
            yield from table(section.table.columns, rows)
    if report.made_at:
        yield f"\ncrmdeck, {_text(report.made_at)}\n"


def _text(value: Cell) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cell_text(value)
