"""A separate process: reads a workbook from stdin, and writes its sheets to stdout as JSON.

A workbook of a few bytes can claim billions of cells. The library makes room for all of them, and
without that much memory it stops the process.
"""

from __future__ import annotations

import datetime
import io
import json
import sys
from contextlib import suppress

MOST_BYTES = 2 * 1024**3
"""Memory of the process, where the system can limit it."""


def main(most_rows: int, most_columns: int) -> None:
    """Write `[[title, rows], ...]`, or `{"error": why}`; a sheet has one row more than allowed."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        # A core file of a stopped process would be as large as its memory.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        from python_calamine import CalamineWorkbook, SheetTypeEnum

        book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        found: object = [
            [
                each.name,
                [
                    [_text(value) for value in row[:most_columns]]
                    for row in book.get_sheet_by_name(each.name).to_python(
                        skip_empty_area=False, nrows=most_rows + 1
                    )
                ],
            ]
            for each in book.sheets_metadata
            if each.typ == SheetTypeEnum.WorkSheet
        ]
    # The library panics on some broken workbooks, which isn't an Exception.
    except BaseException as error:  # noqa: BLE001
        found = {"error": type(error).__name__}
    sys.stdout.buffer.write(json.dumps(found).encode())


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case _:
            return str(value)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
