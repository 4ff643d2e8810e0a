"""The effective access of a CRM user, next to an oracle that tries all possibilities."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from crmdeck.model.access import (
    Assignment,
    EffectiveAccess,
    PermissionSet,
    access_changes,
    as_seen_by,
    compute_access,
)
from crmdeck.model.schema import Field, ObjectSchema

NOW = datetime(2026, 11, 29, tzinfo=UTC)
_LETTERS = "CREDV"


def _draw_set(draw: random.Random, number: int, *, muting: bool = False) -> PermissionSet:
    def some(letters: str) -> str:
        return "".join(each for each in letters if draw.random() < 0.5)

    objects = {"Deal__c": some(_LETTERS)} if draw.random() < 0.8 else {}
    fields = {"Deal__c": {"Sum__c": some("RE")}} if draw.random() < 0.8 else {}
    modifies_all = not muting and draw.random() < 0.1
    is_whole = muting or draw.random() < 0.9
    return PermissionSet(f"set{number}", objects, fields, modifies_all, is_whole)


def _draw_assignments(draw: random.Random) -> list[Assignment]:
    found = []
    for number in range(draw.randint(0, 4)):
        is_group = draw.random() < 0.5
        members = draw.randint(1, 3) if is_group else 1
        mutes = draw.randint(0, 2) if is_group else 0
        found.append(
            Assignment(
                tuple(_draw_set(draw, 10 * number + each) for each in range(members)),
                tuple(_draw_set(draw, 90 + each, muting=True) for each in range(mutes)),
                group=f"group{number}" if is_group else "",
                is_current=not is_group or draw.random() < 0.85,
                is_active=draw.random() < 0.85,
                expires_at=draw.choice((None, None, NOW, NOW + timedelta(days=1))),
            )
        )
    return found


def _worlds(one: Assignment, letters: str, is_field: bool) -> set[frozenset[str]]:
    """Return every set of permissions that an assignment may give."""
    if not one.is_active or (one.expires_at is not None and one.expires_at <= NOW):
        return {frozenset()}
    free: set[str] = set()
    sure: set[str] = set()
    for member in one.members:
        rows = member.fields.get("Deal__c", {}) if is_field else member.objects
        row = rows.get("Sum__c" if is_field else "Deal__c")
        sure |= set(row or "")
        if row is None and not member.is_whole:
            free |= set(letters)
    muted = {
        letter
        for mute in one.mutes
        for letter in (
            mute.fields.get("Deal__c", {}).get("Sum__c", "")
            if is_field
            else mute.objects.get("Deal__c", "")
        )
    }
    by_all = {"C", "R", "E", "D"} if any(m.modifies_all for m in one.members) else set()
    if is_field:
        by_all = set()
    free = (free - muted) | (by_all & muted)
    sure = (sure - muted) | (by_all - muted)
    if not one.is_current:
        free, sure = set(letters), set()
    found = set()
    for size in range(len(free) + 1):
        for extra in itertools.combinations(sorted(free), size):
            world = sure | set(extra)
            if "R" not in world:
                world = set()
            if "E" not in world:
                world = world - {"D"}
            found.add(frozenset(world))
    return found


def _possible(
    assignments: list[Assignment], letters: str, is_field: bool
) -> dict[str, bool | None]:
    total = {frozenset[str]()}
    for one in assignments:
        worlds = _worlds(one, letters, is_field)
        total = {left | right for left in total for right in worlds}
    return {
        letter: None
        if len({letter in world for world in total}) > 1
        else letter in next(iter(total))
        for letter in letters
    }


def _both(left: bool | None, right: bool | None) -> bool | None:
    return min(left, right, key=lambda value: {False: 0, None: 1, True: 2}[value])


def _either(left: bool | None, right: bool | None) -> bool | None:
    return max(left, right, key=lambda value: {False: 0, None: 1, True: 2}[value])


def test_compute_access_any_assignments_equals_oracle() -> None:
    draw = random.Random(39)
    for number in range(8_000):
        assignments = _draw_assignments(draw)
        access = compute_access("sync", assignments, NOW, ["Deal__c"])
        listed = {name for one in assignments for each in one.members for name in each.objects}
        wanted = _possible(assignments, _LETTERS, False)
        found = access.of_object("Deal__c")
        if listed:
            assert found == wanted, (number, assignments)
        rows = any(each.fields for one in assignments for each in one.members)
        field = _possible(assignments, "RE", True)
        mine = access.of_field("Deal__c", "Sum__c")
        assert mine is not None
        if listed and rows:
            assert mine["R"] == _both(_either(field["R"], wanted["V"]), wanted["R"]), number
            assert mine["E"] == _both(field["E"], wanted["R"]), number


def test_compute_access_more_sets_or_mutes_keeps_laws() -> None:
    draw = random.Random(7)
    rank = {False: 0, None: 1, True: 2}
    for _ in range(600):
        assignments = _draw_assignments(draw)
        added = [*assignments, Assignment((_draw_set(draw, 77),))]
        before = compute_access("sync", assignments, NOW, ["Deal__c"])
        after = compute_access("sync", added, NOW, ["Deal__c"])
        mixed = compute_access("sync", added[::-1], NOW, ["Deal__c"])
        assert (after.objects, after.fields) == (mixed.objects, mixed.fields)
        for letter in _LETTERS if "Deal__c" in before.objects else "":
            # A permission set never takes anything away.
            assert (
                rank[after.of_object("Deal__c")[letter]]
                >= rank[before.of_object("Deal__c")[letter]]
            )
        muted = [
            one._replace(mutes=(*one.mutes, _draw_set(draw, 99, muting=True)._replace(fields={})))
            if one.group
            else one
            for one in assignments
        ]
        less = compute_access("sync", muted, NOW, ["Deal__c"])
        for letter in _LETTERS if "Deal__c" in before.objects else "":
            # A mute never grants anything.
            assert (
                rank[less.of_object("Deal__c")[letter]] <= rank[before.of_object("Deal__c")[letter]]
            )


def _schema(**flags: bool) -> ObjectSchema:
    own = {"native": {"permissionable": True}}
    return ObjectSchema(
        object_type="Opportunity",
        createable=False,
        updateable=False,
        fields=(
            Field(name="Amount", createable=False, updateable=False, **own),
            Field(name="Secret__c", createable=False, updateable=False, **own),
            Field(name="Muted__c", createable=False, updateable=False, **own),
            Field(name="Gone__c", createable=False, updateable=False, **own),
            Field(name="Sum__c", createable=False, updateable=False, calculated=True, **own),
            Field(
                name="StageName",
                required=True,
                createable=False,
                updateable=False,
                native={"permissionable": False},
            ),
            Field(
                name="CreatedDate",
                createable=False,
                updateable=False,
                native={"permissionable": False},
            ),
        ),
    )


def test_as_seen_by_planted_holes_finds_each() -> None:
    rows = {"Amount": "RE", "Sum__c": "R"}
    assignments = [
        Assignment((PermissionSet("CRM_Sync", {"Opportunity": "CREV"}, {"Opportunity": rows}),)),
        Assignment(
            (PermissionSet("Deals", {}, {"Opportunity": {"Muted__c": "RE"}}),),
            (PermissionSet("Mute", {}, {"Opportunity": {"Muted__c": "E"}}),),
            group="Partner_Team",
        ),
        Assignment(
            (PermissionSet("Old", {}, {"Opportunity": {"Gone__c": "RE"}}),),
            expires_at=NOW - timedelta(days=1),
        ),
    ]
    access = compute_access("sync", assignments, NOW, ["Opportunity"])
    seen = {field.name: field for field in as_seen_by(_schema(), access).fields}
    flags = {name: (f.readable, f.createable, f.updateable) for name, f in seen.items()}
    assert flags == {
        "Amount": (True, True, True),
        # View All Fields gives read, never edit.
        "Secret__c": (True, False, False),
        "Muted__c": (True, False, False),
        "Gone__c": (True, False, False),
        "Sum__c": (True, False, False),
        # A required field has no row, and follows the object.
        "StageName": (True, True, True),
        "CreatedDate": (True, False, False),
    }
    assert seen["Muted__c"].sync_user is not None
    assert seen["Gone__c"].sync_user is not None
    assert seen["Muted__c"].sync_user.why == (
        "Partner_Team grants Read. The group Partner_Team mutes Edit."
    )
    assert seen["Gone__c"].sync_user.why == "The assignment of Old expired on 2026-11-28."


def test_settled_outdated_group_keeps_known_access() -> None:
    deals = PermissionSet("Deals", {"Lead": "CRE"}, {"Lead": {"City": "RE"}})
    group = Assignment((deals,), group="Team")
    before = compute_access("sync", [group], NOW, ["Lead"])
    during = compute_access("sync", [group._replace(is_current=False)], NOW, ["Lead"])
    assert during.of_field("Lead", "City") == {"R": None, "E": None}
    assert as_seen_by(ObjectSchema(object_type="Lead"), during).createable is None
    settled = during.settled(before)
    assert not list(access_changes(before, settled))
    assert settled.of_field("Lead", "City") == {"R": True, "E": True}
    after = compute_access("sync", [], NOW, ["Lead"])
    assert list(access_changes(settled, after)) == [
        ("Lead", None, "CRE", ""),
        ("Lead", "City", "RE", ""),
    ]


@pytest.mark.parametrize("name", ["Task", "User"])
def test_as_seen_by_object_without_permissions_keeps_reader(name: str) -> None:
    schema = ObjectSchema(object_type=name, createable=True)
    assert as_seen_by(schema, EffectiveAccess(user="sync")) is schema
