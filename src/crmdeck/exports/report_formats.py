"""The formats of a report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crmdeck.errors import UsageError
from crmdeck.exports import report_html, report_markdown
from crmdeck.exports.files import file_in_place, write_atomically
from crmdeck.exports.report import Report

REPORT_FORMATS = ("html", "markdown", "xlsx")


def stream_report(report: Report, format: str) -> Iterator[str]:
    """Yield a report as html or markdown; raises UsageError for another format."""
    match format:
        case "html":
            return report_html.draw(report)
        case "markdown":
            return report_markdown.draw(report)
    raise UsageError(
        f"No report in the text format '{format}'.",
        remedy="Use html or markdown; xlsx needs a file.",
        code="BAD_FORMAT",
    )


def write_report(report: Report, format: str, path: Path) -> None:
    """Write a report to a file; raises UsageError for an unknown format."""
    if format != "xlsx":
        write_atomically(path, stream_report(report, format))
        return
    # Only this format needs XlsxWriter.
    from crmdeck.exports.report_xlsx import write_book

    with file_in_place(path) as temporary:
        write_book(report, temporary)
