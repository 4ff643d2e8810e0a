"""Check that accepted mappings are still valid in the current schema. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from crmdeck.matching.directions import suggest_direction
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import Direction, Field
from crmdeck.text import first_few

_NAMED = 3


def why_invalid(
    partner_field: Field | None,
    crm_field: Field,
    direction: Direction | None,
    value_map: Mapping[str, str] | None,
    knowledge: Knowledge,
) -> str | None:
    """Return as a sentence why a field pair can't be mapped this way, or None if it can."""
    seen = crm_field.sync_user
    if seen is not None and seen.lacks and direction is not Direction.PULL:
        # A missing permission is a verdict of preflight, and its fix isn't another field.
        unknown = dict.fromkeys(("readable", "createable", "updateable", "sync_user"))
        crm_field = crm_field.model_copy(update=unknown)
    if partner_field is not None and direction is not None:
        widest, reason = suggest_direction(partner_field, crm_field, knowledge=knowledge)
        if widest not in (Direction.BIDIRECTIONAL, direction):
            return f"{crm_field.name} can't be mapped as {direction.value}: {reason}."
    offered = {value.value for value in crm_field.picklist if value.active}
    # Without a known list of values, none can be missing from it.
    if value_map and offered and direction is not Direction.PULL:
        lost = sorted(set(value_map.values()) - offered)
        if lost:
            values = first_few([f"'{value}'" for value in lost], _NAMED)
            return f"{crm_field.name} no longer offers {values}."
    return None
