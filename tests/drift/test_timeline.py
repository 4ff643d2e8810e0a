"""Changes as users review them: renames, mappings, and states."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from crmdeck.drift.open_changes import Standing
from crmdeck.drift.timeline import Timeline, find_rename, make_timeline, once, worst
from crmdeck.model import (
    AttributeChange,
    ChangeState,
    Decision,
    DecisionState,
    DriftEvent,
    DriftKind,
    OpenChanges,
    Severity,
)

from .build import NOON

PAIR = "deal_registration--Account"


def event(name: str, **more: Any) -> DriftEvent:
    values = {
        "id": name,
        "connection_id": "c",
        "object_type": "Account",
        "field_name": name,
        "kind": DriftKind.FIELD_CHANGED,
        "severity": Severity.RISKY,
        "detected_at": NOON,
    }
    return DriftEvent.model_validate(values | more)


def accepted(crm_field: str, connection_id: str = "c", pair: str = PAIR) -> Decision:
    return Decision(
        id=crm_field,
        connection_id=connection_id,
        object_pair=pair,
        partner_field="accountName",
        crm_field=crm_field,
        state=DecisionState.ACCEPTED,
        decided_by="dana",
        decided_at=NOON,
    )


def timeline(*events: DriftEvent, **more: Any) -> Timeline:
    values: dict[str, Any] = {"names": {}, "standing": (), "now": NOON, "everywhere": False}
    return make_timeline(events, (), **values | more)


def test_the_halves_of_a_rename_find_each_other() -> None:
    old = event("Old", kind=DriftKind.FIELD_ABSENT)
    new = event("New", kind=DriftKind.FIELD_ADDED, rename_of="Old")
    other = event("Other", kind=DriftKind.FIELD_REMOVED)
    whole = timeline(new, old, other)
    first, second, third = whole.entries
    assert whole.rename_of(first) == whole.rename_of(second) == (second, first)
    assert whole.twin_of(first) is second
    assert (whole.twin_of(third), whole.rename_of(third)) == (None, None)
    assert (first.what, second.what) == (
        "probably renamed from Old",
        "probably renamed to New",
    )


def test_the_halves_of_a_renamed_object_find_each_other() -> None:
    old = event("1", object_type="Old__c", field_name=None, kind=DriftKind.OBJECT_REMOVED)
    new = event(
        "2",
        object_type="New__c",
        field_name=None,
        kind=DriftKind.OBJECT_ADDED,
        rename_of="Old__c",
    )
    whole = timeline(old, new)
    first, second = whole.entries
    assert whole.rename_of(first) == whole.rename_of(second) == (first, second)
    assert find_rename(new, [new, old]) == find_rename(old, [new, old]) == (old, new)
    assert [first.what, second.what] == [
        "probably renamed to New__c",
        "probably renamed from Old__c",
    ]


def test_a_rename_is_within_one_object_of_one_refresh() -> None:
    new = event("New", kind=DriftKind.FIELD_ADDED, rename_of="Old")
    for other in (
        {"object_type": "Lead"},
        {"connection_id": "d"},
        {"detected_at": NOON - timedelta(days=1)},
        {"kind": DriftKind.FIELD_CHANGED},
    ):
        old = event("Old", **{"kind": DriftKind.FIELD_REMOVED, **other})
        assert [entry.twin for entry in timeline(new, old).entries] == [None, None]


def test_a_change_knows_the_mappings_that_still_depend_on_it() -> None:
    mapped = timeline(event("Name"), standing=[accepted("Name")])
    assert mapped.mapped_to(event("Name")) == (accepted("Name"),)
    assert mapped.mapped_to(event("Other")) == ()
    whole = event("x", field_name=None, kind=DriftKind.OBJECT_REMOVED)
    assert mapped.mapped_to(whole) == (accepted("Name"),)
    assert mapped.mapped_to(event("Name", object_type="Lead")) == ()
    assert mapped.mapped_to(event("Name", connection_id="d")) == ()


def test_only_open_breaking_change_breaks_a_mapping() -> None:
    breaking = event("Name", severity=Severity.BREAKING)
    done = Standing(ChangeState.RESOLVED, NOON)
    cases = [
        (breaking, [accepted("Name")], {}, True),
        (breaking, [accepted("Other")], {}, False),
        (breaking, [accepted("Name")], {"Name": done}, False),
        (event("Name"), [accepted("Name")], {}, False),
        (
            breaking.model_copy(update={"acknowledged_at": NOON}),
            [accepted("Name")],
            {},
            False,
        ),
    ]
    for change, standing, standings, expected in cases:
        found = timeline(change, standing=standing, standings=standings)
        assert found.breaks(found.entries[0]) is expected


def test_the_count_of_open_groups_is_that_of_every_face() -> None:
    events = [
        event("a", story="s"),
        event("b", story="s", severity=Severity.BREAKING),
        event("c"),
        event("d", severity=Severity.SAFE),
        event("e", acknowledged_at=NOON),
        event("f"),
    ]
    found = timeline(*events, standings={"f": Standing(ChangeState.EXCUSED)})
    assert [entry.is_open for entry in found.entries] == [True, True, True, False, False, False]
    assert found.open_changes == OpenChanges(
        count=2, breaking=1, risky=1, severity=Severity.BREAKING
    )
    assert timeline().open_changes == OpenChanges()


def test_unseen_is_a_mark_that_can_be_put_back() -> None:
    seen = timeline(event("a"), event("b"), seen={"a", "b"})
    assert [entry.seen for entry in seen.entries] == [True, True]
    again = seen.with_unseen({"b"})
    assert [entry.seen for entry in again.entries] == [True, False]
    assert again.by_id["b"] is again.entries[1]


def test_search_texts_have_the_place_the_words_and_the_people() -> None:
    change = event(
        "Name",
        reason="Shorter.",
        note="fine",
        changed_by="Kim",
        affected_mappings=(f"{PAIR}:accountName",),
        changes=(AttributeChange(attribute="length", before=80, after=40),),
    )
    [entry] = timeline(change).entries
    assert entry.texts == (
        "Account.Name",
        "length 80 → 40",
        "Shorter.",
        "fine",
        "Kim",
        f"{PAIR}:accountName",
    )


def test_entries_without_duplicates_and_their_worst_severity() -> None:
    first, second = timeline(event("a"), event("b", severity=Severity.SAFE)).entries
    assert once([first, second, first]) == (first, second)
    assert worst([second]) is Severity.SAFE
    assert worst([second, first]) is Severity.RISKY
    assert worst([]) is Severity.SAFE
