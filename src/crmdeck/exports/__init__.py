"""Write records and reports in many formats."""

from crmdeck.exports.check_report import check_summary, issue_text, render_check, require_format
from crmdeck.exports.contract import Contract, deviations, make_contract, read_contract
from crmdeck.exports.csvtext import read_csv
from crmdeck.exports.files import write_atomically
from crmdeck.exports.formats import FORMATS, export, render, stream
from crmdeck.exports.parquet import write_parquet
from crmdeck.exports.report_formats import REPORT_FORMATS, stream_report, write_report
from crmdeck.exports.tables import COLUMNS, named, records
from crmdeck.exports.yamltext import to_yaml

__all__ = [
    "COLUMNS",
    "FORMATS",
    "REPORT_FORMATS",
    "Contract",
    "check_summary",
    "deviations",
    "export",
    "issue_text",
    "make_contract",
    "named",
    "read_contract",
    "read_csv",
    "records",
    "render",
    "render_check",
    "require_format",
    "stream",
    "stream_report",
    "to_yaml",
    "write_atomically",
    "write_parquet",
    "write_report",
]
