"""Discovery through hubspot-api-client against the sandbox."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crmdeck.connectors.base import Attribution, ChangeHistory, Missing, RecordReader, Sample, Wait
from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import QuotaExceededError
from crmdeck.model import FieldType, GoneReason, RuleKind, Scope, ScopeMode
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from crmdeck.sandbox.hubspot_shapes import HubSpotShapes
from crmdeck.sandbox.schema import FieldDef, ObjectDef
from tests.connectors.crm import QUICK, hubspot_to, run, sent

PORTAL = "acme-marketing"
GREEDY = replace(QUICK, reserve=0.0)


def test_token_reads_schema_and_quota(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY, private=True)
    found = run(connector)
    assert not found.failed
    assert {"contacts", "companies", "deals", "partner_tier"} <= set(found.discovered)
    deals = {field.name: field for field in found.discovered["deals"].schema.fields}
    assert deals["amount"].type is FieldType.CURRENCY
    assert deals["dealstage"].picklist
    assert deals["dealstage"].native["pipelines"]
    custom = found.discovered["partner_tier"].schema
    assert custom.custom is True
    assert [field.name for field in custom.fields if field.required] == ["tier_name"]
    quota = connector.meter.quota
    assert quota is not None
    assert quota.limit == 650_000
    assert connector.meter.traffic.requests == len(sandbox.requests)


def test_a_portal_that_only_knows_the_older_paths_is_asked_there(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, "legacy-portal")
    run(connector)
    first = sent(sandbox, oauth=False)
    assert "/crm/v3/properties/deals" in first
    newer = [path for path in first if "2026" in path]
    assert len([path for path in newer if "pipelines-rules" not in path]) <= 2
    assert len(newer) <= 4
    run(connector)
    again = sent(sandbox, oauth=False)[len(first) :]
    assert not any("2026" in path for path in again if "pipelines-rules" not in path)


def test_missing_scope_fails_object_and_absent_is_unlisted(
    sandbox: Sandbox,
) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY, private=True)
    sandbox.fault(PORTAL, Fault(FaultKind.HIDDEN_OBJECT, object_type="tickets"))
    first = run(connector)
    assert "leads" not in first.listing.object_types
    assert first.failed["tickets"].error.code == "MISSING_SCOPE"
    assert connector.probe().missing_permissions == ("tickets (tickets)",)
    sandbox.fault(PORTAL, Fault(FaultKind.HIDDEN_OBJECT, object_type="deals"))
    second = run(connector, first.known)
    assert second.failed["deals"].error.code == "MISSING_SCOPE"
    assert connector.explain_missing([Missing("deals")]) == {Missing("deals"): GoneReason.HIDDEN}


def test_the_same_answer_is_unchanged(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY)
    early, late = sandbox.moments(PORTAL)[0], sandbox.moments(PORTAL)[-1]
    sandbox.set_now(early)
    first = run(connector)
    assert set(run(connector, first.known).unchanged) == set(first.discovered)
    sandbox.set_now(late)
    changed = run(connector, first.known)
    assert changed.discovered
    assert changed.unchanged


def test_a_named_scope(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY)
    named = Scope(mode=ScopeMode.NAMED, include=("deals", "nonsense"))
    found = run(connector, scope=named)
    assert set(found.discovered) == {"deals"}
    assert found.failed["nonsense"].error.code == "NOT_VISIBLE"
    assert "contacts" in found.listing.object_types


def test_probe_reports_user_org_and_quota(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox)
    report = connector.probe()
    assert report.organization == str(sandbox.access(PORTAL).portal_id)
    assert report.user == "integration@acme.example"
    assert report.quota is not None
    assert report.quota.limit == 650_000
    assert report.missing_permissions == ()
    key, _ = hubspot_to(sandbox, private=True)
    assert key.probe().missing_permissions == ()
    sandbox.fault(PORTAL, Fault(FaultKind.FORBIDDEN, path="schemas"))
    assert "crm.schemas.custom.read" in key.probe().missing_permissions[0]


def test_the_reserve_is_left_to_others(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=replace(QUICK, reserve=0.5), private=True)
    sandbox.set_now(sandbox.moments(PORTAL)[-1])
    with pytest.raises(QuotaExceededError) as caught:
        run(connector)
    assert caught.value.code == "QUOTA_RESERVE"


def test_author_and_fill_rate_are_read(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY)
    assert isinstance(connector, ChangeHistory)
    assert isinstance(connector, RecordReader)
    custom = [
        field.name
        for field in run(connector).discovered["deals"].schema.fields
        if field.custom and field.native.get("updatedUserId")
    ]
    change = ("deals", custom[0])
    nobody = ("deals", "never")
    answers = connector.who_changed([change, nobody, ("deals", None)])
    by_whom = answers[change]
    assert isinstance(by_whom, Attribution)
    assert by_whom.by in {person.name for person in sandbox.scenario.people.values()}
    assert isinstance(answers[nobody], str)
    assert isinstance(answers["deals", None], str)
    records = connector.recent("deals", ["dealname", "never"], limit=20)
    sample = Sample.count(["dealname", "never"], records)
    assert sample.sampled == 20
    assert sample.rates == {"dealname": 1.0, "never": 0.0}
    ids = [str(each["hs_object_id"]) for each in records]
    found = connector.find("deals", "hs_object_id", [ids[3], ids[5], "1"], ["dealname"])
    assert found == (records[3], records[5])
    assert len(connector.find("deals", "dealname", [str(records[0]["dealname"])], [])) >= 1


def test_properties_that_hold_sensitive_data_are_asked_for(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = HubSpotShapes.property

    def marked(self: HubSpotShapes, target: ObjectDef, field: FieldDef) -> dict[str, Any]:
        found = plain(self, target, field)
        levels = {"amount": "sensitive", "dealtype": "highly_sensitive"}
        return found | {"dataSensitivity": levels.get(field.name, "non_sensitive")}

    connector, _ = hubspot_to(sandbox, limits=GREEDY)
    before = {field.name for field in run(connector).discovered["deals"].schema.fields}
    monkeypatch.setattr(HubSpotShapes, "property", marked)

    found = run(connector)

    deals = {field.name: field for field in found.discovered["deals"].schema.fields}
    assert deals.keys() == before
    assert deals["amount"].native["dataSensitivity"] == "sensitive"


def test_pace_slows_near_the_burst_limit(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=replace(GREEDY, wait_budget=60.0))
    waits: list[Wait | None] = []
    connector.meter.on_wait = waits.append
    limited = Fault(FaultKind.THROTTLED, code="TEN_SECONDLY_ROLLING", seconds=0.05, times=1)
    sandbox.fault(PORTAL, limited)

    run(connector)

    first = waits[0]
    assert first is not None
    assert (first.seconds, first.who) == (0.05, "HubSpot")


def test_property_rules_arrive_with_their_object(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY)
    first = run(connector)
    rule, creation, back = first.discovered["deals"].schema.rules or ()
    assert (creation.name, creation.expression) == (
        "pipeline:48210011.CREATE_IN",
        "CREATE_IN(101846201)",
    )
    assert back.demand == "can't move back from Won"
    unknown = first.discovered["deals"].schema.not_read
    assert unknown is not None
    assert unknown.keys() == {"required", "conditional"}
    assert first.rules.calls == {"values": 8, "pipeline": 3}
    assert (rule.name, rule.kind, rule.field) == ("amount.MIN_NUMBER", RuleKind.VALUES, "amount")
    assert rule.expression == "MIN_NUMBER(0)"
    assert first.discovered["partner_tier"].schema.rules == ()

    monkeypatch.setattr(HubSpotShapes, "rules", lambda *_: [])
    second = run(connector, first.known)
    assert second.discovered["deals"].schema.rules == (creation, back)
    assert "tickets" in second.unchanged

    sandbox.fault(PORTAL, Fault(FaultKind.FORBIDDEN, path="property-validations"))
    sandbox.fault(PORTAL, Fault(FaultKind.FORBIDDEN, path="pipelines-rules"))
    refused = run(connector).discovered["deals"].schema
    assert refused.rules == ()
    assert not {RuleKind.VALUES, RuleKind.PIPELINE} & refused.known_kinds


def test_unchanged_account_takes_one_round_trip(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def counted(*arguments: Any) -> Any:
        if arguments[1]:
            steps.append("step")
        return in_parallel(*arguments)

    monkeypatch.setattr("crmdeck.connectors.hubspot.discovery.in_parallel", counted)
    limits = replace(GREEDY, calls_at_once=100)
    connector, _ = hubspot_to(sandbox, limits=limits, private=True)
    first = run(connector)
    assert len(steps) == 4
    before = sorted(sent(sandbox, oauth=False))
    sandbox.requests.clear()
    steps.clear()
    # Another process knows nothing but what the cache has.
    other, _ = hubspot_to(sandbox, limits=limits, private=True)
    second = run(other, first.known)
    assert second.unchanged.keys() == first.discovered.keys()
    assert len(steps) == 1
    assert len(sent(sandbox, oauth=False)) <= len(before)


def test_a_very_large_list_of_properties_is_read_in_parts(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY, private=True)
    whole = run(connector).discovered
    # The limit lies between the list of properties of an object and all other answers.
    small = replace(GREEDY, max_bytes=20_000)
    limited, _ = hubspot_to(sandbox, limits=small, private=True)
    assert {name: each.schema for name, each in run(limited).discovered.items()} == {
        name: each.schema for name, each in whole.items()
    }
    tiny = replace(small, max_bytes_alone=25_000)
    refusing, _ = hubspot_to(sandbox, limits=tiny, private=True)
    assert run(refusing).failed["companies"].error.code == "ANSWER_TOO_LARGE"
