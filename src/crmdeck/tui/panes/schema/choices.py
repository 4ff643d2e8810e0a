"""What can be chosen for time travel and comparison. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from crmdeck.model import (
    Connection,
    DecisionState,
    DriftEvent,
    FieldMapping,
    ObjectPair,
    PartnerObject,
)
from crmdeck.text import ago
from crmdeck.tui.dialogs.choose import Choice
from crmdeck.tui.marks import PLATFORM_NAMES
from crmdeck.tui.panes.schema.detail import counted
from crmdeck.tui.panes.schema.rows import FieldLine
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import NearestField, percent

NOW = "now"

COLUMNS: tuple[Column[Choice], ...] = (
    Column("label", "", lambda choice: choice.label, width=28),
    Column("detail", "", lambda choice: choice.detail, style=lambda _: "muted", min_width=12),
)


def partner_choices(
    line: FieldLine,
    near: Sequence[NearestField],
    partners: Sequence[PartnerObject],
    decided: Mapping[str, FieldMapping],
) -> tuple[Choice, ...]:
    """Return the PartnerOS fields that a CRM field may be mapped to, the nearest first.

    Then come the others of the pairs that were begun, of the other pairs, and last what is mapped
    to another CRM field. The value of a choice is the object pair and the PartnerOS field;
    `decided` is what holds on the pairs of the connection that were begun.
    """
    pairs = [(f"{one.object_type}--{line.row.object_type}", one) for one in partners]
    taken = {
        (pair, one.partner_field): one.crm_field
        for pair, mapping in decided.items()
        for one in mapping.lines
        if one.crm_field is not None and one.state is DecisionState.ACCEPTED
    }
    sure = {(one.pair, one.partner_field): one.confidence for one in near}
    others = [(pair, field.name) for pair, one in pairs for field in one.fields]
    others.sort(key=lambda one: (one in taken, one[0] not in decided))
    choices = []
    for pair, name in (*sure, *(one for one in others if one not in sure)):
        match = f"match {percent(sure[pair, name])}" if (pair, name) in sure else ""
        held = taken.get((pair, name))
        detail = ", ".join(filter(None, (match, f"mapped to {held} now" if held else "")))
        partner_object = ObjectPair.parse(pair).partner_object
        choices.append(Choice((pair, name), f"{partner_object}.{name}", detail))
    return tuple(choices)


def moment_choices(
    moments: Sequence[datetime], events: Iterable[DriftEvent], now: datetime | None
) -> list[Choice]:
    """Return now and the moments at which a schema changed, newest first, with what changed."""
    choices = [Choice(NOW, NOW, "the schema as it was last read")]
    for moment in moments:
        found = [event for event in events if event.detected_at == moment]
        first = moment == moments[-1]
        changes = counted(found) if found else "first look" if first else ""
        passed = ago(moment, now) if now is not None else ""
        choices.append(Choice(moment, f"{moment:%Y-%m-%d %H:%M}  {passed}", changes))
    return choices


def connection_choices(
    ref: str, connections: Iterable[Connection], moments: Mapping[str, Sequence[datetime]]
) -> list[Choice]:
    """Return the connections but `ref`; those of its platform first, which have more in common."""
    platform = {one.id: one.platform for one in connections}
    others = [one for one in connections if one.id != ref]
    others.sort(key=lambda one: one.platform is not platform.get(ref))
    choices = []
    for one in others:
        known = moments[one.id]
        state = count(len(known), "moment") if known else "no schema read yet"
        choices.append(Choice(one.id, one.name, f"{PLATFORM_NAMES[one.platform]} · {state}"))
    return choices
