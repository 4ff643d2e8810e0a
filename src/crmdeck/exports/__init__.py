"""Records to text, and reports to documents. Pure but for `write_atomically`."""

from crmdeck.exports.check_report import CHECK_FORMATS, check_summary, issue_text, render_check
from crmdeck.exports.csvtext import read_csv
from crmdeck.exports.files import write_atomically
from crmdeck.exports.formats import FORMATS, export, render
from crmdeck.exports.tables import COLUMNS, records

__all__ = [
    "CHECK_FORMATS",
    "COLUMNS",
    "FORMATS",
    "check_summary",
    "export",
    "issue_text",
    "read_csv",
    "records",
    "render",
    "render_check",
    "write_atomically",
]
