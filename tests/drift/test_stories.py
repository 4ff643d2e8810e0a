from __future__ import annotations

from crmdeck.model import DriftKind, FieldType, GoneReason, Platform, Severity
from tests.drift.build import drift, field, mapped, told, values


def test_a_change_event_object_is_folded_and_its_base_object_stands_out() -> None:
    report = drift(
        {"Deal__c": [], "Deal__ChangeEvent": [field("Own__c")]},
        {
            "Deal__c": [field("Region__c", required=True, label="Region")],
            "Deal__ChangeEvent": [field("Own__c", label="New"), field("Region__c", required=True)],
        },
    )
    own, echo, base = report.events
    assert (base.object_type, base.story, base.severity) == ("Deal__c", None, Severity.BREAKING)
    assert own.story is None
    story, inside = told(report)["mirror"]
    assert inside == [echo]
    assert (story.title, echo.severity) == (
        "Deal__ChangeEvent repeats 1 change of Deal__c",
        Severity.SAFE,
    )


def test_a_mirror_repeats_changes_not_just_names() -> None:
    report = drift(
        {"Deal": [field("F", length=80)], "DealHistory": [field("F", length=80)]},
        {"Deal": [field("F", length=40)], "DealHistory": [field("F", length=10)]},
    )
    assert report.stories == ()


def test_the_companions_of_a_new_object_come_with_it() -> None:
    report = drift({}, {"Deal__c": [], "Deal__Share": [], "Deal__History": [], "Deal__Feed": []})
    _, inside = told(report)["mirror"]
    assert [e.object_type for e in inside] == ["Deal__Feed", "Deal__History", "Deal__Share"]


def test_person_accounts_repeat_the_fields_of_contact() -> None:
    report = drift(
        {"Account": [], "Contact": []},
        {"Account": [field("Tier__pc")], "Contact": [field("Tier__c")]},
    )
    _, [echo] = told(report)["mirror"]
    assert (echo.object_type, echo.field_name) == ("Account", "Tier__pc")


def test_a_picklist_that_names_what_changed_is_folded_wherever_it_is() -> None:
    lists = {"picklist": values("Account.Name", "Other__c")}
    after = {"picklist": values("Account.Name", "Account.Region__c", "Field.Account.Region__c.end")}
    report = drift(
        {"Account": [], "AnySetup": [field("Target", **lists)], "Other__c": []},
        {"Account": [field("Region__c")], "AnySetup": [field("Target", **after)]},
        gone={"Other__c": GoneReason.REMOVED},
    )
    _, [echo] = told(report)["setup_picklists"]
    assert (echo.object_type, echo.severity) == ("AnySetup", Severity.SAFE)


def test_an_ordinary_picklist_is_not_mistaken_for_one_that_lists_fields() -> None:
    report = drift(
        {"Account": [], "Lead": [field("Source", picklist=values("Web"))]},
        {
            "Account": [field("Partner", picklist=values("Yes"))],
            "Lead": [field("Source", picklist=values("Web", "Partner", "Account"))],
        },
    )
    assert report.stories == ()


def test_setup_picklists_of_salesforce_are_known() -> None:
    before = {"FieldPermissions": [field("Field", picklist=values("A.B"))]}
    after = {"FieldPermissions": [field("Field", picklist=values("A.B", "A.C"))]}
    assert list(told(drift(before, after))) == ["setup_picklists"]
    assert drift(before, after, platform=Platform.HUBSPOT).stories == ()


def test_lookups_to_many_objects_follow_a_new_object() -> None:
    report = drift(
        {"Task": [field("WhatId", references=("Account", "Case"))]},
        {"Task": [field("WhatId", references=("Account", "Case", "Deal__c"))], "Deal__c": []},
    )
    _, [echo] = told(report)["reference_lists"]
    assert (echo.field_name, echo.severity) == ("WhatId", Severity.SAFE)


def test_kinds_of_objects_that_leave_together_are_one_story_and_others_are_not() -> None:
    leaving = ["AHistory", "BHistory", "AShare", "LoginEvent", "Deal__c", "Event", "Order"]
    report = drift({}, {}, gone=dict.fromkeys(leaving, GoneReason.ABSENT))
    story, inside = told(report)["object_kinds"]
    assert (
        story.title == "4 objects of 3 kinds (History, Event, Share) are not in the answer any more"
    )
    assert [e.object_type for e in inside] == ["AHistory", "AShare", "BHistory", "LoginEvent"]
    assert {e.kind for e in inside} == {DriftKind.OBJECT_ABSENT}
    assert [e.object_type for e in report.events if not e.story] == ["Deal__c", "Event", "Order"]


def test_a_crowd_of_ordinary_objects_is_one_story_too() -> None:
    crowd = [f"Object{n:02}__c" for n in range(12)]
    report = drift(
        {}, {name: [] for name in crowd}, returned=dict.fromkeys(crowd[:11], GoneReason.ABSENT)
    )
    story, inside = told(report)["object_kinds"]
    assert len(inside) == 11
    assert story.title.endswith("and 8 more) are in the answer again")


def test_a_scope_that_shrank_is_told_as_that() -> None:
    gone = dict.fromkeys(["Deal__c", "Order", "AHistory"], GoneReason.OUT_OF_SCOPE)
    story, _ = told(drift({}, {}, gone=gone))["scope"]
    assert (story.title, story.event_count) == ("The scope asks for 3 objects fewer", 3)


def test_a_field_added_everywhere_is_one_story() -> None:
    names = ["Account", "Lead", "Order"]
    other = [field("Region", type=FieldType.BOOLEAN)]
    report = drift(
        {name: [] for name in [*names, "Case"]},
        {name: [field("Region")] for name in names} | {"Case": other},
    )
    story, inside = told(report)["field_everywhere"]
    assert story.title == "“Region” was added to 3 objects"
    assert [e.object_type for e in inside] == names


def test_many_fields_that_lose_the_same_permission_are_one_story() -> None:
    names = [f"F{n}" for n in range(12)]
    report = drift(
        {"Deal": [field(name, updateable=True) for name in names]},
        {"Deal": [field(name, updateable=False) for name in names]},
    )
    story, _ = told(report)["same_change"]
    assert story.title == "12 fields of Deal changed the same way: updateable"


def test_a_vendor_release_is_told_as_one_and_custom_fields_stand_out() -> None:
    objects = ["Account", "Lead", "Order"]
    new = {name: [field(f"{name}New{n}", custom=False) for n in range(7)] for name in objects}
    new["Account"].append(field("Region__c", custom=True))
    report = drift({name: [] for name in objects}, {**new, "Forecast": []})
    story, _ = told(report)["vendor_release"]
    assert story.title == (
        "Vendor release or newer API version: 1 object and 21 fields of 3 objects added"
    )
    assert [e.field_name for e in report.events if not e.story] == ["Region__c"]


def test_what_a_package_brings_is_one_story() -> None:
    report = drift(
        {"Account": []},
        {
            "Account": [field(f"acme__F{n}__c", custom=True) for n in range(4)],
            "acme__Invoice__c": [],
        },
    )
    story, _ = told(report)["package"]
    assert story.title == "Package acme added 1 object and 4 fields of 1 object"


def test_what_touches_a_mapping_is_never_folded() -> None:
    gone = dict.fromkeys(["AHistory", "BHistory", "CHistory", "DHistory"], GoneReason.ABSENT)
    report = drift({}, {}, gone=gone, accepted=[mapped("BHistory", "Field")])
    assert [e.object_type for e in report.events if not e.story] == ["BHistory"]
    _, inside = told(report)["object_kinds"]
    assert len(inside) == 3
