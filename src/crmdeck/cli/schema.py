"""crmdeck schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from crmdeck import model, workspace
from crmdeck.cli.drift import drift_table
from crmdeck.cli.listing import Listing, wire_columns
from crmdeck.cli.output import TextTable, say
from crmdeck.cli.session import ProgressLine, moment
from crmdeck.errors import ExitCode, UsageError, exit_code
from crmdeck.model import Severity, UsageVerdict
from crmdeck.text import count, percent_filled, visible_text

if TYPE_CHECKING:
    from datetime import datetime


def schema(
    ws: workspace.Workspace,
    listing: Listing,
    name: str,
    object_type: str | None = None,
    at: str | None = None,
    sample: bool = False,
    used: bool = False,
    api_version: str | None = None,
    fail_on: Severity | None = None,
) -> ExitCode:
    """List the objects of a connection, the fields of an object, or the details of a field."""
    if api_version is not None:
        if used or sample or at is not None:
            raise UsageError(
                "--api-version can't be combined with --at, --sample or --used.",
                remedy="Leave one of them out.",
            )
        return exit_code(_show_preview(ws, name, api_version, object_type, fail_on, listing))
    if fail_on is not None:
        raise UsageError(
            "--fail-on needs --api-version.",
            remedy="Check changes instead: crmdeck drift --fail-on",
        )
    _show_schema(ws, name, object_type, at, listing, sample=sample, used=used)
    return ExitCode.OK


def _show_schema(
    ws: workspace.Workspace,
    name: str,
    object_type: str | None,
    at: str | None,
    listing: Listing,
    *,
    sample: bool,
    used: bool,
) -> None:
    if used:
        if sample or at is not None:
            raise UsageError(
                "--used can't be combined with --at or --sample.", remedy="Leave one of them out."
            )
        _show_usage(ws, name, object_type, listing)
        return
    if sample and (object_type is None or "." in object_type or at is not None):
        raise UsageError(
            "--sample needs one object, and no --at.", remedy="Enter the name of an object."
        )
    as_of = moment(at, ws, as_of=True)
    if object_type is None:
        summary = ws.schemas.objects(name, as_of)
        listing.emit(
            summary.objects,
            columns=workspace.COLUMNS["objects"],
            answer=lambda objects: {**summary.to_wire(), "objects": objects},
            table={
                "object": "object_type",
                "label": "label",
                "custom": "custom",
                "fields": "field_count",
                "refreshed": "discovered_at",
                "stale": "is_stale",
            },
            least=("stale", "custom", "refreshed"),
        )
        return
    object_type, _, field_name = object_type.partition(".")
    if field_name:
        _show_field(ws, name, object_type, field_name, as_of, listing)
        return
    detail = ws.schemas.object(name, object_type, as_of)
    if sample:
        rates = ws.schemas.sample(name, object_type, [field.name for field in detail.fields]).rates
    else:
        rates = ws.schemas.fill_rates(name, object_type)
    more = {"fillRates": {key: rate.to_wire() for key, rate in rates.items()}} if sample else {}
    if not listing.emit(
        detail.fields,
        columns=wire_columns(model.Field, "filled"),
        record=lambda f: {**f.to_wire(), "filled": rates[f.name].rate if f.name in rates else None},
        wire=lambda f: f.to_wire(),
        answer=lambda fields: {**detail.to_wire(), "fields": fields, **more},
        table={
            "field": "name",
            "label": "label",
            "type": "type",
            "required": "required",
            "unique": "unique",
            "custom": "custom",
            "calculated": "calculated",
            "references": lambda f: ", ".join(f.references),
            "filled": lambda f: percent_filled(rates[f.name].rate) if f.name in rates else None,
        },
        least=("calculated", "custom", "unique", "references", "required"),
    ):
        return
    for line in workspace.rule_lines(detail):
        title = line.title if line.known else f"unknown: {line.title}"
        say(visible_text(f"{title[:1].upper()}{title[1:]}: {line.text}"))


def _show_field(
    ws: workspace.Workspace,
    name: str,
    object_type: str,
    field_name: str,
    at: datetime | None,
    listing: Listing,
) -> None:
    field = ws.schemas.field(name, object_type, field_name, at)
    details = {"objectType": object_type, **field.to_wire()}
    # JSON has every attribute; a reader gets those with a value.
    known = {key: value for key, value in details.items() if value not in (None, "", [], {})}
    listing.emit(
        [details],
        columns=tuple(details),
        record=lambda field: field,
        answer=lambda fields: fields[0],
        table=lambda _: TextTable(
            ("attribute", "value"),
            [
                (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
                for key, value in known.items()
            ],
        ),
    )


def _show_preview(
    ws: workspace.Workspace,
    name: str,
    version: str,
    object_type: str | None,
    fail_on: Severity | None,
    listing: Listing,
) -> list[ExitCode]:
    with ProgressLine(name) as line:
        found = ws.schemas.preview(name, version, object_type=object_type, progress=line)
    reasons = []
    if fail_on is not None and any(e.severity.rank >= fail_on.rank for e in found.drift_events):
        reasons.append(ExitCode.DRIFT)
    if found.failures:
        reasons.append(ExitCode.PARTIAL)
    stories = {story.id: story for story in found.stories}
    if not listing.emit(
        found.drift_events,
        columns=wire_columns(model.DriftEvent),
        answer=lambda events: {
            **found.to_wire(),
            "driftEvents": events,
            "reasons": [reason.reason for reason in reasons],
        },
        table=lambda shown: drift_table(shown, {} if listing.order else stories),
    ):
        return reasons
    say(
        f"Compared API {found.version} with {found.in_use}, "
        f"refreshed {model.format_utc(found.compared_with)}: "
        f"{count(len(found.drift_events), 'change')} in {count(found.objects, 'object')}. "
        "crmdeck doesn't save this comparison."
    )
    for failure in found.failures:
        say(visible_text(f"  {failure.object_type}: {failure.message}"))
    for notice in found.notices:
        say(visible_text(f"  {notice.message} {notice.cause or ''}".rstrip()))
    return reasons


def _show_usage(ws: workspace.Workspace, name: str, place: str | None, listing: Listing) -> None:
    object_type, _, field_name = (place or "").partition(".")
    if not field_name:
        raise UsageError("--used needs a field.", remedy="Enter it as OBJECT.FIELD.")
    usage = ws.schemas.usage(name, object_type, field_name)
    if not listing.emit(
        usage.uses,
        columns=wire_columns(model.FieldUse),
        answer=lambda uses: {**usage.to_wire(), "uses": uses},
        table=lambda shown: TextTable(
            ("kind", "name"),
            [
                (kind, each)
                for kind, names in workspace.uses_by_kind(
                    usage.model_copy(update={"uses": tuple(shown)})
                ).items()
                for each in names
            ],
        ),
    ):
        return
    say(visible_text(f"{place} is {workspace.usage_summary(usage)}"))
    # If there are no uses, the summary already has the first gap.
    for why in usage.not_checked[0 if usage.uses else 1 :]:
        say(visible_text(f"Unknown: {why}"))
    if usage.verdict is UsageVerdict.LIKELY_SAFE:
        say(workspace.NOT_COVERED)
