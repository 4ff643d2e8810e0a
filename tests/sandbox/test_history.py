"""The scenario and its history: what was there when, and the same every time."""

from __future__ import annotations

import httpx
import pytest

from crmdeck.sandbox import HISTORY, Organization, Sandbox, Scenario
from crmdeck.sandbox.salesforce_describe import describe_text
from tests.sandbox.conftest import DATA, NOW

START = NOW - HISTORY


def describe(salesforce: httpx.Client, name: str) -> dict[str, dict[str, object]]:
    answer = salesforce.get(f"{DATA}/sobjects/{name}/describe").json()
    return {each["name"]: each for each in answer["fields"]}


def test_the_schema_follows_the_clock(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    sandbox.set_now(START)
    before = describe(salesforce, "Opportunity")
    sandbox.set_now(None)
    after = describe(salesforce, "Opportunity")
    assert after.keys() - before.keys() == {
        "Data_Residency__c",
        "ActivityMetricId",
        "ActivityMetricRollupId",
        "LastActivityInDays",
        "Economic_Buyer_Email__c",
    }
    assert before.keys() - after.keys() == {"Decision_Contact_Email__c", "Current_Provider__c"}
    assert (before["End_Customer_Name__c"]["length"], after["End_Customer_Name__c"]["length"]) == (
        255,
        80,
    )
    assert (before["Partner_Discount__c"]["type"], after["Partner_Discount__c"]["type"]) == (
        "percent",
        "string",
    )
    assert after["End_Customer_Domain__c"]["nillable"] is False
    reasons = [str(each) for each in (before, after) if "No Budget" in str(each)]
    assert len(reasons) == 1


def test_kin_and_setup_picklists_follow_their_parents(
    sandbox: Sandbox, salesforce: httpx.Client
) -> None:
    assert "Data_Residency__c" in describe(salesforce, "AccountChangeEvent")
    listed = describe(salesforce, "FieldPermissions")["Field"]["picklistValues"]
    assert "Account.Data_Residency__c" in str(listed)
    sandbox.set_now(START)
    assert "Data_Residency__c" not in describe(salesforce, "AccountChangeEvent")


def test_each_change_is_one_step(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    moments = sandbox.moments("acme-prod")
    assert len(moments) == 11
    assert list(moments) == sorted(moments)
    assert all(START < each < NOW for each in moments)
    dates = []
    for moment in moments:
        sandbox.set_now(moment)
        dates.append(salesforce.get(f"{DATA}/sobjects").headers["Last-Modified"])
    assert len(set(dates)) == 11


def test_an_object_type_is_deleted(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    path = f"{DATA}/sobjects/Partner_Scorecard__c/describe"
    assert salesforce.get(path).status_code == 404
    sandbox.set_now(START)
    assert salesforce.get(path).status_code == 200


def test_a_stage_leaves_its_pipeline(sandbox: Sandbox, hubspot: httpx.Client) -> None:
    path = "/crm/pipelines/2026-09/deals"

    def stages() -> list[str]:
        pipeline = hubspot.get(path).json()["results"][0]
        return [each["id"] for each in pipeline["stages"]]

    after = stages()
    sandbox.set_now(START, "acme-marketing")
    assert set(stages()) - set(after) == {"contractsent"}


def salesforce_orgs() -> list[Organization]:
    return [each for each in Scenario.demo().organizations if each.platform == "salesforce"]


@pytest.mark.parametrize("org", Scenario.demo().organizations, ids=lambda org: org.name)
def test_demo_history_changes_only_existing_fields(org: Organization) -> None:
    for change, before, after in zip(org.changes, org.states, org.states[1:], strict=False):
        changed = {
            name
            for name in {*before.objects, *after.objects}
            if before.objects.get(name) != after.objects.get(name)
        }
        touched = {name for edit in change.edits for name in edit.touches}
        assert touched <= changed
        for edit in change.edits:
            for name in edit.touches:
                if edit.names:
                    fields = {**before.objects[name].fields, **after.objects[name].fields}
                    assert set(edit.names) <= fields.keys()


@pytest.mark.parametrize("org", salesforce_orgs(), ids=lambda org: org.name)
def test_references_point_to_types_that_are_named_like_types(org: Organization) -> None:
    for target in org.first.objects.values():
        for field in target.fields.values():
            assert all(each and " " not in each for each in field.references), field.name
            assert field.type != "picklist" or field.values or field.flags & {"objects", "fields"}


def test_the_same_now_gives_the_same_world() -> None:
    texts = []
    for _ in range(2):
        org = Scenario.demo().organizations[0]
        state = org.at(NOW, NOW)
        texts.append(describe_text(state.objects["Account"], "67.0"))
    assert texts[0] == texts[1]
