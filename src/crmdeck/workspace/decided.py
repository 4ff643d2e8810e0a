"""What holds now, derived from the log of decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from crmdeck.drift import AcceptedField
from crmdeck.errors import ConflictError
from crmdeck.model import Decision, DecisionState, DriftEvent, ObjectPair, in_force


@dataclass(frozen=True)
class FieldDecisions:
    """The decisions in force on one PartnerOS field: the last one, and what was turned down."""

    last: Decision
    rejected: tuple[str, ...]

    @property
    def accepted(self) -> Decision | None:
        """Return the acceptance that stands, if one does."""
        return self.last if self.last.state is DecisionState.ACCEPTED else None


def by_field(log: Sequence[Decision]) -> dict[str, FieldDecisions]:
    """Return what is in force for each PartnerOS field of one object pair's log."""
    decided: dict[str, FieldDecisions] = {}
    for decision in in_force(log):
        before = decided.get(decision.partner_field)
        rejected = dict.fromkeys(before.rejected if before else ())
        if decision.crm_field is not None:
            if decision.state is DecisionState.REJECTED:
                rejected[decision.crm_field] = None
            else:
                rejected.pop(decision.crm_field, None)
        decided[decision.partner_field] = FieldDecisions(decision, tuple(rejected))
    return decided


def by_pair(log: Iterable[Decision]) -> dict[str, list[Decision]]:
    """Return a log in one list an object pair, each in the order of `log`."""
    pairs: dict[str, list[Decision]] = {}
    for decision in log:
        pairs.setdefault(decision.object_pair, []).append(decision)
    return pairs


def require_one_each(log: Sequence[Decision]) -> None:
    """Raise ConflictError where one object pair's log maps a CRM field twice."""
    holders: dict[str, str] = {}
    for name, decided in by_field(log).items():
        crm_field = decided.accepted.crm_field if decided.accepted is not None else None
        if crm_field is not None and holders.setdefault(crm_field, name) != name:
            raise taken(crm_field, holders[crm_field], name)


def taken(crm_field: str, holder: str, wanted_by: str) -> ConflictError:
    """Return the error for a CRM field that another PartnerOS field is mapped to."""
    return ConflictError(
        f"'{crm_field}' is mapped to '{holder}' already.",
        remedy=f"Undo that first, or choose another field for '{wanted_by}'.",
        code="CRM_FIELD_TAKEN",
    )


def require_seen(
    log: Iterable[Decision], partner_fields: Collection[str], seen: Collection[str] | None
) -> None:
    """Raise ConflictError where somebody decided on one of the fields what is not `seen`.

    `seen` holds the ids of the decisions that are known; None takes all of them for known.
    """
    if seen is None:
        return
    for decision in log:
        if decision.partner_field in partner_fields and decision.id not in seen:
            raise ConflictError(
                f"{decision.decided_by} decided on '{decision.partner_field}' meanwhile.",
                cause=f"{_deed(decision)} on {decision.decided_at:%Y-%m-%d %H:%M} UTC.",
                remedy="Look at what holds now, then decide again.",
                code="DECIDED_MEANWHILE",
            )


def _deed(decision: Decision) -> str:
    if decision.undoes is not None:
        return "A decision was taken back"
    return f"'{decision.crm_field or 'nothing'}' was {decision.state.value}"


def suffered(
    accepted: Decision | None, crm_object: str, events: Iterable[DriftEvent]
) -> tuple[DriftEvent, ...]:
    """Return the drift events since an acceptance that touch its CRM field, in their order."""
    if accepted is None:
        return ()
    return tuple(
        event
        for event in events
        if event.object_type == crm_object
        and event.field_name in (None, accepted.crm_field)
        and event.detected_at > accepted.decided_at
    )


def accepted_fields(log: Sequence[Decision]) -> tuple[AcceptedField, ...]:
    """Return the accepted field pairs of one connection's log."""
    accepted = []
    for pair, decisions in by_pair(log).items():
        crm_object = ObjectPair.parse(pair).crm_object
        for partner_field, decided in by_field(decisions).items():
            decision = decided.accepted
            if decision is not None and decision.crm_field is not None:
                accepted.append(
                    AcceptedField(
                        pair, partner_field, crm_object, decision.crm_field, decision.direction
                    )
                )
    return tuple(accepted)
