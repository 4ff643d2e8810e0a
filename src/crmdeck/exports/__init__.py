"""Records to text, and reports to documents. Pure but for `write_atomically`."""

from crmdeck.exports.check_report import check_summary, issue_text, render_check, require_format
from crmdeck.exports.csvtext import read_csv
from crmdeck.exports.files import write_atomically
from crmdeck.exports.formats import FORMATS, export, render
from crmdeck.exports.parquet import render_parquet
from crmdeck.exports.report_formats import REPORT_FORMATS, render_report
from crmdeck.exports.tables import COLUMNS, records

__all__ = [
    "COLUMNS",
    "FORMATS",
    "REPORT_FORMATS",
    "check_summary",
    "export",
    "issue_text",
    "read_csv",
    "records",
    "render",
    "render_check",
    "render_parquet",
    "render_report",
    "require_format",
    "write_atomically",
]
