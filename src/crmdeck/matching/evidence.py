"""Evidence for the ranker from the decision log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crmdeck.model import Decision, DecisionState, Field, ObjectPair, in_force

Pair = tuple[str, str]


@dataclass(frozen=True)
class Example:
    """A field pair decided for `place`: another object pair or another connection.

    An `exact` one applies only to fields with the same names.
    """

    left: Field
    right: Field
    place: str
    exact: bool = False

    @property
    def names(self) -> Pair:
        return self.left.name, self.right.name


@dataclass(frozen=True)
class Fields:
    """The fields that decisions name, to know their labels too; an unknown one has none.

    `partner` has the fields of each PartnerOS object, `crm` those of each CRM object by connection
    ID and object type.
    """

    partner: Mapping[str, Sequence[Field]] = field(default_factory=dict)
    crm: Mapping[tuple[str, str], Sequence[Field]] = field(default_factory=dict)

    def example(self, decision: Decision, place: str, *, exact: bool = False) -> Example:
        pair = ObjectPair.parse(decision.object_pair)
        right = self.crm.get((decision.connection_id, pair.crm_object), ())
        return Example(
            _named(decision.partner_field, self.partner.get(pair.partner_object, ())),
            _named(decision.crm_field or "", right),
            place,
            exact,
        )


NO_FIELDS = Fields()


@dataclass(frozen=True)
class Evidence:
    """Earlier decisions, as the ranker uses them; an empty one has no effect.

    `accepted` and `rejected` are field pairs of the ranked object pair. `elsewhere` are the field
    pairs accepted for other object pairs, `connections` those accepted for this object pair in
    other connections. They also count for similar names of the same PartnerOS object. `suggested`
    has the source's own suggestions by PartnerOS field, with their confidence. `outcomes` are the
    confidences of decided pairs, and whether they were accepted.
    """

    accepted: Mapping[str, str] = field(default_factory=dict)
    rejected: frozenset[Pair] = frozenset()
    elsewhere: tuple[Example, ...] = ()
    connections: tuple[Example, ...] = ()
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
        fields: Fields = NO_FIELDS,
    ) -> Evidence:
        """Return the evidence for `object_pair` in a log of any object pairs, oldest first.

        `others` are the logs of other connections by name: only their acceptances count.
        """
        accepted: dict[str, str] = {}
        rejected: set[Pair] = set()
        elsewhere: dict[Pair, Decision] = {}
        partner_object = ObjectPair.parse(object_pair).partner_object
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
                    elsewhere[pair] = decision
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
            elsewhere=tuple(
                # Objects of PartnerOS have similar names for different facts.
                fields.example(
                    decision,
                    decision.object_pair,
                    exact=ObjectPair.parse(decision.object_pair).partner_object != partner_object,
                )
                for decision in elsewhere.values()
            ),
            connections=tuple(
                fields.example(decision, name)
                for name, decision in _accepted_in(others or {}, object_pair)
            ),
            suggested=suggested or {},
            outcomes=tuple(outcomes),
        )


def _accepted_in(
    others: Mapping[str, Sequence[Decision]], object_pair: str
) -> Iterable[tuple[str, Decision]]:
    for name in sorted(others):
        log = [decision for decision in others[name] if decision.object_pair == object_pair]
        for decision in {decision.partner_field: decision for decision in in_force(log)}.values():
            if decision.state is DecisionState.ACCEPTED and decision.crm_field is not None:
                yield name, decision


def _named(name: str, fields: Iterable[Field]) -> Field:
    return next((one for one in fields if one.name == name), Field(name=name))


def field_names(fields: Sequence[Field]) -> dict[str, int]:
    """Return the index of each field by name, the first one of duplicates."""
    places: dict[str, int] = {}
    for place, one in enumerate(fields):
        places.setdefault(one.name, place)
    return places
