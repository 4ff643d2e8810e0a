"""What the dialogs of a line offer: CRM fields, and CRM values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from crmdeck.model import DecisionState, FieldType, ValueMap, ValueMatch
from crmdeck.tui.dialogs.choose_field import FieldOption
from crmdeck.tui.dialogs.value_map import ValueRow
from crmdeck.tui.panes.mapping.building import LineBuilder
from crmdeck.tui.panes.mapping.columns import percent
from crmdeck.tui.panes.mapping.detail import FLOWS, type_text
from crmdeck.tui.panes.mapping.lines import Line
from crmdeck.tui.panes.mapping.sitting import Sitting
from crmdeck.tui.samples import filled_text

HOW = {
    ValueMatch.EXACT: "same value",
    ValueMatch.NORMALISED: "spelling",
    ValueMatch.SYNONYM: "synonym",
    ValueMatch.EMBEDDING: "meaning",
    ValueMatch.NONE: "",
}
YES_AND_NO = (("true", "Yes"), ("false", "No"))


def field_options(line: Line, sitting: Sitting) -> tuple[FieldOption, ...]:
    """Return the candidates of a line, the best first, then all other fields of the object."""
    holders = {
        one.crm_field: one.title
        for one in sitting.lines
        if one.state is DecisionState.ACCEPTED and one.name != line.name
    }
    named = {one.crm_field: one for one in line.candidates}
    fields = sitting.builder.crm_fields
    order = [name for name in named if name in fields]
    order += [name for name in fields if name not in named]
    options = []
    for name in order:
        field, candidate = fields[name], named.get(name)
        known = candidate.confidence if candidate is not None else None
        reasons = candidate.reasons if candidate is not None else ()
        turned_down = "rejected before" if name in line.rejected else ""
        options.append(
            FieldOption(
                name,
                field.label,
                type_text(field),
                sure=percent(known) if known is not None else "",
                why="; ".join(reason.text for reason in reasons) or turned_down,
                holder=holders.get(name, ""),
                custom=field.custom,
                required=field.required,
            )
        )
    return tuple(options)


def field_notes(
    line: Line, builder: LineBuilder, now: datetime, crm_field: str
) -> list[tuple[str, str]]:
    """Return what is to be known of choosing `crm_field`: flow, warnings, how full; styled."""
    verdict = builder.judge(line.partner, builder.crm_fields[crm_field])
    notes = [(f"{FLOWS[verdict.direction]}; {verdict.reason}", "$muted")]
    notes += [(f"▲ {warning.text}", "$warn") for warning in verdict.warnings]
    rate = builder.review.rates.get(crm_field)
    if rate is not None:
        notes.insert(1, (f"filled: {filled_text(rate, now)}", "$muted"))
    return notes


def value_rows(
    line: Line, suggested: ValueMap, stored: Mapping[str, str] | None
) -> tuple[ValueRow, ...]:
    """Return one row a PartnerOS value: as stored, or as suggested where nothing is stored."""
    labels = {value.value: value.label for value in line.partner.picklist}
    targets = dict(value_targets(line))
    found = {pair.partner_value: pair for pair in suggested.pairs}
    rows = []
    for value in line.values:
        pair = found.get(value)
        target = pair.crm_value if pair is not None else None
        how = HOW[pair.how] if pair is not None else ""
        if stored is not None:
            target, how = stored.get(value), "stored"
        label = targets.get(target, "") if target is not None else ""
        rows.append(ValueRow(value, labels.get(value, ""), target, label, how if target else ""))
    return tuple(rows)


def value_targets(line: Line) -> tuple[tuple[str, str], ...]:
    """Return the CRM values that there are to choose from, with their labels."""
    right = line.right
    if right is None:
        return ()
    if right.type is FieldType.BOOLEAN and not right.picklist:
        return YES_AND_NO
    return tuple((value.value, value.label) for value in right.picklist if value.active)
