"""The errors of a sync as a document for readers, without values of records."""

from __future__ import annotations

from datetime import datetime

from crmdeck.exports.report import Part, Report, Section, filled_table
from crmdeck.model import CauseKind, SyncCause, SyncErrorReport
from crmdeck.text import count

_COLUMNS = ("errors", "field", "what happened", "why", "mapping row", "next step", "owner")


def sync_errors_summary(report: SyncErrorReport) -> str:
    """Return the result in one line."""
    if not report.errors:
        rows = count(report.succeeded, "row")
        return (
            f"No errors in {report.file}. All {rows} succeeded."
            if report.succeeded
            else (f"No errors in {report.file}.")
        )
    schema = f" The schema caused {count(report.schema_errors, 'error')}."
    schema = schema if report.schema_errors else ""
    causes = count(len(report.causes), "cause")
    return f"{count(report.errors, 'error')} in {report.file}, {causes}.{schema}"


def sync_cause_message(cause: SyncCause) -> str:
    """Return a message about a cause to the person who can fix it."""
    lines = [
        f"{count(cause.count, 'record')} of our sync with PartnerOS failed. {cause.title}.",
        cause.why,
        f"Mapping: {', '.join(cause.mappings)}" if cause.mappings else "",
        f"Next step: {cause.next}",
        f"Records: {', '.join(cause.records)}" if cause.records else "",
    ]
    return "\n".join(filter(None, lines))


def sync_error_report(report: SyncErrorReport, made_at: datetime) -> Report:
    """Return the errors as a document: counts, causes, who should fix them, and how."""
    sections = []
    for title, is_schema in (("Causes in the schema", True), ("Other causes", False)):
        causes = [cause for cause in report.causes if cause.is_schema_cause is is_schema]
        rows = [
            (
                cause.count,
                cause.place,
                f"{cause.text}, through {cause.through}" if cause.through else cause.text,
                cause.why,
                ", ".join(cause.mappings),
                cause.next,
                cause.owner,
            )
            for cause in causes
        ]
        if rows:
            marks = ["bad" if is_schema else "note"] * len(rows)
            sections.append(Section(title, table=filled_table(_COLUMNS, rows, marks)))
    unknown = sum(each.count for each in report.causes if each.kind is CauseKind.UNKNOWN)
    others = report.errors - report.schema_errors - unknown
    return Report(
        title=f"Sync errors in {report.file}",
        summary=sync_errors_summary(report),
        bar=(
            Part("caused by the schema", report.schema_errors, "bad"),
            Part("other causes", others, "note"),
            Part("unknown", unknown),
        ),
        facts=[
            *([("connection", report.connection)] if report.connection else []),
            *([("rows that can't be read", report.not_read)] if report.not_read else []),
            *(("note", note) for note in report.notes),
        ],
        sections=sections,
        made_at=made_at,
    )
