"""Exports: what is cached, as records in a format."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, Unpack

from crmdeck.errors import UsageError
from crmdeck.exports import (
    COLUMNS,
    REPORT_FORMATS,
    make_contract,
    named,
    records,
    stream,
    stream_report,
    to_yaml,
    write_parquet,
    write_report,
)
from crmdeck.exports import FORMATS as FORMATS
from crmdeck.exports import write_atomically as write_atomically
from crmdeck.exports.report import Report
from crmdeck.model import (
    Comparison,
    Connection,
    DecisionState,
    DriftReport,
    FieldDifference,
    FieldMapping,
    ObjectDifference,
    ObjectExport,
    ObjectPair,
    SchemaSummary,
    Severity,
    WireModel,
)
from crmdeck.text import did_you_mean, nearest
from crmdeck.workspace.audit import Audit
from crmdeck.workspace.connections.health import Health
from crmdeck.workspace.context import Context
from crmdeck.workspace.drift import Drift
from crmdeck.workspace.explore import reports
from crmdeck.workspace.explore.schemas import Schemas
from crmdeck.workspace.mappings.service import Mappings

Exportable = WireModel | Iterable[WireModel]

Named = str | tuple[str, ...]
"""What names a record: an id or a name; a field within its object type by several names."""

EXPORTS = tuple(COLUMNS)
REPORTS = ("dictionary", "mapping-sheet", "drift-report", "health-report")
CONTRACT = "contract"
CONTRACT_FORMATS = ("yaml", "json")
SUFFIXES = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".md": "markdown",
    ".html": "html",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
"""Which format the name of a file says."""

FILTERS = {
    "at": "--at",
    "object_type": "--object",
    "since": "--since",
    "at_least": "--severity",
    "pair": "--pair",
    "state": "--state",
    "right": "--right",
    "right_at": "--right-at",
}
"""What narrows an export, as the command line calls it."""

TAKES: Mapping[str, tuple[str, ...]] = {
    "health": (),
    "objects": ("at", "object_type"),
    "schema": ("at", "object_type"),
    "comparison": ("at", "object_type", "right", "right_at"),
    "differences": ("at", "object_type", "right", "right_at"),
    "drift": ("at", "object_type", "since", "at_least"),
    "mapping": ("at", "object_type", "since", "pair", "state"),
    "audit": ("at", "since"),
    "dictionary": ("at", "object_type"),
    "mapping-sheet": ("at", "pair", "state"),
    "drift-report": ("at", "object_type", "since", "at_least"),
    "health-report": (),
    CONTRACT: ("pair",),
}
"""Which of them go with what."""


class ExportOptions(TypedDict, total=False):
    """What is left of an export, beside what it is and of which connection."""

    pair: str | None
    only: Collection[Named] | None
    at: datetime | None
    right: str | None
    right_at: datetime | None
    object_type: str | None
    since: datetime | None
    at_least: Severity | None
    state: DecisionState | None


class Exports:
    """Handing results over."""

    def __init__(
        self,
        context: Context,
        schemas: Schemas,
        drift: Drift,
        mappings: Mappings,
        health: Health,
        audit: Audit,
    ) -> None:
        self._context = context
        self._schemas = schemas
        self._drift = drift
        self._mappings = mappings
        self._health = health
        self._audit = audit

    def render(
        self,
        what: str,
        ref: str | None = None,
        *,
        format: str = "json",
        **options: Unpack[ExportOptions],
    ) -> str:
        """Return what is cached as text in a format; `what` is one of `EXPORTS`.

        `mapping` takes one object `pair`, or all that were decided on. What is asked for as of
        `at` is what was known and decided then: schemas, drift with its acknowledgments,
        mappings, the audit log. `comparison` (by object type) and `differences` (by field) hold
        `ref` as of `at` against `right` (else `ref` itself) as of `right_at`. `object_type`
        keeps one object type of schemas, drift, comparisons and mappings, `since` what is newer
        of drift, audit and decisions, `at_least` drift that is as bad or worse, `state` lines of
        mappings; `TAKES` says which option goes with what. `only` keeps the records that it names:
        connections, drift events and audit entries by id; object types and PartnerOS fields by
        name; the fields of `schema` as (object type, name); `differences` as (object type, field
        name, attribute), '' for a part that does not apply.

        Raises UsageError for a `what` or format that does not exist, and for options that do not
        go together.
        """
        return "".join(self.stream(what, ref, format=format, **options))

    def stream(
        self,
        what: str,
        ref: str | None = None,
        *,
        format: str = "json",
        **options: Unpack[ExportOptions],
    ) -> Iterator[str]:
        """Yield what `render` or, as html or markdown, `report` returns, piece by piece.

        Of the schema of a large org only a part is in memory at a time. What `render` raises is
        raised at once, but for what is found out while the cache is read (CacheError). `contract`,
        as yaml or json, is the CRM object of a `pair` as an Open Data Contract.
        """
        if what == CONTRACT:
            return iter([self._contract(ref, format, options)])
        if what in REPORTS:
            return stream_report(self._checked_report(what, ref, format, options), format)
        if format not in FORMATS:
            if format in REPORT_FORMATS:
                raise UsageError(
                    f"{what} is not offered as {format}.",
                    cause=f"Reports are: {', '.join(REPORTS)}.",
                    remedy=_one_of((*FORMATS, "parquet"), format),
                )
            raise UsageError(
                f"There is no format '{format}'.", remedy=_one_of((*FORMATS, "parquet"), format)
            )
        return stream(what, self._data(what, ref, options), format, names=self._names())

    def named(self, records: Iterable[WireModel]) -> list[dict[str, Any]]:
        """Return records in their wire shape, the name of each connection after its id."""
        names = self._names()
        return [named(record, names) for record in records]

    def report(
        self,
        what: str,
        ref: str | None = None,
        *,
        format: str = "html",
        **options: Unpack[ExportOptions],
    ) -> str:
        """Return one of `REPORTS` for a reader, as html or markdown; `write` knows xlsx too.

        `dictionary` is of a connection `at` a moment, of all objects or of `object_type`;
        `mapping-sheet` of an object `pair`; `drift-report` of a connection or of all, `since` a
        moment; `health-report` of a connection or of all. A mapping sheet as of `at` has the
        decisions and the schema of then, and what would be suggested for it now. Raises
        UsageError for what does not go together, NotFoundError, SchemaNotDiscoveredError.
        """
        return "".join(stream_report(self._checked_report(what, ref, format, options), format))

    def write(
        self,
        path: Path,
        what: str,
        ref: str | None = None,
        *,
        format: str = "json",
        **options: Unpack[ExportOptions],
    ) -> None:
        """Write an export or a report to a file, whole or not at all, readable by its owner only.

        Beside the formats of `stream` there are parquet, of what `render` exports, and xlsx, of
        reports.
        """
        if what in REPORTS:
            write_report(self._checked_report(what, ref, format, options), format, path)
        elif format == "parquet" and what != CONTRACT:
            data = self._data(what, ref, options)
            write_parquet(records(what, data, self._names()), COLUMNS[what], path)
        else:
            write_atomically(path, self.stream(what, ref, format=format, **options))

    def _contract(self, ref: str | None, format: str, options: ExportOptions) -> str:
        if format not in CONTRACT_FORMATS:
            raise UsageError(
                f"There is no contract in the format '{format}'.",
                remedy=_one_of(CONTRACT_FORMATS, format),
            )
        _refuse_foreign(CONTRACT, options)
        connection = self._connection(CONTRACT, ref)
        pair = options.get("pair")
        if pair is None:
            raise UsageError("A contract is of one object pair.", remedy="Name it: --pair.")
        mapping = self._mappings.get(connection.id, pair)
        crm_object = ObjectPair.parse(pair).crm_object
        detail = self._schemas.object(connection.id, crm_object)
        labels = {
            each.object_type: each.label for each in self._schemas.objects(connection.id).objects
        }
        contract = make_contract(connection, mapping, detail, labels.get(crm_object, ""))
        if format == "json":
            return json.dumps(contract, indent=2, ensure_ascii=True) + "\n"
        return to_yaml(contract)

    def _checked_report(
        self, what: str, ref: str | None, format: str, options: ExportOptions
    ) -> Report:
        if what not in REPORTS:
            raise UsageError(f"There is no report '{what}'.", remedy=_one_of(REPORTS, what))
        if format not in REPORT_FORMATS:
            raise UsageError(
                f"There is no {what} in the format '{format}'.",
                remedy=_one_of(REPORT_FORMATS, format),
            )
        _refuse_foreign(what, options)
        return self._report(what, ref, options)

    def _data(self, what: str, ref: str | None, options: ExportOptions) -> Exportable:
        if what not in EXPORTS:
            raise UsageError(
                f"There is no export '{what}'.",
                remedy=_one_of((*EXPORTS, *REPORTS, CONTRACT), what),
            )
        _refuse_foreign(what, options)
        data = self._exported(what, ref, options)
        only = options.get("only")
        return data if only is None else keep(data, only)

    def _report(self, what: str, ref: str | None, options: ExportOptions) -> Report:
        match what:
            case "dictionary":
                return self._dictionary(self._connection(what, ref), options)
            case "mapping-sheet":
                return self._mapping_sheet(self._connection(what, ref), options)
            case "drift-report":
                return self._drift_report(ref, options)
            case "health-report":
                found = (self._health.status(ref),) if ref else self._health.statuses()
                return reports.health_report(found, self._context.now)
        raise NotImplementedError(what)

    def _dictionary(self, connection: Connection, options: ExportOptions) -> Report:
        at, object_type = options.get("at"), options.get("object_type")
        listed = self._schemas.objects(connection.id, at).objects
        objects: Iterable[ObjectExport]
        if object_type is None:
            objects = self._schemas.each(connection.id, at)
        else:
            objects = [self._schemas.whole(connection.id, object_type, at)]
            listed = tuple(each for each in listed if each.object_type == object_type)
        return reports.data_dictionary(connection.name, objects, listed, at, self._context.now)

    def _drift_report(self, ref: str | None, options: ExportOptions) -> Report:
        at, since = options.get("at"), options.get("since")
        about = self._context.connection(ref).name if ref else "all connections"
        drift = self._drift.report(
            ref,
            at=at,
            since=since,
            at_least=options.get("at_least"),
            object_type=options.get("object_type"),
        )
        return reports.drift_report(about, drift, self._names(), since, at, self._context.now)

    def _mapping_sheet(self, connection: Connection, options: ExportOptions) -> Report:
        pair, state, at = options.get("pair"), options.get("state"), options.get("at")
        if pair is None:
            raise UsageError("A mapping sheet is of one object pair.", remedy="Name it: --pair.")
        suggestions = self._mappings.suggest(connection.id, pair, at=at).suggestions
        partner = {field.name: field for field in self._mappings.partner_fields(pair)}
        crm_object = self._schemas.object(connection.id, ObjectPair.parse(pair).crm_object, at)
        crm = {field.name: field for field in crm_object.fields}
        held = {
            line.partner_field: line for line in self._mappings.get(connection.id, pair, at).lines
        }
        lines = [
            reports.MappedLine(
                partner[each.partner_field],
                crm.get(each.crm_field or ""),
                each,
                held[each.partner_field],
            )
            for each in suggestions
            if state in (None, each.decision)
        ]
        return reports.mapping_sheet(connection.name, pair, lines, at, self._context.now)

    def _connection(self, what: str, ref: str | None) -> Connection:
        return self._context.connection(_needed(what, ref))

    def _names(self) -> dict[str, str]:
        with self._context.store.read() as session:
            return {connection.id: connection.name for connection in session.connections.all()}

    def _exported(self, what: str, ref: str | None, options: ExportOptions) -> Exportable:
        at, since = options.get("at"), options.get("since")
        object_type = options.get("object_type")
        match what:
            case "health":
                return self._health.status(ref) if ref else self._health.statuses()
            case "drift":
                return self._drift.report(
                    ref,
                    object_type=object_type,
                    since=since,
                    at=at,
                    at_least=options.get("at_least"),
                )
            case "audit":
                return self._audit.entries(ref, since=since, until=at)
            case "objects":
                return self._objects(_needed(what, ref), at, object_type)
            case "schema" if object_type is not None:
                return self._schemas.whole(_needed(what, ref), object_type, at)
            case "schema":
                return self._schemas.each(_needed(what, ref), at)
            case "mapping":
                return self._decided(_needed(what, ref), options)
            case "comparison" | "differences":
                return self._compared(_needed(what, ref), options)
        raise NotImplementedError(what)

    def _objects(self, ref: str, at: datetime | None, object_type: str | None) -> SchemaSummary:
        found = self._schemas.objects(ref, at)
        if object_type is None:
            return found
        objects = tuple(one for one in found.objects if one.object_type == object_type)
        if not objects:
            self._schemas.object(ref, object_type, at)
        return SchemaSummary(objects=objects)

    def _compared(self, ref: str, options: ExportOptions) -> Comparison:
        at, right, right_at = options.get("at"), options.get("right"), options.get("right_at")
        if right is None and at == right_at:
            raise UsageError(
                "A comparison needs two sides.",
                remedy="Name another connection, or a moment of this one.",
            )
        return self._schemas.compare(
            ref,
            right or ref,
            left_at=at,
            right_at=right_at,
            object_type=options.get("object_type"),
        )

    def _decided(self, name: str, options: ExportOptions) -> Exportable:
        at, pair, object_type = options.get("at"), options.get("pair"), options.get("object_type")
        pairs = [pair] if pair else [one.object_pair for one in self._mappings.pairs(name, at)]
        if object_type is not None:
            pairs = [one for one in pairs if ObjectPair.parse(one).crm_object == object_type]
            if not pairs:
                self._schemas.object(name, object_type, at)
        mappings = [
            _narrowed(self._mappings.get(name, one, at), options.get("state"), options.get("since"))
            for one in pairs
        ]
        return mappings[0] if pair and mappings else mappings


def _one_of(names: Sequence[str], given: str) -> str:
    near = nearest(given, names, most=1)
    return did_you_mean(near) if near else "Use one of: " + ", ".join(names) + "."


def _refuse_foreign(what: str, options: ExportOptions) -> None:
    """Raise UsageError for a filter that does not go with what is exported."""
    for name, value in options.items():
        if value is not None and name in FILTERS and name not in TAKES[what]:
            others = ", ".join(each for each, taken in TAKES.items() if name in taken)
            raise UsageError(
                f"{what} takes no {FILTERS[name]}.", remedy=f"Leave it out; it is for {others}."
            )
    since, at = options.get("since"), options.get("at")
    if since is not None and at is not None and since > at:
        raise UsageError(
            "--since is later than --at, so nothing lies between them.",
            remedy="Name an earlier --since, or a later --at.",
        )


def _needed(what: str, ref: str | None) -> str:
    if ref is None:
        raise UsageError(f"Exporting {what} needs a connection.", remedy="Name one.")
    return ref


def in_state(mapping: FieldMapping, state: DecisionState | None) -> FieldMapping:
    """Return a mapping with the lines in that state, with all where it is None."""
    lines = tuple(line for line in mapping.lines if state in (None, line.state))
    return mapping.model_copy(update={"lines": lines})


def _narrowed(
    mapping: FieldMapping, state: DecisionState | None, since: datetime | None
) -> FieldMapping:
    found = in_state(mapping, state)
    if since is None:
        return found
    lines = tuple(each for each in found.lines if each.decided_at and each.decided_at >= since)
    return found.model_copy(update={"lines": lines})


def keep(data: Exportable, only: Collection[Named]) -> Exportable:
    """Return `data` with the records that `only` names; see `Exports.render` for how.

    An object type whose fields are named, is kept with those alone.
    """
    match data:
        case DriftReport():
            events = tuple(event for event in data.events if event.id in only)
            told = {event.story for event in events}
            stories = tuple(story for story in data.stories if story.id in told)
            return DriftReport(events=events, stories=stories)
        case FieldMapping():
            lines = tuple(line for line in data.lines if line.partner_field in only)
            return data.model_copy(update={"lines": lines})
        case SchemaSummary():
            return SchemaSummary(objects=tuple(o for o in data.objects if o.object_type in only))
        case Comparison():
            objects = tuple(part for one in data.objects for part in _differing(one, only))
            return data.model_copy(update={"objects": objects})
        case WireModel():
            return data
    return (part for record in data for part in _record(record, only))


def _record(record: WireModel, only: Collection[Named]) -> Iterator[WireModel]:
    if not isinstance(record, ObjectExport):
        if getattr(record, "id", "") in only:
            yield record
    elif record.object_type in only:
        yield record
    else:
        fields = tuple(f for f in record.fields if (record.object_type, f.name) in only)
        if fields:
            yield record.model_copy(update={"fields": fields})


def _differing(one: ObjectDifference, only: Collection[Named]) -> Iterator[ObjectDifference]:
    if one.object_type in only:
        yield one
        return
    changes = tuple(c for c in one.changes if (one.object_type, "", c.attribute) in only)
    fields = tuple(part for field in one.fields for part in _field(one.object_type, field, only))
    if changes or fields:
        yield one.model_copy(update={"changes": changes, "fields": fields})


def _field(
    object_type: str, field: FieldDifference, only: Collection[Named]
) -> Iterator[FieldDifference]:
    if not field.changes:
        if (object_type, field.field_name, "") in only:
            yield field
        return
    changes = tuple(
        c for c in field.changes if (object_type, field.field_name, c.attribute) in only
    )
    if changes:
        yield field.model_copy(update={"changes": changes})
