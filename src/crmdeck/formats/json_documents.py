"""JSON documents with schemas, however they are wrapped.

Known are describe answers of Salesforce (one, many, composite, batch, by name), its lists of
object types and FieldDefinition records, HubSpot's property lists, object schemas and pipelines,
and JSON lines of any of these. A document is cut into the raw text of its objects; each is
decoded when it is built, so that an object whose text is what it was is never decoded at all.
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
from crmdeck.formats.entry import Build, Contents, Entry, Pipelines, unknown
from crmdeck.formats.exported import exported_entries, exported_object, is_exported_row
from crmdeck.formats.hubspot_properties import parse_properties
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import ObjectSchema, Platform

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_WHOLE = msgspec.json.Decoder(msgspec.Raw)

_WRAPPERS = (
    *("sobjects", "objects", "results", "result", "records", "describes"),
    *("compositeResponse", "body", "graphs", "graphResponse"),
)
_DEEPEST = 4
_SHOWN = 300
_KNOWN = (
    "Known are Salesforce describe answers, HubSpot property lists, object schemas and pipelines, "
    "crmdeck's own exports, and data dictionaries."
)
_LISTING = frozenset({"keyPrefix", "queryable"})
# Escapes one by one, so that an escaped backslash before a `u` is none; whole pairs first.
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."
)
_JSON_LINE = re.compile(rb"^[ \t]*[\[{]", re.MULTILINE)
# How far the noise of a command line may go before its JSON.
_NOISE = 64 * 1024
_OFFSET = re.compile(r" \(byte (\d+)\)")


def read_json(file: SchemaFile, data: bytes) -> Contents:
    """Return what the document holds. Raises SourceError naming file and place."""
    data = to_utf8(file, data)
    first: SourceError | None = None
    for start in _starts(data):
        found = _Found(file)
        try:
            found.read(data, start)
        except SourceError as error:
            first = first or error
            continue
        return found.contents()
    raise first or unknown(file, _KNOWN)


def _starts(data: bytes) -> Iterable[int]:
    """Yield where JSON may begin: at the start, or below what a command line said first."""
    begins = re.match(rb"\s*[\[{]", data)
    yield 0
    if begins is None:
        yield from (each.start() for each in _JSON_LINE.finditer(data[:_NOISE]))
    else:
        # A line in brackets, such as `[warn] there is an update`, looks like JSON.
        lines = _JSON_LINE.finditer(data[:_NOISE], begins.end())
        yield from (each.start() for each, _ in zip(lines, range(3), strict=False))


class _Found:
    """What was found in a document so far."""

    def __init__(self, file: SchemaFile) -> None:
        self._file = file
        self._entries: list[Entry] = []
        self._pipelines: dict[str, Pipelines] = {}
        self._listed: set[str] = set()
        self._errors: list[SourceError] = []
        self._rows: list[tuple[str, msgspec.Raw]] = []
        self._platform: Platform | None = None
        self._repaired = False

    def contents(self) -> Contents:
        """Return it. Raises SourceError where it is nothing, or a row of ours names no object."""
        rows = [(path, _decoded(raw)) for path, raw in self._rows]
        self._entries += exported_entries(self._file, rows)
        if not (self._entries or self._pipelines or self._listed):
            raise self._errors[0] if self._errors else unknown(self._file, _KNOWN)
        return Contents(
            platform=self._platform,
            entries=tuple(self._entries),
            pipelines=self._pipelines,
            listed=frozenset(self._listed),
            errors=tuple(self._errors),
        )

    def read(self, data: bytes, start: int) -> None:
        """Read the document, or the lines of JSON, that begin at `start`. Raises SourceError."""
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
            repaired, count = _mend(data)
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
            # Not one document a line, but one that goes on after its end.
            raise _not_json(self._file, data, start, reason)
        self._errors += errors

    def _visit(self, raw: msgspec.Raw, path: str, name: str | None, depth: int) -> None:
        """Take what `raw` is, or look inside; `name` is the key that it stands under."""
        if depth > _DEEPEST:
            return
        match bytes(memoryview(raw)[:1]):
            case b"{":
                self._visit_object(raw, path, name, depth)
            case b"[":
                self._visit_list(raw, path, name, depth)

    def _visit_object(self, raw: msgspec.Raw, path: str, name: str | None, depth: int) -> None:
        members = self._members(raw, path)
        kind = _kind(members)
        if kind == "exported":
            self._take_exported(raw, members, path)
        elif kind == "row":
            self._rows.append((path, raw))
        elif kind in ("describe", "schema"):
            self._take_object(kind, raw, members, path, name)
        elif kind == "listed":
            self._listed.add(_text(members["name"]) or "")
            self._platform = self._platform or "salesforce"
        elif (refusal := self._refusal(members, path)) is not None:
            self._errors.append(refusal)
        elif inside := [key for key in _WRAPPERS if _is_container(members.get(key))]:
            for key in inside[:1]:
                self._visit(members[key], f"{path}.{key}", name, depth)
        else:
            for key, value in members.items():
                if _is_container(value):
                    self._visit(value, f"{path}.{key}", key, depth + 1)

    def _visit_list(self, raw: msgspec.Raw, path: str, name: str | None, depth: int) -> None:
        try:
            items = _ITEMS.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise broken(self._file.name, path, f"its items can't be read ({error})") from error
        first = next((each for each in items if _is_container(each, b"{")), None)
        kind = _kind(self._members(first, path)) if first is not None else None
        if kind == "property":
            object_type = name or self._file.stem
            build = _properties_builder(raw)
            self._add(raw, object_type, path, build, named=name is not None)
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

    def _records(self, raw: msgspec.Raw, path: str) -> list[Mapping[str, Any]]:
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
            # Among objects what is none is a broken one.
            self._errors += [self._no_object(place, "fields") for place in nothing]

    def _count(self) -> int:
        found = (self._entries, self._pipelines, self._listed, self._errors, self._rows)
        return sum(map(len, found))

    def _no_object(self, path: str, list_key: str) -> SourceError:
        why = f"an object with a `name` and a list of `{list_key}` should stand there"
        return broken(self._file.name, path, why)

    def _members(self, raw: msgspec.Raw | None, path: str) -> Mapping[str, msgspec.Raw]:
        try:
            return _MEMBERS.decode(raw) if raw is not None else {}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise broken(self._file.name, path, f"its keys can't be read ({error})") from error

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
        if not object_type or not _is_container(members.get(list_key), b"["):
            self._errors.append(self._no_object(path, list_key))
            return
        if kind == "describe":
            build = _describe_builder(raw, object_type, self._file.name, path)
            self._platform = "salesforce"
        else:
            build = _schema_builder(raw)
            self._platform = "hubspot"
        self._add(raw, object_type, path, build)

    def _take_exported(
        self, raw: msgspec.Raw, members: Mapping[str, msgspec.Raw], path: str
    ) -> None:
        object_type = _text(members["objectType"])
        if not object_type:
            self._errors.append(broken(self._file.name, f"{path}.objectType", "it names nothing"))
            return
        self._add(raw, object_type, path, _exported_builder(raw))

    def _add(
        self, raw: msgspec.Raw, object_type: str, path: str, build: Build, *, named: bool = True
    ) -> None:
        digest = hashlib.sha256(raw).digest()
        self._entries.append(
            Entry(object_type, self._file, path, digest, build, named, repaired=self._repaired)
        )

    def _refusal(self, members: Mapping[str, msgspec.Raw], path: str) -> SourceError | None:
        """Return the error that stands there in place of an answer, if one does."""
        status = next(
            (
                _ANY.decode(members[key])
                for key in ("httpStatusCode", "statusCode", "status")
                if key in members
            ),
            None,
        )
        failed = (isinstance(status, int) and (status == 1 or status >= 400)) or status == "error"
        if not failed and not {"errorCode", "error_description"} & members.keys():
            return None
        where = next((members[key] for key in ("body", "result") if key in members), None)
        if where is not None and _is_container(where):
            inner = _ANY.decode(where)
            said = inner[0] if isinstance(inner, list) and inner else inner
        else:
            said = {key: _text(value) for key, value in members.items()}
        said = said if isinstance(said, Mapping) else {}
        message = said.get("message") or said.get("error_description") or "it names no reason"
        code = said.get("errorCode") or said.get("category") or said.get("name") or ""
        place = "" if path == "$" else f" at {path}"
        return SourceError(
            f"{self._file.name} holds an error in place of a schema{place}: "
            f"{str(message)[:_SHOWN].rstrip('.')}.",
            cause=f"It is the CRM's own ({str(code)[:60]})." if code else None,
            remedy="Settle what it says, then export again.",
            code="FILE_HOLDS_ERROR",
        )


def _kind(members: Mapping[str, msgspec.Raw]) -> str | None:
    """Return what kind of record has these keys, from those that only this kind has."""
    keys = members.keys()
    if {"objectType", "schemaHash", "fields"} <= keys:
        return "exported"
    if is_exported_row(keys):
        return "row"
    if _is_container(members.get("fields"), b"[") or ("fields" in keys and "name" in keys):
        return "describe"
    if _is_container(members.get("properties"), b"[") and ("labels" in keys or "name" in keys):
        return "schema"
    if _is_container(members.get("stages"), b"["):
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


def _is_container(raw: msgspec.Raw | None, opening: bytes = b"[{") -> bool:
    return raw is not None and bytes(memoryview(raw)[:1]) in {
        opening[i : i + 1] for i in range(len(opening))
    }


def _text(raw: msgspec.Raw | None) -> str | None:
    if raw is None or bytes(memoryview(raw)[:1]) != b'"':
        return None
    try:
        value = _ANY.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return value if isinstance(value, str) else None


def _decoded(raw: msgspec.Raw) -> Any:
    """Return the value. Raises SourceError where it is no text or has numbers beyond all bounds."""
    try:
        return _ANY.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"it can't be decoded ({str(error) or type(error).__name__})") from error


def _describe_builder(raw: msgspec.Raw, object_type: str, file: str, path: str) -> Build:
    def build(_: str, __: object) -> ObjectSchema:
        describe = _decoded(raw)
        return parse_object({**describe, "name": describe.get("name") or object_type})

    return build


def _exported_builder(raw: msgspec.Raw) -> Build:
    """Read an object of what `crmdeck export --what schema` writes as JSON."""

    def build(object_type: str, _: object) -> ObjectSchema:
        return exported_object(object_type, _decoded(raw))

    return build


def _schema_builder(raw: msgspec.Raw) -> Build:
    def build(object_type: str, pipelines: Sequence[Mapping[str, Any]]) -> ObjectSchema:
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

    return build


def _properties_builder(raw: msgspec.Raw) -> Build:
    def build(object_type: str, pipelines: Sequence[Mapping[str, Any]]) -> ObjectSchema:
        label = object_type.replace("_", " ").capitalize()
        return parse_properties(object_type, label, _decoded(raw), pipelines)

    return build


def _mend(data: bytes) -> tuple[bytes, int]:
    """Return `data` with U+FFFD for each half of a surrogate pair, and how many there were."""
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
    said = str(error)
    offset = _OFFSET.search(said)
    reason = _OFFSET.sub("", said).removeprefix("JSON is malformed: ")
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
    return broken(file.name, f"line {place} column {column}", f"this is not valid JSON ({reason})")
