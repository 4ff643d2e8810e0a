"""Exports: stored data and reports, in many formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, TypedDict, TypeVar, Unpack

from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.change_group_rules import base_of
from crmdeck.errors import UsageError
from crmdeck.exports import (
    CONTRACT_FORMATS,
    FORMATS,
    REPORT_FORMATS,
    column_types,
    make_contract,
    records,
    require_format,
    stream,
    stream_report,
    to_yaml,
    write_atomically,
    write_report,
)
from crmdeck.exports.report import Report
from crmdeck.model import (
    Comparison,
    DecisionState,
    DriftReport,
    FieldDifference,
    FieldMapping,
    ObjectDetail,
    ObjectDifference,
    ObjectPair,
    SchemaSummary,
    Severity,
    WireModel,
)
from crmdeck.text import did_you_mean, nearest
from crmdeck.workspace.audit import Audit
from crmdeck.workspace.context import Context
from crmdeck.workspace.drift import Drift, DriftFilters
from crmdeck.workspace.explore import reports
from crmdeck.workspace.explore.relevance import object_relevance
from crmdeck.workspace.explore.schemas import Schemas
from crmdeck.workspace.findings.health import Health
from crmdeck.workspace.mappings.service import Mappings

Exportable = WireModel | Iterable[WireModel]

Named = str | tuple[str, ...]
"""What identifies a record: an ID, a name, or the names of an object and its field."""

CONTRACT = "contract"

FILTERS = {
    "at": "--at",
    "object_type": "--object",
    "since": "--since",
    "until": "--until",
    "at_least": "--severity",
    "pair": "--pair",
    "state": "--state",
    "right": "--right",
    "right_at": "--right-at",
}
"""The filters of exports, with their options on the command line."""


class ExportOptions(TypedDict, total=False):
    """The filters of an export."""

    pair: str | None
    only: Collection[Named] | None
    at: datetime | None
    right: str | None
    right_at: datetime | None
    object_type: str | None
    since: datetime | None
    until: datetime | None
    at_least: Severity | None
    state: DecisionState | None


class _Asked(ExportOptions, total=False):
    format: str


T = TypeVar("T")


@dataclass(frozen=True)
class _Export(Generic[T]):
    """One export: its filters, whether it can cover all connections, and its method."""

    filters: tuple[str, ...]
    of_all: bool
    read: Callable[..., T]


_DATA: dict[str, _Export[Exportable]] = {}
_REPORTS: dict[str, _Export[Report]] = {}


def _export(
    exports: dict[str, _Export[T]], what: str, *filters: str, of_all: bool = False
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Make a method the export `what`, with these of `FILTERS`."""

    def add(method: Callable[..., T]) -> Callable[..., T]:
        exports[what] = _Export(filters, of_all, method)
        return method

    return add


class Exports:
    """Write stored data and reports; `@_export` marks the method of each."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._schemas = Schemas(context)
        self._drift = Drift(context)
        self._mappings = Mappings(context)
        self._health = Health(context)
        self._audit = Audit(context)

    def render(
        self,
        what: str,
        ref: str | None = None,
        *,
        format: str = "json",
        **options: Unpack[ExportOptions],
    ) -> str:
        """Return one of `EXPORTS` or `REPORTS`, or a contract, as text in a format.

        `TAKES` lists the filters of each. `at` returns schemas, changes, mappings and audit
        entries as of a time. `comparison` (objects) and `differences` (fields) compare `ref` as
        of `at` with `right`, or with `ref` itself, as of `right_at`. `mapping` needs one object
        `pair`, or returns all with decisions. A mapping sheet as of `at` has the decisions and the
        schema of that time, and today's suggestions for them. `only` keeps records: connections,
        changes and audit entries by ID; objects and PartnerOS fields by name; fields of `schema` by
        (object, field); `differences` by (object, field, attribute), with '' for a part that is
        missing.

        Raises UsageError for an unknown export or format, and for filters that don't apply.
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
        """Yield the text of an export, a report (html, markdown) or a contract (yaml, json).

        Only a part of a large schema is in memory at a time. UsageError comes immediately,
        CacheError while reading.
        """
        if what == CONTRACT:
            return iter([self._contract(ref, format, options)])
        if what in _REPORTS:
            return stream_report(self._report(what, ref, format, options), format)
        data = self._data(what, ref, format, options)
        return stream(what, data, format, names=self._names())

    def rows(
        self, what: str, ref: str | None = None, **options: Unpack[ExportOptions]
    ) -> Iterator[Mapping[str, object]]:
        """Yield the records of an export, with the columns of `COLUMNS[what]`."""
        return records(what, self._data(what, ref, "jsonl", options), self._names())

    def write(
        self,
        path: Path,
        what: str,
        ref: str | None = None,
        *,
        format: str = "json",
        **options: Unpack[ExportOptions],
    ) -> None:
        """Write an export or a report to a complete file, readable by its owner only.

        The formats are those of `stream`, parquet for exports, and xlsx for reports.
        """
        writer = FORMATS[format].write if format in FORMATS else None
        if what in _REPORTS:
            write_report(self._report(what, ref, format, options), format, path)
        elif writer is not None and what != CONTRACT:
            data = self._data(what, ref, format, options)
            writer(records(what, data, self._names()), column_types(what), path)
        else:
            write_atomically(path, self.stream(what, ref, format=format, **options))

    def _contract(self, ref: str | None, format: str, options: ExportOptions) -> str:
        require_format(format, CONTRACT_FORMATS, CONTRACT)
        _reject_foreign(CONTRACT, options)
        connection = self._context.connection(_needed(CONTRACT, ref))
        pair = options.get("pair")
        if pair is None:
            raise UsageError("A contract needs one object pair.", remedy="Add --pair PAIR")
        mapping = self._mappings.get(connection.id, pair)
        detail = self._schemas.object(connection.id, ObjectPair.parse(pair).crm_object)
        contract = make_contract(connection, mapping, detail)
        if format == "json":
            return json.dumps(contract, indent=2, ensure_ascii=True) + "\n"
        return to_yaml(contract)

    def _data(self, what: str, ref: str | None, format: str, options: ExportOptions) -> Exportable:
        if what not in _DATA:
            near = nearest(what, TAKES, most=1)
            raise UsageError(
                f"No export named '{what}'.",
                cause=did_you_mean(near) if near else None,
                remedy=f"Use one of: {', '.join(TAKES)}",
            )
        require_format(format, FORMATS, what)
        data = self._read(_DATA, what, ref, {**options, "format": format})
        only = options.get("only")
        return data if only is None else keep(data, only)

    def _report(self, what: str, ref: str | None, format: str, options: ExportOptions) -> Report:
        require_format(format, REPORT_FORMATS, what)
        return self._read(_REPORTS, what, ref, {**options, "format": format})

    def _read(
        self, exports: Mapping[str, _Export[T]], what: str, ref: str | None, asked: _Asked
    ) -> T:
        _reject_foreign(what, asked)
        export = exports[what]
        return export.read(self, ref if export.of_all else _needed(what, ref), asked)

    def _names(self) -> dict[str, str]:
        with self._context.store.read() as session:
            return {connection.id: connection.name for connection in session.connections.all()}

    @_export(_DATA, "health", of_all=True)
    def _statuses(self, ref: str | None, asked: _Asked) -> Exportable:
        return self._health.status(ref) if ref else self._health.statuses()

    @_export(_DATA, "objects", "at", "object_type")
    def _objects(self, ref: str, asked: _Asked) -> Exportable:
        at, object_type = asked.get("at"), asked.get("object_type")
        found = self._schemas.objects(ref, at)
        if object_type is None:
            return found
        objects = tuple(one for one in found.objects if one.object_type == object_type)
        if not objects:
            # Raises the error that names the nearest object.
            self._schemas.object(ref, object_type, at)
        return SchemaSummary(objects=objects)

    @_export(_DATA, "schema", "at", "object_type")
    def _schema(self, ref: str, asked: _Asked) -> Exportable:
        at, object_type = asked.get("at"), asked.get("object_type")
        if object_type is not None:
            return self._schemas.object(ref, object_type, at)
        return self._schemas.each(ref, at)

    @_export(_DATA, "differences", "at", "object_type", "right", "right_at")
    @_export(_DATA, "comparison", "at", "object_type", "right", "right_at")
    def _compared(self, ref: str, asked: _Asked) -> Exportable:
        at, right, right_at = asked.get("at"), asked.get("right"), asked.get("right_at")
        if right is None and at == right_at:
            raise UsageError(
                "A comparison needs two sides.",
                remedy="Add --right CONNECTION or --right-at DATE",
            )
        return self._schemas.compare(
            ref,
            right or ref,
            left_at=at,
            right_at=right_at,
            object_type=asked.get("object_type"),
        )

    @_export(_DATA, "drift", "at", "object_type", "since", "until", "at_least", of_all=True)
    def _changes(self, ref: str | None, asked: _Asked) -> Exportable:
        return self._drift.pages(ref, **_drift_filters(asked))

    @_export(_DATA, "mapping", "at", "object_type", "since", "pair", "state")
    def _decided(self, ref: str, asked: _Asked) -> Exportable:
        at, pair, object_type = asked.get("at"), asked.get("pair"), asked.get("object_type")
        pairs = [pair] if pair else [one.object_pair for one in self._mappings.pairs(ref, at)]
        if object_type is not None:
            pairs = [one for one in pairs if ObjectPair.parse(one).crm_object == object_type]
            if not pairs:
                # Raises the error that names the nearest object.
                self._schemas.object(ref, object_type, at)
        state, since = asked.get("state"), asked.get("since")
        mappings = []
        for one in pairs:
            found = in_state(self._mappings.get(ref, one, at), state)
            if since is not None:
                lines = [e for e in found.lines if e.decided_at and e.decided_at >= since]
                found = found.model_copy(update={"lines": tuple(lines)})
            mappings.append(found)
        return mappings[0] if pair and mappings else mappings

    @_export(_DATA, "audit", "at", "since", "until", of_all=True)
    def _entries(self, ref: str | None, asked: _Asked) -> Exportable:
        if ref is not None:
            self._context.connection(ref)
        return self._audit.each(
            ref, since=asked.get("since"), until=asked.get("until") or asked.get("at")
        )

    @_export(_REPORTS, "dictionary", "at", "object_type")
    def _dictionary(self, ref: str, asked: _Asked) -> Report:
        connection = self._context.connection(ref)
        at, object_type = asked.get("at"), asked.get("object_type")
        listed = self._schemas.objects(connection.id, at).objects
        objects: Iterable[ObjectDetail]
        left_out = 0
        if object_type is None:
            vendor = vendor_of(connection.platform)
            # Companions, such as the history or sharing of an object, repeat its fields.
            shown = [each for each in listed if base_of(each.object_type, vendor) is None]
            left_out = len(listed) - len(shown)
            shown.sort(
                key=lambda each: (
                    object_relevance(each.object_type, custom=each.custom is True),
                    each.object_type,
                )
            )
            listed = tuple(shown)
            names = [each.object_type for each in listed]
            objects = self._schemas.each(connection.id, at, names=names)
        else:
            objects = [self._schemas.object(connection.id, object_type, at)]
            listed = tuple(each for each in listed if each.object_type == object_type)
        return reports.data_dictionary(
            connection.name, objects, listed, at, self._context.now, left_out=left_out
        )

    @_export(_REPORTS, "mapping-sheet", "at", "pair", "state")
    def _mapping_sheet(self, ref: str, asked: _Asked) -> Report:
        connection = self._context.connection(ref)
        pair, state, at = asked.get("pair"), asked.get("state"), asked.get("at")
        if pair is None:
            raise UsageError("A mapping sheet needs one object pair.", remedy="Add --pair PAIR")
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
        return reports.mapping_sheet(
            connection.name,
            pair,
            lines,
            at,
            self._context.now,
            returns=asked.get("format") == "xlsx",
        )

    @_export(
        _REPORTS, "drift-report", "at", "object_type", "since", "until", "at_least", of_all=True
    )
    def _drift_report(self, ref: str | None, asked: _Asked) -> Report:
        about = self._context.connection(ref).name if ref else "all connections"
        drift = self._drift.report(ref, **_drift_filters(asked))
        return reports.drift_report(
            about,
            drift,
            self._names(),
            asked.get("since"),
            asked.get("until") or asked.get("at"),
            self._context.now,
        )

    @_export(_REPORTS, "health-report", of_all=True)
    def _health_report(self, ref: str | None, asked: _Asked) -> Report:
        found = (self._health.status(ref),) if ref else self._health.statuses()
        return reports.health_report(found, self._context.now)


EXPORTS = tuple(_DATA)
REPORTS = tuple(_REPORTS)

TAKES: Mapping[str, tuple[str, ...]] = {
    **{what: each.filters for what, each in _DATA.items()},
    **{what: each.filters for what, each in _REPORTS.items()},
    CONTRACT: ("pair",),
}
"""The filters of each export."""


def _reject_foreign(what: str, options: ExportOptions) -> None:
    """Raise UsageError for a filter that an export doesn't have."""
    for name, value in options.items():
        if value is not None and name in FILTERS and name not in TAKES[what]:
            others = ", ".join(each for each, taken in TAKES.items() if name in taken)
            raise UsageError(
                f"{what} has no {FILTERS[name]}.", remedy=f"Use it only with {others}."
            )
    since, at = options.get("since"), options.get("at")
    if since is not None and at is not None and since > at:
        raise UsageError(
            "--since is later than --at.",
            remedy="Use an earlier --since or a later --at.",
        )


def _drift_filters(asked: _Asked) -> DriftFilters:
    return {
        "at": asked.get("at"),
        "object_type": asked.get("object_type"),
        "since": asked.get("since"),
        "until": asked.get("until"),
        "at_least": asked.get("at_least"),
    }


def _needed(what: str, ref: str | None) -> str:
    if ref is None:
        raise UsageError(f"The export {what} needs a connection.", remedy="Enter its name.")
    return ref


def in_state(mapping: FieldMapping, state: DecisionState | None) -> FieldMapping:
    """Return a mapping with the lines in one state, or with all."""
    lines = tuple(line for line in mapping.lines if state in (None, line.state))
    return mapping.model_copy(update={"lines": lines})


def keep(data: Exportable, only: Collection[Named]) -> Exportable:
    """Return `data` with the records in `only`, as described for `Exports.render`.

    An object stays with the fields in `only`.
    """
    match data:
        case DriftReport():
            return _kept_changes(data, only)
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


def _kept_changes(report: DriftReport, only: Collection[Named]) -> DriftReport:
    events = tuple(event for event in report.events if event.id in only)
    used = {event.story for event in events}
    stories = tuple(story for story in report.stories if story.id in used)
    return DriftReport(events=events, stories=stories)


def _record(record: WireModel, only: Collection[Named]) -> Iterator[WireModel]:
    if isinstance(record, DriftReport):
        yield _kept_changes(record, only)
    elif not isinstance(record, ObjectDetail):
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
