from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmdeck.drift import compare_schemas
from crmdeck.model import (
    Direction,
    DriftKind,
    DriftReport,
    Field,
    FieldType,
    GoneReason,
    ObjectSchema,
    Severity,
    Side,
)
from tests.drift.build import drift, field, mapped, only, org, values
from tests.model.strategies import field_lists

OBJECT_TYPES = st.sampled_from(["Account", "AccountChangeEvent", "Deal__c", "Deal__History"])
ORGS = st.dictionaries(OBJECT_TYPES, field_lists(unknowns=True), max_size=3).map(org)


@given(ORGS)
def test_nothing_changed_is_nothing_told(same: dict[str, ObjectSchema]) -> None:
    assert drift(same, same) == DriftReport()


@settings(max_examples=40)
@given(ORGS, ORGS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(
    before: dict[str, ObjectSchema], after: dict[str, ObjectSchema], rng: random.Random
) -> None:
    def shuffled(states: dict[str, ObjectSchema]) -> dict[str, ObjectSchema]:
        names = rng.sample(list(states), len(states))
        return {
            name: states[name].model_copy(
                update={"fields": tuple(rng.sample(states[name].fields, len(states[name].fields)))}
            )
            for name in names
        }

    uses = [mapped("Account", f.name) for s in before.values() for f in s.fields]
    report = drift(before, after, accepted=uses)
    again = drift(shuffled(before), shuffled(after), accepted=uses[::-1])
    assert again == report
    assert len({event.id for event in report.events}) == len(report.events)


@settings(max_examples=40)
@given(ORGS, ORGS)
def test_every_event_is_told_and_counted_in_at_most_one_story(
    before: dict[str, ObjectSchema], after: dict[str, ObjectSchema]
) -> None:
    report = drift(before, after)
    for story in report.stories:
        inside = [e for e in report.events if e.story == story.id]
        assert story.event_count == len(inside)
        assert story.severity.rank == max(e.severity.rank for e in inside)
        assert set(story.object_types) == {e.object_type for e in inside}
    assert {e.story for e in report.events} - {None} == {s.id for s in report.stories}


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (GoneReason.REMOVED, DriftKind.OBJECT_REMOVED),
        (GoneReason.HIDDEN, DriftKind.OBJECT_HIDDEN),
        (GoneReason.ABSENT, DriftKind.OBJECT_ABSENT),
        (GoneReason.OUT_OF_SCOPE, DriftKind.OBJECT_OUT_OF_SCOPE),
    ],
)
def test_gone_is_four_things_for_an_object(why: GoneReason, kind: DriftKind) -> None:
    event = only(drift({}, {}, gone={"Deal__c": why}))
    assert (event.kind, event.object_type, event.field_name) == (kind, "Deal__c", None)


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        ({("Deal", "Phase"): GoneReason.REMOVED}, DriftKind.FIELD_REMOVED),
        ({("Deal", "Phase"): GoneReason.HIDDEN}, DriftKind.FIELD_HIDDEN),
        ({("Deal", "Phase"): GoneReason.ABSENT}, DriftKind.FIELD_ABSENT),
        ({}, DriftKind.FIELD_ABSENT),
        ({("Other", "Phase"): GoneReason.REMOVED}, DriftKind.FIELD_ABSENT),
    ],
)
def test_only_what_is_confirmed_is_a_removed_field(
    reasons: dict[tuple[str, str], GoneReason], kind: DriftKind
) -> None:
    report = drift({"Deal": [field("Phase")]}, {"Deal": []}, gone_fields=reasons)
    assert only(report).kind is kind


def test_an_object_that_is_missing_without_a_word_is_absent() -> None:
    assert only(drift({"Deal": [field("Phase")]}, {})).kind is DriftKind.OBJECT_ABSENT


def test_a_new_object_is_one_event() -> None:
    event = only(drift({}, {"Deal": [field("Phase"), field("Amount")]}))
    assert (event.kind, event.severity) == (DriftKind.OBJECT_ADDED, Severity.SAFE)


def test_an_object_that_is_back_says_so_and_what_changed_meanwhile() -> None:
    back, changed = drift(
        {"Deal": [field("Phase", length=80)]},
        {"Deal": [field("Phase", length=40)]},
        returned={"Deal": GoneReason.OUT_OF_SCOPE},
    ).events
    assert back.kind is DriftKind.OBJECT_ADDED
    assert "again" in back.reason
    assert changed.kind is DriftKind.FIELD_CHANGED


def test_an_object_with_another_label_is_told_apart_from_its_fields() -> None:
    before = org({"Deal": [field("Phase")]})
    after = {"Deal": before["Deal"].model_copy(update={"label": "Opportunity"})}
    event = only(drift(before, after))
    assert event.kind is DriftKind.OBJECT_CHANGED
    assert [(c.attribute, c.before, c.after) for c in event.changes] == [
        ("label", "Deal", "Opportunity")
    ]


def test_an_event_knows_the_mappings_that_it_touches() -> None:
    uses = [mapped("Deal", "Phase", Direction.PUSH), mapped("Other", "Phase")]
    before = {"Deal": [field("Phase", length=80), field("Amount", length=80)]}
    after = {"Deal": [field("Phase", length=40), field("Amount", length=40)]}
    amount, phase = drift(before, after, accepted=uses).events
    assert phase.affected_mappings == ("deal_registration--Deal:accountName",)
    assert phase.severity is Severity.BREAKING
    assert amount.affected_mappings == ()
    assert amount.severity is Severity.RISKY


def test_an_object_event_touches_all_its_mappings() -> None:
    event = only(drift({}, {}, gone={"Deal": GoneReason.HIDDEN}, accepted=[mapped("Deal", "X")]))
    assert event.affected_mappings == ("deal_registration--Deal:accountName",)
    assert event.severity is Severity.BREAKING


@given(ORGS, ORGS)
def test_swapping_before_and_after_turns_added_into_gone(
    before: dict[str, ObjectSchema], after: dict[str, ObjectSchema]
) -> None:
    def families(report: DriftReport) -> list[tuple[str, str | None, str]]:
        return [(e.object_type, e.field_name, e.kind.value.split("_")[1]) for e in report.events]

    swapped = {"added": "absent", "absent": "added", "changed": "changed"}
    there, back = families(drift(before, after)), families(drift(after, before))
    assert sorted(there, key=str) == sorted(
        ((o, f, swapped[family]) for o, f, family in back), key=str
    )


def test_two_schemas_side_by_side() -> None:
    sandbox = org({"Deal": [field("Phase", length=80), field("Beta")], "Draft__c": [field("A")]})
    production = org({"Deal": [field("Phase", length=40)], "Order": [], "Case": []})
    sandbox["Case"] = production["Case"]
    result = compare_schemas(sandbox, production, left_name="sandbox", right_name="production")
    assert [(o.object_type, o.side) for o in result.objects] == [
        ("Deal", Side.BOTH),
        ("Draft__c", Side.LEFT),
        ("Order", Side.RIGHT),
    ]
    beta, phase = result.objects[0].fields
    assert (beta.field_name, beta.side, beta.changes) == ("Beta", Side.LEFT, ())
    assert [(c.attribute, c.before, c.after) for c in phase.changes] == [("length", 80, 40)]
    draft = result.objects[1]
    assert [(f.field_name, f.side) for f in draft.fields] == [("A", Side.LEFT)]
    assert result.same == 1


REGIONS = values("EMEA", "APAC", "LATAM")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (field("Region__c", label="Region"), field("Sales_Area__c", label="Region")),
        (field("PartnerSource__c", label="A"), field("Partner_Source__c", label="B")),
        (field("Regoin__c", label="Regoin"), field("Region__c", label="Region")),
        (
            field("Region__c", label="Region", type=FieldType.PICKLIST, picklist=REGIONS),
            field(
                "Sales_Region__c",
                label="Area",
                type=FieldType.PICKLIST,
                picklist=REGIONS[::-1],
                length=40,
                description="Where the account is",
            ),
        ),
    ],
    ids=["same label", "same name respelled", "typing error", "same values"],
)
def test_a_rename_is_offered(old: Field, new: Field) -> None:
    if old.picklist:
        old = old.model_copy(update={"length": 40, "description": new.description})
    events = {e.field_name: e for e in drift({"Deal": [old]}, {"Deal": [new]}).events}
    assert events[new.name].rename_of == old.name
    assert events[new.name].kind is DriftKind.FIELD_ADDED
    assert new.name in events[old.name].reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (field("JIRA_Project_Id__c"), field("JIRA_Project_Key__c")),
        (field("Amount__c"), field("Total_Discount_Amount__c")),
        (field("Phone1"), field("Phone2")),
        (field("Region__c", type=FieldType.STRING), field("Region", type=FieldType.BOOLEAN)),
        (field("Owner", references=("User",)), field("Owner__c", references=("Partner__c",))),
        (field("Tier", picklist=values("A", "B")), field("Tier__c", picklist=values("1", "2"))),
    ],
    ids=["another word", "two words more", "number", "type", "target", "values"],
)
def test_what_is_not_alike_is_no_rename(old: Field, new: Field) -> None:
    report = drift({"Deal": [old]}, {"Deal": [new]})
    assert all(event.rename_of is None for event in report.events)


def test_a_rename_stays_within_its_object() -> None:
    report = drift({"Deal": [field("Region")], "Lead": []}, {"Deal": [], "Lead": [field("Region")]})
    assert all(event.rename_of is None for event in report.events)


def test_renames_are_one_to_one_and_rivals_that_tie_are_not_offered() -> None:
    before = {"Deal": [field("Region__c", label="Region"), field("Notes__c", label="Notes")]}
    after = {
        "Deal": [
            field("Area1__c", label="Region"),
            field("Area2__c", label="Region"),
            field("Remarks__c", label="Notes"),
        ]
    }
    offered = {e.field_name: e.rename_of for e in drift(before, after).events if e.rename_of}
    assert offered == {"Remarks__c": "Notes__c"}
