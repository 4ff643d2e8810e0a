"""Detects the format of a file from its content, and reads it."""

from __future__ import annotations

from crmdeck.formats.csvtext import restore
from crmdeck.formats.dictionary import read_dictionary
from crmdeck.formats.document import ZIP_MAGIC, SchemaFile, broken, to_text
from crmdeck.formats.entry import Contents, unknown
from crmdeck.formats.exported import exported_entries, is_exported_row, read_exported_csv
from crmdeck.formats.json_documents import read_json
from crmdeck.formats.metadata_xml import is_metadata, read_metadata
from crmdeck.formats.sheets import Row, delimiter_of, first_line, read_csv, read_workbook

_HEAD = 4_096
_XML = {
    b"soap.sforce.com": "The file is a WSDL of Salesforce's SOAP API, which crmdeck doesn't read. "
    "Export describe responses instead.",
    b"Edmx": "The file is OData metadata, such as Microsoft Dataverse's. crmdeck reads "
    "Salesforce and HubSpot.",
}
# The first bytes of workbooks before Excel 2007.
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


def read_contents(file: SchemaFile, data: bytes) -> Contents:
    """Return the contents of `file`; `data` are its decompressed bytes.

    Raises SourceError naming file and place, with the code UNKNOWN_FILE for a file that isn't a
    schema.
    """
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if data.startswith((ZIP_MAGIC, _OLD_WORKBOOK)):
        return _read_workbook(file, data)
    if start.startswith(b"<"):
        if not is_metadata(file):
            why = "The file is XML, but not metadata of objects or fields."
            known = (text for mark, text in _XML.items() if mark in data[:_HEAD])
            raise unknown(file, next(known, why))
        return read_metadata([file])
    # The output of a command line tool can have messages before its JSON.
    named = {"json", "jsonl", "ndjson"} & set(file.base.lower().split("."))
    if start[:1] in (b"{", b"[") or (named and start):
        return read_json(file, data)
    text = to_text(file, data)
    if text.lstrip()[:1] in ("{", "["):
        return read_json(file, data)
    if not text.strip():
        raise broken(file.name, "its start", "it is empty")
    delimiter = delimiter_of(text)
    if is_exported_row(restore(name.strip('"')) for name in first_line(text).split(delimiter)):
        return read_exported_csv(file, text.lstrip("\r\n"), delimiter)
    return read_dictionary(file, [read_csv(file, text)])


def _read_workbook(file: SchemaFile, data: bytes) -> Contents:
    """Return the contents of a workbook, which may be crmdeck's own CSV saved as one."""
    sheets = read_workbook(file, data)
    rows = list[tuple[str, dict[str, object]]]()
    for sheet in sheets:
        header, *below = sheet.rows or (Row("", ()),)
        if is_exported_row(header.cells):
            for row in (each for each in below if each.filled):
                cells = (restore(cell) or None for cell in row.cells)
                rows.append((row.place, dict(zip(header.cells, cells, strict=False))))
    if rows:
        return Contents(entries=tuple(exported_entries(file, rows)))
    return read_dictionary(file, sheets)
