"""A preflight as a document for readers, and its findings as rows.

Both have counts and positions of records, never their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from crmdeck.exports.report import Part, Report, Section, filled_table
from crmdeck.model import (
    STOPPING,
    Direction,
    Field,
    ObjectPair,
    ObjectSchema,
    Outcome,
    OutcomeCounts,
    PreflightReport,
    WriteCause,
    WriteProblem,
)
from crmdeck.preflight.edges import FailsWhen
from crmdeck.preflight.rejections import step_for
from crmdeck.text import count

FINDING_COLUMNS = (
    "position", "recordId", "outcome", "code", "partnerField", "crmField", "rule", "reason",
    "needs",
)  # fmt: skip

_MAPPING = "mapping owner"
_PULLED = (_MAPPING, "Map the value to a PartnerOS value, or correct the records in the CRM.")

Cause = WriteCause | FailsWhen
"""What a preflight found: about records, or from boundary values."""

_WORDS = {
    Outcome.REJECTED: "rejected",
    Outcome.UNLESS_AUTOMATION: "rejected unless automation in the CRM fixes it",
    Outcome.UNLESS_USER: "rejected unless the user has permission",
    Outcome.CHANGED: "changed",
}
_WRITES = {True: "create", False: "update", None: "CRM to PartnerOS"}
_MARKS = {Outcome.REJECTED: "bad", Outcome.CHANGED: "note"}


def finding_rows(findings: Iterable[WriteProblem]) -> Iterator[dict[str, object]]:
    """Yield a row per finding with the columns `FINDING_COLUMNS`."""
    for finding in findings:
        yield {**finding.to_wire(), "needs": "; ".join(finding.needs) or None}


def preflight_report(
    report: PreflightReport,
    connection: str,
    schema: ObjectSchema,
    sources: Mapping[str, Field],
    made_at: datetime,
) -> Report:
    """Return a preflight as a document: what happens, why, and who should fix it.

    `sources` are the PartnerOS fields by name. Names of rules and API names come last.
    """
    pulled = report.direction is Direction.PULL
    subject = ObjectPair.parse(report.object_pair).partner_object.replace("_", " ")
    known = [cause for cause in report.causes if cause.outcome is not Outcome.UNKNOWN]
    unknown = [cause for cause in report.causes if cause.outcome is Outcome.UNKNOWN]
    sections = [
        Section(
            "Causes",
            table=filled_table(
                ("records", "what happens", "outcome", "owner", "next step"),
                [
                    (_count_of(cause), happens(cause, schema, sources), _WORDS[cause.outcome],
                     *owner_of(cause, pulled))
                    for cause in known
                ],
                [_MARKS.get(cause.outcome, "warn") for cause in known],
            ),
        )
    ] if known else []  # fmt: skip
    if unknown:
        rows = [
            (_count_of(cause), happens(cause, schema, sources), ", ".join(cause.needs))
            for cause in unknown
        ]
        sections.append(
            Section(
                "Not judged",
                ("crmdeck can't judge these records. The CRM may reject or accept them.",),
                filled_table(("records", "question", "missing fact"), rows),
            )
        )
    if report.causes:
        sections.append(_details(report.causes))
    return Report(
        title=f"{subject.capitalize()} records {'from' if pulled else 'for'} {connection}",
        summary=summary_of(report, connection),
        bar=bar_of(report),
        facts=_facts(report),
        sections=sections,
        made_at=made_at,
    )


def summary_of(report: PreflightReport, connection: str) -> str:
    """Return the result in one sentence."""
    stopping = report.stopping
    pair, pulled = ObjectPair.parse(report.object_pair), report.direction is Direction.PULL
    subject = f"{pair.crm_object} record" if pulled else pair.partner_object.replace("_", " ")
    records = count(report.records, subject)
    receiver = "PartnerOS" if pulled else connection
    if stopping:
        causes = count(len(stopping), "cause")
        certain = any(cause.outcome is Outcome.REJECTED for cause in stopping)
        unless = "" if certain else " unless its automation fixes them"
        verb = "stops" if len(stopping) == 1 else "stop"
        return f"None of the {records} would arrive in {receiver}{unless}: {causes} {verb} all."
    parts = [
        f"{verb} {number:,}"
        for verb, number in (
            ("rejects", report.rejected),
            ("may reject", _unless(report)),
            ("changes", report.changed),
        )
        if number
    ]
    if not parts and not report.unknown:
        return f"All {records} would arrive in {receiver} unchanged."
    *most, last = [*parts, f"accepts {report.fine:,}"]
    said = f"{', '.join(most)} and {last}" if most else last
    rest = f"; crmdeck can't judge {report.unknown:,}" if report.unknown else ""
    return f"Of {records}, {receiver} {said}{rest}."


def bar_of(counts: OutcomeCounts) -> tuple[Part, ...]:
    """Return the records by outcome as the parts of a bar."""
    return (
        Part("rejected", counts.rejected, "bad"),
        Part("rejected unless automation or a permission allows it", _unless(counts), "warn"),
        Part("changed", counts.changed, "note"),
        Part("can't judge", counts.unknown),
        Part("accepted unchanged", counts.fine, "good"),
    )


def counts_text(counts: OutcomeCounts) -> str:
    """Return records by outcome: `2 rejected, 1 changed`."""
    return ", ".join(f"{part.count:,} {part.label}" for part in bar_of(counts) if part.count)


def _unless(counts: OutcomeCounts) -> int:
    return counts.unless_automation + counts.unless_user


def _facts(report: PreflightReport) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("object pair", report.object_pair),
        ("write", _WRITES[report.create]),
    ]
    if report.record_type:
        facts.append(("record type", report.record_type))
    if report.otherwise is not None:
        facts.append(("once that is fixed", counts_text(report.otherwise)))
    facts += [("not read", note) for note in report.notes]
    return facts


def _details(causes: Iterable[WriteCause]) -> Section:
    rows = [
        (
            cause.code,
            cause.crm_field,
            cause.partner_field,
            cause.rule,
            cause.count,
            "all" if cause.every else _positions(cause),
        )
        for cause in causes
    ]
    columns = ("code", "CRM field", "PartnerOS field", "rule", "records", "positions in the file")
    return Section("Details for admins", table=filled_table(columns, rows))


def _count_of(cause: WriteCause) -> object:
    return "all" if cause.every else cause.count


def _positions(cause: WriteCause) -> str:
    shown = ", ".join(f"{each:,}" for each in cause.positions)
    return f"{shown}…" if cause.count > len(cause.positions) else shown


def happens(cause: Cause, schema: ObjectSchema, sources: Mapping[str, Field]) -> str:
    """Return a cause in words, with labels instead of API names."""
    if cause.rule is not None and cause.outcome in STOPPING:
        # The words of the CRM's admin say best what a record lacks.
        message = next((rule.message for rule in schema.rules or () if rule.name == cause.rule), "")
        if message:
            return f"The CRM rejects the record: {message.rstrip('.')}."
    source = sources.get(cause.partner_field or "")
    target = next((each for each in schema.fields if each.name == cause.crm_field), None)
    place = source or target
    name = (place.label or place.name) if place is not None else cause.crm_field
    return f"{name}: {cause.reason}" if name else cause.reason[:1].upper() + cause.reason[1:]


def owner_of(cause: Cause, pulled: bool = False) -> tuple[str, str]:
    """Return who can fix a cause, and how; `pulled` is for values that PartnerOS won't accept."""
    if pulled:
        return _PULLED
    is_unmapped = cause.code == "REQUIRED" and cause.partner_field is None
    _, owner, step = step_for("NOT_MAPPED" if is_unmapped else cause.code)
    return owner, step
