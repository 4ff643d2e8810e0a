"""Schemas with what is around them, now and as of a moment; and compared."""

from __future__ import annotations

import pytest

from crmdeck.errors import NotFoundError, SchemaNotDiscoveredError
from crmdeck.model import Choice, DecisionState, Direction, FillRate, Side
from crmdeck.workspace import MappedTo
from tests.workspace.conftest import Desk, describe, text_field

PAIR = "deal_registration--Opportunity"


def test_an_overview_has_drift_and_the_mappings_that_stood(desk: Desk) -> None:
    with pytest.raises(SchemaNotDiscoveredError):
        desk.workspace.schemas.overview("acme")
    desk.export(describe("Opportunity", text_field("Name"), text_field("Old__c")))
    desk.refresh()
    before = desk.clock.now
    desk.clock.move(days=1)
    choice = Choice(
        partner_field="accountName",
        state=DecisionState.ACCEPTED,
        crm_field="Name",
        direction=Direction.PUSH,
    )
    desk.workspace.mappings.record_decisions("acme", PAIR, [choice])
    desk.export(describe("Opportunity", text_field("Name"), text_field("New__c")))
    desk.refresh()

    now = desk.workspace.schemas.overview("acme")
    assert now.mapped == {("Opportunity", "Name"): (MappedTo(PAIR, "accountName", Direction.PUSH),)}
    assert {event.field_name for event in now.events} == {"Old__c", "New__c"}
    past = desk.workspace.schemas.overview("acme", before)
    assert past.mapped == {}
    assert past.first_look == now.first_look
    assert past.objects[0].schema_hash != now.objects[0].schema_hash


def test_an_inspected_object_has_the_last_fill_rates(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    at = desk.clock.now
    with desk.workspace.context.store.write() as session:
        ref = desk.workspace.connections.get("acme").id
        session.rates.put(ref, "Account", {"Name": 0.5}, 40, at)
    found = desk.workspace.schemas.inspect("acme", "Account")
    assert [field.name for field in found.detail.fields] == ["Id", "Name"]
    assert found.rates == {"Name": FillRate(0.5, 40, at)}
    with pytest.raises(NotFoundError):
        desk.workspace.schemas.inspect("acme", "Acount")


def test_comparison_counts_equal_objects(desk: Desk) -> None:
    same = describe("Account", text_field("Name"))
    desk.export(same, describe("Lead", text_field("Company")))
    desk.refresh()
    before = desk.clock.now
    desk.clock.move(days=1)
    desk.export(same, describe("Lead", text_field("Company", length=255)))
    desk.refresh()
    found = desk.workspace.schemas.compare("acme", "acme", left_at=before)
    assert found.same == 1
    (lead,) = found.objects
    assert lead.side is Side.BOTH
    (change,) = lead.fields[0].changes
    assert (change.attribute, change.before, change.after) == ("length", 80, 255)
