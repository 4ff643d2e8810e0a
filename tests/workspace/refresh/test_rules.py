"""The rules of a CRM belong to the snapshot, even if the fields are unchanged."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crmdeck.errors import UsageError
from crmdeck.model import Choice, DecisionState, DriftKind, Scope, ScopeMode, Severity
from crmdeck.sandbox import Fault, FaultKind, salesforce_rows, write_rules
from crmdeck.sandbox.write_rules import DuplicateRuleDef
from tests.workspace.crm import ANCHOR, ORG, Office, database

__all__ = ["database"]

CLOSE_DATE = write_rules.VALIDATION_RULES[:1]
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
    monkeypatch.setattr(write_rules, "VALIDATION_RULES", CLOSE_DATE)
    office.add_org(scope=OPPORTUNITY)
    first = office.refresh_at(ANCHOR, "org")
    assert first.baseline
    monkeypatch.setattr(write_rules, "VALIDATION_RULES", STRICTER)
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


def test_unreadable_rules_are_unknown_not_removed(
    office: Office,
) -> None:
    office.add_org(scope=OPPORTUNITY)
    office.refresh_at(ANCHOR, "org")
    office.sandbox.fault(ORG, Fault(FaultKind.FORBIDDEN, path="tooling/query"))
    refused = office.refresh_at(ANCHOR + timedelta(days=3), "org")
    assert [notice.code for notice in refused.notices] == ["RULES_UNTOLD"]
    assert refused.drift_events == ()


def test_a_suggestion_warns_of_the_rules_on_its_field(office: Office) -> None:
    office.add_org(scope=OPPORTUNITY)
    office.refresh_at(ANCHOR, "org")
    mappings = office.workspace.mappings
    answer = mappings.suggest("org", "deal_registration--Opportunity", encoder="none")
    suggested = {suggestion.crm_field: suggestion for suggestion in answer.suggestions}
    texts = [one.text for one in suggested["CloseDate"].warnings if one.code == "RULE"]
    assert [text.partition(":")[0] for text in texts] == [
        "CloseDate is checked by rule Close_Date_In_Future"
    ]
    assert "RULE" not in {warning.code for warning in suggested["Description"].warnings}


def test_new_rule_kinds_drift_unless_excluded(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add_org(scope=OPPORTUNITY)
    office.refresh_at(ANCHOR, "org")
    blocking = DuplicateRuleDef(
        object_type="Opportunity", name="Same_Name", label="Same name", fields=("Name",),
        on_insert="Block",
    )  # fmt: skip
    monkeypatch.setattr(write_rules, "DUPLICATE_RULES", (blocking,))
    monkeypatch.setattr(salesforce_rows, "DUPLICATE_RULES", (blocking,))
    [added] = office.refresh_at(ANCHOR + timedelta(days=1), "org").drift_events
    assert (added.kind, added.rule) == (DriftKind.RULE_ADDED, "duplicates:Same_Name")
    assert added.severity is Severity.RISKY

    with pytest.raises(UsageError, match="no kind of rules named 'flows'"):
        office.workspace.connections.update("org", without_rules=["flows"])
    office.workspace.connections.update("org", without_rules=["duplicates"])
    without = office.refresh_at(ANCHOR + timedelta(days=2), "org")
    assert (without.drift_events, "duplicates" in without.rule_calls) == ((), False)
    detail = office.workspace.schemas.object("org", "Opportunity")
    assert "setting" in (detail.not_read or {})["duplicates"]
    assert office.workspace.drift.open_changes("org").count == 1


def test_mapped_object_has_record_type_values(office: Office) -> None:
    office.add_org(scope=OPPORTUNITY)
    office.refresh_at(ANCHOR, "org")
    pair = "deal_registration--Opportunity"
    choice = Choice(
        partner_field="description", state=DecisionState.ACCEPTED, crm_field="Description"
    )
    office.workspace.mappings.record_decisions("org", pair, [choice])
    again = office.refresh_at(ANCHOR + timedelta(hours=1), "org")
    assert (again.drift_events, again.rule_calls["recordTypes"]) == ((), 2)
    types = office.workspace.schemas.object("org", "Opportunity").record_types or ()
    assert {each.name: len((each.values or {})["StageName"]) for each in types} == {
        "Direct_Deal": 10,
        "Partner_Deal": 6,
    }
