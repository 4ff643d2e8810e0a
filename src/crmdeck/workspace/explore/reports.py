"""Reports for readers: data dictionary, mapping sheet, drift report, health report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from crmdeck.drift.wording import place_of, what_happened
from crmdeck.exports.report import Report, ReportTable, Section, filled_table
from crmdeck.findings.find import in_order
from crmdeck.model import (
    ConnectionStatus,
    DecisionState,
    DriftEvent,
    DriftReport,
    Field,
    MappingLine,
    ObjectDetail,
    ObjectSummary,
    OpenChanges,
    Severity,
    Suggestion,
    Urgency,
)
from crmdeck.text import count, percent_filled
from crmdeck.workspace.mappings.sheet import (
    COLUMNS,
    CONNECTION_FACT,
    PAIR_FACT,
    ROOM,
    TITLE,
    WORDS,
    decided_text,
)

_LISTED = 25
_OF_A_STORY = 6
# The files source must not read this heading as the whole picklist.
_VALUES = f"first {_LISTED} values"
_SEVERITY_MARKS = {Severity.BREAKING: "bad", Severity.RISKY: "warn", Severity.SAFE: ""}
_SEVERITY_TITLES = {
    Severity.BREAKING: "Breaking",
    Severity.RISKY: "Risky",
    Severity.SAFE: "Safe",
}


@dataclass(frozen=True)
class MappedLine:
    """One PartnerOS field of a mapping sheet; `held` is the current decision."""

    partner_field: Field
    crm_field: Field | None
    suggestion: Suggestion
    held: MappingLine


def data_dictionary(
    connection: str,
    objects: Iterable[ObjectDetail],
    listed: Sequence[ObjectSummary],
    at: datetime | None,
    now: datetime,
    *,
    left_out: int = 0,
) -> Report:
    """Return an index and the fields of each object, one section per object.

    It can be drawn once. `left_out` is the number of objects that only repeat another one.
    """
    index = Section(
        "Index",
        table=ReportTable(
            # The files source must not read these headings as those of fields.
            ("object type", "shown as", "is custom", "number of fields"),
            [(e.object_type, e.label, e.custom, e.field_count) for e in listed],
        ),
    )
    sections = (
        Section(
            one.object_type,
            (_object_line(one),),
            filled_table(
                ("field", "label", "type", "required", "unique", "createable", "updateable",
                 "computed", "custom", "length", _VALUES, "references", "help"),
                [_field_row(field) for field in one.fields],
            ),
        )
        for one in objects
    )  # fmt: skip
    return Report(
        f"Data dictionary of {connection}",
        f"{count(len(listed), 'object')} with "
        f"{count(sum(each.field_count for each in listed), 'field')}."
        + (
            f" {count(left_out, 'companion object')} left out: add one with --object."
            if left_out
            else ""
        ),
        (("connection", connection), ("as of", at or now)),
        chain([index], sections),
        now,
        [index.title, *(each.object_type for each in listed)],
    )


def mapping_sheet(
    connection: str,
    pair: str,
    lines: Sequence[MappedLine],
    at: datetime | None,
    now: datetime,
    *,
    returns: bool,
) -> Report:
    """Return the mappings of an object pair, with room to sign off.

    A sheet that `returns` has room for the decisions that `crmdeck mapping apply` reads.
    """
    states = Counter(line.suggestion.decision for line in lines)
    marks = {DecisionState.ACCEPTED: "good", DecisionState.REJECTED: "", DecisionState.PENDING: ""}
    room = ROOM if returns else ROOM[-1:]
    return Report(
        f"Mapping of {pair} in {connection}",
        f"{count(len(lines), 'PartnerOS field')}: {states[DecisionState.ACCEPTED]} accepted, "
        f"{states[DecisionState.REJECTED]} unmapped, {states[DecisionState.PENDING]} undecided.",
        ((CONNECTION_FACT, connection), (PAIR_FACT, pair), ("as of", at or now)),
        [
            Section(
                TITLE,
                (f"Write {', '.join(WORDS)}, or another CRM field.",) if returns else (),
                table=filled_table(
                    (*COLUMNS, *room),
                    [(*_mapped_row(line), *(None for _ in room)) for line in lines],
                    [
                        "bad"
                        if line.suggestion.crm_field and line.crm_field is None
                        else "warn"
                        if line.suggestion.warnings or line.held.drift
                        else marks[line.suggestion.decision]
                        for line in lines
                    ],
                    room,
                ),
            )
        ],
        now,
    )


def drift_report(
    about: str,
    report: DriftReport,
    names: Mapping[str, str],
    since: datetime | None,
    at: datetime | None,
    now: datetime,
) -> Report:
    """Return the changes, breaking first, with one row per change group."""
    titles = {story.id: story for story in report.stories}
    rows: dict[Severity, list[tuple[object, ...]]] = {severity: [] for severity in Severity}
    listed: set[str] = set()
    for event in report.events:
        story = titles.get(event.story or "")
        if story is None:
            rows[event.severity].append(_event_row(event, names))
        elif story.id not in listed:
            listed.add(story.id)
            rows[story.severity].append(
                (names.get(story.connection_id), _few(story.object_types, _OF_A_STORY),
                 story.title, count(story.event_count, "change"), None, None,
                 story.detected_at, None, None)
            )  # fmt: skip
    columns = ("connection", "field", "change", "reason", "mapped to", "changed by", "detected",
               "acknowledged by", "note")  # fmt: skip
    severities = Counter(event.severity for event in report.events)
    sections = [
        Section(
            _SEVERITY_TITLES[severity],
            table=filled_table(
                columns, rows[severity], [_SEVERITY_MARKS[severity]] * len(rows[severity])
            ),
        )
        for severity in sorted(Severity, key=lambda each: -each.rank)
        if rows[severity]
    ]
    return Report(
        f"Drift of {about}",
        f"{count(len(report.events), 'change')}: {severities[Severity.BREAKING]} breaking, "
        f"{severities[Severity.RISKY]} risky, {severities[Severity.SAFE]} safe.",
        (
            ("since", since or "baseline"),
            ("until", at or now),
            *([("open", report.open_changes.text)] if report.open_changes else []),
        ),
        sections,
        now,
    )


def health_report(statuses: Sequence[ConnectionStatus], now: datetime) -> Report:
    """Return the open findings, the most urgent first, and connections."""
    found = in_order(each for status in statuses for each in status.open_findings)
    marks = {Urgency.FAILING: "bad", Urgency.EXPIRING: "warn", Urgency.REVIEW: "warn"}
    still = OpenChanges.total(status.open_changes for status in statuses)
    urgent = sum(each.urgency in marks for each in found)
    return Report(
        "Health of the CRM connections",
        f"{count(len(statuses), 'connection')}, {count(urgent, 'open finding')}, {still.text}.",
        (),
        [
            Section(
                "Findings",
                table=filled_table(
                    ("urgency", "connection", "finding", "cause", "effect", "next step", "due"),
                    [
                        (each.urgency, each.connection, each.title, each.cause, each.effect,
                         next((step.text for step in each.steps), None), each.due_at)
                        for each in found
                    ],
                    [marks.get(each.urgency, "") for each in found],
                ),
            ),
            Section(
                "Connections",
                table=filled_table(
                    ("connection", "platform", "status", "open", "last refresh", "objects",
                     "fields", "settled findings", "quota left", "API version"),
                    [
                        (s.name, s.platform, s.status.replace("_", " "), s.open_changes.text,
                         s.last_sync_at, s.schema_stats.object_count, s.schema_stats.field_count,
                         len(s.findings) - len(s.open_findings) or None,
                         percent_filled(s.quota.left) if s.quota else None, s.api_version)
                        for s in statuses
                    ],
                ),
            ),
        ],
        now,
    )  # fmt: skip


def _object_line(one: ObjectDetail) -> str:
    """Return the sentence below the name of an object in a data dictionary."""
    label = "" if one.label == one.object_type else one.label
    kind = {True: "custom object", False: "standard object", None: ""}[one.custom]
    fields = count(len(one.fields), "field")
    named = ", ".join(
        filter(None, (label, kind, fields, f"refreshed {one.discovered_at:%Y-%m-%d}"))
    )
    return f"{named[:1].upper()}{named[1:]}."


def _field_row(field: Field) -> tuple[object, ...]:
    return (
        field.name,
        field.label,
        field.native_type or field.type,
        field.required,
        field.unique,
        field.createable,
        field.updateable,
        field.calculated,
        field.custom,
        field.length,
        _few([value.value for value in field.picklist if value.active]),
        ", ".join(field.references),
        field.description,
    )


def _mapped_row(line: MappedLine) -> tuple[object, ...]:
    suggestion, crm, held = line.suggestion, line.crm_field, line.held
    return (
        suggestion.decision,
        line.partner_field.name,
        f"{line.partner_field.label} ({line.partner_field.type})",
        suggestion.crm_field,
        f"{crm.label} ({crm.native_type or crm.type})"
        if crm
        else ("missing" if suggestion.crm_field else None),
        suggestion.direction if suggestion.crm_field else None,
        round(suggestion.confidence, 2) if crm else None,
        "; ".join(reason.text for reason in suggestion.reasons[:3]),
        "; ".join(f"{left} = {right}" for left, right in (held.value_map or {}).items()),
        " ".join(
            (
                *(f"Since accepted: {change}." for change in held.drift_summary),
                *(warning.text for warning in suggestion.warnings),
            )
        ),
        decided_text(held),
    )


def _event_row(event: DriftEvent, names: Mapping[str, str]) -> tuple[object, ...]:
    return (
        names.get(event.connection_id),
        place_of(event),
        what_happened(event),
        event.reason,
        ", ".join(event.affected_mappings),
        event.changed_by,
        event.detected_at,
        event.acknowledged_by,
        event.note,
    )


def _few(texts: Iterable[str], most: int = _LISTED) -> str:
    listed = list(texts)
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more:,} more" if more > 0 else "")
