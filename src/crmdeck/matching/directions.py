"""Which way values of a pair can flow, with the reason in one line.

What a system computes or locks can only be read from it. What a source does not say about a field
(`None`) is not held against it; only its name may then be telling.
"""

from __future__ import annotations

from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import Direction, Field, FieldType

NOTHING_FLOWS = "Neither side can be written"


def suggest_direction(
    left: Field, right: Field, *, knowledge: Knowledge | None = None
) -> tuple[Direction, str]:
    """Return the widest direction that the two fields allow, and why.

    `left` is the PartnerOS field, `right` the CRM's. With `knowledge`, a field of which the
    source says nothing but whose name every CRM fills in itself (`CreatedDate`) counts as locked.
    Where nothing can flow the answer is `pull`, with that reason.
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
    return Direction.PULL, f"{NOTHING_FLOWS}: {'; '.join(reasons)}" if reasons else NOTHING_FLOWS


def why_locked(field: Field, knowledge: Knowledge | None = None) -> str | None:
    """Return why nothing can be written into `field`, or None where it can, or may well."""
    if is_shell(field):
        return f"{field.name} is put together from its parts"
    if field.type is FieldType.ID:
        return f"{field.name} is the record's own id"
    if field.formula:
        return f"{field.name} is a formula"
    if field.auto_number:
        return f"{field.name} is numbered automatically"
    if field.calculated:
        return f"{field.name} is calculated"
    if field.updateable is False:
        once = field.createable is True
        return f"{field.name} is " + ("set once, on creation" if once else "read-only")
    if field.updateable is None and knowledge is not None and knowledge.is_computed(field.name):
        return f"{field.name} is usually filled in by the system itself"
    return None


def is_shell(field: Field) -> bool:
    """Return whether `field` only shows its parts: an address, a person's name in Salesforce.

    Source: Salesforce Object Reference, "Compound Fields". A description marks a person's `Name`
    and its parts alike with the `extraTypeInfo` `personname`, and only the parts can be written.
    """
    if field.type is FieldType.COMPOUND:
        return True
    is_person_name = field.native.get("extraTypeInfo") == "personname" and field.name == "Name"
    return is_person_name and field.updateable is not True


def _why_both(left: Field, right: Field) -> str:
    if left.updateable and right.updateable:
        return "access: read write"
    return "access unknown: the export does not say"
