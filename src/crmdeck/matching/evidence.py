"""What the operator's decisions tell the ranker, derived from the decision log each time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crmdeck.model import Decision, DecisionState, Field, in_force

Pair = tuple[str, str]


@dataclass(frozen=True)
class Evidence:
    """What was decided so far, as the ranker needs it. The empty one changes nothing.

    `accepted` leads from a PartnerOS field to its CRM field, `rejected` holds pairs turned down;
    both are of the object pair that is ranked. `elsewhere` leads from a pair to the object pair
    in which it was accepted before, `connections` to the names of the other connections in which
    it stands accepted for this one. `suggested` leads from a PartnerOS field to the CRM fields
    that the source itself suggests, with its confidence. `outcomes` are confidences shown and
    whether the pair was accepted.
    """

    accepted: Mapping[str, str] = field(default_factory=dict)
    rejected: frozenset[Pair] = frozenset()
    elsewhere: Mapping[Pair, str] = field(default_factory=dict)
    connections: Mapping[Pair, tuple[str, ...]] = field(default_factory=dict)
    suggested: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    outcomes: tuple[tuple[float, bool], ...] = ()

    @classmethod
    def from_log(
        cls,
        log: Iterable[Decision],
        object_pair: str,
        *,
        suggested: Mapping[str, Mapping[str, float]] | None = None,
        others: Mapping[str, Sequence[Decision]] | None = None,
    ) -> Evidence:
        """Return what a decision log (oldest first, any object pairs) says of `object_pair`.

        An undone decision counts no more; the one before it does again. `others` are the logs of
        other connections by name: what stands accepted in them is known, what they rejected is
        their own affair.
        """
        accepted: dict[str, str] = {}
        rejected: set[Pair] = set()
        elsewhere: dict[Pair, str] = {}
        outcomes: list[tuple[float, bool]] = []
        for decision in in_force(list(log)):
            here = decision.object_pair == object_pair
            kept = decision.state is DecisionState.ACCEPTED
            if here:
                accepted.pop(decision.partner_field, None)
            if decision.crm_field is None:
                continue
            pair = (decision.partner_field, decision.crm_field)
            if decision.state is DecisionState.PENDING:
                if here:
                    rejected.discard(pair)
                continue
            if decision.confidence is not None:
                outcomes.append((decision.confidence, kept))
            if not here:
                if kept:
                    elsewhere[pair] = decision.object_pair
                else:
                    elsewhere.pop(pair, None)
            elif kept:
                accepted[decision.partner_field] = decision.crm_field
                rejected.discard(pair)
            else:
                rejected.add(pair)
        return cls(
            accepted=accepted,
            rejected=frozenset(rejected),
            elsewhere=elsewhere,
            connections=_accepted_in(others or {}, object_pair),
            suggested=suggested or {},
            outcomes=tuple(outcomes),
        )


def _accepted_in(
    others: Mapping[str, Sequence[Decision]], object_pair: str
) -> dict[Pair, tuple[str, ...]]:
    found: dict[Pair, tuple[str, ...]] = {}
    for name in sorted(others):
        log = [decision for decision in others[name] if decision.object_pair == object_pair]
        last = {decision.partner_field: decision for decision in in_force(log)}
        for decision in last.values():
            if decision.state is DecisionState.ACCEPTED and decision.crm_field is not None:
                pair = (decision.partner_field, decision.crm_field)
                found[pair] = (*found.get(pair, ()), name)
    return found


def field_names(fields: Sequence[Field]) -> dict[str, int]:
    """Return the place of each field by name; of duplicates, the first."""
    places: dict[str, int] = {}
    for place, one in enumerate(fields):
        places.setdefault(one.name, place)
    return places
