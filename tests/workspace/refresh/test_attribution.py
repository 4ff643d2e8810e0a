"""Who made a change, from the CRM to the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from crmdeck.connectors.base import Attribution, ChangedThing, Connector
from crmdeck.model import (
    Connection,
    DriftEvent,
    DriftKind,
    Scope,
    ScopeMode,
    Severity,
)
from crmdeck.sandbox import Fault, FaultKind
from crmdeck.workspace.refresh.attribution import MOST_OBJECTS, NO_SUCH_RECORD, TOO_MANY, attributed
from tests.workspace.conftest import Desk, describe, text_field
from tests.workspace.crm import ANCHOR, ORG, Office, database

__all__ = ["database"]

OPPORTUNITY = Scope(mode=ScopeMode.NAMED, include=("Opportunity",))
SHORTENED = 58.2
ATTRIBUTION = "By.Name"
"""What of the requests only those hold that ask who made a change."""


def test_salesforce_attribution_is_stored(office: Office) -> None:
    office.add_org(scope=OPPORTUNITY)
    (event,) = office.before_and_after(SHORTENED, "org").drift_events
    assert (event.field_name, event.changed_by) == ("End_Customer_Name__c", "Tom Okafor")
    assert event.attribution == "FieldDefinition"
    assert event.changed_at is not None
    assert abs(event.changed_at - (ANCHOR - timedelta(days=SHORTENED))) < timedelta(seconds=2)
    assert office.workspace.drift.report("org").events == (event,)
    assert "Tom Okafor" in office.workspace.exports.render("drift", "org", format="csv")
    asked = len(office.paths(ATTRIBUTION))
    office.clock.move(hours=1)
    office.workspace.refreshes.run("org")
    assert len(office.paths(ATTRIBUTION)) == asked


def test_hubspot_attribution_uses_owners(office: Office) -> None:
    office.add_portal()
    change = office.sandbox.moments("acme-marketing")[0]
    result = office.before_and_after((ANCHOR - change) / timedelta(days=1), "portal")
    people = {person.name for person in office.sandbox.scenario.people.values()}
    told = [event for event in result.drift_events if event.attribution == "properties"]
    assert told
    assert {event.changed_by for event in told} <= people


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(FaultKind.FORBIDDEN, query=ATTRIBUTION), "View Setup"),
        (Fault(FaultKind.FORBIDDEN, query=ATTRIBUTION, code="REQUEST_LIMIT_EXCEEDED"), "has used"),
        (Fault(FaultKind.SERVER_ERROR, query=ATTRIBUTION), "own releases"),
    ],
)
def test_attribution_failure_is_only_a_reason(office: Office, fault: Fault, reason: str) -> None:
    office.add_org(scope=OPPORTUNITY)
    office.sandbox.fault(ORG, fault)
    result = office.before_and_after(SHORTENED, "org")
    (event,) = result.drift_events
    assert result.success
    assert event.changed_by is None
    assert reason in str(event.attribution)


def test_files_have_no_attribution(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    desk.export(describe("Account", text_field("Name"), text_field("New__c")))
    (event,) = desk.refresh().drift_events
    assert event.attribution == "The 'files' source doesn't record who made changes."


class Records:
    """A CRM that knows of one change to everything."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.asked: list[ChangedThing] = []

    def who_changed(self, changes: Sequence[ChangedThing]) -> Mapping[ChangedThing, Attribution]:
        self.asked += changes
        return {change: Attribution("Kim", self.at, "records") for change in changes}


def attribute(records: Records, *events: DriftEvent) -> tuple[DriftEvent, ...]:
    connection = Connection(
        id="c", name="c", platform="salesforce", source="salesforce", created_at=ANCHOR
    )
    looks = {event.object_type: ANCHOR for event in events}
    return attributed(events, connection, cast(Connector, records), looks)


def drift(object_type: str, severity: Severity = Severity.SAFE, **more: object) -> DriftEvent:
    return DriftEvent.model_validate(
        {
            "id": object_type,
            "connection_id": "c",
            "object_type": object_type,
            "field_name": "Name",
            "kind": DriftKind.FIELD_CHANGED,
            "severity": severity,
            "detected_at": ANCHOR,
            **more,
        }
    )


def test_a_change_from_before_the_last_look_is_another_one() -> None:
    (event,) = attribute(Records(datetime(2020, 1, 1, tzinfo=UTC)), drift("Account"))
    assert (event.changed_by, event.changed_at, event.attribution) == (None, None, NO_SUCH_RECORD)


def test_large_change_asks_only_about_the_worst() -> None:
    records = Records(ANCHOR)
    events = [drift(f"Object{number}") for number in range(MOST_OBJECTS)]
    told = attribute(records, *events, drift("Worst", Severity.BREAKING))
    assert len({object_type for object_type, _ in records.asked}) == MOST_OBJECTS
    assert told[-1].changed_by == "Kim"
    assert [event.attribution for event in told].count(TOO_MANY) == 1


def test_scope_change_has_no_crm_author() -> None:
    records = Records(ANCHOR)
    gone = drift("Lead", kind=DriftKind.OBJECT_OUT_OF_SCOPE, field_name=None)
    (event,) = attribute(records, gone)
    assert records.asked == []
    assert event.changed_by is None
    assert "scope" in str(event.attribution)
