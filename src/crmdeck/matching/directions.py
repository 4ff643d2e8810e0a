"""The direction in which a field pair can sync, with the reason.

Computed and locked fields can only be read. An unknown attribute (None) doesn't lock a field.
"""

from __future__ import annotations

from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import Direction, Field, FieldType


def suggest_direction(
    left: Field, right: Field, *, knowledge: Knowledge | None = None
) -> tuple[Direction, str]:
    """Return the widest direction that a PartnerOS field and a CRM field allow, and why.

    With `knowledge`, a field of unknown access counts as locked if every CRM fills in a field of
    its name (`CreatedDate`). If no direction works, the result is `pull` with both reasons.
    """
    no_push, no_pull = obstacles(left, right, knowledge)
    if no_push is None and no_pull is None:
        both = left.updateable and right.updateable
        reason = "both fields are read/write" if both else "access unknown: not in the export"
        return Direction.BIDIRECTIONAL, reason
    if no_push is None:
        return Direction.PUSH, no_pull or ""
    return Direction.PULL, no_push if no_pull is None else f"{no_push} and {no_pull}"


def obstacles(
    left: Field, right: Field, knowledge: Knowledge | None = None
) -> tuple[str | None, str | None]:
    """Return why the PartnerOS field can't be pushed, and why the CRM field can't be pulled."""
    unreadable = [
        f"{field.name} can't be read" if field.readable is False else None
        for field in (left, right)
    ]
    return (
        why_locked(right, knowledge) or unreadable[0],
        why_locked(left, knowledge) or unreadable[1],
    )


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
    if field.sync_user is not None and "E" in field.sync_user.lacks:
        return f"the sync user can't edit {field.name}"
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
