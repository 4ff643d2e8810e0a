"""What a row and a decision are called, in every face. Texts from a CRM are left as they are."""

from __future__ import annotations

from crmdeck.mapping.rows import MappingRow
from crmdeck.model import Decision, DecisionState, Direction, Field, FieldType, ObjectPair
from crmdeck.text import count

SIGNS = {
    DecisionState.ACCEPTED: "✓",
    DecisionState.REJECTED: "–",
    DecisionState.PENDING: "○",
}
FLOWS = {
    Direction.PUSH: "PartnerOS to CRM",
    Direction.PULL: "CRM to PartnerOS",
    Direction.BIDIRECTIONAL: "both ways",
}
STATE_WORDS = {
    DecisionState.ACCEPTED: ("accepted", "mapped"),
    DecisionState.REJECTED: ("rejected", "unmapped"),
    DecisionState.PENDING: ("pending", "open", "undecided"),
}
"""The word of each state, and what else one may call it in a filter."""


def percent(confidence: float) -> str:
    """Return a confidence as a whole percentage that never claims certainty: 99 at most."""
    return str(min(99, int(confidence * 100 + 0.5)))


def pair_text(pair: str) -> str:
    """Return `deal_registration → Opportunity`."""
    parsed = ObjectPair.parse(pair)
    return f"{parsed.partner_object} → {parsed.crm_object}"


def type_text(field: Field) -> str:
    """Return a field's type with what limits it: `string(80)`, `picklist of 5`."""
    name = field.type.value if field.type is not FieldType.OTHER else field.native_type or "untyped"
    if field.length and field.type not in (FieldType.PICKLIST, FieldType.MULTIPICKLIST):
        return f"{name}({field.length})"
    if field.picklist:
        return f"{name} of {len(field.picklist):,}"
    if field.references:
        return f"{name} to {', '.join(field.references[:3])}"
    return name


def crm_text(row: MappingRow) -> str:
    """Return the CRM field, or what stands in its place."""
    if row.crm_field is not None:
        return row.crm_field
    return "stays unmapped" if row.state is DecisionState.REJECTED else "no suggestion"


def state_text(row: MappingRow) -> str:
    """Return the state of a row in one word: `chosen` is an acceptance of what was not ranked."""
    if row.state is not DecisionState.ACCEPTED:
        return "open" if row.is_open else ""
    if row.right is None:
        return "gone"
    return "mapped" if row.confidence is not None else "chosen"


def trouble_text(row: MappingRow) -> str:
    """Return the sign and the word of the gravest thing about a row."""
    found = row.trouble
    return f"{found.sign} {found.word}".strip()


def decision_text(decision: Decision) -> str:
    """Return what a decision did."""
    if decision.undoes is not None:
        return "took back" + (f" {decision.crm_field}" if decision.crm_field else "")
    if decision.crm_field is None:
        return "left unmapped" if decision.state is DecisionState.REJECTED else "set back"
    arrow = f" {decision.direction.arrow}" if decision.state is DecisionState.ACCEPTED else ""
    mapped = f", {count(len(decision.value_map), 'value')}" if decision.value_map else ""
    return f"{decision.state.value}{arrow} {decision.crm_field}{mapped}"
