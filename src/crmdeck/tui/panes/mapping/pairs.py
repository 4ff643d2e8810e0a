"""Which object pairs there are to choose from: those begun first, then all others. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from crmdeck.model import ObjectPair, ObjectSummary, PairSummary, PartnerObject
from crmdeck.tui.dialogs.choose import Choice
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column

USUAL = frozenset(
    {
        *("Account", "Contact", "Lead", "Opportunity"),
        *("companies", "contacts", "deals", "leads"),
    }
)
"""The objects of Salesforce and HubSpot that records of partners mostly go to."""

PAIR_COLUMNS: tuple[Column[Choice], ...] = (
    Column("pair", "", lambda choice: choice.label, weight=3),
    Column("how far", "", lambda choice: choice.detail, style=lambda _: "muted", width=27),
)


def pair_choices(
    begun: Sequence[PairSummary],
    partners: Sequence[PartnerObject],
    objects: Sequence[ObjectSummary],
) -> tuple[Choice, ...]:
    """Return every pair of a PartnerOS and a CRM object as a choice."""
    known = {summary.object_pair for summary in begun}
    first = [
        Choice(one.object_pair, pair_text(one.object_pair), _how_far(one))
        for one in sorted(begun, key=lambda one: str(one.last_decided_at or ""), reverse=True)
    ]
    ordered = sorted(objects, key=lambda one: one.object_type not in USUAL)
    others = (
        (str(ObjectPair(partner_object=partner.object_type, crm_object=one.object_type)), one)
        for one in ordered
        for partner in partners
    )
    rest = [
        Choice(pair, pair_text(pair), f"{count(one.field_count, 'CRM field')}, not begun")
        for pair, one in others
        if pair not in known
    ]
    return (*first, *rest)


def pair_text(pair: str) -> str:
    """Return `deal_registration → Opportunity`."""
    parsed = ObjectPair.parse(pair)
    return f"{parsed.partner_object} → {parsed.crm_object}"


def _how_far(summary: PairSummary) -> str:
    decided = summary.accepted + summary.rejected
    return f"{decided} of {summary.partner_fields} decided"
