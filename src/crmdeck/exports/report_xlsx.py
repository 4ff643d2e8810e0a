"""A report as a workbook: a summary sheet, then one sheet per section.

Text is written as text, so that a spreadsheet runs none of it and it can be read back exactly.
"""

from __future__ import annotations

import re
import tempfile
from datetime import datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from crmdeck.exports.cells import cell_text
from crmdeck.exports.report import Cell, Report, ReportTable
from crmdeck.text import visible_text

LONGEST_CELL = 32_767
"""The most characters in a cell of Excel; a longer text is cut and ends in an ellipsis."""

_SHEET_NAME = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]|^'|'$")
_WIDEST = 60
_BARS = {"bad": "#B3261E", "warn": "#C98A00", "good": "#1B6E3C", "note": "#0B57A4"}
_COLORS = {"bad": "#F9DEDC", "warn": "#FFF2CC", "good": "#DDF3E4", "note": "#DCE8F8"}


def write_book(report: Report, path: Path) -> None:
    """Write the workbook to a file, by way of temporary files; raises OSError."""
    options = {
        # Each row goes to a temporary file at once: the dictionary of an org has 50,000 rows.
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        # Excel has no time zones; all times are UTC.
        "remove_timezone": True,
    }
    try:
        with (
            tempfile.TemporaryDirectory(prefix="crmdeck-") as folder,
            path.open("wb") as file,
            xlsxwriter.Workbook(file, {**options, "tmpdir": folder}) as book,
        ):
            _fill(book, report)
    except FileCreateError as error:
        raise OSError(*error.args) from error


def _fill(book: xlsxwriter.Workbook, report: Report) -> None:
    book.set_properties({"title": report.title, "comments": report.summary})
    forms = {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True}),
        "text": book.add_format({"text_wrap": True, "valign": "top"}),
        "bar": book.add_format({"num_format": "#,##0", "align": "left"}),
        "link": book.add_format({"font_color": "blue", "underline": 1, "valign": "top"}),
        "time": book.add_format(
            {"num_format": "yyyy-mm-dd hh:mm", "valign": "top", "align": "left"}
        ),
    } | {
        mark: book.add_format({"text_wrap": True, "valign": "top", "bg_color": color})
        for mark, color in _COLORS.items()
    }
    taken: set[str] = set()
    summary = book.add_worksheet(_sheet_name("Summary", taken))
    row = _summary(summary, report, forms)
    for section in report.sections:
        row += 1
        title, text = _fit(section.title), _fit(" ".join(section.text))
        summary.write_string(row, 1, text, forms["text"])
        if section.table is None:
            summary.write_string(row, 0, title)
            continue
        sheet = book.add_worksheet(_sheet_name(section.title, taken))
        summary.write_url(row, 0, _link_to(sheet.get_name()), forms["link"], visible_text(title))
        _table(sheet, section.table, forms)
        # Close its file: thousands of sheets would exceed the limit. XlsxWriter reopens it later.
        sheet._opt_close()


def _summary(sheet: Worksheet, report: Report, forms: dict[str, Format]) -> int:
    _page(sheet)
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 80)
    sheet.write_string(0, 0, _fit(report.title), forms["title"])
    sheet.write_string(1, 0, _fit(report.summary))
    row = 3
    total = sum(part.count for part in report.bar)
    for part in report.bar:
        sheet.write_string(row, 0, _fit(part.label))
        sheet.write_number(row, 1, part.count, forms["bar"])
        sheet.conditional_format(
            row, 1, row, 1,
            {"type": "data_bar", "bar_color": _BARS.get(part.mark, "#8A8A8A"),
             "min_type": "num", "min_value": 0, "max_type": "num", "max_value": total},
        )  # fmt: skip
        row += 1
    row += bool(report.bar)
    facts = [*report.facts, *([("made", report.made_at)] if report.made_at else [])]
    for name, value in facts:
        sheet.write_string(row, 0, _fit(name))
        _write(sheet, row, 1, value, forms, forms["text"])
        row += 1
    return row


def _table(sheet: Worksheet, table: ReportTable, forms: dict[str, Format]) -> None:
    rows = list(table.rows)
    marks = table.marks or [""] * len(rows)
    for column, name in enumerate(table.columns):
        sheet.write_string(0, column, name, forms["head"])
        # The first rows are enough to choose a width.
        longest = max([len(name), *(len(cell_text(row[column])) for row in rows[:500])])
        sheet.set_column(column, column, min(_WIDEST, longest + 2))
    for number, (mark, row) in enumerate(zip(marks, rows, strict=True), 1):
        for column, value in enumerate(row):
            _write(sheet, number, column, value, forms, forms[mark or "text"])
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)
    _page(sheet)
    if rows:
        sheet.autofilter(0, 0, len(rows), len(table.columns) - 1)


def _page(sheet: Worksheet) -> None:
    # 9 is A4.
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L&A&R&P / &N")


def _write(
    sheet: Worksheet, row: int, column: int, value: Cell, forms: dict[str, Format], form: Format
) -> None:
    match value:
        case None:
            sheet.write_blank(row, column, None, form)
        case bool():
            sheet.write_boolean(row, column, value, form)
        case int() | float():
            sheet.write_number(row, column, value, form)
        case datetime():
            sheet.write_datetime(row, column, value.replace(tzinfo=None), forms["time"])
        case _:
            sheet.write_string(row, column, _fit(cell_text(value)), form)


def _link_to(name: str) -> str:
    quoted = name.replace("'", "''")
    return f"internal:'{quoted}'!A1"


def _fit(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _sheet_name(title: str, taken: set[str]) -> str:
    """Return a name that Excel accepts and no other sheet has, in upper or lower case."""
    base = _FORBIDDEN.sub("_", title)[:_SHEET_NAME].strip() or "Sheet"
    name, number = base, 2
    # Excel reserves the name History for itself.
    while name.casefold() in taken or name.casefold() == "history":
        tail = f" ({number})"
        name, number = base[: _SHEET_NAME - len(tail)] + tail, number + 1
    taken.add(name.casefold())
    return name
