"""The error messages in a file of a sync: CSV, JSON, JSON lines, or a log.

Reads line by line, so that a large file needs little memory; only one JSON value is read whole.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from crmdeck.errors import SourceError, UsageError
from crmdeck.text import first_few

MOST_OF_VALUE = 32 * 1024 * 1024
"""Characters of one JSON value."""

_ERROR_COLUMNS = frozenset(
    {
        *("sferror", "error", "errors", "errormessage", "errormessages", "sfdcreturnmessage"),
        *("errordetail", "errordetails", "failurereason", "syncerror", "errorreason"),
        *("message", "errordescription", "failuremessage", "lasterror", "exception"),
    }
)
_ID_COLUMNS = ("sfid", "id", "recordid", "salesforceid", "hsobjectid", "crmid", "hubspotid")
_OBJECT_COLUMNS = ("object", "objecttype", "sobject", "sobjecttype", "entitytype", "crmobject")
_TIME_COLUMNS = ("at", "time", "timestamp", "datetime", "failedat", "erroredat", "createdat")
_VENDOR_COLUMNS = ("vendor", "platform", "crm")
_CODE_COLUMNS = ("code", "errorcode", "statuscode", "category")
_IS_JSON = re.compile(r'\s*(?:\{|\[\s*(?:[\[{\]"]|$))')
_BETWEEN = re.compile(r"[\s,]*")
_CODES = ("errorCode", "statusCode", "code", "error", "category")
_INNER = (
    *("errors", "validationResults", "compositeResponse", "results", "result", "body"),
    *("metadata", "details"),
)
_SYNC_EVENTS = re.compile(r"sync\.(?:push|pull)", re.IGNORECASE)
_LOG_WORDS = re.compile(
    r"\b(?:error|fail(?:ed|ure)?|exception|invalid|reject(?:ed)?|refused|denied|[A-Z]{3,20}(?:_[A-Z]{2,20})+)\b",
    re.IGNORECASE,
)
_CALM_WORDS = re.compile(
    r"\b(?:0|no) (?:errors?|failures?)\b|\bINFO\b|\bDEBUG\b|error at row", re.IGNORECASE
)


class Message(NamedTuple):
    """One error message of a file; `line` counts from 1. `text` is None if it can't be read."""

    text: str | None
    line: int
    code: str = ""
    vendor: str = ""
    object: str = ""
    record_id: str = ""
    at: str = ""
    field: str = ""


def read_messages(
    name: str, lines: Iterator[str], column: str | None = None, *, is_known: Callable[[str], bool]
) -> Iterator[Message | None]:
    """Yield the messages of a file, and None for each row that succeeded.

    `column` names the error column of a CSV file. `is_known` decides which lines of a log are
    errors. Raises UsageError and SourceError.
    """
    first = next((line for line in lines if line.strip()), "")
    if _IS_JSON.match(first):
        yield from _of_json(name, chain([first], lines), is_known)
    else:
        yield from _of_text(name, first, lines, column, is_known)


# -- tables and logs -------------------------------------------------------------------------------


def _of_text(
    name: str,
    first: str,
    lines: Iterator[str],
    column: str | None,
    is_known: Callable[[str], bool],
) -> Iterator[Message | None]:
    delimiter = max(",;\t", key=first.count)
    header = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter), [])]
    folded = [re.sub(r"[\W_]+", "", cell).casefold() for cell in header]
    found = [index for index, cell in enumerate(folded) if cell in _ERROR_COLUMNS]
    if column is not None:
        found = [index for index, cell in enumerate(header) if cell.casefold() == column.casefold()]
    # Every message of a log has spaces, so a log isn't taken for a header.
    if found and (column or all(len(cell) < 80 and "=" not in cell for cell in header)):
        named = [index for index in found if folded[index] not in ("message", "exception")] or found
        if len(named) > 1:
            raise UsageError(
                f"{name} has several error columns: {first_few([header[i] for i in named], 8)}.",
                remedy="Choose one with --column NAME.",
                code="SEVERAL_ERROR_COLUMNS",
            )
        rows = _rows(lines, delimiter)
        yield from _of_table(rows, folded, named[0])
        return
    if column is not None or name.lower().endswith((".csv", ".tsv")):
        raise UsageError(
            f"{name} has no error column{f' {column!r}' if column else ''}.",
            cause=f"Columns: {first_few(header, 12)}." if first else "The file is empty.",
            remedy="Choose the column with the messages: --column NAME",
            code="NO_ERROR_COLUMN",
        )
    for number, line in enumerate(chain([first], lines), 1):
        text = line.strip()
        if text and (is_known(text) or (_LOG_WORDS.search(text) and not _CALM_WORDS.search(text))):
            yield Message(text, number)


def _rows(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Yield the rows after the header with their lines; None for one that can't be read."""
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        begin = reader.line_num + 2
        try:
            row = next(reader, None)
        except csv.Error:
            yield begin, None
            continue
        if row is None:
            return
        yield begin, row


def _of_table(
    rows: Iterable[tuple[int, list[str] | None]], header: list[str], column: int
) -> Iterator[Message | None]:
    def place_of(names: tuple[str, ...]) -> int | None:
        return next((header.index(name) for name in names if name in header), None)

    columns = (_CODE_COLUMNS, _VENDOR_COLUMNS, _OBJECT_COLUMNS, _ID_COLUMNS, _TIME_COLUMNS)
    places = [place_of(each) for each in columns]
    for line, row in rows:
        if row is None or (row and len(row) <= column):
            yield Message(None, line)
        elif row:
            text = row[column].strip()
            cells = [row[i] if i is not None and i < len(row) else "" for i in places]
            yield Message(text, line, *cells) if text else None


# -- JSON ------------------------------------------------------------------------------------------


def _of_json(
    name: str, pieces: Iterator[str], is_known: Callable[[str], bool]
) -> Iterator[Message | None]:
    """Yield the errors in one JSON value, in a list of values, or in JSON lines, value by value."""
    decoder, buffer, line, wanted, is_list = json.JSONDecoder(), "", 1, 0, None
    for piece in chain(pieces, [""]):
        buffer += piece
        # A value over many pieces isn't parsed again for each.
        if piece and len(buffer) < wanted:
            continue
        place = 0
        while True:
            start = _BETWEEN.match(buffer, place).end()  # type: ignore[union-attr]
            line += buffer.count("\n", place, start)
            place = start
            if is_list is None and place < len(buffer):
                is_list = buffer[place] == "["
                place += is_list
                continue
            if place >= len(buffer) or buffer[place] == "]":
                break
            try:
                value, end = decoder.raw_decode(buffer, place)
                is_text = isinstance(value, str)
                found = (Message(value, line),) if is_text else tuple(errors_in(value, line))
            except (ValueError, RecursionError):
                # One bad line must not cost the others of JSON lines.
                end = buffer.find("\n{", place) + 1 or (0 if piece else len(buffer))
                if not end:
                    break
                # A log can have objects that only look like JSON.
                text = buffer[place:end].strip()
                yield Message(text if is_known(text) else None, line)
                is_list = is_list and bool(piece)
            else:
                yield from found
            line += buffer.count("\n", place, end)
            place = end
        buffer = buffer[place:]
        wanted = 2 * len(buffer)
        if len(buffer) > MOST_OF_VALUE:
            raise SourceError(
                f"{name} has a JSON value of more than {MOST_OF_VALUE // 1024**2} MB.",
                remedy="Export the errors as CSV, JSON lines, or a JSON list.",
                code="FILE_TOO_LARGE",
            )
    if is_list and not buffer.startswith("]"):
        yield Message(None, line)


def errors_in(value: Any, line: int, record_id: str = "") -> Iterator[Message | None]:
    """Yield the errors in a JSON value: of an API response, an audit entry, or a log entry."""
    if isinstance(value, list):
        for each in value:
            yield from errors_in(each, line, record_id)
    if not isinstance(value, Mapping):
        return
    context = value["context"] if isinstance(value.get("context"), Mapping) else {}
    ids = context.get("ids") or [None]
    record_id = _text(value, "id", "recordId", "record_id", "referenceId") or record_id
    record_id = str(ids[0] or record_id) if isinstance(ids, list) else record_id
    if value.get("success") is True and not value.get("errors"):
        yield None
        return
    event = _text(value, "action", "event")
    # PartnerOS's audit log has entries about many things besides the sync.
    if event and not _SYNC_EVENTS.match(event):
        return
    at = _text(value, "at", "timestamp", "time", "createdAt")
    inner = [value[key] for key in _INNER if isinstance(value.get(key), list | dict)]
    found = [each for one in inner for each in errors_in(one, line, record_id)]
    text = _text(value, "message", "errorMessage", "error_message", "error", "summary")
    if any(found) or not text:
        yield from (each and each._replace(at=each.at or at) for each in found)
        return
    fields = value.get("fields") or context.get("propertyName") or value.get("name")
    field = fields[0] if isinstance(fields, list) and fields else fields
    code = next((one for key in _CODES if (one := _text(value, key)) and one != text), "")
    object_type = _text(value, "object", "objectType", "object_type")
    vendor = _text(value, "vendor", "platform")
    name = field if isinstance(field, str) else ""
    yield Message(text, line, code, vendor, object_type, record_id, at, name)


def _text(value: Mapping[str, Any], *keys: str) -> str:
    found = (value.get(key) for key in keys)
    return next((one for one in found if isinstance(one, str) and one.strip()), "")
