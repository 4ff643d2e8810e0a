"""The direction in which a field pair can sync, with the reason.

Computed and locked fields can only be read. An unknown attribute (None) doesn't lock a field.
"""

from __future__ import annotations

from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import Direction, Field, FieldType

NEITHER_WRITABLE = "Neither field can be written"


def suggest_direction(
    left: Field, right: Field, *, knowledge: Knowledge | None = None
) -> tuple[Direction, str]:
    """Return the widest direction that a PartnerOS field and a CRM field allow, and why.

    With `knowledge`, a field of unknown access counts as locked if every CRM fills in a field of
    its name (`CreatedDate`). If neither field can be written, the direction is `pull`.
    """
    closed_left, closed_right = why_locked(left, knowledge), why_locked(right, knowledge)
    hidden_left, hidden_right = left.readable is False, right.readable is False
    can_push = closed_right is None and not hidden_left
    can_pull = closed_left is None and not hidden_right
    if can_push and can_pull:
        return Direction.BIDIRECTIONAL, _why_both(left, right)
    if can_push:
        return Direction.PUSH, closed_left or f"{right.name} can't be read"
    if can_pull:
        return Direction.PULL, closed_right or f"{left.name} can't be read"
    reasons = [reason for reason in (closed_left, closed_right) if reason]
    locked = f": {' and '.join(reasons)}" if reasons else ""
    return Direction.PULL, f"{NEITHER_WRITABLE}{locked}"


def why_locked(field: Field, knowledge: Knowledge | None = None) -> str | None:
    """Return why a field can't be written, or None if it can or its access is unknown."""
    if is_shell(field):
        return f"{field.name} combines other fields"
    if field.type is FieldType.ID:
        return f"{field.name} is the record ID"
    if field.formula:
        return f"{field.name} is a formula"
    if field.auto_number:
        return f"{field.name} is an auto-number"
    if field.calculated:
        return f"{field.name} is calculated"
    if field.updateable is False:
        once = field.createable is True
        return f"{field.name} " + ("can only be set on creation" if once else "is read-only")
    if field.updateable is None and knowledge is not None and knowledge.is_computed(field.name):
        return f"{field.name} is usually set by the system itself"
    return None


def is_shell(field: Field) -> bool:
    """True if a field only combines others, like an address or a person's name in Salesforce.

    Source: Salesforce Object Reference, "Compound Fields". A describe marks a person's `Name` and
    its parts alike with the `extraTypeInfo` `personname`. Only the parts can be written.
    """
    if field.type is FieldType.COMPOUND:
        return True
    is_person_name = field.native.get("extraTypeInfo") == "personname" and field.name == "Name"
    return is_person_name and field.updateable is not True


def _why_both(left: Field, right: Field) -> str:
    if left.updateable and right.updateable:
        return "both fields are read/write"
    return "access unknown: not in the export"
