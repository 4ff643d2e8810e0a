"""What a file holds, found from its content whatever its name says."""

from __future__ import annotations

from crmdeck.formats.dictionary import read_dictionary
from crmdeck.formats.document import ZIP_MAGIC, SchemaFile, broken, to_text
from crmdeck.formats.entry import Contents, unknown
from crmdeck.formats.json_documents import read_json
from crmdeck.formats.metadata_xml import is_metadata, read_metadata
from crmdeck.formats.sheets import read_csv, read_workbook

# The beginning of workbooks as they were before 2007.
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


def read_contents(file: SchemaFile, data: bytes) -> Contents:
    """Return what `file` holds; `data` is its content, unpacked.

    Raises SourceError naming file and place where it is broken, with the code UNKNOWN_FILE where
    it is no schema at all.
    """
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if data.startswith(ZIP_MAGIC):
        return read_dictionary(file, read_workbook(file, data))
    if data.startswith(_OLD_WORKBOOK):
        remedy = "Save it as .xlsx or .csv."
        raise broken(file.name, "its start", "it is a workbook of the old form", remedy=remedy)
    if start.startswith(b"<"):
        if not is_metadata(file):
            raise unknown(file, "It is XML, and no Salesforce metadata of objects or fields.")
        return read_metadata([file])
    if _is_json(file, start):
        return read_json(file, data)
    text = to_text(file, data)
    if text.lstrip()[:1] in ("{", "["):
        return read_json(file, data)
    if not text.strip():
        raise broken(file.name, "its start", "it is empty")
    return read_dictionary(file, [read_csv(file, text)])


def _is_json(file: SchemaFile, start: bytes) -> bool:
    # A command line may have said something before its JSON.
    named = any(part in ("json", "jsonl", "ndjson") for part in file.base.lower().split("."))
    return start[:1] in (b"{", b"[") or (named and bool(start))
