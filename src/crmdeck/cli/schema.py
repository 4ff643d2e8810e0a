"""crmdeck schema: object types, their fields, and how full those are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from crmdeck.cli.options import AtOption, DemoOption, HomeOption, JsonOption, NameArgument
from crmdeck.cli.output import emit_json, emit_table, say
from crmdeck.cli.session import moment, workspace
from crmdeck.errors import UsageError
from crmdeck.model import UsageVerdict
from crmdeck.text import percent_filled, visible_text

if TYPE_CHECKING:
    from crmdeck.model import FillRate
    from crmdeck.workspace import Workspace

FIELD_COLUMNS = (
    "field",
    "label",
    "type",
    "required",
    "unique",
    "custom",
    "calculated",
    "references",
)


def schema(
    name: NameArgument,
    object_type: Annotated[
        str | None, typer.Argument(metavar="[OBJECT]", show_default=False)
    ] = None,
    at: AtOption = None,
    sample: Annotated[
        bool,
        typer.Option("--sample", help="Look into records: how full the fields of OBJECT are."),
    ] = False,
    used: Annotated[
        bool,
        typer.Option("--used", help="Ask the CRM where OBJECT.FIELD is used: flows, Apex..."),
    ] = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the object types of a connection, or the fields of one and how full they are."""
    with workspace(home, demo, as_json) as ws:
        if used:
            if sample or at is not None:
                raise UsageError("Where a field is used is asked of the CRM as it is now.")
            _tell_usage(ws, name, object_type, as_json=as_json)
            return
        if sample and (object_type is None or at is not None):
            raise UsageError("A sample is of one object as it is now.", remedy="Name an OBJECT.")
        as_of = moment(at, ws, as_of=True)
        if object_type is None:
            summary = ws.schemas.objects(name, as_of)
            if as_json:
                emit_json(summary)
                return
            emit_table(
                ("object", "label", "custom", "fields", "discovered", "stale"),
                [
                    (o.object_type, o.label, o.custom, o.field_count, o.discovered_at, o.is_stale)
                    for o in summary.objects
                ],
                least=("stale", "custom", "discovered"),
            )
            return
        detail = ws.schemas.object(name, object_type, as_of)
        if sample:
            rates = ws.schemas.sample(
                name, object_type, [field.name for field in detail.fields]
            ).rates
        else:
            rates = ws.schemas.fill_rates(name, object_type)
        if as_json:
            more = {"fillRates": _rates_to_wire(rates)} if sample else {}
            emit_json({**detail.to_wire(), **more})
            return
        emit_table(
            (*FIELD_COLUMNS, "filled"),
            [
                (
                    f.name,
                    f.label,
                    f.type,
                    f.required,
                    f.unique,
                    f.custom,
                    f.calculated,
                    ", ".join(f.references),
                    percent_filled(rates[f.name].rate) if f.name in rates else None,
                )
                for f in detail.fields
            ],
            least=("calculated", "custom", "unique", "references", "required"),
        )
        for rule in ws.schemas.rules(name, object_type, as_of) or ():
            if rule.active:
                place = ", ".join(rule.fields) or rule.field or "any field"
                say(visible_text(f"Rule {rule.name} ({place}): {rule.message or rule.expression}"))


def _tell_usage(ws: Workspace, name: str, place: str | None, *, as_json: bool) -> None:
    from crmdeck.workspace import NOT_COVERED, usage_summary, uses_by_kind

    object_type, _, field_name = (place or "").partition(".")
    if not field_name:
        raise UsageError(
            "It takes a field to ask where it is used.", remedy="Name it as OBJECT.FIELD."
        )
    usage = ws.schemas.usage(name, object_type, field_name)
    if as_json:
        emit_json(usage)
        return
    if usage.uses:
        emit_table(
            ("kind", "name"),
            [(kind, each) for kind, names in uses_by_kind(usage).items() for each in names],
        )
    say(visible_text(f"{place} is {usage_summary(usage)}"))
    for why in usage.untold[0 if usage.uses else 1 :]:
        say(visible_text(f"Not known: {why}"))
    if usage.verdict is UsageVerdict.LIKELY_SAFE:
        say(NOT_COVERED)


def _rates_to_wire(rates: Mapping[str, FillRate]) -> dict[str, object]:
    from crmdeck.model import format_utc

    return {
        name: {
            "rate": rate.rate,
            "sampled": rate.sampled,
            "measuredAt": format_utc(rate.measured_at),
        }
        for name, rate in rates.items()
    }
