"""Workbooks of every kind, and those that would take all memory."""

from __future__ import annotations

import datetime
import io
import sys
import zipfile
from pathlib import Path

import pytest

from crmdeck.errors import SourceError
from crmdeck.formats.contents import read_contents
from crmdeck.formats.document import SchemaFile
from crmdeck.formats.sheets import read_workbook
from tests.formats.tables import workbook

_ODS = (
    '<?xml version="1.0"?><office:document-content office:version="1.2" '
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
    '<office:spreadsheet><table:table table:name="Opportunity">{}</table:table>'
    "</office:spreadsheet></office:body></office:document-content>"
)
_MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
_CELL = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'


def ods(*rows: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", _ODS.format("".join(rows)))
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{_MANIFEST}"/>')
    return made.getvalue()


def row(*cells: str, repeated: str = "") -> str:
    inside = "".join(_CELL.format(cell) for cell in cells)
    return f"<table:table-row{repeated}>{inside}</table:table-row>"


def spread(reference: str) -> bytes:
    """Return a workbook of two cells, the second one at `reference`."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook({"A": [["x"], ["y"]]}))) as archive,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as copy,
    ):
        for name in archive.namelist():
            copy.writestr(name, archive.read(name).replace(b'r="A2"', f'r="{reference}"'.encode()))
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("fields.xls", (Path(__file__).parent / "fields.xls").read_bytes()),
        (
            "fields.ods",
            ods(
                row("API Name", "Label", "Type", "Length"),
                row("Partner__c", "Partner", "Text", "80"),
                row("Tier__c", "Tier", "Text", "18"),
                row(repeated=' table:number-rows-repeated="1048573"'),
            ),
        ),
    ],
)
def test_old_workbooks_and_those_of_libreoffice_are_read(name: str, data: bytes) -> None:
    (entry,) = read_contents(SchemaFile(name, data), data).entries
    assert entry.object_type == "Opportunity"
    fields = entry.build(entry.object_type, ()).fields
    assert [(field.name, field.length) for field in fields] == [
        ("Partner__c", 80),
        ("Tier__c", 18),
    ]


def test_cells_become_text_and_rows_keep_their_numbers() -> None:
    day, moment = datetime.date(2026, 5, 16), datetime.datetime(2026, 5, 16, 12, 30)
    data = workbook({"One": [[], ["a", 1.0, 1.5, True, None, day, moment]], "Two": [["b"]]})
    one, two = read_workbook(SchemaFile("x.xlsx", data), data)
    assert [each.name for each in (one, two)] == ["One", "Two"]
    assert [each.place for each in one.rows][1] == "sheet 'One', row 2"
    assert one.rows[1].cells == (
        *("a", "1", "1.5", "true", ""),
        *("2026-05-16", "2026-05-16T12:30:00"),
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("wide.xlsx", spread("XFD1048576")),
        ("long.xlsx", spread("A1048576")),
        ("tall.ods", ods(row("x", repeated=' table:number-rows-repeated="900000000"'))),
        ("none.xlsx", b"PK\x03\x04" + b"x" * 100),
        ("none.xls", b"\xd0\xcf\x11\xe0" + b"x" * 4000),
        ("empty.ods", ods()[:-30]),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't limit the memory")
def test_oversized_or_broken_workbook_is_rejected(name: str, data: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_workbook(SchemaFile(name, data), data)
    assert caught.value.message.startswith(name)
