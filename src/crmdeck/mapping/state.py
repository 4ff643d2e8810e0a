"""The current state of an object pair, derived from its append-only decision log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crmdeck.drift.detect import AcceptedField
from crmdeck.errors import ConflictError
from crmdeck.matching.directions import is_shell
from crmdeck.model import (
    Alternative,
    AssistantSuggestion,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    DriftKind,
    Field,
    ObjectPair,
    Reason,
    Suggestion,
    in_force,
    undone_in,
)

MAX_ALTERNATIVES = 5
ASSISTANT = "assistant"
"""The signal of a reason that an assistant gave."""


@dataclass(frozen=True)
class FieldDecisions:
    """The active decisions on one PartnerOS field: the last one, and the rejected CRM fields."""

    last: Decision
    rejected: tuple[str, ...]

    @property
    def accepted(self) -> Decision | None:
        return self.last if self.last.state is DecisionState.ACCEPTED else None


def by_field(log: Sequence[Decision]) -> dict[str, FieldDecisions]:
    """Return the active decisions by PartnerOS field, from the log of one object pair."""
    decided: dict[str, FieldDecisions] = {}
    for decision in in_force(log):
        if not decision.partner_field:
            continue
        before = decided.get(decision.partner_field)
        rejected = dict.fromkeys(before.rejected if before else ())
        if decision.crm_field is not None:
            if decision.state is DecisionState.REJECTED:
                rejected[decision.crm_field] = None
            else:
                rejected.pop(decision.crm_field, None)
        decided[decision.partner_field] = FieldDecisions(decision, tuple(rejected))
    return decided


def filled_elsewhere(log: Sequence[Decision]) -> dict[str, Decision]:
    """Return by CRM field the active decisions that mark one as filled elsewhere.

    Accepting a mapping of the field ends the mark.
    """
    marks: dict[str, Decision] = {}
    for decision in in_force(log):
        if decision.crm_field is None:
            continue
        if not decision.partner_field and decision.state is DecisionState.REJECTED:
            marks[decision.crm_field] = decision
        elif not decision.partner_field or decision.state is DecisionState.ACCEPTED:
            marks.pop(decision.crm_field, None)
    return marks


def current_state(
    decided: FieldDecisions | None, suggested: str | None
) -> tuple[DecisionState, str | None]:
    """Return the state of a PartnerOS field, and the CRM field accepted or suggested for it.

    `suggested` is the next candidate, if any. While there is one, rejecting another candidate
    leaves the field undecided.
    """
    if decided is None:
        return DecisionState.PENDING, suggested
    if decided.accepted is not None:
        return DecisionState.ACCEPTED, decided.accepted.crm_field
    # Rejecting the last candidate leaves a row unmapped. It is undecided again once a later
    # ranking has another one.
    rejected = decided.last.state is DecisionState.REJECTED
    if rejected and (decided.last.crm_field is None or suggested is None):
        return DecisionState.REJECTED, None
    return DecisionState.PENDING, suggested


def with_decision(suggestion: Suggestion, decided: FieldDecisions | None) -> Suggestion:
    """Return a suggestion with the decision applied; the ranker's own becomes an alternative."""
    state, crm_field = current_state(decided, suggestion.crm_field)
    accepted = decided.accepted if decided is not None else None
    if accepted is None:
        return suggestion.model_copy(update={"crm_field": crm_field, "decision": state})
    if crm_field == suggestion.crm_field:
        return suggestion.model_copy(update={"direction": accepted.direction, "decision": state})
    return Suggestion(
        partner_field=suggestion.partner_field,
        crm_field=crm_field,
        confidence=0.0,
        direction=accepted.direction,
        alternatives=_with_own_pick(suggestion),
        decision=state,
    )


def _with_own_pick(suggestion: Suggestion) -> tuple[Alternative, ...]:
    if suggestion.crm_field is None:
        return suggestion.alternatives
    own = Alternative(
        crm_field=suggestion.crm_field,
        confidence=suggestion.confidence,
        direction=suggestion.direction,
        reasons=suggestion.reasons,
        warnings=suggestion.warnings,
    )
    ranked = sorted((own, *suggestion.alternatives), key=lambda one: -one.confidence)
    return tuple(ranked[:MAX_ALTERNATIVES])


def with_assistants(
    suggestions: Sequence[Suggestion],
    offered: Iterable[AssistantSuggestion],
    decided: Mapping[str, FieldDecisions],
) -> tuple[Suggestion, ...]:
    """Return suggestions with those of assistants, `offered` oldest first, on undecided fields.

    The newest one comes first, unless another PartnerOS field has its CRM field: then it is an
    alternative. Its confidence stays the ranker's, 0 if the ranker doesn't suggest it.
    """
    found = {one.partner_field: one for one in suggestions}
    for one in offered:
        mine, before = found.get(one.partner_field), decided.get(one.partner_field)
        if (
            mine is None
            or current_state(before, one.crm_field)[0] is not DecisionState.PENDING
            or (before is not None and one.crm_field in before.rejected)
        ):
            continue
        others = tuple(each for each in _with_own_pick(mine) if each.crm_field != one.crm_field)
        ranked = {each.crm_field: each for each in _with_own_pick(mine)}
        pick = ranked.get(one.crm_field) or Alternative(crm_field=one.crm_field, confidence=0.0)
        own_reasons = tuple(each for each in pick.reasons if each.signal != ASSISTANT)
        text = f"suggested by {one.suggested_by}: {one.reason}"
        reasons = (Reason(signal=ASSISTANT, share=0.0, text=text), *own_reasons)
        pick = pick.model_copy(update={"direction": one.direction, "reasons": reasons})
        taken = any(
            each.crm_field == one.crm_field and each.partner_field != one.partner_field
            for each in found.values()
        )
        if taken:
            found[one.partner_field] = mine.model_copy(
                update={"alternatives": (pick, *others)[:MAX_ALTERNATIVES]}
            )
        else:
            found[one.partner_field] = mine.model_copy(
                update={**dict(pick), "alternatives": others, "decision": DecisionState.PENDING}
            )
    return tuple(found.values())


def required_unmapped(crm_fields: Sequence[Field], log: Sequence[Decision]) -> tuple[Field, ...]:
    """Return the CRM fields that a new record requires and no accepted mapping writes.

    Fields that are filled elsewhere are among them: see `filled_elsewhere`.
    """
    written = {
        one.accepted.crm_field
        for one in by_field(log).values()
        if one.accepted is not None and one.accepted.direction is not Direction.PULL
    }
    return tuple(
        field
        for field in crm_fields
        if field.required
        and field.name not in written
        # Some sources write an empty default for no default.
        and not field.default
        and not field.archived
        and not field.calculated
        and not is_shell(field)
    )


def by_pair(log: Iterable[Decision]) -> dict[str, list[Decision]]:
    pairs: dict[str, list[Decision]] = {}
    for decision in log:
        pairs.setdefault(decision.object_pair, []).append(decision)
    return pairs


def require_one_each(log: Sequence[Decision]) -> None:
    """Raise ConflictError if the log of one object pair maps a CRM field twice."""
    # In the order of the log, so that the error names the earlier mapping as the holder.
    active = {one.last.id for one in by_field(log).values() if one.accepted is not None}
    holders: dict[str | None, str] = {}
    for decision in log:
        if decision.id not in active:
            continue
        holder = holders.setdefault(decision.crm_field, decision.partner_field)
        if holder != decision.partner_field:
            raise ConflictError(
                f"'{decision.crm_field}' is already mapped to '{holder}'.",
                remedy=f"Undo that mapping, or choose another field for "
                f"'{decision.partner_field}'.",
                code="CRM_FIELD_TAKEN",
            )


def require_seen(
    log: Iterable[Decision], subjects: Collection[str], seen: Collection[str] | None
) -> None:
    """Raise ConflictError if one of the subjects has a decision that isn't in `seen`.

    `seen` has the ids of the decisions that the caller knows; None means all.
    """
    if seen is None:
        return
    for decision in log:
        if decision.subject in subjects and decision.id not in seen:
            raise ConflictError(
                f"{decision.decided_by} changed '{decision.partner_field or decision.crm_field}'.",
                cause=f"{describe_decision(decision)} on {decision.decided_at:%Y-%m-%d %H:%M} UTC.",
                remedy="Check the current mapping, then decide again.",
                code="DECIDED_MEANWHILE",
            )


def require_alone(log: Sequence[Decision], target: Decision) -> None:
    """Raise ConflictError if a decision can't be undone on its own.

    That is if it is undone already, or if a later active decision of the object pair is about the
    same PartnerOS field or the same CRM field.
    """
    undone = undone_in(log)
    if target.id in undone:
        raise ConflictError(
            f"This decision on '{target.partner_field or target.crm_field}' is already undone.",
            code="ALREADY_UNDONE",
        )
    for decision in log[log.index(target) + 1 :]:
        same_crm_field = target.crm_field is not None and decision.crm_field == target.crm_field
        if (
            decision.undoes is None
            and decision.id not in undone
            and (decision.subject == target.subject or same_crm_field)
        ):
            named = decision.partner_field or decision.crm_field
            raise ConflictError(
                f"A later decision on '{named}' depends on this one.",
                cause=f"{describe_decision(decision)} by {decision.decided_by} on "
                f"{decision.decided_at:%Y-%m-%d %H:%M} UTC.",
                remedy=f"Undo that decision first: {decision.id}",
                code="LATER_DECISION",
            )


def describe_decision(decision: Decision) -> str:
    if decision.undoes is not None:
        return "A decision was undone"
    if not decision.partner_field:
        marked = decision.state is DecisionState.REJECTED
        return f"The field was {'' if marked else 'no longer '}marked as filled elsewhere"
    if decision.state is DecisionState.PENDING:
        return "The field was cleared"
    if decision.crm_field is None:
        return "The field was left unmapped"
    return f"'{decision.crm_field}' was {decision.state.value}"


# Added and removed objects affect every mapping of the pair, named or not.
_NAMES_ITS_MAPPINGS = frozenset(
    {
        DriftKind.OBJECT_CHANGED,
        DriftKind.RULE_ADDED,
        DriftKind.RULE_CHANGED,
        DriftKind.RULE_REMOVED,
        DriftKind.ACCESS_LOST,
        DriftKind.ACCESS_GAINED,
    }
)


def drift_since(
    accepted: Decision | None, crm_object: str, events: Iterable[DriftEvent]
) -> tuple[DriftEvent, ...]:
    """Return the changes since an acceptance that affect its CRM field, in their order.

    A change of the object itself, such as its label or a rule, names the mappings it affects.
    """
    if accepted is None:
        return ()
    key = f"{accepted.object_pair}:{accepted.partner_field}"
    return tuple(
        event
        for event in events
        if event.object_type == crm_object
        and event.detected_at > accepted.decided_at
        and (
            key in event.affected_mappings
            or event.field_name == accepted.crm_field
            or (event.field_name is None and event.kind not in _NAMES_ITS_MAPPINGS)
        )
    )


def acceptances(log: Iterable[Decision]) -> Iterator[Decision]:
    for decisions in by_pair(log).values():
        for decided in by_field(decisions).values():
            if decided.accepted is not None:
                yield decided.accepted


def accepted_fields(log: Iterable[Decision]) -> tuple[AcceptedField, ...]:
    """Return the active field pairs in a connection's log, as drift needs them."""
    return tuple(
        AcceptedField(
            one.object_pair,
            one.partner_field,
            ObjectPair.parse(one.object_pair).crm_object,
            one.crm_field,
            one.direction,
        )
        for one in acceptances(log)
        if one.crm_field is not None
    )
