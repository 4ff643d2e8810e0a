"""The fields, values and pairs that a user can choose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.mapping.choices import (
    NEAR,
    FieldChoice,
    NearestField,
    PairChoice,
    ValueChoice,
    accepting,
    choosing,
    field_choices,
    latest_first,
    nearest_fields,
    pair_choices,
    rejecting,
    value_choices,
    value_targets,
)
from crmdeck.mapping.rows import Candidate, RowBuilder
from crmdeck.model import (
    Alternative,
    Choice,
    Decision,
    Direction,
    FieldType,
    ObjectPair,
    ObjectSummary,
    PairSummary,
    PartnerObject,
    Reason,
    Suggestion,
    ValueMap,
    ValueMatch,
    ValuePair,
)

from .pairs import (
    ACCEPTED,
    CRM_FIELDS,
    CRM_NAMES,
    NOON,
    REJECTED,
    build,
    field,
    logs,
    review,
    row,
    suggestion,
    suggestions,
    values,
)

PUSH, PULL = Direction.PUSH, Direction.PULL


def test_accept_uses_the_shown_suggestion() -> None:
    shown = row(direction=PUSH, value_map={"a": "b"})
    expected = Choice(
        partner_field="accountName",
        state=ACCEPTED,
        crm_field="Account_Name__c",
        direction=PUSH,
        value_map={"a": "b"},
        confidence=0.95,
    )
    assert accepting(shown) == expected
    assert accepting(shown, direction=PULL).direction is PULL
    assert accepting(shown, value_map={}).value_map == {}
    assert accepting(row()).value_map is None


def test_chosen_field_gets_its_widest_direction() -> None:
    read_only = field("Name", createable=False, updateable=False)
    builder = RowBuilder(review(CRM_FIELDS[0], read_only, *CRM_FIELDS[3:]))
    shown = row(direction=PUSH, candidates=(Candidate("Name", 0.2),))
    assert choosing(shown, "Account_Name__c", builder) == accepting(shown)
    other = choosing(shown, "Name", builder)
    assert (other.state, other.crm_field) == (ACCEPTED, "Name")
    assert (other.direction, other.confidence) == (PULL, 0.2)
    unknown = choosing(shown, "Description", builder)
    assert (unknown.direction, unknown.confidence) == (Direction.BIDIRECTIONAL, None)
    with pytest.raises(KeyError):
        choosing(shown, "Gone__c", builder)


def test_rejection_keeps_match_and_unmapping_has_none() -> None:
    one = rejecting(row(), "Account_Name__c")
    assert (one.state, one.crm_field, one.confidence) == (REJECTED, "Account_Name__c", 0.95)
    every = rejecting(row(), None)
    assert (every.state, every.crm_field, every.confidence) == (REJECTED, None, None)


@given(logs(), suggestions())
def test_every_field_is_offered_once_candidates_first(
    log: list[Decision], offered: list[Suggestion]
) -> None:
    rows = build(log, offered)
    builder = RowBuilder(review(*CRM_FIELDS, log=log))
    for one in rows.values():
        found = field_choices(one, tuple(rows.values()), builder)
        names = [choice.name for choice in found]
        candidates = [candidate.crm_field for candidate in one.candidates]
        assert names[: len(candidates)] == candidates
        assert names[len(candidates) :] == [name for name in CRM_NAMES if name not in candidates]
        holders = {x.crm_field: x.title for x in rows.values() if x.state is ACCEPTED and x != one}
        assert {x.name: x.holder for x in found if x.holder} == holders


def test_field_choice_has_match_reasons_attributes() -> None:
    reasons = tuple(Reason(signal=x, share=0.5, text=x) for x in ("words", "type"))
    fields = (
        field("Name", label="Account", length=80, custom=False, required=True),
        field("Old__c"),
        field("Other__c"),
    )
    shown = row(
        candidates=(Candidate("Name", 0.924, reasons), Candidate("Old__c"), Candidate("Gone__c")),
        rejected=("Other__c", "Old__c"),
    )
    assert field_choices(shown, (shown,), RowBuilder(review(*fields))) == (
        FieldChoice(
            "Name", "Account", "string(80)", "92%", "words; type", custom=False, required=True
        ),
        FieldChoice("Old__c", "Old__c", "string", why="rejected"),
        FieldChoice("Other__c", "Other__c", "string", why="rejected"),
    )


STATUS = field(
    "status",
    type=FieldType.PICKLIST,
    picklist=values("new", "won", "lost", "old", inactive=("old",)),
)


def test_values_are_shown_as_stored_else_as_suggested() -> None:
    right = field("Status", type=FieldType.PICKLIST, picklist=values("Open", "Won"))
    shown = row(partner=STATUS, right=right)
    suggested = ValueMap(
        pairs=(
            ValuePair(partner_value="new", crm_value="Open", how=ValueMatch.SYNONYM),
            ValuePair(partner_value="won", crm_value="Won", how=ValueMatch.NORMALIZED),
            ValuePair(partner_value="lost", crm_value=None),
        )
    )
    assert value_choices(shown, suggested, None) == (
        ValueChoice("new", "New", "Open", "Open", "synonym"),
        ValueChoice("won", "Won", "Won", "Won", "spelling"),
        ValueChoice("lost", "Lost", None),
    )
    assert value_choices(shown, suggested, {"new": "Gone", "lost": "Won"}) == (
        ValueChoice("new", "New", "Gone", "", "stored"),
        ValueChoice("won", "Won", None),
        ValueChoice("lost", "Lost", "Won", "Won", "stored"),
    )
    assert {one.target for one in value_choices(shown, ValueMap(), None)} == {None}


def test_targets_are_the_active_values_or_yes_and_no() -> None:
    right = field("S", type=FieldType.PICKLIST, picklist=values("a", "b", inactive=("a",)))
    assert value_targets(row(right=right)) == (("b", "B"),)
    boolean = field("S", type=FieldType.BOOLEAN)
    assert value_targets(row(right=boolean)) == (("true", "Yes"), ("false", "No"))
    named = field("S", type=FieldType.BOOLEAN, picklist=values("true"))
    assert value_targets(row(right=named)) == (("true", "True"),)
    assert value_targets(row(right=field("S"))) == ()
    assert value_targets(row(right=None)) == ()


def summary(name: str, *, custom: bool | None = False, field_count: int = 3) -> ObjectSummary:
    return ObjectSummary(
        object_type=name,
        label=name,
        custom=custom,
        field_count=field_count,
        schema_hash="",
        discovered_at=NOON,
        expires_at=NOON,
        is_stale=False,
    )


def partner_object(name: str) -> PartnerObject:
    return PartnerObject(object_type=name, label=name, fields=())


def test_plausible_pairs_sort_first() -> None:
    partners = list(map(partner_object, ("deal_registration", "partner")))
    names = ("Setup", "Partner", "Account", "Lead", "Opportunity", "Deal_Registration__c", "Own__c")
    objects = [summary(name) for name in names]
    started = PairSummary(object_pair="partner--Setup", partner_fields=9, last_decided_at=NOON)
    found = pair_choices([started], partners, objects)
    assert [one.pair for one in found if one.makes_sense] == [
        "partner--Setup",
        "deal_registration--Deal_Registration__c",
        "deal_registration--Opportunity",
        "partner--Account",
        "deal_registration--Lead",
    ]
    # The rest: usual objects, custom objects, others.
    assert [one.pair for one in found[5:]] == [
        "deal_registration--Account",
        "partner--Lead",
        "partner--Opportunity",
        "partner--Deal_Registration__c",
        "deal_registration--Own__c",
        "partner--Own__c",
        "deal_registration--Setup",
        "deal_registration--Partner",
        "partner--Partner",
    ]
    assert not any(one.makes_sense for one in found[5:])
    assert found[0] == PairChoice("partner--Setup", started, 3)
    assert found[1] == PairChoice(
        "deal_registration--Deal_Registration__c", None, 3, is_standard=True
    )


@pytest.mark.parametrize(
    ("name", "custom", "standard"),
    [
        ("partner", True, True),
        ("Partners__c", False, True),
        ("PARTNER__c", None, True),
        ("partners", False, False),
        ("Partnerss__c", True, False),
    ],
)
def test_custom_object_named_like_partneros_is_standard(
    name: str, custom: bool | None, standard: bool
) -> None:
    (found,) = pair_choices([], [partner_object("partner")], [summary(name, custom=custom)])
    assert found.is_standard is standard


@given(
    st.sets(st.sampled_from(("deal", "deal_registration", "partner", "lead"))),
    st.lists(st.sampled_from(("Account", "deals", "X__c", "Lead", "Y")), unique=True),
    st.data(),
)
def test_every_pair_is_offered_once_started_ones_first(
    partners: set[str], objects: list[str], data: st.DataObject
) -> None:
    every = [str(ObjectPair(partner_object=a, crm_object=b)) for a in partners for b in objects]
    chosen = data.draw(st.sets(st.sampled_from([*every, "gone--Gone"])))
    started = [
        PairSummary(object_pair=pair, partner_fields=1, last_decided_at=NOON) for pair in chosen
    ]
    found = pair_choices(
        started, list(map(partner_object, sorted(partners))), list(map(summary, objects))
    )
    names = [one.pair for one in found]
    assert len(set(names)) == len(names)
    assert set(names) == {*every, *chosen}
    assert set(names[: len(chosen)]) == chosen
    plausible = [one.makes_sense for one in found]
    assert plausible == sorted(plausible, reverse=True)


def test_the_pair_decided_last_is_the_latest() -> None:
    pairs = [
        PairSummary(object_pair=f"a--{name}", partner_fields=1, last_decided_at=at)
        for name, at in (("B", None), ("C", NOON), ("D", NOON.replace(hour=13)))
    ]
    assert [one.object_pair for one in latest_first(pairs)] == ["a--D", "a--C", "a--B"]


def test_nearest_fields_prefer_started_and_standard_pairs() -> None:
    near = (
        Alternative(crm_field="Name", confidence=NEAR),
        Alternative(crm_field="Far__c", confidence=NEAR - 0.01),
    )
    found = nearest_fields(
        {
            "lead--Lead": [suggestion("leadName", "Name", 0.9, alternatives=())],
            "deal--Opportunity": [suggestion("title", "Name", 0.42, alternatives=())],
            "partner--Account": [suggestion("partnerName", "Name", 0.38, alternatives=())],
            "deal_registration--Opportunity": [suggestion("x", None, 0.9, alternatives=near)],
        },
        {"partner--Account"},
    )
    assert found == {
        "Name": (
            # 38 and 42 are both about 40: the started pair wins.
            NearestField("partner--Account", "partnerName", 0.38, started=True),
            NearestField("deal--Opportunity", "title", 0.42),
            NearestField("deal_registration--Opportunity", "x", NEAR),
            NearestField("lead--Lead", "leadName", 0.9),
        )
    }
    assert found["Name"][0].path == "partner.partnerName"
