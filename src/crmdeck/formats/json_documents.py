"""JSON documents with schemas, in any wrapper.

Supported are Salesforce's describe answers (one, many, composite, batch, by name), its lists of
object types and FieldDefinition records, HubSpot's property lists, object schemas and pipelines,
and JSON lines of these. This module splits a document into the raw text of its objects. It decodes
an object only to build it, so it never decodes an unchanged object.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from crmdeck.errors import SourceError
from crmdeck.formats.dictionary import read_dictionary, sheet_of_records
from crmdeck.formats.document import SchemaFile, broken, to_utf8
from crmdeck.formats.entry import Build, Contents, FileEntry, Pipelines, unknown
from crmdeck.formats.exported import exported_entries, exported_object, is_exported_row
from crmdeck.formats.hubspot_properties import parse_properties
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import ObjectSchema, Platform

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_ANY: msgspec.json.Decoder[object] = msgspec.json.Decoder()
_WHOLE = msgspec.json.Decoder(msgspec.Raw)

_WRAPPERS = (
    *("sobjects", "objects", "results", "result", "records", "describes"),
    *("compositeResponse", "body", "graphs", "graphResponse"),
)
_CONTAINERS = (b"[", b"{")
_DEEPEST = 4
_SHOWN = 300
_KNOWN = (
    "crmdeck reads Salesforce describe responses, HubSpot property lists, object schemas and "
    "pipelines, crmdeck's own exports, and data dictionaries."
)
_LISTING = frozenset({"keyPrefix", "queryable"})
# Matches escapes one by one, because an escaped backslash can precede a `u`. Pairs first.
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."
)
_JSON_LINE = re.compile(rb"^[ \t]*[\[{]", re.MULTILINE)
# The most bytes of messages from a command line tool before its JSON.
_NOISE = 64 * 1024
_OFFSET = re.compile(r" \(byte (\d+)\)")


def read_json(file: SchemaFile, data: bytes) -> Contents:
    """Return the contents of a document. Raises SourceError naming file and place."""
    data = to_utf8(file, data)
    first: SourceError | None = None
    for start in _starts(data):
        found = _Found(file)
        try:
            found.read(data, start)
        except SourceError as error:
            first = first or error
            continue
        return found.contents(_why_unknown(data))
    raise first or unknown(file, _why_unknown(data))


def _why_unknown(data: bytes) -> str:
    head = data[:_NOISE]
    if b'"LogicalName"' in head or b"#EntityDefinitions" in head:
        return (
            "The file is entity metadata of Microsoft Dataverse. crmdeck reads Salesforce and "
            "HubSpot."
        )
    return _KNOWN


def _starts(data: bytes) -> Iterable[int]:
    """Yield possible starts of JSON: the first byte, or a line after a tool's messages."""
    begins = re.match(rb"\s*[\[{]", data)
    yield 0
    if begins is None:
        yield from (each.start() for each in _JSON_LINE.finditer(data[:_NOISE]))
    else:
        # A line in brackets, such as `[warn] there is an update`, looks like JSON.
        lines = _JSON_LINE.finditer(data[:_NOISE], begins.end())
        yield from (each.start() for each, _ in zip(lines, range(3), strict=False))


class _Found:
    def __init__(self, file: SchemaFile) -> None:
        self._file = file
        self._entries: list[FileEntry] = []
        self._pipelines: dict[str, Pipelines] = {}
        self._listed: set[str] = set()
        self._errors: list[SourceError] = []
        self._rows: list[tuple[str, msgspec.Raw]] = []
        self._platform: Platform | None = None
        self._repaired = False

    def contents(self, why_unknown: str) -> Contents:
        """Return the contents. Raises SourceError if there are none, or for an invalid row."""
        rows = [(path, _decoded(raw)) for path, raw in self._rows]
        self._entries += exported_entries(self._file, rows)
        if not (self._entries or self._pipelines or self._listed):
            raise self._errors[0] if self._errors else unknown(self._file, why_unknown)
        return Contents(
            platform=self._platform,
            entries=tuple(self._entries),
            pipelines=self._pipelines,
            listed=frozenset(self._listed),
            errors=tuple(self._errors),
        )

    def read(self, data: bytes, start: int) -> None:
        """Read the document, or the JSON lines, from `start` on. Raises SourceError."""
        try:
            raw = self._whole(data[start:] if start else data)
        except msgspec.DecodeError as error:
            if "trailing characters" not in str(error) or b"\n" not in data[start:]:
                raise _not_json(self._file, data, start, error) from error
            self._read_lines(data, start, error)
        except RecursionError as error:
            raise _not_json(self._file, data, start, error) from error
        else:
            self._visit(raw, "$", None, 0)

    def _whole(self, data: bytes) -> msgspec.Raw:
        try:
            return _WHOLE.decode(data)
        except msgspec.DecodeError:
            repaired, count = _replace_halves(data)
            if not count:
                raise
            raw = _WHOLE.decode(repaired)
            self._repaired = True
            return raw

    def _read_lines(self, data: bytes, start: int, reason: msgspec.DecodeError) -> None:
        number = data.count(b"\n", 0, start)
        errors = []
        good = 0
        for line in data[start:].split(b"\n"):
            number += 1
            if not line.strip():
                continue
            try:
                raw = self._whole(line)
            except (msgspec.DecodeError, RecursionError) as error:
                errors.append(_not_json(self._file, line, 0, error, line=number))
            else:
                good += 1
                self._visit(raw, f"line {number}", None, 0)
        if good <= len(errors):
            # This isn't one document for each line, but one with text after its end.
            raise _not_json(self._file, data, start, reason)
        self._errors += errors

    def _visit(self, raw: msgspec.Raw, path: str, name: str | None, depth: int) -> None:
        """Add `raw` if it is a known kind, else search in it; `name` is its key."""
        if depth > _DEEPEST:
            return
        match _first_byte(raw):
            case b"{":
                self._visit_object(raw, path, name, depth)
            case b"[":
                self._visit_list(raw, path, name, depth)

    def _visit_object(self, raw: msgspec.Raw, path: str, name: str | None, depth: int) -> None:
        members = self._members(raw, path)
        kind = _kind(members)
        if kind == "row":
            self._rows.append((path, raw))
        elif kind == "exported":
            self._take_exported(raw, members, path)
        elif kind in ("describe", "schema"):
            self._take_object(kind, raw, members, path, name)
        elif kind == "listed":
            self._listed.add(_text(members["name"]) or "")
            self._platform = self._platform or "salesforce"
        elif (refusal := self._refusal(members, path)) is not None:
            self._errors.append(refusal)
        elif inside := [key for key in _WRAPPERS if _first_byte(members.get(key)) in _CONTAINERS]:
            for key in inside[:1]:
                self._visit(members[key], f"{path}.{key}", name, depth)
        else:
            for key, value in members.items():
                if _first_byte(value) in _CONTAINERS:
                    self._visit(value, f"{path}.{key}", key, depth + 1)

    def _visit_list(self, raw: msgspec.Raw, path: str, name: str | None, depth: int) -> None:
        try:
            items = _ITEMS.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise broken(self._file.name, path, f"its items can't be read ({error})") from error
        first = next((each for each in items if _first_byte(each) == b"{"), None)
        kind = _kind(self._members(first, path)) if first is not None else None
        if kind == "property":

            def build(own: str, pipelines: Sequence[Mapping[str, object]]) -> ObjectSchema:
                label = own.replace("_", " ").capitalize()
                return parse_properties(own, label, _decoded(raw), pipelines)

            self._add(raw, name or self._file.stem, path, build, named=name is not None)
            self._platform = "hubspot"
        elif kind == "pipeline" or (not items and "pipelines" in self._file.base):
            digest = hashlib.sha256(raw).digest()
            records = self._records(raw, path)
            self._pipelines[name or self._file.stem] = Pipelines(records, digest)
            self._platform = "hubspot"
        elif kind == "definition":
            records = self._records(raw, path)
            found = read_dictionary(self._file, [sheet_of_records(records, path)])
            self._entries += found.entries
            self._platform = self._platform or "salesforce"
        elif kind == "error" and (refusal := self._refusal(self._members(first, path), path)):
            self._errors.append(refusal)
        else:
            self._visit_items(items, path, depth)

    def _records(self, raw: msgspec.Raw, path: str) -> list[Mapping[str, object]]:
        try:
            return [each for each in _decoded(raw) if isinstance(each, Mapping)]
        except SourceError as error:
            raise broken(self._file.name, path, error.message) from error

    def _visit_items(self, items: Sequence[msgspec.Raw], path: str, depth: int) -> None:
        nothing = []
        entries = len(self._entries) + len(self._rows)
        for index, item in enumerate(items):
            before = self._count()
            self._visit(item, f"{path}[{index}]", None, depth + 1)
            if self._count() == before:
                nothing.append(f"{path}[{index}]")
        if len(self._entries) + len(self._rows) > entries:
            # An item without an object among objects is a broken object.
            self._errors += [self._no_object(place, "fields") for place in nothing]

    def _count(self) -> int:
        found = (self._entries, self._pipelines, self._listed, self._errors, self._rows)
        return sum(map(len, found))

    def _no_object(self, path: str, list_key: str) -> SourceError:
        why = f"expected an object with a `name` and a list of `{list_key}`"
        return broken(self._file.name, path, why)

    def _members(self, raw: msgspec.Raw | None, path: str) -> Mapping[str, msgspec.Raw]:
        try:
            return _MEMBERS.decode(raw) if raw is not None else {}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise broken(self._file.name, path, f"its keys can't be read ({error})") from error

    def _take_exported(
        self, raw: msgspec.Raw, members: Mapping[str, msgspec.Raw], path: str
    ) -> None:
        if object_type := _text(members["objectType"]):
            self._add(raw, object_type, path, lambda own, _: exported_object(own, _decoded(raw)))
        else:
            self._errors.append(broken(self._file.name, f"{path}.objectType", "it is empty"))

    def _take_object(
        self,
        kind: str,
        raw: msgspec.Raw,
        members: Mapping[str, msgspec.Raw],
        path: str,
        name: str | None,
    ) -> None:
        list_key = "fields" if kind == "describe" else "properties"
        own = _text(members.get("name"))
        if kind == "schema":
            own = _text(members.get("fullyQualifiedName")) or own
        object_type = own or name
        if not object_type or _first_byte(members.get(list_key)) != b"[":
            self._errors.append(self._no_object(path, list_key))
            return
        if kind == "describe":
            self._add(raw, object_type, path, lambda *_: _built_describe(raw, object_type))
            self._platform = "salesforce"
        else:
            self._add(
                raw, object_type, path, lambda own, pipelines: _built_schema(raw, own, pipelines)
            )
            self._platform = "hubspot"

    def _add(
        self, raw: msgspec.Raw, object_type: str, path: str, build: Build, *, named: bool = True
    ) -> None:
        digest = hashlib.sha256(raw).digest()
        self._entries.append(
            FileEntry(object_type, self._file, path, digest, build, named, repaired=self._repaired)
        )

    def _refusal(self, members: Mapping[str, msgspec.Raw], path: str) -> SourceError | None:
        """Return the CRM's error if the file has one instead of a response."""
        status = next(
            (
                _ANY.decode(members[key])
                for key in ("httpStatusCode", "statusCode", "status")
                if key in members
            ),
            None,
        )
        # The Salesforce CLI reports a failure with the status 1, all others with an HTTP status.
        failed = (isinstance(status, int) and (status == 1 or status >= 400)) or status == "error"
        if not failed and not {"errorCode", "error_description"} & members.keys():
            return None
        where = next((members[key] for key in ("body", "result") if key in members), None)
        if where is not None and _first_byte(where) in _CONTAINERS:
            inner = _ANY.decode(where)
            answer = inner[0] if isinstance(inner, list) and inner else inner
        else:
            answer = {key: _text(value) for key, value in members.items()}
        answer = answer if isinstance(answer, Mapping) else {}
        message = answer.get("message") or answer.get("error_description") or "unknown reason"
        code = answer.get("errorCode") or answer.get("category") or answer.get("name") or ""
        place = "" if path == "$" else f" at {path}"
        return SourceError(
            f"{self._file.name} contains an error instead of a schema{place}: "
            f"{str(message)[:_SHOWN].rstrip('.')}.",
            cause=f"The CRM reported {str(code)[:60]}." if code else None,
            remedy="Fix the error in the CRM, then export the file again.",
            code="FILE_HOLDS_ERROR",
        )


def _kind(members: Mapping[str, msgspec.Raw]) -> str | None:
    """Return the kind of a record, from keys that only this kind has."""
    keys = members.keys()
    if {"objectType", "schemaHash", "fields"} <= keys:
        return "exported"
    if is_exported_row(keys):
        return "row"
    if _first_byte(members.get("fields")) == b"[" or ("fields" in keys and "name" in keys):
        return "describe"
    if _first_byte(members.get("properties")) == b"[" and ("labels" in keys or "name" in keys):
        return "schema"
    if _first_byte(members.get("stages")) == b"[":
        return "pipeline"
    if not keys.isdisjoint({"fieldType", "groupName"}):
        return "property"
    if keys == {"name", "custom"} or ("name" in keys and not keys.isdisjoint(_LISTING)):
        return "listed"
    if "QualifiedApiName" in keys and not keys.isdisjoint({"DataType", "Label"}):
        return "definition"
    if {"message", "errorCode"} <= keys:
        return "error"
    return None


def _first_byte(raw: msgspec.Raw | None) -> bytes:
    return b"" if raw is None else bytes(memoryview(raw)[:1])


def _text(raw: msgspec.Raw | None) -> str | None:
    if raw is None or _first_byte(raw) != b'"':
        return None
    try:
        value = _ANY.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return value if isinstance(value, str) else None


def _decoded(raw: msgspec.Raw) -> Any:
    """Return the value. Raises SourceError for broken text and for numbers out of range."""
    try:
        return _ANY.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"can't decode it ({str(error) or type(error).__name__})") from error


def _built_describe(raw: msgspec.Raw, object_type: str) -> ObjectSchema:
    describe = _decoded(raw)
    return parse_object({**describe, "name": describe.get("name") or object_type})


def _built_schema(
    raw: msgspec.Raw, object_type: str, pipelines: Sequence[Mapping[str, object]]
) -> ObjectSchema:
    schema = _decoded(raw)
    labels = schema.get("labels")
    label = labels.get("plural") if isinstance(labels, Mapping) else None
    required = schema.get("requiredProperties")
    return parse_properties(
        object_type,
        label if isinstance(label, str) else "",
        schema["properties"],
        pipelines,
        custom=True,
        required=required if isinstance(required, list) else None,
    )


def _replace_halves(data: bytes) -> tuple[bytes, int]:
    """Return `data` with U+FFFD for each half of a surrogate pair, and their number."""
    count = 0

    def repaired(match: re.Match[bytes]) -> bytes:
        nonlocal count
        if match[1] is None:
            return match[0]
        count += 1
        return rb"\ufffd"

    return _ESCAPES.sub(repaired, data), count


def _not_json(
    file: SchemaFile, data: bytes, start: int, error: Exception, line: int | None = None
) -> SourceError:
    message = str(error)
    offset = _OFFSET.search(message)
    reason = _OFFSET.sub("", message).removeprefix("JSON is malformed: ")
    reason = reason[:1].lower() + reason[1:] if reason else "it is nested too deeply"
    end = (
        start + int(offset[1])
        if offset
        else start
        if isinstance(error, RecursionError)
        else len(data)
    )
    place = data.count(b"\n", 0, end) + (line or 1)
    column = end - (data.rfind(b"\n", 0, end) + 1) + 1
    return broken(file.name, f"line {place} column {column}", f"this isn't valid JSON ({reason})")
