"""What an operator can choose for a row or a pair, and the `Choice` that it makes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from crmdeck.mapping.rows import MappingRow, RowBuilder
from crmdeck.mapping.wording import percent, type_text
from crmdeck.model import (
    Choice,
    DecisionState,
    Direction,
    FieldType,
    ObjectPair,
    ObjectSummary,
    PairSummary,
    PartnerObject,
    Suggestion,
    ValueMap,
    ValueMatch,
)

LIKELY_OBJECTS = {
    "deal_registration": ("Opportunity", "deals", "Lead", "leads"),
    "deal": ("Opportunity", "deals"),
    "partner": ("Account", "companies"),
}
"""The objects of Salesforce and HubSpot that records of a PartnerOS object mostly go to.

The likeliest comes first.
"""

USUAL_OBJECTS = frozenset({"Account", "Contact", "companies", "contacts"}).union(
    *LIKELY_OBJECTS.values()
)

NEAR = 0.1
"""Confidence below which a PartnerOS field is not near to a CRM field."""

_FOUND_BY = {
    ValueMatch.EXACT: "same value",
    ValueMatch.NORMALIZED: "spelling",
    ValueMatch.SYNONYM: "synonym",
    ValueMatch.EMBEDDING: "meaning",
    ValueMatch.NONE: "",
}
_YES_AND_NO = (("true", "Yes"), ("false", "No"))


@dataclass(frozen=True)
class FieldChoice:
    """One CRM field: `match` and `why` are empty where the ranker does not offer it.

    `holder` is the PartnerOS field that it is mapped to already; it can't be chosen then.
    """

    name: str
    label: str
    type: str
    match: str = ""
    why: str = ""
    holder: str = ""
    custom: bool | None = None
    required: bool | None = None


@dataclass(frozen=True)
class ValueChoice:
    """One PartnerOS value, the CRM value it becomes (None: none), and how that was found."""

    value: str
    label: str
    target: str | None
    target_label: str = ""
    how: str = ""


@dataclass(frozen=True)
class PairChoice:
    """One object pair: how far it has come (None: not started), and the size of its CRM object.

    `is_standard` tells whether records of the PartnerOS object mostly go to that CRM object.
    """

    pair: str
    started: PairSummary | None
    crm_fields: int
    is_standard: bool = False

    @property
    def makes_sense(self) -> bool:
        """Whether it is started or standard: of the rest nobody maps anything."""
        return self.started is not None or self.is_standard


@dataclass(frozen=True)
class NearestField:
    """A PartnerOS field that a CRM field may be mapped to, how sure that is (0 to 1), in a pair.

    `started` tells whether somebody has decided on the pair already.
    """

    pair: str
    partner_field: str
    confidence: float
    started: bool = False

    @property
    def path(self) -> str:
        """The field's name with that of its PartnerOS object."""
        return f"{ObjectPair.parse(self.pair).partner_object}.{self.partner_field}"


def accepting(
    row: MappingRow,
    *,
    direction: Direction | None = None,
    value_map: dict[str, str] | None = None,
) -> Choice:
    """Return the acceptance of what a row shows, with another direction or value map."""
    stored = dict(row.value_map) if row.value_map is not None else None
    return Choice(
        partner_field=row.name,
        state=DecisionState.ACCEPTED,
        crm_field=row.crm_field,
        direction=direction or row.direction,
        value_map=value_map if value_map is not None else stored,
        confidence=row.confidence,
    )


def choosing(row: MappingRow, crm_field: str, builder: RowBuilder) -> Choice:
    """Return the acceptance of any CRM field for a row, in the widest direction.

    Raises KeyError where the schema has no such field.
    """
    if row.crm_field == crm_field:
        return accepting(row)
    named = next((one for one in row.candidates if one.crm_field == crm_field), None)
    return Choice(
        partner_field=row.name,
        state=DecisionState.ACCEPTED,
        crm_field=crm_field,
        direction=builder.judge(row.partner, builder.crm_fields[crm_field]).direction,
        confidence=named.confidence if named is not None else None,
    )


def rejecting(row: MappingRow, crm_field: str | None) -> Choice:
    """Return the rejection of a CRM field, or of every one where it is None."""
    return Choice(
        partner_field=row.name,
        state=DecisionState.REJECTED,
        crm_field=crm_field,
        confidence=row.confidence if crm_field is not None else None,
    )


def field_choices(
    row: MappingRow, rows: Sequence[MappingRow], builder: RowBuilder
) -> tuple[FieldChoice, ...]:
    """Return the candidates of a row, the best first, then all other fields of the object.

    `rows` are all rows of the pair: what another one has accepted can't be chosen.
    """
    holders = {
        one.crm_field: one.title
        for one in rows
        if one.state is DecisionState.ACCEPTED and one.name != row.name
    }
    named = {one.crm_field: one for one in row.candidates}
    fields = builder.crm_fields
    order = [name for name in named if name in fields]
    order += [name for name in fields if name not in named]
    choices = []
    for name in order:
        field, candidate = fields[name], named.get(name)
        known = candidate.confidence if candidate is not None else None
        reasons = candidate.reasons if candidate is not None else ()
        turned_down = "rejected before" if name in row.rejected else ""
        choices.append(
            FieldChoice(
                name,
                field.label,
                type_text(field),
                match=percent(known) if known is not None else "",
                why="; ".join(reason.text for reason in reasons) or turned_down,
                holder=holders.get(name, ""),
                custom=field.custom,
                required=field.required,
            )
        )
    return tuple(choices)


def value_choices(
    row: MappingRow, suggested: ValueMap, stored: Mapping[str, str] | None
) -> tuple[ValueChoice, ...]:
    """Return one choice a PartnerOS value: as stored, or as suggested where nothing is stored."""
    labels = {value.value: value.label for value in row.partner.picklist}
    targets = dict(value_targets(row))
    found = {pair.partner_value: pair for pair in suggested.pairs}
    choices = []
    for value in row.values:
        pair = found.get(value)
        target = pair.crm_value if pair is not None else None
        how = _FOUND_BY[pair.how] if pair is not None else ""
        if stored is not None:
            target, how = stored.get(value), "stored"
        label = targets.get(target, "") if target is not None else ""
        choices.append(
            ValueChoice(value, labels.get(value, ""), target, label, how if target else "")
        )
    return tuple(choices)


def value_targets(row: MappingRow) -> tuple[tuple[str, str], ...]:
    """Return the CRM values to choose from, with their labels."""
    right = row.right
    if right is None:
        return ()
    if right.type is FieldType.BOOLEAN and not right.picklist:
        return _YES_AND_NO
    return tuple((value.value, value.label) for value in right.picklist if value.active)


def pair_choices(
    started: Sequence[PairSummary],
    partners: Sequence[PartnerObject],
    objects: Sequence[ObjectSummary],
) -> tuple[PairChoice, ...]:
    """Return every pair of a PartnerOS and a CRM object, what makes sense first.

    Those started come before all, the latest on top; then those that are standard for the PartnerOS
    object, an object made for it before all; then the objects that are usual at all, those that
    the organization made itself, and the rest.
    """
    known = {summary.object_pair for summary in started}
    sizes = {one.object_type: one.field_count for one in objects}
    first = [
        PairChoice(one.object_pair, one, sizes.get(ObjectPair.parse(one.object_pair).crm_object, 0))
        for one in latest_first(started)
    ]
    others = [(partner.object_type, one) for one in objects for partner in partners]
    rest = [
        PairChoice(pair, None, one.field_count, is_standard=rank < _USUAL)
        for rank, partner_object, one in sorted(
            (
                (
                    _rank(partner_object, one.object_type, custom=bool(one.custom)),
                    partner_object,
                    one,
                )
                for partner_object, one in others
            ),
            key=lambda ranked: ranked[0],
        )
        if (pair := str(ObjectPair(partner_object=partner_object, crm_object=one.object_type)))
        not in known
    ]
    return (*first, *rest)


def nearest_fields(
    suggestions: Mapping[str, Sequence[Suggestion]], started: Collection[str]
) -> dict[str, tuple[NearestField, ...]]:
    """Return for each CRM field the PartnerOS fields nearest to it, the best first.

    `suggestions` are those of each pair of the CRM object, `started` the pairs decided on. Pairs
    that make sense come before others; what is as sure goes on with a pair that was started.
    """
    found: dict[str, list[NearestField]] = {}
    for pair, offers in suggestions.items():
        for one in offers:
            for crm_field, confidence in (
                (one.crm_field, one.confidence),
                *((other.crm_field, other.confidence) for other in one.alternatives),
            ):
                if crm_field is not None and confidence >= NEAR:
                    near = NearestField(pair, one.partner_field, confidence, pair in started)
                    found.setdefault(crm_field, []).append(near)

    def order(near: NearestField) -> tuple[bool, float, bool]:
        pair = ObjectPair.parse(near.pair)
        standard = _rank(pair.partner_object, pair.crm_object, custom=False) < _USUAL
        return not (near.started or standard), -round(near.confidence, 1), not near.started

    return {name: tuple(sorted(near, key=order)) for name, near in found.items()}


def latest_first(started: Sequence[PairSummary]) -> list[PairSummary]:
    """Return pairs that somebody has decided on, the one decided on last on top."""
    return sorted(started, key=lambda one: str(one.last_decided_at or ""), reverse=True)


_USUAL, _CUSTOM, _REST = (10, 0), (11, 0), (12, 0)
"""From the first on a pair is none that is standard for its PartnerOS object."""


def _rank(partner_object: str, name: str, *, custom: bool) -> tuple[int, int]:
    """Return how far down a pair stands: first where the CRM object was made for the other one."""
    own = custom or name.endswith("__c")
    bare = name.casefold().removesuffix("__c").replace("_", "")
    # Salesforce's own Partner joins two accounts: only what an organization made is meant so.
    if own and partner_object.replace("_", "") in (bare, bare.removesuffix("s")):
        return 0, 0
    likely = LIKELY_OBJECTS.get(partner_object, ())
    if name in likely:
        return 1 + likely.index(name), list(LIKELY_OBJECTS).index(partner_object)
    if name in USUAL_OBJECTS:
        return _USUAL
    return _CUSTOM if own else _REST
