from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.drift.detect import AcceptedField
from crmdeck.drift.schema_diff import compare_schemas
from crmdeck.model import (
    Direction,
    DriftKind,
    DriftReport,
    Field,
    FieldType,
    GoneReason,
    ObjectSchema,
    RecordType,
    Rule,
    RuleKind,
    Severity,
    Side,
    object_hash,
)
from tests.drift.build import drift, field, mapped, only, org, values
from tests.model.strategies import field_lists

OBJECT_TYPES = st.sampled_from(["Account", "AccountChangeEvent", "Deal__c", "Deal__History"])
ORGS = st.dictionaries(OBJECT_TYPES, field_lists(unknowns=True), max_size=3).map(org)


@given(ORGS)
def test_equal_schemas_have_no_events(same: dict[str, ObjectSchema]) -> None:
    assert drift(same, same) == DriftReport()


@given(ORGS, ORGS, st.randoms(use_true_random=False))
def test_input_order_has_no_effect(
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


@given(ORGS, ORGS)
def test_events_belong_to_one_group_at_most(
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
def test_only_confirmed_absence_is_a_removed_field(
    reasons: dict[tuple[str, str], GoneReason], kind: DriftKind
) -> None:
    report = drift({"Deal": [field("Phase")]}, {"Deal": []}, gone_fields=reasons)
    assert only(report).kind is kind


def test_an_object_that_is_missing_without_a_word_is_absent() -> None:
    assert only(drift({"Deal": [field("Phase")]}, {})).kind is DriftKind.OBJECT_ABSENT


def test_a_new_object_is_one_event() -> None:
    event = only(drift({}, {"Deal": [field("Phase"), field("Amount")]}))
    assert (event.kind, event.severity) == (DriftKind.OBJECT_ADDED, Severity.SAFE)


def test_returned_object_reports_changes_in_between() -> None:
    back, changed = drift(
        {"Deal": [field("Phase", length=80)]},
        {"Deal": [field("Phase", length=40)]},
        returned={"Deal": GoneReason.OUT_OF_SCOPE},
    ).events
    assert back.kind is DriftKind.OBJECT_ADDED
    assert "again" in back.reason
    assert changed.kind is DriftKind.FIELD_CHANGED


def test_object_label_change_is_not_a_field_change() -> None:
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


def test_mappings_sorted_by_name() -> None:
    uses = [
        AcceptedField(f"pair{number}--Deal", "x", "Deal", "Phase", Direction.PUSH)
        for number in (4, 2, 9, 1, 7, 3)
    ]
    event = only(drift({"Deal": [field("Phase")]}, {"Deal": []}, accepted=uses))
    assert list(event.affected_mappings) == sorted(use.key for use in uses)


def test_an_object_event_touches_all_its_mappings() -> None:
    event = only(drift({}, {}, gone={"Deal": GoneReason.HIDDEN}, accepted=[mapped("Deal", "X")]))
    assert event.affected_mappings == ("deal_registration--Deal:accountName",)
    assert event.severity is Severity.BREAKING


def test_another_name_of_an_object_touches_no_mapping() -> None:
    [deal] = org({"Deal": [field("Phase")]}).values()
    uses = [mapped("Deal", "Phase")]
    for update, touched in (({"label": "Case", "plural": "Cases"}, 0), ({"createable": False}, 1)):
        old = deal.model_copy(update={"plural": "Deals", "createable": True})
        event = only(drift({"Deal": old}, {"Deal": old.model_copy(update=update)}, accepted=uses))
        assert len(event.affected_mappings) == touched


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


def test_each_side_of_a_comparison_has_its_labels_and_counts() -> None:
    left = org({"Deal": [field("A", label="Left A")], "Same": [field("S")]})
    right = org(
        {
            "Deal": [field("B", label="Right B")],
            "Same": [field("S")],
            "New": [field("N"), field("M")],
        }
    )
    right["Same"] = right["Same"].model_copy(update={"label": "Same, renamed"})
    result = compare_schemas(left, right, left_name="l", right_name="r")
    deal, new, same = result.objects
    assert [(each.side, each.label) for each in deal.fields] == [
        (Side.LEFT, "Left A"),
        (Side.RIGHT, "Right B"),
    ]
    assert (new.side, new.field_count, [each.side for each in new.fields]) == (
        Side.RIGHT,
        2,
        [Side.RIGHT] * 2,
    )
    assert (same.side, same.label, same.fields) == (Side.BOTH, "Same", ())
    assert [(each.attribute, each.after) for each in same.changes] == [("label", "Same, renamed")]
    assert result.same == 0


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
def test_different_fields_are_not_a_rename(old: Field, new: Field) -> None:
    report = drift({"Deal": [old]}, {"Deal": [new]})
    assert all(event.rename_of is None for event in report.events)


def test_a_rename_stays_within_its_object() -> None:
    report = drift({"Deal": [field("Region")], "Lead": []}, {"Deal": [], "Lead": [field("Region")]})
    assert all(event.rename_of is None for event in report.events)


def test_renames_are_one_to_one_without_ties() -> None:
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


def test_ambiguous_rename_is_not_offered() -> None:
    before = {"Deal": [field("Old1__c", label="Region"), field("Old2__c", label="Region")]}
    report = drift(before, {"Deal": [field("Area__c", label="Region")]})
    assert all(event.rename_of is None for event in report.events)


@pytest.mark.parametrize(
    ("old", "new", "offered"),
    [
        # One word more in name and label: two points and two.
        (field("Widget__c", label="Widget"), field("Blue_Widget__c", label="Blue Widget"), True),
        (field("Blue_Widget__c", label="Blue Widget"), field("Widget__c", label="Widget"), True),
        (field("Widget__c", label="Widget"), field("Blue_Widget__c", label="Postcode"), False),
        # Another size takes a point, the same one gives it.
        (
            field("Widget__c", label="Widget", length=80),
            field("Blue_Widget__c", label="Blue Widget", length=40),
            False,
        ),
        (
            field("Widget__c", label="Widget", length=80),
            field("Very_Blue_Widget__c", label="Blue Widget", length=80),
            True,
        ),
        (
            field("Widget__c", label="Widget"),
            field("Very_Blue_Widget__c", label="Blue Widget"),
            False,
        ),
        # Two words more in both are a point each; the same help gives two, and one more where
        # nothing else of its type left or came.
        (
            field("A_Widget__c", label="X", description="Where"),
            field("B_Town__c", label="Y", description="Where"),
            False,
        ),
        (
            field("Widget__c", label="Q", description="Where"),
            field("Very_Blue_Widget__c", label="W", description="Where"),
            True,
        ),
        (
            field("Widget__c", label="Q", formula="1 + 1"),
            field("Blue_Widget__c", label="W", formula="1 + 1"),
            True,
        ),
        (
            field("Widget__c", label="Q", formula="1 + 1"),
            field("Very_Blue_Widget__c", label="W", formula="1 + 1"),
            False,
        ),
        (
            field("Widget__c", label="Q", picklist=REGIONS),
            field("Blue_Widget__c", label="W", picklist=REGIONS),
            True,
        ),
        (
            field("Widget__c", label="Q", picklist=REGIONS),
            field("Very_Blue_Widget__c", label="W", picklist=REGIONS),
            False,
        ),
        (
            field("Widget__c", label="Q", picklist=REGIONS),
            field("Blue_Widget__c", label="W", picklist=REGIONS[:2]),
            False,
        ),
        # A picklist of one value says nothing; one that shares less than half speaks against it.
        (
            field("Widget__c", label="Q", picklist=REGIONS[:1]),
            field("Blue_Widget__c", label="W", picklist=REGIONS[:1]),
            False,
        ),
        (
            field("Widget__c", label="Same", picklist=values("a", "b", "c")),
            field("Blue_Widget__c", label="Same", picklist=values("a", "x", "y")),
            False,
        ),
        (
            field("Widget__c", label="Same", picklist=values("a", "b")),
            field("Blue_Widget__c", label="Same", picklist=values("a")),
            True,
        ),
        # A word of five letters may differ in one of them.
        (
            field("Blue_Tower__c", label="Blue Tower"),
            field("Blue_Tover__c", label="Blue Tover"),
            True,
        ),
        (field("Blue_Town__c", label="Blue Town"), field("Blue_Torn__c", label="Blue Torn"), False),
        # A label of five letters is too short for a slip.
        (field("Xq_cde__c", label="Xq cde"), field("X_cde__c", label="X cde"), False),
        (field("Xq_cdef__c", label="Xq cdef"), field("X_cdef__c", label="X cdef"), True),
        # Case does not matter, neither in a slip nor between rivals.
        (field("LASTSEENDATE", label="Last Seen"), field("lastseendat", label="LAST SEE"), True),
        # Words as matching reads them, and those that take each other's place in a rename.
        (field("Acct_Mgr__c", label="Q"), field("AccountManager__c", label="W"), True),
        (field("Client_Tier__c", label="Q"), field("Customer_Level__c", label="W"), True),
        (field("Close_Date__c", label="Q"), field("Date_Close__c", label="W"), True),
        # A slip of the pen, across words as well; another letter may be another word.
        (field("LastSeenDate", label="Q"), field("LasSteenDate", label="W"), False),
        (field("LastSeenDate", label="Last Seen"), field("LasSteenDate", label="LastS een"), True),
        (field("PhoneA", label="Phone A"), field("PhoneB", label="Phone B"), False),
        (field("Address1", label="Address1"), field("Address", label="Address"), False),
        (field("Phone", label="Phone"), field("Phone2", label="Phone 2"), False),
    ],
)
def test_the_points_that_speak_for_a_rename(old: Field, new: Field, offered: bool) -> None:
    report = drift({"Deal": [old]}, {"Deal": [new]})
    assert any(event.rename_of == old.name for event in report.events) is offered


def test_shared_help_text_has_less_weight() -> None:
    old = field("Widget__c", label="Q", description="Where")
    new = field("Very_Blue_Widget__c", label="W", description="Where")
    other = field("Zip__c", label="Zip")
    alone = drift({"Deal": [old]}, {"Deal": [new]})
    beside = drift({"Deal": [old, other]}, {"Deal": [new]})
    assert any(event.rename_of for event in alone.events)
    assert not any(event.rename_of for event in beside.events)


@pytest.mark.parametrize(("old", "new"), [("XYZZWW", "xyzzqq"), ("xyzzww", "XYZZQQ")])
def test_rename_tie_prefers_more_similar_name(old: str, new: str) -> None:
    before = {"Lead": [field(old, label="Size"), field("abcdef", label="Size")]}
    offered = drift(before, {"Lead": [field(new, label="Size")]}).events
    assert {e.field_name: e.rename_of for e in offered if e.rename_of} == {new: old}


def test_the_same_label_outweighs_one_word_more() -> None:
    before = {"Lead": [field("ConvertedContact__c", label="Converted Contact")]}
    after = {
        "Lead": [
            field("Contact__c", label="Contact"),
            field("Reference__c", label="Converted Contact"),
        ]
    }
    offered = {e.field_name: e.rename_of for e in drift(before, after).events if e.rename_of}
    assert offered == {"Reference__c": "ConvertedContact__c"}


ENDED = Rule(
    name="Close_Date_In_Future",
    kind=RuleKind.VALIDATION,
    fields=("CloseDate", "Stage"),
    message="The close date is over.",
    expression="CloseDate < TODAY()",
)
NEEDED = Rule(name="required:Phase", kind=RuleKind.REQUIRED, field="Phase")


def ruled(*rules: Rule) -> dict[str, ObjectSchema]:
    [deal] = org({"Deal": [field("Phase"), field("Stage")]}).values()
    return {"Deal": deal.model_copy(update={"rules": rules})}


def test_rules_drift_like_everything_else() -> None:
    changed = ENDED.model_copy(update={"expression": "CloseDate <= TODAY()"})
    uses = [mapped("Deal", "Stage", Direction.PUSH), mapped("Deal", "Phase", Direction.PUSH)]
    other, came = drift(ruled(ENDED), ruled(changed, NEEDED), accepted=uses).events
    assert (other.kind, other.rule, other.field_name) == (
        DriftKind.RULE_CHANGED,
        "Close_Date_In_Future",
        None,
    )
    assert [(c.attribute, c.after) for c in other.changes] == [
        ("expression", "CloseDate <= TODAY()")
    ]
    assert other.severity is Severity.RISKY
    assert other.affected_mappings == ("deal_registration--Deal:accountName",)
    assert "“The close date is over”" in other.reason
    assert (came.kind, came.rule, came.field_name) == (
        DriftKind.RULE_ADDED,
        "required:Phase",
        "Phase",
    )
    assert came.severity is Severity.BREAKING
    gone = only(drift(ruled(ENDED), ruled(), accepted=uses))
    assert (gone.kind, gone.severity) == (DriftKind.RULE_REMOVED, Severity.SAFE)


@pytest.mark.parametrize(
    "update", [{"message": "Too late."}, {"active": False}], ids=["other words", "switched off"]
)
def test_a_rule_that_asks_for_no_more_is_safe(update: dict[str, object]) -> None:
    event = only(drift(ruled(ENDED), ruled(ENDED.model_copy(update=update))))
    assert (event.kind, event.severity) == (DriftKind.RULE_CHANGED, Severity.SAFE)


def test_rule_with_unknown_fields_touches_every_write() -> None:
    rule = Rule(name="Any", kind=RuleKind.VALIDATION)
    event = only(drift(ruled(), ruled(rule), accepted=[mapped("Deal", "Stage")]))
    assert event.affected_mappings == ("deal_registration--Deal:accountName",)


def test_rules_that_could_not_be_read_have_not_left() -> None:
    unread = {"Deal": ruled()["Deal"].model_copy(update={"rules": None})}
    assert drift(ruled(ENDED), unread) == drift(unread, ruled(ENDED)) == DriftReport()
    again = ENDED.model_copy(update={"fields": ENDED.fields[::-1]})
    assert drift(ruled(ENDED), ruled(again)) == DriftReport()


def test_rules_of_one_field_are_separate() -> None:
    rules = [NEEDED.model_copy(update={"name": name}) for name in ("one", "two")]
    report = drift(ruled(), ruled(*rules))
    assert [event.rule for event in report.events] == ["one", "two"]
    assert len({event.id for event in report.events}) == 2


MAIN = RecordType(name="Main", label="Main", available=True, default=True)
PARTNER_DEAL = RecordType(name="Partner", label="Partner", available=True, default=False)


@pytest.mark.parametrize(
    ("before", "after", "levels", "named"),
    [
        ({"label": "Deal"}, {"label": "Case"}, "sss", ""),
        ({"plural": "Deals"}, {"plural": "Cases"}, "sss", ""),
        ({"custom": False}, {"custom": True}, "sss", ""),
        ({"custom": True}, {"custom": False}, "sss", ""),
        ({"createable": False}, {"createable": True}, "sss", ""),
        ({"createable": True}, {"createable": False}, "rsb", ""),
        ({"updateable": False}, {"updateable": True}, "sss", ""),
        ({"updateable": True}, {"updateable": False}, "rsb", ""),
        ({"deletable": False}, {"deletable": True}, "sss", ""),
        ({"deletable": True}, {"deletable": False}, "ssr", ""),
        ({"queryable": False}, {"queryable": True}, "sss", ""),
        ({"queryable": True}, {"queryable": False}, "rbb", ""),
        ({"custom_setting": False}, {"custom_setting": True}, "rrr", "Now"),
        ({"custom_setting": True}, {"custom_setting": False}, "rrr", "No longer"),
        ({"record_types": (MAIN, PARTNER_DEAL)}, {"record_types": (MAIN,)}, "rrb", "“Partner”"),
        (
            {"record_types": (MAIN, PARTNER_DEAL)},
            {"record_types": (MAIN, PARTNER_DEAL.model_copy(update={"available": False}))},
            "rrb",
            "“Partner”",
        ),
        (
            {"record_types": (MAIN, PARTNER_DEAL)},
            {"record_types": (MAIN, PARTNER_DEAL.model_copy(update={"active": False}))},
            "rrb",
            "“Partner”",
        ),
        (
            {"record_types": (MAIN, PARTNER_DEAL)},
            {
                "record_types": (
                    PARTNER_DEAL.model_copy(update={"default": True}),
                    MAIN.model_copy(update={"default": False}),
                )
            },
            "rrr",
            "Default record type changed to “Partner”",
        ),
        ({"record_types": (MAIN,)}, {"record_types": (MAIN, PARTNER_DEAL)}, "srs", "“Partner”"),
        (
            {"record_types": (MAIN, PARTNER_DEAL)},
            {"record_types": (MAIN, PARTNER_DEAL.model_copy(update={"label": "Reseller"}))},
            "sss",
            "",
        ),
    ],
)
def test_each_rule_of_an_object(
    before: dict[str, object], after: dict[str, object], levels: str, named: str
) -> None:
    [deal] = org({"Deal": [field("Phase")]}).values()
    found = []
    for direction in (None, Direction.PULL, Direction.PUSH):
        uses = [mapped("Deal", "Phase", direction)] if direction else []
        sides = ({"Deal": deal.model_copy(update=each)} for each in (before, after))
        found.append(only(drift(*sides, accepted=uses)))
    assert "".join(event.severity.value[0] for event in found) == levels
    assert named in found[0].reason
    assert {event.kind for event in found} == {DriftKind.OBJECT_CHANGED}


@pytest.mark.parametrize("unsaid", ["plural", "createable", "record_types", "custom_setting"])
def test_newly_reported_object_attribute_is_not_a_change(unsaid: str) -> None:
    said = {"plural": "Deals", "createable": True, "record_types": (MAIN,), "custom_setting": True}
    [deal] = org({"Deal": []}).values()
    full = deal.model_copy(update=said)
    cut = full.model_copy(update={unsaid: None})
    assert drift({"Deal": cut}, {"Deal": full}) == drift({"Deal": full}, {"Deal": cut})
    assert drift({"Deal": cut}, {"Deal": full}) == DriftReport()


def test_record_type_values_need_both_sides() -> None:
    [deal] = org({"Deal": []}).values()

    def kinds(*allowed: str, known: bool = True) -> dict[str, ObjectSchema]:
        kind = RecordType(name="Main", values={"Stage": allowed} if known else None)
        return {"Deal": deal.model_copy(update={"record_types": (kind,)})}

    assert "“Stage: won”" in only(drift(kinds("open", "won"), kinds("open"))).reason
    assert only(drift(kinds("open"), kinds("won", "open"))).severity is Severity.SAFE
    assert drift(kinds("a", "b"), kinds("b", "a")) == DriftReport()
    assert drift(kinds("a"), kinds(known=False)) == DriftReport()


def test_record_type_order_is_not_a_change() -> None:
    [deal] = org({"Deal": []}).values()
    one, other = (
        {"Deal": deal.model_copy(update={"record_types": types})}
        for types in ((MAIN, PARTNER_DEAL), (PARTNER_DEAL, MAIN))
    )
    assert drift(one, other) == DriftReport()
    assert object_hash(one["Deal"]) == object_hash(other["Deal"])


def test_similar_custom_object_is_a_probable_rename() -> None:
    def custom(name: str, label: str, *fields: str) -> ObjectSchema:
        return ObjectSchema(
            object_type=name,
            label=label,
            custom=True,
            fields=tuple(field(each, custom=True) for each in fields),
        )

    old = custom("Partner_Deal__c", "Partner deal", "A__c", "B__c", "C__c", "D__c")
    same_fields = custom("Registration__c", "Registration", "A__c", "B__c", "C__c", "E__c")
    same_words = custom("Deal_Partner__c", "X", "A__c", "B__c", "Y__c")
    other = custom("Other__c", "Other", "F__c", "G__c")

    def offered(*added: ObjectSchema, gone: Sequence[ObjectSchema] = (old,)) -> dict[str, object]:
        report = drift(
            {},
            {each.object_type: each for each in added},
            gone={each.object_type: GoneReason.REMOVED for each in gone},
            last={each.object_type: each for each in gone},
        )
        found: dict[str, object] = {e.object_type: e.rename_of for e in report.events}
        reason = next(e.reason for e in report.events if e.object_type == gone[0].object_type)
        return found | {"reason": reason}

    assert offered(same_fields, other)["Registration__c"] == "Partner_Deal__c"
    assert "Probably renamed to Registration__c." in str(offered(same_fields)["reason"])
    assert offered(same_words)["Deal_Partner__c"] == "Partner_Deal__c"
    assert offered(other)["Other__c"] is None
    one_field, same_field = custom("Visit__c", "Visit", "A__c"), custom("Log__c", "Log", "A__c")
    assert offered(same_field, gone=[one_field])["Log__c"] is None
    # Of two with the same fields, the one whose name has more of the same letters; case is none.
    for like, new in (("XYZZWW__c", "xyzzqq__c"), ("xyzzww__c", "XYZZQQ__c")):
        rivals = [custom(name, "", "A__c", "B__c") for name in (like, "abcdef__c")]
        assert offered(custom(new, "", "A__c", "B__c"), gone=rivals)[new] == like
