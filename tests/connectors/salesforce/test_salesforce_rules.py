"""The rules of an org, next to its describes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest

from crmdeck.connectors.base import Known
from crmdeck.model import Rule, RuleKind, Scope, ScopeMode
from crmdeck.sandbox import Fault, FaultKind, Sandbox, write_rules
from crmdeck.sandbox.messages import Reply
from tests.connectors.crm import Run, run, salesforce_to, sent

PARTNER_DEAL = "0125g000000P4RTAA0"
OBJECTS = ("Account", "Contact", "Lead", "Opportunity")


def read(sandbox: Sandbox, known: Mapping[str, Known] | None = None, *without: str) -> Run:
    connector, _ = salesforce_to(sandbox)
    scope = Scope(mode=ScopeMode.NAMED, include=OBJECTS, without_rules=without)
    return run(connector, known, scope)


def of_kind(found: Run, object_type: str, kind: RuleKind) -> list[Rule]:
    return [rule for rule in found.rules.by_object[object_type].rules if rule.kind is kind]


def test_each_kind_of_rule_is_read_from_its_vendor_shape(sandbox: Sandbox) -> None:
    found = read(sandbox)
    validation, _ = of_kind(found, "Opportunity", RuleKind.VALIDATION)
    assert (validation.name, validation.field) == ("Close_Date_In_Future", "CloseDate")
    assert validation.expression.startswith("AND(NOT(IsClosed)")
    assert validation.modified_at is not None
    [flow] = of_kind(found, "Opportunity", RuleKind.AUTOMATION)
    assert flow.name == "automation:flow.Opportunity_Partner_Defaults"
    assert (flow.on_create, flow.on_update) == ("run", None)
    [trigger] = of_kind(found, "Lead", RuleKind.AUTOMATION)
    assert (trigger.on_create, trigger.on_update) == ("run", "run")
    [blocking] = of_kind(found, "Lead", RuleKind.DUPLICATES)
    assert (blocking.name, blocking.fields) == ("duplicates:Lead_With_Same_Email", ("Email",))
    assert (blocking.on_create, blocking.on_update, blocking.refuses) == ("block", "alert", True)
    [reporting] = of_kind(found, "Account", RuleKind.DUPLICATES)
    assert (reporting.on_create, reporting.refuses) == ("report", False)
    assert found.rules.by_object["Contact"].rules == ()
    assert found.rules.by_object["Contact"].not_read == {}
    assert "mappings" in found.rules.by_object["Opportunity"].not_read["recordTypes"]
    assert found.rules.calls == {"validation": 2, "duplicates": 3, "automation": 2}
    assert found.notices == []


def test_an_unchanged_org_takes_one_round_trip(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read(sandbox)
    known = first.faces("Opportunity")
    sandbox.requests.clear()
    # Objects, four lists of rules, two objects with duplicate rules, two record types: no request
    # gets its answer before all of them are sent.
    together = threading.Barrier(9, timeout=20)
    answer = sandbox._answer

    def wait_for_all(*request: object) -> Reply | None:
        together.wait()
        return answer(*request)  # type: ignore[arg-type]

    monkeypatch.setattr(sandbox, "_answer", wait_for_all)
    monkeypatch.setattr(sandbox._server, "answer", wait_for_all, raising=False)
    second = read(sandbox, known)
    assert set(second.unchanged) == set(first.discovered)
    assert len(sent(sandbox, oauth=False)) == 9
    assert second.rules.calls == {
        "validation": 1, "duplicates": 3, "automation": 2, "recordTypes": 2
    }  # fmt: skip
    values = second.rules.by_object["Opportunity"].picklists[PARTNER_DEAL].values
    stages = (values or {})["StageName"]
    assert "Prospecting" in stages
    assert "Perception Analysis" not in stages
    opportunity = second.rules.by_object["Opportunity"]
    assert opportunity.rules == first.rules.by_object["Opportunity"].rules
    assert "recordTypes" not in opportunity.not_read


@pytest.mark.parametrize(
    ("path", "query", "kind", "object_type"),
    [
        (None, "ValidationRule", "validation", "Opportunity"),
        (None, "DuplicateRule", "duplicates", "Lead"),
        (None, "FlowDefinitionView", "automation", "Opportunity"),
        ("picklist-values", None, "recordTypes", "Opportunity"),
    ],
)
def test_a_kind_without_the_right_is_unknown_with_the_reason(
    sandbox: Sandbox, path: str | None, query: str | None, kind: str, object_type: str
) -> None:
    known = read(sandbox).faces("Opportunity")
    sandbox.fault("acme-prod", Fault(FaultKind.FORBIDDEN, path=path, query=query))
    found = read(sandbox, known)
    rules = found.rules.by_object[object_type]
    assert "permission" in rules.not_read[kind]
    assert not [rule for rule in rules.rules if rule.kind == kind]
    assert "RULES_UNTOLD" in {notice.code for notice in found.notices}
    assert found.unchanged


def test_a_failure_that_passes_keeps_the_cached_rules(sandbox: Sandbox) -> None:
    first = read(sandbox)
    known = first.faces("Opportunity")
    schema = known["Opportunity"].schema
    assert schema is not None
    types = tuple(
        each.model_copy(update={"values": {"Type": ("New",)}}) for each in schema.record_types or ()
    )
    schema = schema.model_copy(update={"record_types": types})
    known["Opportunity"] = replace(known["Opportunity"], schema=schema)
    sandbox.fault("acme-prod", Fault(FaultKind.SERVER_ERROR, query="DuplicateRule"))
    sandbox.fault("acme-prod", Fault(FaultKind.SERVER_ERROR, path="picklist-values"))
    found = read(sandbox, known)
    kept = found.rules.by_object["Opportunity"]
    assert kept.picklists[PARTNER_DEAL].values == {"Type": ("New",)}
    assert "recordTypes" not in kept.not_read
    assert of_kind(found, "Lead", RuleKind.DUPLICATES) == of_kind(
        first, "Lead", RuleKind.DUPLICATES
    )
    assert found.rules.by_object["Lead"].not_read == {}
    assert [notice.code for notice in found.notices] == ["RULES_UNTOLD"]


def test_a_setting_leaves_kinds_out(sandbox: Sandbox) -> None:
    found = read(sandbox, None, "duplicates", "automation")
    assert found.rules.calls == {"validation": 2}
    assert "setting" in found.rules.by_object["Lead"].not_read["duplicates"]
    assert [rule.kind for rule in found.rules.by_object["Lead"].rules] == [RuleKind.VALIDATION]


def test_the_user_is_read_as_far_as_rules_read_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    formula = (
        "AND(Amount > 5, NOT($Permission.Deal_Desk), NOT($Permission.Bypass_Rules), "
        "$Profile.Name <> 'Admin', $User.Title = 'Boss')"
    )
    monkeypatch.setattr(
        write_rules, "VALIDATION_RULES", (("Opportunity", "Big_Deals", "Amount", "No.", formula),)
    )
    found = read(sandbox)
    assert found.rules.by_object["Opportunity"].user == {
        "$user.id": "0055g0000000005AAA",
        "$profile.name": "PartnerOS Integration",
        "$permissionsets": "CRM_Sync, Partner_Data",
        "$permission.deal_desk": False,
        "$permission.bypass_rules": True,
        "$user.title": "Integration User",
    }
    assert found.rules.by_object["Lead"].user is None
    assert found.rules.calls["user"] == 2
    assert read(sandbox, found.faces()).rules.calls["user"] == 1


@pytest.mark.parametrize("body", ["null", "5", "[]", "{}", '{"records": 5}', '{"records": [null]}'])
def test_bad_response_does_not_mean_no_rules(sandbox: Sandbox, body: str) -> None:
    known = read(sandbox).faces()
    for path in ("tooling/query", "ui-api", "v68.0/query"):
        sandbox.fault("acme-prod", Fault(FaultKind.BODY, path=path, message=body))
    found = read(sandbox, known)
    kept = found.rules.by_object["Lead"]
    unknown = kept.not_read.keys() >= {"validation", "duplicates", "automation"}
    assert unknown or len(kept.rules) == 3 or body == '{"records": [null]}'
