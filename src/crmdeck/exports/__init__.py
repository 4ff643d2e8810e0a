"""Records to text: json, jsonl, csv, markdown, html. Pure but for `write_atomically`."""

from crmdeck.exports.csvtext import read_csv
from crmdeck.exports.files import write_atomically
from crmdeck.exports.formats import FORMATS, export, render
from crmdeck.exports.tables import COLUMNS, records

__all__ = ["COLUMNS", "FORMATS", "export", "read_csv", "records", "render", "write_atomically"]
