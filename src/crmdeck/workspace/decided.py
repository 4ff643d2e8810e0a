"""What holds now, derived from the log of decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crmdeck.drift import AcceptedField
from crmdeck.model import Decision, DecisionState, ObjectPair, in_force


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
