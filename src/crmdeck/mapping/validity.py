"""Check that accepted mappings are still valid in the current schema. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from crmdeck.mapping.review import Review
from crmdeck.model import DecisionState, Direction, Field, FieldMapping, MappingLine
from crmdeck.text import first_few

_NAMED = 3


def broken_mappings(mapping: FieldMapping, review: Review) -> Iterator[tuple[MappingLine, str]]:
    """Yield each accepted mapping that is no longer valid, with the reason as a sentence."""
    left = {field.name: field for field in review.partner.fields}
    right = {field.name: field for field in review.crm_fields}
    for line in mapping.lines:
        if line.state is not DecisionState.ACCEPTED or line.crm_field is None:
            continue
        crm_field = right.get(line.crm_field)
        if crm_field is None:
            yield line, f"{line.crm_field} no longer exists."
            continue
        partner_field = left.get(line.partner_field)
        why = why_invalid(partner_field, crm_field, line.direction, line.value_map, review)
        if why:
            yield line, why


def why_invalid(
    partner_field: Field | None,
    crm_field: Field,
    direction: Direction | None,
    value_map: Mapping[str, str] | None,
    review: Review,
) -> str | None:
    """Return as a sentence why a field pair can't be mapped this way, or None if it can."""
    if partner_field is not None and direction is not None:
        verdict = review.judge(partner_field, crm_field)
        if verdict.direction not in (Direction.BIDIRECTIONAL, direction):
            return f"{crm_field.name} can't be mapped as {direction.value}: {verdict.reason}."
    offered = {value.value for value in crm_field.picklist if value.active}
    # Without a known list of values, none can be missing from it.
    if value_map and offered and direction is not Direction.PULL:
        lost = sorted(set(value_map.values()) - offered)
        if lost:
            values = first_few([f"'{value}'" for value in lost], _NAMED)
            return f"{crm_field.name} no longer offers {values}."
    return None
