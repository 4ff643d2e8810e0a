"""Explain a sync's error messages, and tie them to changes, people and mapping rows."""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, NamedTuple

from crmdeck.connectors.faults import Fault, load_faults
from crmdeck.drift.sync_errors import Suspect, change_text, find_change, find_repair, judge_today
from crmdeck.errors import (
    PermissionDeniedError,
    QuotaExceededError,
    ReauthRequiredError,
    SourceError,
    UsageError,
)
from crmdeck.exports import (
    stream_report,
    stream_rows,
    sync_error_report,
    write_atomically,
    write_report,
)
from crmdeck.exports.jsontext import to_json
from crmdeck.files import open_regular
from crmdeck.formats.document import ZIP_MAGIC
from crmdeck.formats.error_files import Message, read_messages
from crmdeck.mapping.state import acceptances
from crmdeck.model import (
    CancelToken,
    CauseKind,
    CausingChange,
    Connection,
    Direction,
    DriftEvent,
    ObjectPair,
    ObjectSchema,
    Progress,
    ProgressCallback,
    SyncCause,
    SyncErrorReport,
)
from crmdeck.model.access import as_seen_by
from crmdeck.model.wire import wire_record
from crmdeck.preflight.rejections import Rejection, cause_of, read_message, step_for
from crmdeck.store import Session
from crmdeck.text import count
from crmdeck.workspace.context import Context
from crmdeck.workspace.moments import parse_moment
from crmdeck.workspace.snapshots import read_access

ERROR_FORMATS = {
    ".csv": "csv", ".json": "json", ".html": "html", ".md": "markdown", ".xlsx": "xlsx",
}  # fmt: skip
"""The formats of explained errors, by suffix."""

RETRY_COLUMNS = ("cause", "object", "field", "recordId", "line")
_PIECE = 1024 * 1024
_EVERY, _MOST_GROUPS, _MOST_REMEMBERED, _MOST_VALUES = 2_000, 5_000, 20_000, 100
_SHOWN, _MESSAGE = 3, 300
_NUMBERS = re.compile(r"\d+|\b\w{15,18}\b")
_MASK = "…"


@cache
def _fault_rows(vendor: str) -> tuple[Fault, ...]:
    # Rows without codes go by HTTP status, which a message lacks.
    return tuple(row for row in load_faults(vendor, vendor).rows if row.vendor_codes)


def find_fault(vendor: str, code: str, message: str) -> CauseKind | None:
    """Return the cause of an error of the whole connection, None if each record decides."""
    folded, text = code.casefold(), message.casefold()
    fault = next((row for row in _fault_rows(vendor) if row.fits(folded, text, 0)), None)
    if fault is None:
        return None
    if fault.code == "MISSING_SCOPE":
        return CauseKind.SCOPE
    if fault.wait:
        return CauseKind.TRANSIENT
    if fault.whole and issubclass(fault.error, QuotaExceededError):
        return CauseKind.LIMIT
    signs_in = issubclass(fault.error, ReauthRequiredError | PermissionDeniedError)
    return CauseKind.SIGN_IN if fault.whole and signs_in else None


@dataclass
class _Group:
    """The errors with one cause, as they are counted; `earliest` is the first known time."""

    first: Rejection
    message: str
    lines: tuple[int, int]
    earliest: str = ""
    values: Counter[str] = field(default_factory=Counter)
    records: list[tuple[str, int]] = field(default_factory=list)

    def add(self, other: _Group) -> None:
        self.lines = (min(self.lines[0], other.lines[0]), max(self.lines[1], other.lines[1]))
        self.earliest = min(filter(None, (self.earliest, other.earliest)), default="")
        self.values += other.values
        self.records += other.records


class ExplainedErrors(NamedTuple):
    """A report, and for each of its causes the record ID and the line of each error."""

    report: SyncErrorReport
    retry: tuple[Sequence[tuple[str, int]], ...]

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


class SyncErrors:
    """Explains the errors of a sync. Nothing of the messages is stored."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def each(
        self,
        file: Path | IO[bytes],
        *,
        connection: str | None = None,
        column: str | None = None,
        values: bool = True,
    ) -> Iterator[Mapping[str, object] | None]:
        """Yield the meaning of each message, in order; None for each row that can't be read.

        `others` has the further errors of a message with several. Raises the errors of `explain`.
        """
        vendor = "" if connection is None else self._context.connection(connection).platform
        for message, rejections in _read(file, column, vendor, None, None):
            if message is not None:
                found = [_record(each, message, values) for each in rejections]
                yield found[0] | ({"others": found[1:]} if found[1:] else {}) if found else None

    def explain(
        self,
        file: Path | IO[bytes],
        *,
        connection: str | None = None,
        pair: str | None = None,
        column: str | None = None,
        at: datetime | None = None,
        values: bool = True,
        audit: bool = True,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> ExplainedErrors:
        """Explain the errors in a file by cause, with the change that caused each.

        `connection` may be left out if only one fits. `pair` is the object pair of messages that
        name no object, `column` the error column of a table, `at` the time of errors without one
        (default: now). Without `values` the report has no values of records. The counts go into
        the audit log, unless `audit` is off.

        Raises NotFoundError for an unknown connection, UsageError for a table without an error
        column or a field that several objects have, SourceError if nothing can be read, and
        CanceledError.
        """
        chosen = None if connection is None else self._context.connection(connection)
        wanted = None if pair is None else ObjectPair.parse(pair)
        name, groups = _name_of(file), dict[tuple[str, ...], _Group]()
        succeeded = not_read = 0
        vendor = chosen.platform if chosen is not None else ""
        for message, rejections in _read(file, column, vendor, progress, cancel):
            if message is None:
                succeeded += 1
                continue
            not_read += message.text is None
            for rejection in rejections:
                _add(groups, rejection, message)
        if not groups and not_read:
            raise _nothing_read(name)
        with self._context.store.read() as session:
            vendors = {group.first.vendor for group in groups.values()} - {""}
            known = session.connections.all()
            fitting = [each for each in known if each.platform in vendors]
            if chosen is None and len(fitting) == len(vendors) == 1:
                chosen = fitting[0]
            tie = _Tie(session, chosen, wanted, at or self._context.now, values)
            causes = tie.causes(groups.values())
        notes = tie.notes
        if groups and known and chosen is None:
            notes = ["Add --connection NAME to see changes, people and mapping rows."]
        report = SyncErrorReport(
            file=name,
            connection=chosen.name if chosen else None,
            errors=sum(one.count for one, _ in causes),
            schema_errors=sum(one.count for one, _ in causes if one.is_schema_cause),
            succeeded=succeeded,
            not_read=not_read,
            causes=tuple(cause for cause, _ in causes),
            notes=tuple(notes),
        )
        if chosen is not None and audit and not self._context.read_only:
            entry = self._context.entry(
                "errors.explained",
                f"{count(report.errors, 'sync error')}, {count(len(causes), 'cause')}",
                connection_id=chosen.id,
                details=Counter({one.kind.value: one.count for one in report.causes}),
            )
            with self._context.store.write() as session:
                session.audit.add(entry)
        return ExplainedErrors(report, tuple(group.records for _, group in causes))

    def write(self, path: Path, found: ExplainedErrors, format: str) -> None:
        """Write errors to a complete file; see `stream`, which lacks xlsx."""
        if format == "xlsx":
            write_report(sync_error_report(found.report, self._context.now), format, path)
        else:
            write_atomically(path, self.stream(found, format))

    def stream(self, found: ExplainedErrors, format: str) -> Iterator[str]:
        """Yield errors as text.

        csv has the records to retry, by cause, and json everything; other formats are a report
        without values. Raises UsageError for an unknown format.
        """
        if format == "json":
            return iter([to_json(found.report, indent=2), "\n"])
        if format != "csv":
            return stream_report(sync_error_report(found.report, self._context.now), format)
        rows = (
            dict(zip(RETRY_COLUMNS, (one.kind, one.object, one.field, *each), strict=True))
            for one, records in zip(found.report.causes, found.retry, strict=True)
            for each in records
        )
        return stream_rows(rows, format, RETRY_COLUMNS)


# -- reading ---------------------------------------------------------------------------------------


def _read(
    file: Path | IO[bytes],
    column: str | None,
    vendor: str,
    progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> Iterator[tuple[Message | None, tuple[Rejection, ...]]]:
    """Yield the messages with their errors; None is a row that succeeded."""

    # Bounded, because a file of distinct messages would fill the memory.
    @lru_cache(_MOST_REMEMBERED)
    def read(text: str, code: str = "", of: str = vendor) -> tuple[Rejection, ...]:
        return read_message(text, vendor=of, code=code, find_fault=find_fault)

    def is_known(line: str) -> bool:
        return read(line)[0].kind is not CauseKind.UNKNOWN

    name = _name_of(file)
    with _opened(file) as stream:
        messages = read_messages(name, _pieces(stream, name), column, is_known=is_known)
        for number, message in enumerate(messages):
            if number % _EVERY == 0:
                if cancel is not None:
                    cancel.check()
                if progress is not None:
                    progress(Progress(number, None, "messages"))
            if message is None or message.text is None:
                yield message, ()
            else:
                of = message.vendor.casefold() or vendor
                yield (
                    message,
                    tuple(
                        each._replace(
                            object=each.object or message.object, field=each.field or message.field
                        )
                        for each in read(message.text, message.code, of)
                    ),
                )


def _name_of(file: Path | IO[bytes]) -> str:
    return file.name if isinstance(file, Path) else "the input"


def _nothing_read(name: str) -> SourceError:
    return SourceError(
        f"crmdeck can't read anything in {name}.",
        remedy="Export the errors again as CSV or JSON.",
        code="NOTHING_READ",
    )


@contextmanager
def _opened(file: Path | IO[bytes]) -> Iterator[IO[bytes]]:
    if not isinstance(file, Path):
        yield file
        return
    try:
        stream = open_regular(file)
    except OSError as error:
        why = f"{error.strerror}."
        raise UsageError(f"Can't read {file}.", cause=why, code="CANT_READ_FILE") from error
    with stream:
        yield stream


def _pieces(stream: IO[bytes], name: str) -> Iterator[str]:
    """Yield the lines of a text; a very long line comes in pieces."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    head = buffered.peek(4)[:4]
    if head.startswith(ZIP_MAGIC):
        remedy = "Unpack the archive, then explain the file in it."
        raise SourceError(f"{name} is a zip archive.", remedy=remedy, code="ZIP_ARCHIVE")
    encoding = "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in head:
        encoding = "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    text = io.TextIOWrapper(buffered, encoding, errors="replace", newline="")
    while piece := text.readline(_PIECE):
        # The reader of CSV rejects a zero byte.
        yield piece.replace("\0", "")


def _record(rejection: Rejection, message: Message, values: bool) -> dict[str, object]:
    if not values and rejection.value and rejection.kind is not CauseKind.RULE:
        rejection = rejection._replace(value=_MASK)
    return {
        **{name: value or None for name, value in rejection._asdict().items()},
        "isSchemaCause": cause_of(rejection.kind).is_schema,
        "line": message.line,
        "recordId": message.record_id or None,
    }


def _add(groups: dict[tuple[str, ...], _Group], rejection: Rejection, message: Message) -> None:
    first, text = rejection, " ".join((message.text or "").split())[:_MESSAGE]
    words = {CauseKind.RULE: first.value, CauseKind.UNKNOWN: _NUMBERS.sub("", text)}
    key: tuple[str, ...] = (
        first.kind,
        first.object,
        first.field,
        first.through,
        words.get(first.kind, ""),
    )
    if key not in groups and len(groups) >= _MOST_GROUPS:
        first, key = Rejection(first.kind, first.code, first.vendor), (first.kind,)
    group = groups.setdefault(key, _Group(first, text, (message.line, message.line)))
    group.lines = (group.lines[0], message.line)
    group.earliest = min(filter(None, (group.earliest, message.at)), default="")
    group.records.append((message.record_id, message.line))
    if first.kind is CauseKind.CHOICE and len(group.values) < _MOST_VALUES:
        group.values.update(filter(None, [first.value]))


# -- tying -----------------------------------------------------------------------------------------


class _Tie:
    """Ties errors to the schema, the changes and the mappings of a connection, if there is one."""

    def __init__(
        self,
        session: Session,
        connection: Connection | None,
        pair: ObjectPair | None,
        at: datetime,
        values: bool,
    ) -> None:
        self._session, self._at, self._values = session, at, values
        self._object = "" if pair is None else pair.crm_object
        self.notes: list[str] = []
        self._id = "" if connection is None else connection.id
        self._infos = session.snapshots.current(self._id) if self._id else ()
        self._access = read_access(session, connection) if connection is not None else None
        log = session.decisions.log(self._id) if self._id else ()
        self._accepted = [
            (ObjectPair.parse(each.object_pair).crm_object, each)
            for each in acceptances(log)
            if each.crm_field
            and each.direction is not Direction.PULL
            and (pair is None or each.object_pair == str(pair))
        ]
        self._schema: Callable[[str], ObjectSchema | None] = cache(self._read_schema)
        self._changes: Callable[[str], tuple[DriftEvent, ...]] = cache(self._read_changes)

    def _read_schema(self, object_type: str) -> ObjectSchema | None:
        known = self._id and object_type
        found = self._session.snapshots.get(self._id, object_type) if known else None
        return as_seen_by(found.content, self._access) if found is not None else None

    def _read_changes(self, object_type: str) -> tuple[DriftEvent, ...]:
        known = self._id and object_type
        page = self._session.drift.page
        return page(self._id, None, object_type=object_type) if known else ()

    def causes(self, groups: Iterable[_Group]) -> list[tuple[SyncCause, _Group]]:
        """Return the causes: those of the schema first, then by number of errors.

        Raises UsageError if several objects have the field of an error.
        """
        merged: dict[tuple[object, ...], tuple[Suspect, _Group]] = {}
        for group in groups:
            suspect, first = self._suspect(group), group.first
            words = {CauseKind.RULE: first.value, CauseKind.UNKNOWN: group.message}
            text = "" if suspect.rule else words.get(first.kind, "")
            # The label and the API name of a field are one place.
            key = (suspect._replace(value=""), first.through, text)
            if key in merged:
                merged[key][1].add(group)
            else:
                merged[key] = (suspect, group)
        causes = [(self._cause(*each), each[1]) for each in merged.values()]
        unknown = CauseKind.UNKNOWN
        causes.sort(
            key=lambda one: (not one[0].is_schema_cause, one[0].kind is unknown, -one[0].count)
        )
        return causes

    def _suspect(self, group: _Group) -> Suspect:
        """Return where an error happened, by API names as far as they are known."""
        first = group.first
        named = first.object or self._object
        names = {each.label.casefold(): each.object_type for each in self._infos}
        names |= {each.object_type.casefold(): each.object_type for each in self._infos}
        object_type = names.get(named.casefold(), named)
        if not named and first.field and cause_of(first.kind).is_schema:
            object_type = self._object_with(first.field)
        name = self._field_name(object_type, first.field) or first.field
        value = first.through if first.kind is CauseKind.AUTOMATION else first.value
        suspect = Suspect(first.kind, object_type, name, "", value)
        return suspect.with_rule(self._schema(object_type))

    def _object_with(self, name: str) -> str:
        """Return the mapped object that has or had a field; else the one where it changed."""
        mapped = {each: one.object_pair for each, one in self._accepted}
        found = sorted(each for each in mapped if self._field_name(each, name))
        if len(found) > 1:
            raise UsageError(
                f"Several objects have the field {name}: {', '.join(found)}.",
                remedy=f"Add the object pair: --pair {mapped[found[0]]}",
                code="PAIR_NEEDED",
            )
        if not found and self._id:
            changes = self._session.drift.page(self._id, None)
            found = sorted({each.object_type for each in changes if each.field_name == name})
        return found[0] if len(found) == 1 else ""

    def _field_name(self, object_type: str, name: str) -> str:
        """Return the API name of a field, current or gone, by its name or label."""
        schema = self._schema(object_type)
        fields = schema.fields if schema is not None else ()
        gone = [each.field_name for each in self._changes(object_type) if each.field_name]
        known = {each.casefold(): each for each in gone}
        known |= {each.label.casefold(): each.name for each in fields if each.label}
        known |= {each.name.casefold(): each.name for each in fields}
        return known.get(name.casefold(), "") if name else ""

    def _cause(self, suspect: Suspect, group: _Group) -> SyncCause:
        """Return the errors of one place as a cause, tied to what caused them."""
        first, words, number = group.first, cause_of(suspect.kind), len(group.records)
        before = self._at
        with suppress(UsageError):
            before = parse_moment(group.earliest, self._at, as_of=True)
        events, schema = self._changes(suspect.object), self._schema(suspect.object)
        event = find_change(suspect, events, before)
        new_name = next(
            (e.field_name for e in events if event and e.rename_of == event.field_name), ""
        )
        today = judge_today(suspect if self._values else suspect._replace(value=""), schema)
        repair = find_repair(suspect, events, event) if today.rejects is False else None
        mappings = [
            f"{one.object_pair}:{one.partner_field}"
            for object_type, one in self._accepted
            if (object_type, one.crm_field) == (suspect.object, suspect.field)
        ]
        pairs = sorted({each.rpartition(":")[0] for each in mappings})
        note = f"Several object pairs map {suspect.object}: {', '.join(pairs)}. Use --pair for one."
        if len(pairs) > 1 and note not in self.notes:
            self.notes.append(note)
        step = words.next
        if repair is not None:
            step = f"Fixed on {repair.changed_at or repair.detected_at:%Y-%m-%d}."
        elif new_name:
            step = f"Map the value to {new_name}, probably the new name."
        elif suspect.kind is CauseKind.REQUIRED and schema is not None and not mappings:
            step = step_for("NOT_MAPPED")[2]
        now = today.text
        if (
            today.rejects
            and event is None
            and (known := self._session.snapshots.history(self._id, suspect.object))
        ):
            start = min(each.discovered_at for each in known)
            now += f" No such change since crmdeck's first refresh on {start:%Y-%m-%d}."
        return SyncCause(
            kind=suspect.kind,
            code=first.code or None,
            vendor=first.vendor or None,
            object=suspect.object or None,
            field=suspect.field or None,
            rule=suspect.rule or None,
            through=first.through or None,
            values=tuple(each for each, _ in group.values.most_common(_SHOWN) if self._values),
            is_schema_cause=words.is_schema,
            count=number,
            lines=group.lines,
            text=(first.value if suspect.kind is CauseKind.RULE else "") or words.text,
            now=now or None,
            change=None
            if event is None
            else CausingChange(
                id=event.id,
                at=event.changed_at or event.detected_at,
                by=event.changed_by,
                text=change_text(event, new_name or ""),
            ),
            fixed_on=None if repair is None else repair.changed_at or repair.detected_at,
            mappings=tuple(mappings),
            owner=words.owner,
            next=step if "etry" in step else f"{step} Retry {count(number, 'record')}.",
            records=tuple(each for each, _ in group.records if each)[:_SHOWN],
            message=group.message if self._values else None,
        )
