"""A report in the format that was asked for; what draws a format is imported with it."""

from __future__ import annotations

from crmdeck.errors import UsageError
from crmdeck.exports.report import Report

REPORT_FORMATS = ("html", "markdown", "xlsx")


def render_report(report: Report, format: str) -> bytes:
    """Return a report in one of `REPORT_FORMATS`; raises UsageError for another."""
    match format:
        case "html":
            from crmdeck.exports.report_html import draw

            return draw(report).encode("utf-8", "backslashreplace")
        case "markdown":
            from crmdeck.exports.report_markdown import draw

            return draw(report).encode("utf-8", "backslashreplace")
        case "xlsx":
            from crmdeck.exports.report_xlsx import draw_book

            return draw_book(report)
    raise UsageError(
        f"There is no report in the format '{format}'.",
        remedy=f"Choose one of {', '.join(REPORT_FORMATS)}.",
        code="BAD_FORMAT",
    )
