"""The Salesforce side over HTTP, held against what the REST API guide documents."""

from __future__ import annotations

from typing import Any

import httpx

from crmdeck.sandbox import Fault, FaultKind, Sandbox
from tests.sandbox.conftest import DATA, client

DESCRIBE = f"{DATA}/sobjects/Opportunity/describe"


def mappable(listing: list[dict[str, object]]) -> list[str]:
    return [
        str(each["name"])
        for each in listing
        if each["queryable"] and each["createable"] and each["layoutable"]
    ]


def test_versions_need_no_token_and_end_with_the_newest(sandbox: Sandbox) -> None:
    with client(sandbox.access("acme-prod").endpoint, "nonsense") as stranger:
        versions = stranger.get("/services/data").json()
    assert versions[0] == {
        "label": "Summer '14",
        "url": "/services/data/v31.0",
        "version": "31.0",
    }
    assert versions[-1]["label"] == "Winter '27"


def test_describe_global_lists_objects_or_returns_304(salesforce: httpx.Client) -> None:
    answer = salesforce.get(f"{DATA}/sobjects")
    body = answer.json()
    assert (body["encoding"], body["maxBatchSize"]) == ("UTF-8", 200)
    names = {each["name"] for each in body["sobjects"]}
    assert {"Account", "AccountChangeEvent", "Deal_Registration__c"} <= names
    assert {"Deal_Registration__Share", "OpportunityFieldHistory"} <= names
    assert len(mappable(body["sobjects"])) == 23
    since = {"If-Modified-Since": answer.headers["Last-Modified"]}
    assert salesforce.get(f"{DATA}/sobjects", headers=since).status_code == 304


def test_describe_has_the_attributes_that_mapping_needs(salesforce: httpx.Client) -> None:
    fields = {each["name"]: each for each in salesforce.get(DESCRIBE).json()["fields"]}
    stage, amount = fields["StageName"], fields["Amount"]
    assert (stage["type"], stage["nillable"], stage["picklistValues"][0]["value"]) == (
        "picklist",
        False,
        "Prospecting",
    )
    assert (amount["type"], amount["precision"], amount["scale"]) == ("currency", 18, 2)
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert fields["AccountId"]["relationshipName"] == "Account"
    assert fields["Partner__c"]["relationshipName"] == "Partner__r"
    formula = fields["Days_to_Close__c"]
    states = [formula[key] for key in ("calculated", "createable", "updateable")]
    assert states == [True, False, False]
    registration = fields["Deal_Registration_Id__c"]
    assert (registration["externalId"], registration["unique"]) == (True, True)


def test_describe_date_is_the_last_change(
    salesforce: httpx.Client,
) -> None:
    answer = salesforce.get(DESCRIBE)
    since = {"If-Modified-Since": answer.headers["Last-Modified"]}
    assert salesforce.get(DESCRIBE, headers=since).status_code == 304
    earlier = {"If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"}
    assert salesforce.get(DESCRIBE, headers=earlier).status_code == 200


def test_composite_accepts_headers_and_costs_one_call(salesforce: httpx.Client) -> None:
    date = salesforce.get(DESCRIBE).headers["Last-Modified"]
    requests = [
        {"method": "GET", "url": DESCRIBE, "referenceId": "a"},
        {
            "method": "GET",
            "url": DESCRIBE,
            "referenceId": "b",
            "httpHeaders": {"If-Modified-Since": date},
        },
    ]
    before = used(salesforce.get(f"{DATA}/limits"))
    answer = salesforce.post(f"{DATA}/composite", json={"compositeRequest": requests})
    fresh, same = answer.json()["compositeResponse"]
    assert (fresh["referenceId"], fresh["httpStatusCode"]) == ("a", 200)
    assert fresh["body"]["name"] == "Opportunity"
    assert fresh["httpHeaders"]["Last-Modified"] == date
    assert (same["referenceId"], same["httpStatusCode"], same["body"]) == ("b", 304, None)
    assert used(answer) == before + 1


def test_more_than_25_subrequests_are_rejected(salesforce: httpx.Client) -> None:
    requests = [{"method": "GET", "url": f"{DATA}/limits", "referenceId": "a"}] * 26
    answer = salesforce.post(f"{DATA}/composite", json={"compositeRequest": requests})
    assert answer.status_code == 400


def test_limits_and_header_agree(salesforce: httpx.Client) -> None:
    answer = salesforce.get(f"{DATA}/limits")
    calls = answer.json()["DailyApiRequests"]
    assert calls["Max"] - calls["Remaining"] == used(answer) - 1
    assert used(answer) == 18431


def test_audit_trail_and_definitions_show_the_author(salesforce: httpx.Client) -> None:
    trail = query(
        salesforce,
        "query",
        "SELECT CreatedDate, CreatedBy.Name, Section, Display FROM SetupAuditTrail "
        "ORDER BY CreatedDate DESC LIMIT 2",
    )
    assert trail[0]["CreatedBy"]["Name"] == "Tom Okafor"
    assert trail[0]["CreatedDate"] == "2026-11-23T19:06:00.000+0000"
    assert trail[0]["Section"] == "Custom Object Deal Registration"
    (field,) = query(
        salesforce,
        "tooling/query",
        "SELECT QualifiedApiName, LastModifiedBy.Name FROM FieldDefinition WHERE "
        "EntityDefinition.QualifiedApiName = 'Opportunity' "
        "AND QualifiedApiName IN ('End_Customer_Name__c')",
    )
    assert field["LastModifiedBy"]["Name"] == "Tom Okafor"


def test_records_are_the_same_every_time_and_partly_empty(salesforce: httpx.Client) -> None:
    soql = "SELECT Id, Name, Fax, CloseDate__x FROM Account LIMIT 3"
    refused = salesforce.get(f"{DATA}/query", params={"q": soql})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    soql = "SELECT Id, Name, Phone, Site FROM Account ORDER BY LastModifiedDate DESC LIMIT 40"
    first, second = (query(salesforce, "query", soql) for _ in range(2))
    assert first == second
    assert len(first) == 40
    assert all(each["Name"] for each in first)
    assert any(each["Site"] is None or each["Phone"] is None for each in first)


def test_definitions_list_hidden_fields(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.HIDDEN_OBJECT, object_type="Lead"))
    assert salesforce.get(f"{DATA}/sobjects/Lead/describe").status_code == 404
    soql = "SELECT QualifiedApiName FROM EntityDefinition WHERE QualifiedApiName IN ('Lead', 'No')"
    assert [each["QualifiedApiName"] for each in query(salesforce, "tooling/query", soql)] == [
        "Lead"
    ]


def used(answer: httpx.Response) -> int:
    return int(answer.headers["Sforce-Limit-Info"].split("=")[1].split("/")[0])


def query(salesforce: httpx.Client, path: str, soql: str) -> list[dict[str, Any]]:
    answer = salesforce.get(f"{DATA}/{path}", params={"q": soql})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["done"] is True
    assert body["totalSize"] == len(body["records"])
    records: list[dict[str, Any]] = body["records"]
    return records
