"""Discovery through simple-salesforce against the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crmdeck.connectors.base import (
    Attribution,
    ChangeHistory,
    Missing,
    RecordReader,
    Sample,
)
from crmdeck.connectors.salesforce.discovery import select
from crmdeck.errors import CanceledError, QuotaExceededError
from crmdeck.model import (
    CancelToken,
    FieldType,
    GoneReason,
    Scope,
    ScopeMode,
)
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from crmdeck.sandbox import salesforce as salesforce_api
from tests.connectors.crm import QUICK, run, salesforce_to, sent

ASK_EACH = replace(QUICK, trust=0.0)


def test_token_reads_schema_and_quota(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    found = run(connector)
    opportunity = found.discovered["Opportunity"].schema
    types = {field.name: field.type for field in opportunity.fields}
    assert (types["Amount"], types["StageName"]) == (FieldType.CURRENCY, FieldType.PICKLIST)
    assert not found.failed
    assert "OpportunityHistory" not in found.listing.in_scope
    assert len(found.listing.object_types) > len(found.listing.in_scope)
    quota = connector.meter.quota
    assert quota is not None
    assert quota.used == sandbox.scenario.organizations[0].first.daily_used + (
        connector.meter.traffic.quota_spent
    )
    # The list of versions, the list of objects, one call for up to 25 descriptions; lists of
    # validation rules, duplicate rules, flows and triggers; one call for up to 25 formulas, and
    # one for each of two objects with duplicate rules.
    assert connector.meter.traffic.requests == len(sandbox.requests) == 10


def test_probe_reports_user_org_and_quota(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    report = connector.probe()
    access = sandbox.access("acme-prod")
    assert report.user == access.username
    assert report.instance_url == access.instance_url
    assert report.api_version == "68.0"
    assert report.quota is not None
    assert report.quota.limit == 100_000
    assert report.missing_permissions == ()


def test_untrusted_listing_reads_each_object(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox, limits=ASK_EACH)
    first = run(connector)
    sandbox.requests.clear()
    second = run(connector, first.faces())
    assert set(second.unchanged) == set(first.discovered)
    assert [path.partition("v68.0")[2] for path in sent(sandbox, oauth=False)].count(
        "/composite"
    ) == 1


def test_only_changed_objects_are_read(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    early, late = sandbox.moments("acme-prod")[0], sandbox.moments("acme-prod")[-1]
    sandbox.set_now(early)
    first = run(connector)
    sandbox.set_now(late)
    second = run(connector, first.known)
    assert second.discovered
    assert second.unchanged
    for name, item in second.discovered.items():
        assert item.schema != first.discovered[name].schema


def test_wider_scope_ignores_narrower_cache(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    narrow = Scope(mode=ScopeMode.NAMED, include=("Account",))
    first = run(connector, scope=narrow)
    assert set(first.discovered) == {"Account"}
    wide = run(connector, first.known, Scope(exclude=("Lead",)))
    assert set(wide.unchanged) == {"Account"}
    assert "Opportunity" in wide.discovered
    assert "Lead" not in wide.listing.in_scope
    assert "Lead" in wide.listing.object_types


def test_all_means_all(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    found = run(connector, scope=Scope(mode=ScopeMode.ALL))
    assert set(found.listing.in_scope) == found.listing.object_types


def test_removed_object_is_gone_and_unknown_one_fails(
    sandbox: Sandbox,
) -> None:
    connector, _ = salesforce_to(sandbox, limits=ASK_EACH)
    named = Scope(mode=ScopeMode.NAMED, include=("Account", "Campaign", "No Such; Thing"))
    first = run(connector, scope=named)
    assert set(first.discovered) == {"Account", "Campaign"}
    assert first.failed["No Such; Thing"].error.code == "NOT_VISIBLE"
    sandbox.fault("acme-prod", Fault(FaultKind.HIDDEN_OBJECT, object_type="Campaign"))
    second = run(connector, first.known, named)
    assert second.listing.in_scope == ("Account", "No Such; Thing")


def test_hidden_and_removed_objects_differ(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox, limits=ASK_EACH)
    first = run(connector)
    sandbox.fault("acme-prod", Fault(FaultKind.HIDDEN_OBJECT, object_type="Campaign"))
    sandbox.fault(
        "acme-prod", Fault(FaultKind.HIDDEN_FIELD, object_type="Account", field_name="Website")
    )
    second = run(connector, first.known)
    assert "Campaign" not in second.listing.object_types
    names = {field.name for field in second.discovered["Account"].schema.fields}
    assert "Website" not in names
    hidden_object, hidden_field = Missing("Campaign"), Missing("Account", "Website")
    removed, unaskable = Missing("Account", "Never__c"), Missing("Account", "x' OR 'y")
    assert connector.explain_missing([hidden_object, hidden_field, removed, unaskable]) == {
        hidden_object: GoneReason.HIDDEN,
        hidden_field: GoneReason.HIDDEN,
        removed: GoneReason.REMOVED,
    }


def test_missing_permission_gives_no_claim(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    sandbox.fault("acme-prod", Fault(FaultKind.FORBIDDEN, path="/tooling/"))
    assert connector.explain_missing([Missing("Account", "Never__c")]) == {}
    assert connector.probe().missing_permissions


def test_the_reserve_is_left_to_others(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox, limits=replace(QUICK, reserve=0.9))
    with pytest.raises(QuotaExceededError) as caught:
        run(connector)
    assert caught.value.code == "QUOTA_RESERVE"
    assert not any("/composite" in path for path in sent(sandbox, oauth=False))


def test_canceling_ends_it(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    sandbox.fault("acme-prod", Fault(FaultKind.SLOW, path="/composite", seconds=3))
    cancel = CancelToken()
    items = connector.discover(Scope(), {}, cancel)
    next(items)
    cancel.cancel()
    with pytest.raises(CanceledError):
        next(items)


def test_author_and_fill_rate_are_read(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    assert isinstance(connector, ChangeHistory)
    assert isinstance(connector, RecordReader)
    removed, standard = ("Opportunity", "Current_Provider__c"), ("Opportunity", "Amount")
    answers = connector.who_changed([removed, standard])
    by_whom = answers[removed]
    assert isinstance(by_whom, Attribution)
    assert by_whom.by == "Priya Raman"
    assert isinstance(answers[standard], str)
    records = connector.recent("Account", ["Name", "Website"], limit=20)
    sample = Sample.count(["Name", "Website"], records)
    assert sample.sampled == 20
    assert sample.rates["Name"] == 1.0
    assert sample.values["Name"]
    assert sample.values["Name"][0] not in repr(sample)
    wanted = {str(each["Id"]): each["Name"] for each in records}
    found = connector.find("Account", "Id", [*wanted, "it's \\ not there"], ["Name"])
    assert {each["Id"]: each["Name"] for each in found} == wanted


def test_author_is_unknown_without_permission(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    assert isinstance(connector, ChangeHistory)
    sandbox.fault("acme-prod", Fault(FaultKind.FORBIDDEN, path="query"))
    change = ("Opportunity", "Current_Provider__c")
    assert "View Setup" in str(connector.who_changed([change])[change])


def test_a_very_large_object_is_read_alone_and_in_parts(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    whole = run(connector).discovered
    # Describes need more than this, all other answers less.
    limits = replace(ASK_EACH, max_memory=600_000)
    limited, _ = salesforce_to(sandbox, limits=limits)
    alone = run(limited)
    assert any(path.endswith("/describe") for path in sent(sandbox, oauth=False))
    assert {name: each.schema for name, each in alone.discovered.items()} == {
        name: each.schema for name, each in whole.items()
    }
    assert set(run(limited, alone.faces()).unchanged) == set(whole)
    refusing, _ = salesforce_to(
        sandbox, limits=replace(limits, max_bytes=60_000, max_bytes_alone=60_000)
    )
    assert run(refusing).failed["Opportunity"].error.code == "ANSWER_TOO_LARGE"


def test_scope_and_required_ignore_the_readers_rights(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = run(salesforce_to(sandbox)[0])
    # A user with read access only, as Salesforce describes it.
    for name in ("describe_text", "global_text"):
        told = getattr(salesforce_api, name)

        def read_only(*values: Any, told: Callable[..., str] = told) -> str:
            return re.sub(
                r'"(createable|updateable|deletable)": ?true', r'"\1":false', told(*values)
            )

        monkeypatch.setattr(salesforce_api, name, read_only)
    with Sandbox() as other:
        found = run(salesforce_to(other)[0])
    assert found.listing.in_scope == everything.listing.in_scope
    required = set[tuple[str, str]]()
    for name, each in found.discovered.items():
        assert not any(field.createable for field in each.schema.fields)
        both = (each.schema.fields, everything.discovered[name].schema.fields)
        now, before = ({field.name for field in one if field.required} for one in both)
        assert now == before
        required |= {(name, field) for field in now}
    assert {("Opportunity", "StageName"), ("Contact", "LastName")} <= required
    assert not {("Opportunity", "ForecastCategory"), ("Contact", "Name")} & required


@pytest.mark.parametrize("flag", ["queryable", "layoutable"])
def test_lost_flag_keeps_object_in_scope(flag: str) -> None:
    rows = [
        {"name": name, "queryable": True, "layoutable": True} | {flag: name != "Lead"}
        for name in ("Account", "Lead")
    ]
    assert select(Scope(), rows) == ("Account",)
    assert select(Scope(), rows, {"Lead", "Case"}) == ("Account", "Lead")
    assert select(Scope(exclude=("Lead",)), rows, {"Lead"}) == ("Account",)
