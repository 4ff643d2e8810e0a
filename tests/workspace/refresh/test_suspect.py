"""A refresh that would remove much is suspect until someone accepts it or time confirms it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.errors import SourceError
from crmdeck.model import Choice, DecisionState, DriftKind, Scope, Status
from crmdeck.sandbox import Fault, FaultKind
from tests.workspace.conftest import Desk, describe, text_field
from tests.workspace.crm import ORG, Office

FULL = [text_field(f"Field{number}__c") for number in range(40)]


def export(desk: Desk, fields: int, *more: str) -> None:
    desk.export(
        describe("Account", *FULL[:fields]), *(describe(name, text_field("Name")) for name in more)
    )


def removed(desk: Desk) -> int:
    gone = {DriftKind.FIELD_REMOVED, DriftKind.FIELD_ABSENT}
    events = desk.workspace.drift.report("acme").events
    return sum(event.kind in gone for event in events)


def suspect(desk: Desk) -> SourceError:
    with pytest.raises(SourceError) as caught:
        desk.refresh()
    assert caught.value.code == "SUSPECT_REFRESH"
    return caught.value


def test_a_mass_removal_fails_and_the_cached_schema_stays(desk: Desk) -> None:
    export(desk, 40)
    desk.refresh()
    export(desk, 20)
    error = suspect(desk)
    assert "20 fields" in error.message
    assert removed(desk) == 0
    (kept,) = desk.workspace.schemas.objects("acme").objects
    assert kept.field_count == 41
    assert desk.workspace.health.status("acme").status is Status.ERROR


def test_a_user_accepts_it(desk: Desk) -> None:
    export(desk, 40)
    desk.refresh()
    export(desk, 20)
    suspect(desk)
    desk.workspace.refreshes.run("acme", accept_suspect=True)
    assert removed(desk) == 20


def test_equal_refresh_an_hour_later_confirms_removal(desk: Desk) -> None:
    export(desk, 40)
    desk.refresh()
    export(desk, 20)
    suspect(desk)
    desk.clock.now -= timedelta(minutes=30)
    suspect(desk)
    export(desk, 21)
    suspect(desk)
    export(desk, 20)
    desk.refresh()
    assert removed(desk) == 20


def test_ten_fields_are_ordinary_drift(desk: Desk) -> None:
    export(desk, 40)
    desk.refresh()
    export(desk, 30)
    desk.refresh()
    assert removed(desk) == 10


def test_only_another_path_or_host_explains_removals(desk: Desk, tmp_path: Path) -> None:
    export(desk, 40)
    desk.refresh()
    update = desk.workspace.connections.update
    update("acme", ttl_hours=12, without_rules=["duplicates"], path=str(desk.folder))
    update("acme", scope=Scope(exclude=("Lead",)))
    export(desk, 5)
    suspect(desk)
    other = tmp_path / "other"
    desk.folder.rename(other)
    update("acme", path=str(other))
    desk.workspace.refreshes.run("acme")
    assert removed(desk) == 35


@given(st.integers(0, 200), st.integers(1, 400))
def test_much_is_more_than_ten_and_more_than_a_tenth(gone: int, of: int) -> None:
    from crmdeck.workspace.refresh.suspect import _is_much

    assert _is_much(gone, of) == (gone > 10 and gone / of > 0.1)


def test_scope_without_objects_is_a_failure(office: Office) -> None:
    office.add_org(scope=Scope())
    office.sandbox.fault(ORG, listing(("Account", {"layoutable": False})))
    refreshes, test = office.workspace.refreshes, office.workspace.connections.test
    with pytest.raises(SourceError, match="1 object, but none in scope") as caught:
        refreshes.run("org")
    assert caught.value.code == "SCOPE_EMPTY"
    assert "Read on the objects" in str(caught.value.remedy)
    assert "Read on the objects" in str(test("org").missing_permissions)
    office.sandbox.clear()
    assert len(refreshes.run("org").objects) == len(test("org").objects or ()) == 23
    choice = Choice(partner_field="accountName", state=DecisionState.ACCEPTED, crm_field="Name")
    office.workspace.mappings.record_decisions("org", "deal_registration--Opportunity", [choice])
    rest = {each.type for each in refreshes.run("org").objects} - {"Opportunity"}
    office.sandbox.fault(ORG, listing(*((name, {}) for name in sorted(rest))))
    with pytest.raises(SourceError, match="with mappings") as caught:
        refreshes.run("org")
    assert caught.value.code == "SCOPE_EMPTY"
    assert "access to Opportunity" in str(test("org").missing_permissions)
    events = refreshes.run("org", accept_suspect=True).drift_events
    assert [(each.object_type, each.kind) for each in events] == [
        ("Opportunity", DriftKind.OBJECT_HIDDEN)
    ]


def listing(*rows: tuple[str, dict[str, bool]]) -> Fault:
    flags = {"queryable": True, "layoutable": True}
    found = [{"name": name, **flags, **more} for name, more in rows]
    return Fault(FaultKind.BODY, path="0/sobjects", message=json.dumps({"sobjects": found}))
