"""Evidence for the ranker from the decision log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crmdeck.model import Decision, DecisionState, Field, in_force

Pair = tuple[str, str]


@dataclass(frozen=True)
class Evidence:
    """Earlier decisions, as the ranker uses them; an empty one has no effect.

    `accepted` and `rejected` are field pairs of the ranked object pair. `elsewhere` has the other
    object pair in which a field pair was accepted, `connections` the other connections. `suggested`
    has the source's own suggestions by PartnerOS field, with their confidence. `outcomes` are the
    confidences of decided pairs, and whether they were accepted.
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
        """Return the evidence for `object_pair` in a log of any object pairs, oldest first.

        `others` are the logs of other connections by name: only their acceptances count.
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
    """Return the index of each field by name, the first one of duplicates."""
    places: dict[str, int] = {}
    for place, one in enumerate(fields):
        places.setdefault(one.name, place)
    return places
