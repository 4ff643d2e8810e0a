"""Suggestions of assistants. They are audit entries, not decisions."""

from __future__ import annotations

from datetime import datetime, timedelta

import pydantic

from crmdeck.errors import ConflictError, UsageError
from crmdeck.mapping.state import acceptances, by_field, current_state
from crmdeck.matching.directions import suggest_direction
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import AssistantSuggestion, DecisionState, Direction
from crmdeck.store import Session
from crmdeck.workspace.context import Context, find_named
from crmdeck.workspace.mappings.ranking import PairFields

EVENT = "mapping.suggested"
LONGEST_REASON = 500
LONGEST_NAME = 100
# An assistant in a loop must not fill the audit log.
MOST_A_DAY = 200
"""Suggestions on one object pair within 24 hours."""


def read_suggestions(
    session: Session, connection_id: str, pair: str, at: datetime | None = None
) -> tuple[AssistantSuggestion, ...]:
    """Return the suggestions of assistants on an object pair, oldest first."""
    found = []
    for entry in session.audit.entries(connection_id=connection_id, event=EVENT, until=at):
        # The audit log of a PartnerOS organization can contain other details.
        try:
            one = AssistantSuggestion.model_validate({**entry.details, "suggestedAt": entry.at})
        except pydantic.ValidationError:
            continue
        if one.object_pair == pair:
            found.append(one)
    return tuple(reversed(found))


def add_suggestion(
    context: Context, session: Session, sides: PairFields, suggestion: AssistantSuggestion
) -> None:
    """Store a checked suggestion. Raises UsageError if the pair has too many of today."""
    day_ago = context.now - timedelta(days=1)
    pair = suggestion.object_pair
    before = read_suggestions(session, sides.connection.id, pair)
    if sum(one.suggested_at > day_ago for one in before) >= MOST_A_DAY:
        raise UsageError(
            f"Assistants made {MOST_A_DAY} suggestions for {pair} in 24 hours.",
            cause="A user has to review them first.",
            remedy="Continue tomorrow.",
            code="TOO_MANY_SUGGESTIONS",
        )
    session.audit.add(
        context.entry(
            EVENT,
            f"{pair}: {suggestion.partner_field} -> {suggestion.crm_field}, "
            f"suggested by {suggestion.suggested_by}",
            connection_id=sides.connection.id,
            details=suggestion.to_wire(),
        )
    )


def checked_direction(
    sides: PairFields,
    partner_field: str,
    crm_field: str,
    direction: Direction | None,
    knowledge: Knowledge,
) -> Direction:
    """Return the direction of a suggestion, by default the widest.

    Raises NotFoundError for a missing field, ConflictError for a field that a user has decided
    on, and UsageError for a direction that can't sync.
    """
    partner_fields = {field.name: field for field in sides.partner.fields}
    crm_fields = {field.name: field for field in sides.crm_object.fields}
    left = find_named("PartnerOS field", partner_field, partner_fields)
    right = find_named("CRM field", crm_field, crm_fields)
    decided = by_field(sides.own_log).get(partner_field)
    holders = {one.crm_field: one.partner_field for one in acceptances(sides.own_log)}
    holder = holders.get(crm_field)
    if current_state(decided, crm_field)[0] is not DecisionState.PENDING or (
        decided is not None and crm_field in decided.rejected
    ):
        raise ConflictError(
            f"A user has decided on '{partner_field}'.",
            cause=f"{decided.last.decided_by} on {decided.last.decided_at:%Y-%m-%d}."
            if decided is not None
            else None,
            remedy="Suggest a mapping for an undecided field.",
            code="ALREADY_DECIDED",
        )
    if holder is not None:
        raise ConflictError(
            f"'{crm_field}' is already mapped to '{holder}'.",
            remedy="Suggest another CRM field.",
            code="CRM_FIELD_TAKEN",
        )
    widest, why = suggest_direction(left, right, knowledge=knowledge)
    if direction is None or direction is widest:
        return widest
    if widest is not Direction.BIDIRECTIONAL:
        raise UsageError(
            f"{partner_field} and {crm_field} can't sync in the direction {direction}.",
            cause=f"{why[:1].upper()}{why[1:]}." if why else None,
            remedy=f"Suggest the direction {widest}.",
            code="BAD_DIRECTION",
        )
    return direction
