"""Explain a sync's error messages, and tie them to changes, people and mapping rows."""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

from crmdeck.connectors.faults import Fault, load_faults
from crmdeck.drift.sync_errors import (
    change_text,
    find_change,
    find_repair,
    find_rule,
    judge_today,
    new_name_of,
)
from crmdeck.errors import (
    PermissionDeniedError,
    QuotaExceededError,
    ReauthRequiredError,
    SourceError,
    UsageError,
)
from crmdeck.exports import (
    stream_rows,
    sync_error_report,
    write_atomically,
    write_report,
)
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
    SyncError,
    SyncErrorReport,
)
from crmdeck.preflight.rejections import (
    FaultFinder,
    Rejection,
    cause_of,
    read_message,
    step_for,
)
from crmdeck.store import Session
from crmdeck.text import count
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.moments import parse_moment

RETRY_COLUMNS = ("cause", "object", "field", "recordId", "line")
_PIECE = 1024 * 1024
_EVERY = 2_000
_MOST_GROUPS = 5_000
_MOST_REMEMBERED = 20_000
_RECORDS, _VALUES, _MESSAGE = 3, 3, 300
_MOST_VALUES = 100
_WITHOUT_IDS = re.compile(r"\d+|\b\w{15,18}\b")
_ABOUT_FIELDS = frozenset(
    {
        *(CauseKind.REQUIRED, CauseKind.TOO_LONG, CauseKind.CHOICE),
        *(CauseKind.READ_ONLY, CauseKind.RANGE, CauseKind.FORMAT),
    }
)
_MASK = "…"


def _kind_of(fault: Fault) -> CauseKind | None:
    """Return the cause that a fault of the whole connection is, None if each record decides."""
    if fault.code == "MISSING_SCOPE":
        return CauseKind.SCOPE
    if fault.wait:
        return CauseKind.TRANSIENT
    if not fault.whole:
        return None
    if issubclass(fault.error, QuotaExceededError):
        return CauseKind.LIMIT
    signs_in = issubclass(fault.error, ReauthRequiredError | PermissionDeniedError)
    return CauseKind.SIGN_IN if signs_in else None


def _finder(vendor: str) -> FaultFinder:
    def find(code: str, message: str) -> CauseKind | None:
        # Rows without codes go by HTTP status, which a message lacks.
        rows = [row for row in load_faults(vendor, vendor).rows if row.vendor_codes]
        folded, text = code.casefold(), message.casefold()
        return next((_kind_of(row) for row in rows if row.fits(folded, text, 0)), None)

    return find


FAULTS = {vendor: _finder(vendor) for vendor in ("salesforce", "hubspot")}
"""The fault tables of the vendors, which explain errors of the whole connection."""


@dataclass
class _Group:
    """The errors with one cause, as they are counted."""

    first: Rejection
    message: str
    count: int = 0
    lines: tuple[int, int] = (0, 0)
    earliest: str = ""
    values: Counter[str] = field(default_factory=Counter)
    records: list[tuple[str, int]] = field(default_factory=list)

    def add(self, other: _Group) -> None:
        self.count += other.count
        self.lines = (min(self.lines[0], other.lines[0]), max(self.lines[1], other.lines[1]))
        self.earliest = min(filter(None, (self.earliest, other.earliest)), default="")
        self.values += other.values
        self.records += other.records


class ExplainedErrors(NamedTuple):
    """A report, and for each of its causes the record ID and the line of each error."""

    report: SyncErrorReport
    retry: tuple[Sequence[tuple[str, int]], ...]


class _Read(NamedTuple):
    message: Message
    rejections: tuple[Rejection, ...]


class SyncErrors:
    """Explains the errors of a sync. Nothing of the messages is stored."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def each(
        self,
        file: Path | IO[bytes],
        *,
        column: str | None = None,
        vendor: str = "",
        values: bool = True,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> Iterator[SyncError | None]:
        """Yield what each message means, in order; None for each row that can't be read.

        Raises UsageError, SourceError and CanceledError, as `explain` does.
        """
        for read in self._read(file, column, vendor, progress, cancel):
            if read is None:
                continue
            if read.message.text is None:
                yield None
                continue
            first, *more = (_as_error(each, read.message, values) for each in read.rejections)
            yield first.model_copy(update={"others": tuple(more)}) if more else first

    def explain(
        self,
        file: Path | IO[bytes],
        *,
        connection: str | None = None,
        pair: str | None = None,
        column: str | None = None,
        at: datetime | None = None,
        values: bool = True,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> ExplainedErrors:
        """Explain the errors in a file by cause, with the change that caused each.

        `connection` may be left out if only one fits. `pair` names the object of messages that name
        none. `at` is the time of the errors that have none (default: now). Without `values` the
        report has no values of records.

        Raises NotFoundError for an unknown connection, UsageError for a file without an error
        column or a field that several objects have, SourceError if nothing in the file can be
        read, and CanceledError.
        """
        name = _name_of(file)
        with self._context.store.read() as session:
            chosen = None if connection is None else find_connection(session, connection)
            known = session.connections.all()
        wanted = None if pair is None else ObjectPair.parse(pair)
        groups: dict[tuple[str, ...], _Group] = {}
        succeeded = not_read = 0
        for read in self._read(file, column, chosen.platform if chosen else "", progress, cancel):
            if read is None:
                succeeded += 1
            elif read.message.text is None:
                not_read += 1
            else:
                for rejection in read.rejections:
                    _count(groups, rejection, read.message)
        if not groups and not_read:
            raise SourceError(
                f"Nothing in {name} can be read.",
                cause="The file is neither a table, nor JSON, nor a log with known messages.",
                remedy="Export the errors again as CSV or JSON.",
                code="NOTHING_READ",
            )
        notes = []
        if chosen is None and groups:
            vendors = {group.first.vendor for group in groups.values()} - {""}
            fitting = [each for each in known if each.platform in vendors]
            if len(fitting) == 1 and len(vendors) == 1:
                chosen = fitting[0]
            elif known:
                notes.append("Add --connection NAME to see changes, people and mapping rows.")
        tied = self._causes(chosen, list(groups.values()), wanted, at, values)
        causes = tuple(cause for cause, _ in tied)
        report = SyncErrorReport(
            file=name,
            connection=chosen.name if chosen else None,
            errors=sum(group.count for group in groups.values()),
            schema_errors=sum(one.count for one in causes if one.is_schema_cause),
            succeeded=succeeded,
            not_read=not_read,
            causes=causes,
            notes=tuple(notes),
        )
        if chosen is not None and not self._context.read_only:
            counts = {one.kind.value: one.count for one in causes}
            entry = self._context.entry(
                "errors.explained",
                f"{report.errors:,} sync errors, {len(causes):,} causes",
                connection_id=chosen.id,
                details=counts,
            )
            with self._context.store.write() as session:
                session.audit.add(entry)
        return ExplainedErrors(report, tuple(group.records for _, group in tied))

    def write(self, path: Path, found: ExplainedErrors, format: str) -> None:
        """Write errors to a complete file.

        csv, json and jsonl have the records to retry, by cause; other formats are a report. Raises
        UsageError for an unknown format.
        """
        if format not in ("csv", "json", "jsonl"):
            report = sync_error_report(found.report, self._context.now)
            write_report(report, format, path)
            return
        rows = (
            {"cause": cause.kind.value, "object": cause.object, "field": cause.field,
             "recordId": record_id or None, "line": line}
            for cause, records in zip(found.report.causes, found.retry, strict=True)
            for record_id, line in records
        )  # fmt: skip
        write_atomically(path, stream_rows(rows, format, RETRY_COLUMNS))

    def _read(
        self,
        file: Path | IO[bytes],
        column: str | None,
        vendor: str,
        progress: ProgressCallback | None,
        cancel: CancelToken | None,
    ) -> Iterator[_Read | None]:
        """Yield the messages with their errors, and None for each row that succeeded."""
        known: dict[tuple[str, str, str], tuple[Rejection, ...]] = {}

        def read(text: str, code: str, of: str) -> tuple[Rejection, ...]:
            key = (text, code, of)
            if key not in known:
                # A file of distinct messages would fill the memory.
                if len(known) >= _MOST_REMEMBERED:
                    known.clear()
                known[key] = read_message(text, vendor=of, code=code, find_fault=FAULTS)
            return known[key]

        def is_known(line: str) -> bool:
            return read(line, "", vendor)[0].kind is not CauseKind.UNKNOWN

        name = _name_of(file)
        with _opened(file) as stream:
            messages = read_messages(name, _pieces(stream, name), column, is_known=is_known)
            for number, message in enumerate(messages):
                if number % _EVERY == 0:
                    if cancel is not None:
                        cancel.check()
                    if progress is not None:
                        progress(Progress(number, None, name))
                if message is None:
                    yield None
                    continue
                of = message.vendor.casefold() or vendor
                found = () if message.text is None else read(message.text, message.code, of)
                yield _Read(message, found)

    def _causes(
        self,
        connection: Connection | None,
        groups: Sequence[_Group],
        pair: ObjectPair | None,
        at: datetime | None,
        values: bool,
    ) -> list[tuple[SyncCause, _Group]]:
        """Return the causes: those of the schema first, then by number of errors."""
        with self._context.store.read() as session:
            tie = _Tie(session, connection, pair, at or self._context.now)
            merged: dict[tuple[str, ...], tuple[_Place, _Group]] = {}
            for group in groups:
                place, first = tie.place_of(group), group.first
                text = first.value if first.kind is CauseKind.RULE and not place.rule else ""
                unknown = group.message if first.kind is CauseKind.UNKNOWN else ""
                key = (first.kind, *place, text, first.through, unknown)
                if key in merged:
                    merged[key][1].add(group)
                else:
                    merged[key] = (place, group)
            causes = [(tie.cause(place, group, values), group) for place, group in merged.values()]

        def rank(one: tuple[SyncCause, _Group]) -> tuple[bool, bool, int]:
            cause = one[0]
            return not cause.is_schema_cause, cause.kind is CauseKind.UNKNOWN, -cause.count

        return sorted(causes, key=rank)


class _Place(NamedTuple):
    """Where an error happened, by API names as far as they are known."""

    object: str
    field: str
    rule: str


class _Tie:
    """Ties errors to the schema, the changes and the mappings of a connection, if there is one."""

    def __init__(
        self,
        session: Session,
        connection: Connection | None,
        pair: ObjectPair | None,
        at: datetime,
    ) -> None:
        self._session = session
        self._connection = connection
        self._object = pair.crm_object if pair is not None else ""
        self._at = at
        self._infos = () if connection is None else session.snapshots.current(connection.id)
        log = () if connection is None else session.decisions.log(connection.id)
        self._accepted = tuple(each for each in acceptances(log) if each.crm_field)
        self._schemas: dict[str, ObjectSchema | None] = {}
        self._events: dict[str, tuple[DriftEvent, ...]] = {}

    def place_of(self, group: _Group) -> _Place:
        """Return the place of an error; raises UsageError if several objects fit."""
        first = group.first
        named = first.object or self._object
        if self._connection is None:
            return _Place(named, first.field, "")
        folded = named.casefold()
        object_type = next(
            (
                each.object_type
                for each in self._infos
                if folded and folded in (each.object_type.casefold(), each.label.casefold())
            ),
            "",
        )
        if not named and first.field and cause_of(first.kind).is_schema:
            object_type = self._object_with(first.field)
        schema = self._schema(object_type)
        if schema is None:
            return _Place(object_type or named, first.field, "")
        rule = ""
        if first.kind in (CauseKind.RULE, CauseKind.DUPLICATE_RULE):
            rule = find_rule(schema, first.value, first.kind, first.field)
        return _Place(object_type, self._field_name(object_type, first.field) or first.field, rule)

    def _object_with(self, name: str) -> str:
        """Return the mapped object that has or had a field."""
        pairs = {each.object_pair for each in self._accepted}
        objects = {ObjectPair.parse(each).crm_object for each in pairs}
        found = sorted(each for each in objects if self._field_name(each, name))
        if not found and self._connection is not None:
            # An object without mappings: a changed field may still say which one it is.
            changes = self._session.drift.page(self._connection.id, None)
            changed = {each.object_type for each in changes if each.field_name == name}
            return changed.pop() if len(changed) == 1 else ""
        if len(found) > 1:
            fitting = sorted(one for one in pairs if ObjectPair.parse(one).crm_object in found)
            raise UsageError(
                f"Several objects have the field {name}: {', '.join(found)}.",
                remedy=f"Add the object pair: --pair {fitting[0]}",
                code="PAIR_NEEDED",
            )
        return found[0] if found else ""

    def _field_name(self, object_type: str, name: str) -> str:
        """Return the API name of a field, current or gone, by its name or label."""
        folded, schema = name.casefold(), self._schema(object_type)
        if schema is None or not folded:
            return ""
        for each in schema.fields:
            if folded == each.name.casefold():
                return each.name
        labeled = [each.name for each in schema.fields if folded == each.label.casefold()]
        gone = [e.field_name for e in self._changes(object_type) if e.field_name and not e.rule]
        labeled += [each for each in gone if each.casefold() == folded]
        return labeled[0] if labeled else ""

    def _schema(self, object_type: str) -> ObjectSchema | None:
        if object_type not in self._schemas:
            found = None
            if object_type and self._connection is not None:
                found = self._session.snapshots.get(self._connection.id, object_type)
            self._schemas[object_type] = found.content if found is not None else None
        return self._schemas[object_type]

    def _changes(self, object_type: str) -> tuple[DriftEvent, ...]:
        if object_type not in self._events and self._connection is not None:
            drift = self._session.drift
            found = drift.page(self._connection.id, None, object_type=object_type)
            self._events[object_type] = found
        return self._events.get(object_type, ())

    def cause(self, place: _Place, group: _Group, values: bool) -> SyncCause:
        """Return the errors of one place as a cause, tied to what caused them."""
        first, words = group.first, cause_of(group.first.kind)
        text = first.value if first.kind is CauseKind.RULE and first.value else words.text
        made = SyncCause(
            kind=first.kind,
            code=first.code or None,
            vendor=first.vendor or None,
            object=place.object or None,
            field=place.field or None,
            rule=place.rule or None,
            through=first.through or None,
            values=tuple(one for one, _ in group.values.most_common(_VALUES)) if values else (),
            is_schema_cause=words.is_schema,
            count=group.count,
            lines=group.lines,
            text=text,
            owner=words.owner,
            next=_with_retry(words.next, group.count),
            records=tuple(one for one, _ in group.records if one)[:_RECORDS],
            message=group.message[:_MESSAGE] if values else None,
        )
        schema = self._schema(place.object)
        events = self._changes(place.object) if place.object else ()
        if schema is None and not events:
            return made
        return made.model_copy(update=self._tied(place, group, schema, events, values))

    def _tied(
        self,
        place: _Place,
        group: _Group,
        schema: ObjectSchema | None,
        events: Sequence[DriftEvent],
        values: bool,
    ) -> dict[str, object]:
        first, words = group.first, cause_of(group.first.kind)
        before = self._at
        with suppress(UsageError):
            before = parse_moment(group.earliest, self._at, as_of=True)
        event = find_change(first.kind, events, place.field, place.rule, first.value, before)
        mappings = [
            f"{each.object_pair}:{each.partner_field}"
            for each in self._accepted
            if each.crm_field == place.field
            and each.direction is not Direction.PULL
            and ObjectPair.parse(each.object_pair).crm_object == place.object
        ]
        step, new_name = words.next, "" if event is None else new_name_of(event, events)
        if new_name:
            step = f"Map the value to {new_name}, probably the new name."
        elif first.kind is CauseKind.REQUIRED and place.field and not mappings:
            step = step_for("NOT_MAPPED")[2]
        found: dict[str, object] = {"mappings": tuple(mappings)}
        found["next"] = _with_retry(step, group.count)
        if event is not None:
            found["change"] = CausingChange(
                id=event.id,
                at=event.changed_at or event.detected_at,
                by=event.changed_by,
                text=change_text(event, new_name),
            )
        if schema is None:
            return found
        target = next((each for each in schema.fields if each.name == place.field), None)
        today = judge_today(
            first.kind, schema, target, place.field, place.rule, first.value if values else ""
        )
        repair = None
        if today.rejects is False:
            repair = find_repair(first.kind, events, place.field, place.rule, event)
        if repair is not None:
            day = repair.changed_at or repair.detected_at
            step = f"Fixed on {day:%Y-%m-%d}."
            found |= {"fixed_on": day, "next": _with_retry(step, group.count)}
        elif event is None and first.kind in _ABOUT_FIELDS and target is not None:
            known = self._session.snapshots.history(self._infos[0].connection_id, place.object)
            if known:
                start = min(each.discovered_at for each in known)
                unchanged = f"Unchanged since crmdeck's first refresh on {start:%Y-%m-%d}."
                today = today._replace(text=f"{today.text} {unchanged}".strip())
        if today.text:
            found["now"] = today.text
        return found


def _with_retry(step: str, errors: int) -> str:
    return step if "retry" in step.casefold() else f"{step} Retry {count(errors, 'record')}."


def _count(groups: dict[tuple[str, ...], _Group], rejection: Rejection, message: Message) -> None:
    kind = rejection.kind
    named = rejection._replace(
        object=rejection.object or message.object, field=rejection.field or message.field
    )
    text = " ".join((message.text or "").split())
    told = named.value if kind is CauseKind.RULE else ""
    unknown = _WITHOUT_IDS.sub("", text[:_MESSAGE]) if kind is CauseKind.UNKNOWN else ""
    key: tuple[str, ...] = (kind, named.object, named.field, told, named.through, unknown)
    if key not in groups and len(groups) >= _MOST_GROUPS:
        key = (kind,)
        named = Rejection(kind, named.code, named.vendor)
    group = groups.get(key)
    if group is None:
        group = groups[key] = _Group(named, text, lines=(message.line, message.line))
    group.count += 1
    group.lines = (group.lines[0], message.line)
    if message.at and (not group.earliest or message.at < group.earliest):
        group.earliest = message.at
    if kind is CauseKind.CHOICE and named.value and len(group.values) < _MOST_VALUES:
        group.values[named.value] += 1
    group.records.append((message.record_id, message.line))


def _as_error(rejection: Rejection, message: Message, values: bool) -> SyncError:
    is_rule = rejection.kind is CauseKind.RULE
    value = rejection.value if values or is_rule or not rejection.value else _MASK
    return SyncError(
        kind=rejection.kind,
        code=rejection.code or None,
        vendor=rejection.vendor or None,
        object=rejection.object or message.object or None,
        field=rejection.field or message.field or None,
        value=value or None,
        through=rejection.through or None,
        is_schema_cause=cause_of(rejection.kind).is_schema,
        line=message.line,
        record_id=message.record_id or None,
    )


def _name_of(file: Path | IO[bytes]) -> str:
    return file.name if isinstance(file, Path) else "the input"


@contextmanager
def _opened(file: Path | IO[bytes]) -> Iterator[IO[bytes]]:
    if not isinstance(file, Path):
        yield file
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise UsageError(
            f"Can't read {file}.", cause=f"{error.strerror}.", code="CANT_READ_FILE"
        ) from error
    with stream:
        yield stream


def _pieces(stream: IO[bytes], name: str) -> Iterator[str]:
    """Yield the lines of a text file; a very long line comes in pieces."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    head = buffered.peek(4)[:4]
    if head.startswith(ZIP_MAGIC):
        raise SourceError(
            f"{name} is a zip archive.",
            remedy="Unpack the archive, then explain the file in it.",
            code="ZIP_ARCHIVE",
        )
    encoding = "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in head:
        encoding = "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    text = io.TextIOWrapper(buffered, encoding, errors="replace", newline="")
    while piece := text.readline(_PIECE):
        # The reader of CSV rejects a zero byte.
        yield piece.replace("\0", "")
