"""Where a field is used is asked of the org; what it does not answer is never taken for safe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from crmdeck.cli import schema as commands
from crmdeck.cli.listing import Listing
from crmdeck.connectors.salesforce import where_used
from crmdeck.errors import NotFoundError, UsageError
from crmdeck.model import FieldUsage, Scope, ScopeMode, UsageVerdict
from crmdeck.sandbox import Fault, FaultKind
from tests.workspace.crm import ANCHOR, ORG, Office, database, opened

__all__ = ["database"]

OPPORTUNITY = Scope(mode=ScopeMode.NAMED, include=("Opportunity",))


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with opened(tmp_path_factory.mktemp("home")) as office, office.workspace.hold():
        office.add_org(scope=OPPORTUNITY)
        office.refresh_at(ANCHOR, "org")
        yield office


@pytest.fixture
def org(refreshed: Office) -> Iterator[Office]:
    yield refreshed
    refreshed.sandbox.clear()


def usage(office: Office, field_name: str) -> FieldUsage:
    return office.workspace.schemas.usage("org", "Opportunity", field_name)


def test_field_usage_is_reported_and_stored(org: Office) -> None:
    asked = usage(org, "Partner_Discount__c")
    assert asked.verdict is UsageVerdict.DEPENDED_ON
    assert [(use.kind, use.name) for use in asked.uses] == [
        ("Flow", "Discount_Approval"),
        ("ApexClass", "PartnerDiscountService"),
        ("ApexClass", "PartnerDiscountServiceTest"),
        ("Layout", "Partner Deal Layout"),
        ("Report", "Discounts by Partner Tier"),
    ]
    assert asked.not_checked == ()
    connection = org.workspace.connections.get("org").id
    place = (connection, "Opportunity", "Partner_Discount__c")
    assert org.workspace.schemas.known_usages("org")[place] == asked
    assert usage(org, "OrderNumber__c").verdict is UsageVerdict.LIKELY_SAFE


def test_standard_field_usage_is_never_safe(org: Office) -> None:
    close_date = usage(org, "CloseDate")
    assert [use.name for use in close_date.uses] == ["Close_Date_In_Future", "Days_to_Close__c"]
    assert close_date.not_checked == (where_used.NOT_CUSTOM,)
    assert usage(org, "NextStep").verdict is UsageVerdict.UNKNOWN
    with pytest.raises(NotFoundError):
        usage(org, "Nonsense__c")


def test_rejected_query_makes_usage_unknown(org: Office) -> None:
    for fault, not_checked in (
        (Fault(FaultKind.FORBIDDEN, query="CustomField"), "The field's ID"),
        (Fault(FaultKind.FORBIDDEN, query="Dependency"), "Flows, rules, Apex and layouts: "),
        (Fault(FaultKind.FORBIDDEN, path="jobs/query"), "Reports: "),
        (Fault(FaultKind.HTML, path="results"), where_used.REPORTS_FAILED),
    ):
        org.sandbox.clear()
        org.sandbox.fault(ORG, fault)
        refused = usage(org, "OrderNumber__c")
        assert refused.verdict is UsageVerdict.UNKNOWN
        assert [why.startswith(not_checked) for why in refused.not_checked] == [True], fault


def test_empty_usage_needs_an_org_that_reports_usage(
    org: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmdeck.sandbox.salesforce_rows._dependencies", lambda: ())
    assert usage(org, "OrderNumber__c").not_checked == (where_used.NOT_ANSWERED,)
    monkeypatch.undo()
    monkeypatch.setattr(where_used, "MOST_ROWS", 2)
    cut = usage(org, "Partner_Discount__c")
    assert cut.verdict is UsageVerdict.DEPENDED_ON
    assert cut.not_checked == (where_used.CUT_OFF,)


def test_removed_field_shows_its_last_usage(office: Office) -> None:
    office.add_org(scope=OPPORTUNITY)
    # Its name was changed 27.1 days before the anchor.
    office.refresh_at(ANCHOR - timedelta(days=28), "org")
    assert usage(office, "Decision_Contact_Email__c").verdict is UsageVerdict.LIKELY_SAFE
    office.refresh_at(ANCHOR, "org")
    left = usage(office, "Decision_Contact_Email__c")
    assert left.verdict is UsageVerdict.UNKNOWN
    assert left.not_checked == (where_used.GONE,)
    assert left.asked_at is not None
    assert left.asked_at < ANCHOR


def test_command_line_prints_usage(org: Office, capsys: pytest.CaptureFixture[str]) -> None:
    commands.schema(org.workspace, Listing(), "org", "Opportunity.ARR__c", used=True)
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "kind,name,namespace",
        "LightningComponentBundle,arrSparkline,",
        "Report,ARR by Segment,",
    ]
    assert "Opportunity.ARR__c is in use: 1 Lightning component, 1 report" in told.err
    as_json = Listing(as_json=True)
    commands.schema(org.workspace, as_json, "org", "Opportunity.ARR__c", used=True)
    assert json.loads(capsys.readouterr().out)["verdict"] == "depended_on"
    with pytest.raises(UsageError):
        commands.schema(org.workspace, Listing(), "org", "Opportunity", used=True)


def test_hubspot_usage_is_unknown(office: Office) -> None:
    office.add_portal()
    office.refresh_at(ANCHOR - timedelta(days=20), "portal")
    unknown = office.workspace.schemas.usage("portal", "deals", "dealname")
    assert unknown.verdict is UsageVerdict.UNKNOWN
    assert "HubSpot has no API" in unknown.not_checked[0]
    assert unknown.asked_at is None
    assert office.workspace.schemas.known_usages() == {}
