"""The formats of records and of reports: commands, console and docs offer what these tables list.

Each function imports its writer, so that a help text doesn't load the models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from crmdeck.errors import UsageError

if TYPE_CHECKING:
    from crmdeck.exports.report import Report

Records: TypeAlias = Iterable[Mapping[str, object]]


@dataclass(frozen=True)
class Format:
    """A format of records, which has one of `render` and `write`.

    `use` describes it in the console, `values` in the docs. `render` yields the text of records,
    with columns and a title. `write` writes records to a file, with the SQL type of each column.
    """

    name: str
    suffix: str
    use: str
    values: str
    render: Callable[[Records, Sequence[str], str], Iterator[str]] | None = None
    write: Callable[[Records, Mapping[str, str], Path], None] | None = None


def _render_json(rows: Records, columns: Sequence[str], title: str) -> Iterator[str]:
    from crmdeck.exports.jsontext import stream_wire

    return stream_wire(_select(rows, columns))


def _render_jsonl(rows: Records, columns: Sequence[str], title: str) -> Iterator[str]:
    from crmdeck.exports.jsontext import to_json

    for row in _select(rows, columns):
        # Lists and objects of different shapes have no common type in a data frame.
        flat = {
            name: to_json(value) if isinstance(value, Mapping | list | tuple) else value
            for name, value in row.items()
        }
        yield to_json(flat) + "\n"


def _render_csv(rows: Records, columns: Sequence[str], title: str) -> Iterator[str]:
    from crmdeck.exports.csvtext import render_csv

    return render_csv(rows, columns)


def _render_markdown(rows: Records, columns: Sequence[str], title: str) -> Iterator[str]:
    from crmdeck.exports.markdown import render_markdown

    return render_markdown(rows, columns, title)


def _render_html(rows: Records, columns: Sequence[str], title: str) -> Iterator[str]:
    from crmdeck.exports.report import Report, ReportTable, Section

    table = ReportTable(tuple(columns), ([row.get(name) for name in columns] for row in rows))
    report = Report(title or "Export", "", sections=[Section("", table=table)])
    return stream_report(report, "html")


def _write_parquet(rows: Records, types: Mapping[str, str], path: Path) -> None:
    from crmdeck.exports.parquet import write_parquet

    write_parquet(rows, types, path)


def _select(rows: Records, columns: Sequence[str]) -> Records:
    return ({name: row.get(name) for name in columns} for row in rows)


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format(
            "json",
            ".json",
            "the JSON of the API, for programs",
            "whole records, with all values in the API format",
            _render_json,
        ),
        Format(
            "jsonl",
            ".jsonl",
            "one record per line, for streams",
            "one row per line; lists and objects as JSON text",
            _render_jsonl,
        ),
        Format(
            "csv",
            ".csv",
            "one record per line, for spreadsheets",
            'text; lists and objects as JSON; an empty cell is not set, `""` is empty text',
            _render_csv,
        ),
        Format(
            "markdown",
            ".md",
            "a table for tickets and wikis",
            "a table; lists and objects as JSON",
            _render_markdown,
        ),
        Format(
            "html",
            ".html",
            "a page to send",
            "a page with a table; lists and objects as JSON",
            _render_html,
        ),
        Format(
            "parquet",
            ".parquet",
            "one record per line, for data frames",
            "text, numbers, flags; lists, objects and times as text",
            write=_write_parquet,
        ),
    )
}
"""The formats of records, by name."""

TEXT_FORMATS = tuple(each.name for each in FORMATS.values() if each.render is not None)

REPORT_FORMATS: Mapping[str, str] = {"html": ".html", "markdown": ".md", "xlsx": ".xlsx"}
"""The formats of reports, with their suffixes."""

CONTRACT_FORMATS: Mapping[str, str] = {"yaml": ".yaml", "json": ".json"}
"""The formats of contracts, with their suffixes."""

CHECK_FORMATS = ("json", "markdown", "html", "junit", "github")
"""The formats of a check."""

SUFFIXES: Mapping[str, str] = {
    **{each.suffix: each.name for each in FORMATS.values()},
    **{
        suffix: name
        for formats in (REPORT_FORMATS, CONTRACT_FORMATS)
        for name, suffix in formats.items()
    },
    ".yml": "yaml",
}
"""The formats of file names."""


def render(
    records: Records, format: str, *, columns: Sequence[str] | None = None, title: str = ""
) -> str:
    """Return `records` as text in one of `TEXT_FORMATS`, with `columns` or every key.

    `title` is the heading in html and markdown. Raises UsageError for another format.
    """
    rows = list(records)
    if columns is None:
        columns = tuple(dict.fromkeys(key for row in rows for key in row))
    return "".join(stream_rows(rows, format, columns, title))


def stream_rows(
    rows: Records, format: str, columns: Sequence[str], title: str = ""
) -> Iterator[str]:
    """Yield `columns` of `rows` as text; raises UsageError immediately for another format."""
    require_format(format, FORMATS)
    renderer = FORMATS[format].render
    if renderer is None:
        raise _needs_file(format)
    return renderer(rows, columns, title)


def stream_report(report: Report, format: str) -> Iterator[str]:
    """Yield a report as text; raises UsageError immediately for another format."""
    from crmdeck.exports import report_html, report_markdown

    require_format(format, REPORT_FORMATS, "report")
    match format:
        case "html":
            return report_html.draw(report)
        case "markdown":
            return report_markdown.draw(report)
    raise _needs_file(format)


def write_report(report: Report, format: str, path: Path) -> None:
    """Write a report to a file; raises UsageError for an unknown format."""
    from crmdeck.exports.files import file_in_place, write_atomically

    if format != "xlsx":
        write_atomically(path, stream_report(report, format))
        return
    # Only this format needs XlsxWriter.
    from crmdeck.exports.report_xlsx import write_book

    with file_in_place(path) as temporary:
        write_book(report, temporary)


def require_format(format: str, known: Iterable[str], what: str = "export") -> None:
    """Raise UsageError unless `format` is one of `known`, the formats of `what`."""
    names = tuple(known)
    if format not in names:
        raise UsageError(
            f"No {what} in the format '{format}'.",
            remedy=f"Use one of: {', '.join(names)}",
            code="BAD_FORMAT",
        )


def _needs_file(format: str) -> UsageError:
    return UsageError(f"The format {format} needs a file.", remedy=f"Add -o export.{format}")
