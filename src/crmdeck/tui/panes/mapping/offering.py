"""What the dialogs of a line offer: CRM fields, and CRM values. Pure."""

from __future__ import annotations

from datetime import datetime

from crmdeck.tui.samples import filled_text
from crmdeck.workspace import FLOWS, MappingRow, RowBuilder


def field_notes(
    line: MappingRow, builder: RowBuilder, now: datetime, crm_field: str
) -> list[tuple[str, str]]:
    """Return what is to be known of choosing `crm_field`: flow, warnings, how full; styled."""
    verdict = builder.judge(line.partner, builder.crm_fields[crm_field])
    notes = [(f"{FLOWS[verdict.direction]}; {verdict.reason}", "$muted")]
    notes += [(f"▲ {warning.text}", "$warn") for warning in verdict.warnings]
    rate = builder.review.rates.get(crm_field)
    if rate is not None:
        notes.insert(1, (f"filled: {filled_text(rate, now)}", "$muted"))
    return notes
