from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from crmdeck.drift import change_group_rules
from crmdeck.drift.change_group_rules import load_change_group_rules
from crmdeck.model import (
    DriftKind,
    DriftReport,
    Field,
    FieldType,
    GoneReason,
    ObjectSchema,
    PicklistValue,
    Severity,
)
from tests.drift.build import drift, field, mapped, only, org, told, values

PLACES = ("Berlin", "Paris", "Rome", "Oslo", "Kiev", "Riga", "Vaduz", "Malta", "Minsk", "Sofia")
ZONES, SUMMER = (
    tuple(
        PicklistValue(value=f"Europe/{place}", label=f"(GMT+0{hours}:00) {place}")
        for place in PLACES
    )
    for hours in (1, 2)
)


def test_change_event_object_joins_its_base_object() -> None:
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


def test_a_mirror_that_asks_for_more_than_its_base_is_news() -> None:
    before: dict[str, list[Field]] = {"Deal__c": [], "Deal__ChangeEvent": []}
    optional, required = (field("Region__c", required=needed) for needed in (False, True))
    after = {"Deal__c": [optional], "Deal__ChangeEvent": [required]}
    report = drift(before, after)
    assert report.stories == ()
    assert max(e.severity.rank for e in report.events) == Severity.BREAKING.rank
    late = drift(
        {"Deal__ChangeEvent": []},
        {"Deal__ChangeEvent": [required]},
        present={"Deal__c": [optional]},
    )
    assert late.stories == ()


def test_companions_join_their_new_object() -> None:
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


def test_picklist_listing_changed_names_is_grouped() -> None:
    lists = {"picklist": values("Account.Name", "Other__c")}
    after = {"picklist": values("Account.Name", "Account.Region__c", "Field.Account.Region__c.end")}
    report = drift(
        {"Account": [], "AnySetup": [field("Target", **lists)], "Other__c": []},
        {"Account": [field("Region__c")], "AnySetup": [field("Target", **after)]},
        gone={"Other__c": GoneReason.REMOVED},
    )
    _, [echo] = told(report)["setup_picklists"]
    assert (echo.object_type, echo.severity) == ("AnySetup", Severity.SAFE)


def test_ordinary_picklist_is_not_a_setup_picklist() -> None:
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
    assert drift(before, after, platform="hubspot").stories == ()


def test_lookups_to_many_objects_follow_a_new_object() -> None:
    report = drift(
        {"Task": [field("WhatId", references=("Account", "Case"))]},
        {"Task": [field("WhatId", references=("Account", "Case", "Deal__c"))], "Deal__c": []},
    )
    _, [echo] = told(report)["reference_lists"]
    assert (echo.field_name, echo.severity) == ("WhatId", Severity.SAFE)


def test_object_kinds_group_only_if_alike() -> None:
    leaving = ["AHistory", "BHistory", "AShare", "LoginEvent", "Deal__c", "Event", "Order"]
    report = drift({}, {}, gone=dict.fromkeys(leaving, GoneReason.ABSENT))
    story, inside = told(report)["object_kinds"]
    assert story.title == "4 objects of 3 kinds (History, Event, Share) are no longer in the export"
    assert [e.object_type for e in inside] == ["AHistory", "AShare", "BHistory", "LoginEvent"]
    assert {e.kind for e in inside} == {DriftKind.OBJECT_ABSENT}
    assert [e.object_type for e in report.events if not e.story] == ["Deal__c", "Event", "Order"]


def test_many_ordinary_objects_are_one_group() -> None:
    crowd = [f"Object{n:02}__c" for n in range(12)]
    report = drift(
        {}, {name: [] for name in crowd}, returned=dict.fromkeys(crowd[:11], GoneReason.ABSENT)
    )
    story, inside = told(report)["object_kinds"]
    assert len(inside) == 11
    assert story.title.endswith("and 8 more) are in the export again")


def test_smaller_scope_is_one_group() -> None:
    gone = dict.fromkeys(["Deal__c", "Order", "AHistory"], GoneReason.OUT_OF_SCOPE)
    story, _ = told(drift({}, {}, gone=gone))["scope"]
    assert (story.title, story.event_count) == ("3 objects left the scope", 3)


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


def test_vendor_release_excludes_custom_fields() -> None:
    objects = ["Account", "Lead", "Order"]
    new = {name: [field(f"{name}New{n}", custom=False) for n in range(7)] for name in objects}
    new["Account"].append(field("Region__c", custom=True))
    report = drift({name: [] for name in objects}, {**new, "Forecast": []})
    story, _ = told(report)["vendor_release"]
    assert story.title == (
        "Vendor release or newer API version: 1 object and 21 fields of 3 objects added"
    )
    assert [e.field_name for e in report.events if not e.story] == ["Region__c"]


def test_package_is_one_change_group() -> None:
    report = drift(
        {"Account": []},
        {
            "Account": [field(f"acme__F{n}__c", custom=True) for n in range(4)],
            "acme__Invoice__c": [],
        },
    )
    story, _ = told(report)["package"]
    assert story.title == "Package acme added 1 object and 4 fields of 1 object"


def test_change_of_mapped_field_is_never_grouped() -> None:
    gone = dict.fromkeys(["AHistory", "BHistory", "CHistory", "DHistory"], GoneReason.ABSENT)
    report = drift({}, {}, gone=gone, accepted=[mapped("BHistory", "Field")])
    assert [e.object_type for e in report.events if not e.story] == ["BHistory"]
    _, inside = told(report)["object_kinds"]
    assert len(inside) == 3


NAMES = values("Account.Name", "Account.Region__c")
HISTORIES = ["AHistory", "BHistory", "CHistory"]


def everywhere(
    objects: list[str], name: str = "Region", **attributes: Any
) -> dict[str, list[Field]]:
    return {object_type: [field(name, **attributes)] for object_type in objects}


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (
            everywhere(HISTORIES, name="Field", picklist=NAMES[:1]),
            everywhere(HISTORIES, name="Field", picklist=NAMES),
            {"setup_picklists": 3},
        ),
        (
            {n: [field("WhatId", references=("A", "B"))] for n in ("Task", "Event", "Call")},
            {n: [field("WhatId", references=("A", "B", "D__c"))] for n in ("Task", "Event", "Call")}
            | {"D__c": []},
            {"reference_lists": 3},
        ),
        (
            {"Acme": [], "AcmeChangeEvent": []},
            {n: [field(f"acme__F{i}__c") for i in range(6)] for n in ("Acme", "AcmeChangeEvent")},
            {"mirror": 6, "package": 6},
        ),
        (
            {"A": [], "B": [], "C": []},
            {n: [field(f"acme__F{i}__c", custom=False) for i in range(20)] for n in "ABC"},
            {"package": 60},
        ),
        (
            {},
            {f"acme__Thing{i:02}__c": [] for i in range(12)},
            {"package": 12},
        ),
        (
            {},
            {"Deal__c": [], "Deal__History": [], "Deal__Share": [], "Deal__Feed": []},
            {"mirror": 3},
        ),
        (
            {"A": [], "B": [], "C": []},
            {n: [field(f"New{i}", custom=False) for i in range(20)] for n in "ABC"},
            {"vendor_release": 60},
        ),
        (
            everywhere([f"O{i}" for i in range(12)], updateable=True),
            everywhere([f"O{i}" for i in range(12)], updateable=False),
            {"field_everywhere": 12},
        ),
        (
            {
                n: [field("TimeZoneSidKey", picklist=ZONES)]
                for n in ("User", "UserChangeEvent", "X")
            },
            {
                n: [field("TimeZoneSidKey", picklist=SUMMER)]
                for n in ("User", "UserChangeEvent", "X")
            },
            {"zones_and_locales": 3},
        ),
    ],
    ids=[
        "a list of fields before a field everywhere",
        "a lookup before a field everywhere",
        "a mirror before a package",
        "a package before a release",
        "a package before a crowd of objects",
        "a mirror before a kind of objects",
        "a release before a field everywhere",
        "a field everywhere before the same change",
        "zones before a mirror",
    ],
)
def test_first_matching_group_rule_wins(
    before: dict[str, list[Field]], after: dict[str, list[Field]], kinds: dict[str, int]
) -> None:
    report = drift(before, after)
    assert {story.kind: story.event_count for story in report.stories} == kinds


@pytest.mark.parametrize(("fields", "objects"), [(19, 3), (20, 2)])
def test_a_release_brings_many_fields_to_several_objects(fields: int, objects: int) -> None:
    names = [f"Object{n}" for n in range(objects)]
    new: dict[str, list[Field]] = {name: [] for name in names}
    for number in range(fields):
        new[names[number % objects]].append(field(f"New{number}", custom=False))
    before: dict[str, list[Field]] = {name: [] for name in names}
    assert drift(before, new).stories == ()
    new[names[0]].append(field("OneMore", custom=False))
    more = drift(before | {"Other": []}, new | {"Other": [field("Last", custom=False)]})
    assert list(told(more)) == ["vendor_release"]


def test_lookup_without_targets_is_a_change() -> None:
    gone = {"Deal__c": GoneReason.REMOVED}
    one = drift(
        {"Task": [field("Deal", references=("Deal__c",))]},
        {"Task": [field("Deal", references=())]},
        gone=gone,
    )
    assert one.stories == ()
    assert [e.severity for e in one.events if e.field_name] == [Severity.RISKY]
    another = drift(
        {"Task": [field("Deal", references=("Deal__c",))]},
        {"Task": [field("Deal", references=("New__c",))], "New__c": []},
        gone=gone,
    )
    assert another.stories == ()
    all_of_them = drift(
        {"Task": [field("Deal", references=("Deal__c", "Old__c"))]},
        {"Task": [field("Deal", references=())]},
        gone=gone | {"Old__c": GoneReason.REMOVED},
    )
    assert all_of_them.stories == ()


@pytest.mark.parametrize(
    ("custom", "size", "folded"),
    [(False, 1001, True), (False, 1000, False), (True, 1001, False), (None, 1001, False)],
)
def test_a_list_longer_than_any_of_an_admin_is_the_platforms_own(
    custom: bool | None, size: int, folded: bool
) -> None:
    names = [f"Value {n}" for n in range(size)]
    before = field("Kind", custom=custom, picklist=values(*names[1:]))
    after = field("Kind", custom=custom, picklist=values(*names))
    assert bool(drift({"Setup": [before]}, {"Setup": [after]}).stories) is folded


# What came or went a refresh earlier, and echoes now.
DEAL = [field("Region__c", length=80), field("Stage", picklist=values("open", "won"))]


def test_late_mirror_gets_the_state_of_its_base() -> None:
    before = {"Deal__ChangeEvent": [field("Stage", picklist=values("open"))]}
    after = {"Deal__ChangeEvent": DEAL}
    story, echoes = told(drift(before, after, present={"Deal__c": DEAL}))["mirror"]
    assert (story.severity, len(echoes)) == (Severity.SAFE, 2)
    other = [field("Region__c", length=80), field("Stage", picklist=values("open", "lost"))]
    report = drift(before, after, present={"Deal__c": other})
    assert [e.field_name for e in report.events if not e.story] == ["Stage"]


def test_mirror_field_removed_later_joins_base_change() -> None:
    before = {"Deal__ChangeEvent": [field("Region__c", custom=True)]}
    after: dict[str, list[Field]] = {"Deal__ChangeEvent": []}
    left = [("Deal__c", "Region__c")]
    late = drift(before, after, present={"Deal__c": []}, left=left)
    assert list(told(late)) == ["mirror"]
    for known in ({}, {"left": left, "present": {"Deal__c": [field("Region__c")]}}):
        news = drift(before, after, **{"present": {"Deal__c": []}, **known})  # type: ignore[arg-type]
        assert news.stories == ()
        assert only(news).severity is Severity.RISKY


def test_late_companions_join_their_object() -> None:
    came = drift({}, {"Deal__History": []}, present={"Deal__c": []})
    assert list(told(came)) == ["mirror"]
    gone = {"Deal__History": GoneReason.REMOVED}
    left = drift({}, {}, gone=gone, left=[("Deal__c", None)])
    assert list(told(left)) == ["mirror"]
    on_its_own = drift({}, {}, gone=gone, present={"Deal__c": []})
    assert on_its_own.stories == ()
    assert only(on_its_own).severity is Severity.RISKY


def test_lookup_follows_earlier_removed_object() -> None:
    before = {"Task": [field("WhatId", references=("Account", "Case", "Deal__c"))]}
    after = {"Task": [field("WhatId", references=("Account", "Case"))]}
    late = drift(before, after, left=[("Deal__c", None)])
    assert list(told(late)) == ["reference_lists"]
    assert only(late).severity is Severity.SAFE
    back = drift(before, after, left=[("Deal__c", None)], present={"Deal__c": []})
    assert back.stories == ()
    assert only(back).severity is Severity.RISKY


def test_a_list_of_names_follows_late() -> None:
    names = ("Account.Name", "Account.Old__c", "Deal__c.Phase", "Deal__c")
    before = {"AnySetup": [field("Target", picklist=values(*names))]}
    after = {"AnySetup": [field("Target", picklist=values("Account.Name", "Account.New__c"))]}
    present = {"Account": [field("Name"), field("New__c")]}
    late = drift(before, after, present=present, left=[("Deal__c", None)])
    assert list(told(late)) == ["setup_picklists"]
    assert drift(before, after, present=present).stories == ()
    still = {"Account": [field("Name"), field("New__c"), field("Old__c")]}
    assert drift(before, after, present=still, left=[("Deal__c", None)]).stories == ()


def test_summer_time_is_one_story_and_as_bad_as_its_worst() -> None:
    before = {"User": [field("Zone", picklist=ZONES)], "Org": [field("Zone", picklist=ZONES)]}
    after = {"User": [field("Zone", picklist=SUMMER)], "Org": [field("Zone", picklist=SUMMER[1:])]}
    story, inside = told(drift(before, after))["zones_and_locales"]
    assert story.title == (
        "2 lists of time zones and locales changed (daylight saving or a release)"
    )
    assert [e.severity for e in inside] == [Severity.RISKY, Severity.SAFE]
    assert story.severity is Severity.RISKY


@pytest.mark.parametrize(
    "names",
    [
        ("yes", "no", "EMEA", "APAC", "LATAM", "Other", "a", "b", "c", "d", "e"),
        ("yes", "no", "new", "won"),
        (*(zone.value for zone in ZONES), "Somewhere else"),
    ],
    ids=["words", "few", "zones and more"],
)
def test_other_picklists_are_not_zone_groups(names: tuple[str, ...]) -> None:
    report = drift(
        {"User": [field("Zone", picklist=values(*names))]},
        {"User": [field("Zone", picklist=values(*names[1:]))]},
    )
    assert report.stories == ()


def test_locales_are_known_by_their_form() -> None:
    names = ("en_US", "en_GB", "de", "de_DE_EURO", "fr", "fr_CA", "zh_Hant_TW", "it", "es", "ja")
    report = drift(
        {"User": [field("LocaleSidKey", picklist=values(*names))]},
        {"User": [field("LocaleSidKey", picklist=values(*names, "pt-br"))]},
    )
    assert list(told(report)) == ["zones_and_locales"]


def changed_alike(number: int) -> tuple[dict[str, list[Field]], dict[str, list[Field]]]:
    before, after = (
        {"Deal": [field(f"F{n}", updateable=can) for n in range(number)]} for can in (True, False)
    )
    return before, after


def added_everywhere(number: int) -> tuple[dict[str, list[Field]], dict[str, list[Field]]]:
    names = [f"Object{n}" for n in range(number)]
    return {name: [] for name in names}, everywhere(names)


def brought_by_a_package(number: int) -> tuple[dict[str, list[Field]], dict[str, list[Field]]]:
    return {"Deal": []}, {"Deal": [field(f"acme__F{n}__c") for n in range(number)]}


@pytest.mark.parametrize(
    ("changes", "enough"), [(changed_alike, 10), (added_everywhere, 3), (brought_by_a_package, 5)]
)
def test_how_many_are_a_mass(changes: Any, enough: int) -> None:
    assert drift(*changes(enough - 1)).stories == ()
    assert len(drift(*changes(enough)).stories) == 1


@pytest.mark.parametrize(("ending", "enough"), [("History", 3), ("__c", 10)])
def test_how_many_objects_that_leave_are_a_mass(ending: str, enough: int) -> None:
    gone = [f"Object{n}{ending}" for n in range(enough)]
    assert drift({}, {}, gone=dict.fromkeys(gone[1:], GoneReason.REMOVED)).stories == ()
    assert len(drift({}, {}, gone=dict.fromkeys(gone, GoneReason.REMOVED)).stories) == 1


# Thresholds and titles


def empty(names: Iterable[str]) -> dict[str, list[Field]]:
    return {name: [] for name in names}


def kinds(report: DriftReport) -> list[str]:
    return [story.kind for story in report.stories]


def gone(*names: str, reason: GoneReason = GoneReason.ABSENT) -> DriftReport:
    return drift({}, {}, gone=dict.fromkeys(names, reason))


def test_each_story_needs_enough_members() -> None:
    assert kinds(gone("A", reason=GoneReason.OUT_OF_SCOPE)) == []
    assert kinds(gone("A", "B", reason=GoneReason.OUT_OF_SCOPE)) == ["scope"]
    assert kinds(gone("AShare", "BShare")) == []
    assert kinds(gone("AShare", "BShare", "CShare")) == ["object_kinds"]
    assert kinds(gone(*(f"Object{n}" for n in range(9)))) == []
    assert kinds(gone(*(f"Object{n}" for n in range(10)))) == ["object_kinds"]
    package = [field(f"acme__F{n}__c", custom=True) for n in range(5)]
    assert kinds(drift({"Deal": []}, {"Deal": package[:4]})) == []
    assert kinds(drift({"Deal": []}, {"Deal": package})) == ["package"]
    two, three = ({name: [field("Region")] for name in names} for names in ("AB", "ABC"))
    assert kinds(drift(empty("AB"), two)) == []
    assert kinds(drift(empty("ABC"), three)) == ["field_everywhere"]

    def updateable(number: int, value: bool) -> dict[str, list[Field]]:
        return {"Deal": [field(f"F{n}", updateable=value) for n in range(number)]}

    assert kinds(drift(updateable(9, True), updateable(9, False))) == []
    assert kinds(drift(updateable(10, True), updateable(10, False))) == ["same_change"]


def titles(report: DriftReport) -> list[str]:
    return [story.title for story in report.stories]


def test_titles_count_their_members() -> None:
    def lookups(*names: str, targets: tuple[str, ...]) -> dict[str, list[Field]]:
        return {name: [field("WhatId", references=targets)] for name in names}

    few, more = ("A", "B"), ("A", "B", "D__c")
    for names, title in (
        (("Task",), "1 lookup to many objects follows added and removed objects"),
        (("Task", "Call"), "2 lookups to many objects follow added and removed objects"),
    ):
        after = lookups(*names, targets=more) | {"D__c": []}
        assert titles(drift(lookups(*names, targets=few), after)) == [title]
    one = {"A__c": [field("X")], "A__Share": [field("X")]}
    assert titles(drift({"A__c": [], "A__Share": []}, one)) == ["A__Share repeats 1 change of A__c"]
    two = one | {"B__c": [field("Y")], "B__Share": [field("Y")]}
    assert titles(drift(empty(two), two)) == ["2 objects repeat 2 changes of 2 base objects"]
    mixed = gone("AShare", "BTag", "CTag")
    assert titles(mixed) == ["3 objects of 2 kinds (Tag, Share) are no longer in the export"]
    tied = gone("AShare", "BTag", "CTag", "DShare", "EFeed")
    assert titles(tied)[0].startswith("5 objects of 3 kinds (Share, Tag, Feed)")
    assert titles(gone("ATag", "BTag", "CTag", reason=GoneReason.REMOVED)) == [
        "3 objects of 1 kind (Tag) are removed"
    ]
    removed = {"Deal": [field(f"acme__F{n}__c", custom=True) for n in range(5)]}
    assert titles(drift(removed, {"Deal": []})) == ["Package acme removed 5 fields of 1 object"]
    spread = {f"O{n}": [field(f"F{n}", updateable=True)] for n in range(10)}
    assert titles(
        drift(spread, {k: [field(f[0].name, updateable=False)] for k, f in spread.items()})
    ) == ["10 fields of 10 objects changed the same way: updateable"]
    changed = drift(
        {name: [field("Region", length=80, label="a")] for name in "ABC"},
        {name: [field("Region", length=40, label="b")] for name in "ABC"},
    )
    assert titles(changed) == ["“Region” changed the same way in 3 objects: length, label"]
    left = drift({name: [field("Region")] for name in "ABC"}, empty("ABC"))
    assert titles(left) == ["“Region” was removed from 3 objects"]


def test_setup_picklists_count_their_objects() -> None:
    before, after = (field("Field", picklist=picked) for picked in (NAMES[:1], NAMES))
    report = drift(everywhere_of(HISTORIES, before), everywhere_of(HISTORIES, after))
    assert titles(report) == ["Picklists of 3 setup objects follow changed fields and objects"]


def everywhere_of(objects: list[str], one: Field) -> dict[str, list[Field]]:
    return {object_type: [one] for object_type in objects}


def test_relabeled_object_groups_labels_with_its_name() -> None:
    def state(label: str, plural: str, list_: str) -> dict[str, ObjectSchema]:
        listed = (PicklistValue(value="Deal", label=label), PicklistValue(value="X", label="X"))
        fields = {
            "Deal": [field("Name", label=f"{label} Name"), field("Size", label="Size")],
            "DealHistory": [field("DealId", label=f"{label} ID")],
            "ListView": [field("SobjectType", type=FieldType.PICKLIST, picklist=listed)],
            "Task": [field("What", label=f"All {plural.lower()}"), field("Deals", label="D")],
            "Note": [field("Where", label=f"Where is the {list_}?")],
        }
        schemas = org(fields, custom=False)
        schemas["Deal"] = schemas["Deal"].model_copy(update={"label": label, "plural": plural})
        schemas["DealHistory"] = schemas["DealHistory"].model_copy(
            update={"label": f"{label} History"}
        )
        return schemas

    before = state("Deal", "Deal list", "deal list")
    report = drift(before, state("Opportunity", "Opportunities", "opportunities"))
    story, events = told(report)["relabeled"]
    assert story.title == "Deal was relabeled “Opportunity”"
    assert len(events) == len(report.events) == 7


def test_label_case_change_is_not_a_relabel_group() -> None:
    def state(label: str) -> dict[str, ObjectSchema]:
        schemas = org({"Deal": [field("Name", label=f"{label} Name")]}, custom=False)
        return {"Deal": schemas["Deal"].model_copy(update={"label": label})}

    assert drift(state("Deal"), state("deal")).stories == ()


@pytest.mark.parametrize(
    ("object_type", "name"),
    [
        ("WebLink", "PageOrSobjectType"),
        ("DataIntegrationRecordPurchasePermission", "ExternalObject"),
    ],
)
def test_setup_picklist_is_grouped_for_unscoped_objects(object_type: str, name: str) -> None:
    fields = {
        state: [field(name, type=FieldType.PICKLIST, custom=False, picklist=values(*listed))]
        for state, listed in {"old": ("Account", "Lead"), "new": ("Account", "Quote")}.items()
    }
    report = drift({object_type: fields["old"]}, {object_type: fields["new"]})
    assert only(report).severity is Severity.SAFE
    assert set(told(report)) == {"setup_picklists"}


def test_each_kind_of_change_group_has_its_function() -> None:
    kinds = [rule.kind for rule, _ in load_change_group_rules()]
    assert sorted(kinds) == sorted(change_group_rules._FINDERS)
