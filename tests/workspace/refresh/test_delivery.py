"""Whether the data of a sync arrives: change events, silence, match keys and parents."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from crmdeck.model import Choice, DecisionState, Direction, Finding, Scope, ScopeMode, Urgency
from crmdeck.sandbox import Fault, FaultKind
from tests.workspace.crm import ANCHOR, ORG, Office, database

__all__ = ["database"]

PAIR = "deal_registration--Opportunity"
SCOPE = Scope(mode=ScopeMode.NAMED, include=("Opportunity", "Partner__c"))
DAY = timedelta(days=1)
MIDNIGHT = ANCHOR.replace(hour=0)


def accept(office: Office, pair: str = PAIR, direction: str = "push", **rows: str) -> None:
    choices = [
        Choice(partner_field=name, crm_field=field, state=DecisionState.ACCEPTED,
               direction=Direction(direction))
        for name, field in rows.items()
    ]  # fmt: skip
    office.workspace.mappings.record_decisions("org", pair, choices)


def found(office: Office) -> dict[str, Finding]:
    status = office.workspace.health.status("org")
    return {each.code: each for each in status.findings if each.kind.value == "delivery"}


@pytest.fixture
def org(office: Office) -> Office:
    """An org with a mapped pair, 20 days before the anchor."""
    office.add_org(scope=SCOPE)
    office.refresh_at(ANCHOR - 20 * DAY, "org")
    accept(
        office, estimatedValue="Amount", expectedCloseDate="CloseDate", description="Description"
    )
    return office


def test_match_key_is_missing_until_written_or_filled(org: Office) -> None:
    finding = found(org)["NO_MATCH_KEY"]
    assert finding.urgency is Urgency.REVIEW
    assert "Deal_Registration_Id__c" in finding.cause
    assert "mapping filled" in str(finding.steps[1].command)
    org.workspace.mappings.mark_filled("org", PAIR, ["Deal_Registration_Id__c"])
    assert "NO_MATCH_KEY" not in found(org)


def test_parent_needs_a_mapping_of_its_own(org: Office) -> None:
    accept(org, partner="Partner__c")
    finding = found(org)["PARENT_NOT_MAPPED"]
    assert (finding.urgency, finding.title) == (
        Urgency.REVIEW, "Partner__c needs Partner__c, which isn't mapped",
    )  # fmt: skip
    assert (finding.steps[0].command or "").endswith("partner--Partner__c")
    accept(org, "partner--Partner__c", name="Name")
    assert "PARENT_NOT_MAPPED" not in found(org)


def test_both_ways_and_pulled_formulas_are_one_note_each(org: Office) -> None:
    fields = org.workspace.schemas.object("org", "Opportunity").fields
    [formula, *_] = [each.name for each in fields if each.calculated and each.formula]
    accept(org, direction="pull", currency=formula)
    accept(org, direction="bidirectional", status="StageName", accountName="End_Customer_Name__c")
    notes = found(org)
    assert formula in notes["FORMULA_PULLED"].cause
    assert "syncs 2 rows both ways" in notes["BOTH_WAYS"].title
    assert {notes[code].urgency for code in ("FORMULA_PULLED", "BOTH_WAYS")} == {Urgency.NOTE}


def test_change_events_cost_one_call_and_are_a_note(org: Office) -> None:
    traffic = org.sandbox.permissions(ORG).traffic
    org.refresh_at(ANCHOR - 13 * DAY, "org")
    # Rows that are only pushed need no change events.
    assert not [each for each in org.sandbox.requests if "ChannelMember" in str(each)]
    accept(org, direction="pull", accountName="End_Customer_Name__c")
    before = org.refresh_at(ANCHOR - 12 * DAY, "org").traffic
    finding = found(org)["CDC_OFF"]
    assert (finding.urgency, finding.subject.object_type) == (Urgency.NOTE, "Opportunity")
    assert finding.link is not None
    traffic.published.append("OpportunityChangeEvent")
    org.refresh_at(ANCHOR - 11 * DAY, "org")
    assert "CDC_OFF" not in found(org)
    assert before is not None


def test_unread_change_events_are_not_checked(org: Office) -> None:
    accept(org, direction="pull", accountName="End_Customer_Name__c")
    org.sandbox.permissions(ORG).traffic.published.clear()
    org.refresh_at(ANCHOR - 12 * DAY, "org")
    assert "CDC_OFF" not in found(org)
    assert "no members" in found(org)["DELIVERY_NOT_CHECKED"].cause
    org.sandbox.fault(ORG, Fault(FaultKind.FORBIDDEN, query="ChannelMember"))
    org.refresh_at(ANCHOR - 11 * DAY, "org")
    note = found(org)["DELIVERY_NOT_CHECKED"]
    assert "CDC_OFF" not in found(org)
    assert note.urgency is Urgency.NOTE
    assert "Change events" in note.cause


def test_silent_field_is_found_and_counts_cost_one_call_a_day(org: Office) -> None:
    ws, tables = org.workspace, org.sandbox.permissions(ORG)
    ws.connections.update("org", sync_user=tables.sync)
    first = MIDNIGHT - 7 * DAY
    tables.traffic.daily["Opportunity"] = 20
    tables.traffic.empty_since["Opportunity.Amount"] = first

    def composites(moment: datetime) -> int:
        before = len(org.paths("/composite"))
        org.refresh_at(moment, "org")
        return len(org.paths("/composite")) - before

    composites(first - 7 * DAY)
    composites(first)
    spent = []
    for night in range(1, 8):
        spent.append(composites(first + night * DAY + timedelta(hours=3)))
        silent = found(org).get("FIELD_SILENT")
        if silent is not None:
            break
    assert silent is not None
    assert 4 <= night <= 6
    assert (silent.urgency, silent.subject.partner_field) == (Urgency.REVIEW, "estimatedValue")
    assert silent.since == first
    assert "and 0% since 2026-11-13" in silent.cause
    assert "Opportunity.Description" in found(org)["DELIVERY_NOT_CHECKED"].cause
    # One call for the permissions of the sync user, and one a day for the counts.
    assert spent[:4] == [2] * 4
    assert composites(org.clock.now + timedelta(hours=1)) == 1
    # It stays until the rate recovers.
    assert found(org)["FIELD_SILENT"] == silent
    tables.traffic.empty_since.clear()
    composites(org.clock.now + 7 * DAY)
    assert "FIELD_SILENT" not in found(org)


def test_few_records_and_unknown_sync_user_are_noted_once(org: Office) -> None:
    org.refresh_at(ANCHOR - 13 * DAY, "org")
    note = found(org)["DELIVERY_NOT_CHECKED"]
    assert "doesn't know the CRM user" in note.cause
    assert note.steps[0].verb.value == "set_sync_user"
    tables = org.sandbox.permissions(ORG)
    tables.traffic.daily["Opportunity"] = 2
    tables.traffic.inactive.add("Opportunity")
    tables.frozen = {tables.sync}
    org.workspace.connections.update("org", sync_user=tables.sync)
    org.refresh_at(ANCHOR - 12 * DAY, "org")
    status = org.workspace.health.status("org")
    codes = {each.code: each for each in status.findings}
    assert "under 5 records a day" in codes["DELIVERY_NOT_CHECKED"].cause
    assert codes["SYNC_USER_FROZEN"].urgency is Urgency.FAILING
    assert codes["OWNERS_INACTIVE"].urgency is Urgency.NOTE
    assert codes["OWNERS_INACTIVE"].weight == 14
    assert sum(each.code == "DELIVERY_NOT_CHECKED" for each in status.findings) == 1
    # Only users with Manage Users see that: unknown is no finding of its own.
    tables.frozen = None
    org.refresh_at(ANCHOR - 11 * DAY, "org")
    codes = {each.code: each for each in org.workspace.health.status("org").findings}
    assert "SYNC_USER_FROZEN" not in codes
    assert "Manage Users" in codes["DELIVERY_NOT_CHECKED"].cause


def test_silent_sync_is_found_after_a_longer_pause(org: Office) -> None:
    tables = org.sandbox.permissions(ORG)
    org.workspace.connections.update("org", sync_user=tables.sync)
    tables.traffic.daily["Opportunity"] = 3
    stop = MIDNIGHT + 10 * DAY
    tables.traffic.empty_since["Opportunity"] = stop
    for night in (-7, 0, 1):
        org.refresh_at(stop + night * DAY + timedelta(hours=3), "org")
    assert "SYNC_SILENT" not in found(org)
    org.refresh_at(stop + 3 * DAY, "org")
    silent = found(org)["SYNC_SILENT"]
    assert (silent.since, silent.urgency) == (stop, Urgency.REVIEW)
    assert (silent.title, "created 21 a week" in silent.cause) == (
        "No new records from the sync for 3 days", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        '{"n": "20", "c0": 1, "c1": 1}',
        '{"n": -1, "c0": 0, "c1": 0}',
        '{"n": 2, "c0": 3, "c1": 1}',
        '{"n": true, "c0": 1, "c1": 1}',
        '{"n": 1e300, "c0": 1, "c1": 1}',
        '{"n": null, "c0": 1, "c1": 1}',
        '{"c0": 1, "c1": 1}',
        "{}",
        '{"n": 1, "c0": 1, "c1": 1}, {"n": 1, "c0": 1, "c1": 1}',
    ],
)
def test_odd_counts_fail_the_check_only(org: Office, row: str) -> None:
    org.workspace.connections.update("org", sync_user=org.sandbox.permissions(ORG).sync)
    org.refresh_at(ANCHOR - 13 * DAY, "org")
    part = {"referenceId": "Opportunity", "httpStatusCode": 200, "body": None}
    records = f'{{"totalSize": 1, "done": true, "records": [{row}]}}'
    message = json.dumps({"compositeResponse": [part]}).replace("null", records)
    # Only counts have this filter.
    org.sandbox.fault(
        ORG, Fault(FaultKind.BODY, path="/composite", message=message, query="CreatedDate")
    )
    org.refresh_at(ANCHOR - 12 * DAY, "org")
    codes = found(org)
    assert "Silence of Opportunity: The counts" in codes["DELIVERY_NOT_CHECKED"].cause
    assert not codes.keys() & {"FIELD_SILENT", "SYNC_SILENT", "OWNERS_INACTIVE"}
