"""The error messages in a file of a sync: CSV, JSON, JSON lines, or a log.

Reads line by line, so that a large file needs little memory; only a JSON object is read whole.
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

MOST_OF_OBJECT = 32 * 1024 * 1024
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
_CODE_COLUMNS = ("code", "errorcode", "statuscode", "category")
_BETWEEN = re.compile(r"[\s,]*")
_SYNC_EVENTS = re.compile(r"sync\.(?:push|pull)", re.IGNORECASE)
_LOG_WORDS = re.compile(
    r"\b(?:error|fail(?:ed|ure)?|exception|invalid|reject(?:ed)?|refused|denied|[A-Z]{3,20}(?:_[A-Z]{2,20})+)\b",
    re.IGNORECASE,
)
_CALM_WORDS = re.compile(r"\b(?:0|no) (?:errors?|failures?)\b|\bINFO\b|\bDEBUG\b", re.IGNORECASE)


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
    if re.match(r"\s*\[\s*(?:[\[{\]]|$)", first):
        yield from _of_array(name, chain([first], lines))
    elif first.lstrip().startswith("{"):
        yield from _of_objects(name, first, lines)
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

    places = [
        place_of(each) for each in (_CODE_COLUMNS, _OBJECT_COLUMNS, _ID_COLUMNS, _TIME_COLUMNS)
    ]
    for line, row in rows:
        if row is None or (row and len(row) <= column):
            yield Message(None, line)
        elif row:
            text = row[column].strip()
            cells = [row[i] if i is not None and i < len(row) else "" for i in places]
            code, object_type, record_id, at = cells
            yield Message(text, line, code, "", object_type, record_id, at) if text else None


# -- JSON ------------------------------------------------------------------------------------------


def _of_array(name: str, pieces: Iterator[str]) -> Iterator[Message | None]:
    """Yield the errors in a JSON list element by element."""
    decoder, buffer, line, wanted = json.JSONDecoder(), "", 1, 0
    place, is_done, is_begun = 0, False, False
    for piece in chain(pieces, [""]):
        buffer += piece
        # An element over many pieces isn't parsed again for each.
        if piece and len(buffer) < wanted:
            continue
        while not is_done:
            start = place
            place = _BETWEEN.match(buffer, place).end()  # type: ignore[union-attr]
            line += buffer.count("\n", start, place)
            if place >= len(buffer):
                break
            if not is_begun:
                is_begun, place = True, place + 1
                continue
            if buffer[place] == "]":
                is_done = True
                break
            try:
                value, end = decoder.raw_decode(buffer, place)
            except ValueError:
                break
            yield from errors_in(value, line)
            line += buffer.count("\n", place, end)
            place = end
        buffer, place = buffer[place:], 0
        wanted = 2 * len(buffer)
        if len(buffer) > MOST_OF_OBJECT:
            raise _too_large(name)
    if not is_done:
        yield Message(None, line)


def _of_objects(name: str, first: str, lines: Iterator[str]) -> Iterator[Message | None]:
    """Yield the errors of JSON lines, or of one JSON object over many lines."""
    try:
        value = json.loads(first)
    except ValueError:
        parts, size = [first], len(first)
        for line in lines:
            size += len(line)
            if size > MOST_OF_OBJECT:
                raise _too_large(name) from None
            parts.append(line)
        try:
            value = json.loads("".join(parts))
        except ValueError:
            # One bad line must not cost the others of JSON lines.
            for number, part in enumerate(parts, 1):
                if part.strip():
                    yield from _of_line(part, number)
            return
        yield from errors_in(value, 1)
        return
    yield from errors_in(value, 1)
    for number, part in enumerate(lines, 2):
        if part.strip():
            yield from _of_line(part, number)


def _of_line(text: str, line: int) -> Iterator[Message | None]:
    try:
        value = json.loads(text)
    except ValueError:
        yield Message(None, line)
        return
    yield from errors_in(value, line)


def _too_large(name: str) -> SourceError:
    return SourceError(
        f"{name} has a JSON value of more than {MOST_OF_OBJECT // 1024**2} MB.",
        remedy="Export the errors as CSV, JSON lines, or a JSON list.",
        code="FILE_TOO_LARGE",
    )


def errors_in(value: Any, line: int, record_id: str = "") -> Iterator[Message | None]:
    """Yield the errors in a JSON value: of an API response, an audit entry, or a log entry."""
    if isinstance(value, list):
        for each in value:
            yield from errors_in(each, line, record_id)
        return
    if not isinstance(value, Mapping):
        return
    known = value.get("id") or value.get("recordId") or value.get("record_id")
    record_id = str(known or value.get("referenceId") or record_id)
    if value.get("success") is True and not value.get("errors"):
        yield None
        return
    inner = [
        value[key]
        for key in ("errors", "validationResults", "compositeResponse", "results", "result", "body")
        if isinstance(value.get(key), list | dict) and value[key]
    ]
    found = [each for one in inner for each in errors_in(one, line, record_id)]
    if any(found):
        yield from found
        return
    text = next(
        (value[key] for key in ("message", "errorMessage", "error_message", "error", "summary")
         if isinstance(value.get(key), str) and value[key].strip()),
        None,
    )  # fmt: skip
    event = str(value.get("action") or value.get("event") or "")
    if event:
        # PartnerOS's audit log has entries about many things besides the sync.
        details = value.get("metadata") or value.get("details") or {}
        within = [one for one in errors_in(details, line, record_id) if one is not None]
        if not _SYNC_EVENTS.match(event):
            return
        if within:
            at = str(value.get("createdAt") or value.get("at") or "")
            yield from (one._replace(at=one.at or at) for one in within)
            return
    if text is None:
        yield from found
        return
    context = value.get("context")
    ids = context.get("ids") if isinstance(context, Mapping) else None
    names = context.get("propertyName") if isinstance(context, Mapping) else None
    fields = value.get("fields") or names or value.get("propertyName") or value.get("name")
    first = fields[0] if isinstance(fields, list) and fields else fields
    yield Message(
        text,
        line,
        _text(value, "errorCode", "statusCode", "code", "error", "category", besides=text),
        _text(value, "vendor", "platform"),
        _text(value, "object", "objectType", "object_type"),
        str(ids[0]) if isinstance(ids, list) and ids else record_id,
        _text(value, "at", "timestamp", "time", "createdAt"),
        first if isinstance(first, str) else "",
    )


def _text(value: Mapping[str, Any], *keys: str, besides: str = "") -> str:
    found = (value.get(key) for key in keys)
    return next((one for one in found if isinstance(one, str) and one and one != besides), "")
