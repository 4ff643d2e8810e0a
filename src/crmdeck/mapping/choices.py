"""The fields, values and pairs that a user can choose, and the `Choice` that results. Pure."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass

from crmdeck.mapping.rows import WITH_VALUES, MappingRow, RequiredRow, RowBuilder
from crmdeck.mapping.wording import percent, type_text
from crmdeck.model import (
    Choice,
    DecisionState,
    Direction,
    Field,
    FieldType,
    ObjectPair,
    ObjectSummary,
    PairSummary,
    PartnerObject,
    Suggestion,
    ValueMap,
    ValueMatch,
)
from crmdeck.model.wire import wire_record

LIKELY_OBJECTS = {
    "deal_registration": ("Opportunity", "deals", "Lead", "leads"),
    "deal": ("Opportunity", "deals"),
    "partner": ("Account", "companies"),
}
"""Salesforce and HubSpot objects usually mapped to a PartnerOS object, the likeliest first."""

USUAL_OBJECTS = frozenset({"Account", "Contact", "companies", "contacts"}).union(
    *LIKELY_OBJECTS.values()
)

# Lower than the confidence of a suggestion: here a user looks for any PartnerOS field that fits.
NEAR = 0.1
"""Confidence from which a PartnerOS field is offered for a CRM field."""

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
    """One CRM field; `match` and `why` are empty if the ranker did not suggest it.

    `holder` is the PartnerOS field that already has it, so that it can't be chosen.
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
    """One PartnerOS value, its CRM value if any, and how that was found."""

    value: str
    label: str
    target: str | None
    target_label: str = ""
    how: str = ""


@dataclass(frozen=True)
class PairChoice:
    """One object pair with its progress, None before the first decision on it.

    `is_standard` marks a CRM object that is usually mapped to the PartnerOS object.
    """

    pair: str
    started: PairSummary | None
    crm_fields: int
    is_standard: bool = False

    @property
    def makes_sense(self) -> bool:
        return self.started is not None or self.is_standard


@dataclass(frozen=True)
class NearestField:
    """A PartnerOS field that may be mapped to a CRM field; `confidence` is 0 to 1.

    `started` is True if the pair has a decision.
    """

    pair: str
    partner_field: str
    confidence: float
    started: bool = False

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return wire_record(self)

    @property
    def path(self) -> str:
        """The PartnerOS object and field, `deal.accountName`."""
        return f"{ObjectPair.parse(self.pair).partner_object}.{self.partner_field}"


def accepting(
    row: MappingRow,
    *,
    direction: Direction | None = None,
    value_map: dict[str, str] | None = None,
) -> Choice:
    """Return the choice that accepts a row as shown, or with another direction or value map."""
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
    """Return the choice that accepts any CRM field for a row, in the widest direction.

    Raises KeyError if the schema has no such field.
    """
    # The suggested field keeps the direction that the user may have set on the row.
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
    """Return the choice that rejects a CRM field; without one it leaves the row unmapped."""
    return Choice(
        partner_field=row.name,
        state=DecisionState.REJECTED,
        crm_field=crm_field,
        confidence=row.confidence if crm_field is not None else None,
    )


def clearing(row: MappingRow, crm_fields: Container[str]) -> Choice:
    """Return the choice that makes a row undecided again.

    A suggestion that the last decision rejected may be suggested again, if it is still among the
    `crm_fields`.
    """
    last = row.decision
    rejected = last.crm_field if last and last.state is DecisionState.REJECTED else None
    return Choice(
        partner_field=row.name,
        state=DecisionState.PENDING,
        crm_field=rejected if rejected in crm_fields else None,
    )


def filling_elsewhere(row: RequiredRow, value: str | None = None) -> Choice:
    """Return the choice that marks a required CRM field as filled elsewhere."""
    rejected = DecisionState.REJECTED
    return Choice(partner_field="", state=rejected, crm_field=row.field.name, filled_with=value)


def not_filling_elsewhere(row: RequiredRow) -> Choice:
    """Return the choice that clears the mark."""
    return Choice(partner_field="", state=DecisionState.PENDING, crm_field=row.field.name)


def source_choices(row: RequiredRow, rows: Sequence[MappingRow]) -> tuple[FieldChoice, ...]:
    """Return the PartnerOS fields for a required CRM field, unmapped and better ones first.

    `why` of a mapped field names its CRM field.
    """

    def match(one: MappingRow) -> float:
        found = (each for each in one.candidates if each.crm_field == row.field.name)
        return next((each.confidence or 0 for each in found), 0)

    def is_mapped(one: MappingRow) -> bool:
        return one.state is DecisionState.ACCEPTED

    return tuple(
        FieldChoice(
            one.name,
            one.partner.label,
            type_text(one.partner),
            match=percent(match(one)) if match(one) else "",
            why=f"mapped to {one.crm_field}" if is_mapped(one) else "",
            required=one.partner.required,
        )
        for one in sorted(rows, key=lambda one: (is_mapped(one), -match(one)))
    )


def field_choices(
    row: MappingRow, rows: Sequence[MappingRow], builder: RowBuilder
) -> tuple[FieldChoice, ...]:
    """Return the candidates of a row, best first, then all other fields of the object.

    `rows` are all rows of the pair: a field that another one has accepted can't be chosen.
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
        rejected = "rejected" if name in row.rejected else ""
        choices.append(
            FieldChoice(
                name,
                field.label,
                type_text(field),
                match=percent(known) if known is not None else "",
                why="; ".join(reason.text for reason in reasons) or rejected,
                holder=holders.get(name, ""),
                custom=field.custom,
                required=field.required,
            )
        )
    return tuple(choices)


def values_to_map(left: Field, right: Field) -> tuple[str, ...]:
    """Return the PartnerOS values that a CRM field doesn't have: they need a value map."""
    if right.type not in WITH_VALUES or not (right.picklist or right.type is FieldType.BOOLEAN):
        return ()
    known = {value.value for value in right.picklist if value.active}
    return tuple(
        value.value for value in left.picklist if value.active and value.value not in known
    )


def value_choices(
    row: MappingRow, suggested: ValueMap, stored: Mapping[str, str] | None
) -> tuple[ValueChoice, ...]:
    """Return one choice for each PartnerOS value: as stored, else as suggested."""
    labels = {value.value: value.label for value in row.partner.picklist}
    targets = dict(value_targets(row))
    found = {pair.partner_value: (pair.crm_value, pair.how) for pair in suggested.pairs}
    choices = []
    for value in row.values:
        # A stored map counts as a whole: a value that it leaves out was left out on purpose.
        if stored is not None:
            target, how = stored.get(value), "stored"
        else:
            target, match = found.get(value, (None, ValueMatch.NONE))
            how = _FOUND_BY[match]
        label = targets.get(target, "") if target is not None else ""
        choices.append(
            ValueChoice(value, labels.get(value, ""), target, label, how if target else "")
        )
    return tuple(choices)


def value_targets(row: MappingRow) -> tuple[tuple[str, str], ...]:
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
    """Return every pair of a PartnerOS and a CRM object, the most plausible first.

    Started pairs come first, the latest on top. Then come standard pairs, led by a custom object
    named after the PartnerOS object, then usual objects, custom objects and the rest.
    """
    known = {summary.object_pair for summary in started}
    sizes = {one.object_type: one.field_count for one in objects}
    first = [
        PairChoice(one.object_pair, one, sizes.get(ObjectPair.parse(one.object_pair).crm_object, 0))
        for one in latest_first(started)
    ]
    ranked = [
        (
            _rank(partner.object_type, one.object_type, custom=bool(one.custom)),
            str(ObjectPair(partner_object=partner.object_type, crm_object=one.object_type)),
            one.field_count,
        )
        for one in objects
        for partner in partners
    ]
    ranked.sort(key=lambda each: each[0])
    rest = [
        PairChoice(pair, None, fields, is_standard=rank < _USUAL)
        for rank, pair, fields in ranked
        if pair not in known
    ]
    return (*first, *rest)


def nearest_fields(
    suggestions: Mapping[str, Sequence[Suggestion]], started: Collection[str]
) -> dict[str, tuple[NearestField, ...]]:
    """Return the nearest PartnerOS fields of each CRM field, best first.

    `suggestions` are those of each pair of the CRM object, `started` the pairs with a decision.
    Started and standard pairs come first. At the same confidence a started pair wins.
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
        # Rounded, so that a pair in which someone works wins unless another is clearly better.
        return not (near.started or standard), -round(near.confidence, 1), not near.started

    return {name: tuple(sorted(near, key=order)) for name, near in found.items()}


def latest_first(started: Sequence[PairSummary]) -> list[PairSummary]:
    return sorted(started, key=lambda one: str(one.last_decided_at or ""), reverse=True)


_USUAL, _CUSTOM, _REST = (10, 0), (11, 0), (12, 0)
"""Ranks of pairs that are not standard; standard pairs rank below the first."""


def _rank(partner_object: str, name: str, *, custom: bool) -> tuple[int, int]:
    """Return the rank of a pair; 0 for a custom object named after the PartnerOS object."""
    # Some schemas from files leave out that an object is custom.
    own = custom or name.endswith("__c")
    bare = name.casefold().removesuffix("__c").replace("_", "")
    # Salesforce's standard Partner object links two accounts, so only custom objects count.
    if own and partner_object.replace("_", "") in (bare, bare.removesuffix("s")):
        return 0, 0
    likely = LIKELY_OBJECTS.get(partner_object, ())
    if name in likely:
        return 1 + likely.index(name), list(LIKELY_OBJECTS).index(partner_object)
    if name in USUAL_OBJECTS:
        return _USUAL
    return _CUSTOM if own else _REST
