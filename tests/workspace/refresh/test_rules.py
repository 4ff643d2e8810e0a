"""The rules of a CRM belong to the snapshot, even if the fields are unchanged."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crmdeck.model import DriftKind, Scope, ScopeMode, Severity
from crmdeck.sandbox import Fault, FaultKind, salesforce_rows
from tests.workspace.crm import ANCHOR, ORG, Office

OPPORTUNITY = Scope(mode=ScopeMode.NAMED, include=("Opportunity",))
STRICTER = (
    (
        "Opportunity",
        "Close_Date_In_Future",
        "CloseDate",
        "An open opportunity closes today or later.",
        "CloseDate <= TODAY() && Account.Industry = 'Energy'",
    ),
    ("Opportunity", "Amount_Is_Known", "Amount", "Say how much it is.", "ISBLANK(Amount)"),
)


def test_rules_drift_while_the_fields_are_as_they_were(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add_org(scope=OPPORTUNITY)
    first = office.refresh_at(ANCHOR, "org")
    assert first.baseline
    monkeypatch.setattr(salesforce_rows, "_RULES", STRICTER)
    second = office.refresh_at(ANCHOR + timedelta(days=3), "org")
    came, changed = second.drift_events
    assert (came.kind, came.rule, came.field_name, came.severity) == (
        DriftKind.RULE_ADDED,
        "Amount_Is_Known",
        "Amount",
        Severity.RISKY,
    )
    assert (changed.kind, changed.rule) == (DriftKind.RULE_CHANGED, "Close_Date_In_Future")
    assert [change.attribute for change in changed.changes] == ["expression"]
    assert office.workspace.drift.report("org").events == second.drift_events
    kept = office.workspace.schemas.object("org", "Opportunity").rules
    assert [(rule.name, rule.fields) for rule in kept or ()] == [
        ("Close_Date_In_Future", ("CloseDate", "AccountId")),
        ("Amount_Is_Known", ("Amount",)),
        ("automation:flow.Opportunity_Partner_Defaults", ()),
    ]
    assert office.refresh_at(ANCHOR + timedelta(days=6), "org").drift_events == ()


def test_rules_that_can_not_be_read_are_said_to_be_untold_and_have_not_left(
    office: Office,
) -> None:
    office.add_org(scope=OPPORTUNITY)
    office.refresh_at(ANCHOR, "org")
    office.sandbox.fault(ORG, Fault(FaultKind.FORBIDDEN, path="tooling/query"))
    refused = office.refresh_at(ANCHOR + timedelta(days=3), "org")
    assert [notice.code for notice in refused.notices] == ["RULES_UNTOLD"]
    assert refused.drift_events == ()


def test_a_mapping_says_what_rules_ask_of_its_values(office: Office) -> None:
    office.add_org(scope=OPPORTUNITY)
    office.refresh_at(ANCHOR, "org")
    mappings = office.workspace.mappings
    told = "CloseDate is refused by rule Close_Date_In_Future: An open opportunity closes today"
    review = mappings.review("org", "deal_registration--Opportunity")
    fields = {field.name: field for field in review.crm_fields}
    partner = {field.name: field for field in review.partner.fields}
    warnings = review.judge(partner["expectedCloseDate"], fields["CloseDate"]).warnings
    assert [one.text.startswith(told) for one in warnings if one.code == "RULE"] == [True]
    # Nothing is written into what the CRM computes, so that no rule can refuse it.
    closed = review.judge(partner["description"], fields["IsClosed"]).warnings
    assert "RULE" not in {warning.code for warning in closed}
    answer = mappings.suggest("org", "deal_registration--Opportunity", encoder="none")
    suggested = {suggestion.crm_field: suggestion for suggestion in answer.suggestions}
    assert "RULE" in {warning.code for warning in suggested["CloseDate"].warnings}
    assert "RULE" not in {warning.code for warning in suggested["Amount"].warnings}
