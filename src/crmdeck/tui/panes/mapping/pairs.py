"""Which object pairs there are to choose from: those begun first, then all others. Pure."""

from __future__ import annotations

from crmdeck.model import ObjectPair
from crmdeck.tui.dialogs.choose import Choice
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import PairChoice

PAIR_COLUMNS: tuple[Column[Choice], ...] = (
    Column("pair", "", lambda choice: choice.label, weight=3),
    Column("how far", "", lambda choice: choice.detail, style=lambda _: "muted", width=27),
)


def shown_pair(one: PairChoice) -> Choice:
    """Return an object pair as it stands in the list to choose from."""
    if one.begun is None:
        how_far = f"{count(one.crm_fields, 'CRM field')}, not begun"
    else:
        decided = one.begun.accepted + one.begun.rejected
        how_far = f"{decided} of {one.begun.partner_fields} decided"
    return Choice(one.pair, pair_text(one.pair), how_far)


def pair_text(pair: str) -> str:
    """Return `deal_registration → Opportunity`."""
    parsed = ObjectPair.parse(pair)
    return f"{parsed.partner_object} → {parsed.crm_object}"
