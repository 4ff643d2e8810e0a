"""Writes over HTTP: the vendors' statuses, error codes and fields."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import DATA

DEALS = "/crm/objects/2026-03/deals"
GOOD = {
    "Name": "Acme",
    "StageName": "Prospecting",
    "CloseDate": "2026-12-31",
    "End_Customer_Domain__c": "acme.example",
}
SOBJECT = f"{DATA}/sobjects/Opportunity"


def test_a_record_is_created_changed_and_read(salesforce: httpx.Client) -> None:
    made = salesforce.post(SOBJECT, json={**GOOD, "Name": " Acme ", "Amount": "2.345"})
    assert (made.status_code, made.json()["success"]) == (201, True)
    place = f"{SOBJECT}/{made.json()['id']}"
    assert salesforce.patch(place, json={"CloseDate": "2027-01-31T10:00:00Z"}).status_code == 204
    stored = salesforce.get(place).json()
    assert [stored[each] for each in ("Name", "Amount", "CloseDate", "IsClosed")] == [
        "Acme", 2.35, "2027-01-31", False,
    ]  # fmt: skip
    assert salesforce.patch(f"{SOBJECT}/0065g0000099999AAA", json={}).status_code == 404


@pytest.mark.parametrize(
    ("change", "code", "fields"),
    [
        ({"Name": None}, "REQUIRED_FIELD_MISSING", ["Name"]),
        ({"Name": "x" * 121}, "STRING_TOO_LONG", ["Name"]),
        ({"Nme": "x"}, "INVALID_FIELD", []),
        ({"CreatedDate": "2026-01-01"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["CreatedDate"]),
        ({"Amount": "1,5"}, "JSON_PARSER_ERROR", []),
        ({"Amount": 1e16}, "NUMBER_OUTSIDE_VALID_RANGE", ["Amount"]),
        ({"CloseDate": "31/12/2026"}, "JSON_PARSER_ERROR", []),
        ({"CloseDate": "1699-12-31"}, "FIELD_INTEGRITY_EXCEPTION", ["CloseDate"]),
        ({"Partner_Role__c": "x"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Partner_Role__c"]),
        ({"AccountId": "3f1c2a9e-7b40"}, "MALFORMED_ID", ["AccountId"]),
    ],
)
def test_salesforce_names_the_error_and_the_fields(
    salesforce: httpx.Client, change: dict[str, Any], code: str, fields: list[str]
) -> None:
    answer = salesforce.post(SOBJECT, json={**GOOD, **change})
    found = [(each["errorCode"], each["fields"]) for each in answer.json()]
    assert (answer.status_code, found) == (400, [(code, fields)])


def test_rules_read_the_stored_record_and_ids_are_unique(salesforce: httpx.Client) -> None:
    records = [
        {"attributes": {"type": "Opportunity"}, **GOOD, "Deal_Registration_Id__c": key}
        for key in ("a", "A", "b")
    ]
    answers = salesforce.post(f"{DATA}/composite/sobjects", json={"records": records}).json()
    assert [each["success"] for each in answers] == [True, False, True]
    assert answers[1]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    place = f"{SOBJECT}/{answers[0]['id']}"
    broken = salesforce.patch(place, json={"CloseDate": "2026-11-01"}).json()[0]
    assert (broken["errorCode"], broken["fields"]) == (
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        ["CloseDate"],
    )
    closed = {"CloseDate": "2026-11-01", "StageName": "Closed Won"}
    assert salesforce.patch(place, json=closed).status_code == 204


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"amount": "-1"}, "FAILED_VALIDATION"),
        ({"amount": "1,5"}, "INVALID_DOUBLE"),
        ({"dealstage": "nowhere"}, "INVALID_OPTION"),
        ({"dealstage": "101846201"}, "INVALID_OPTION"),
        ({"closedate": "31/12/2026"}, "INVALID_DATE"),
        ({"nothing": "x"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"dealname": "x" * 65_537}, "PROPERTY_VALUE_TOO_LONG"),
    ],
)
def test_hubspot_names_the_error_and_the_property(
    hubspot: httpx.Client, properties: dict[str, str], code: str
) -> None:
    answer = hubspot.post(DEALS, json={"properties": properties})
    body = answer.json()
    assert (answer.status_code, body["category"]) == (400, "VALIDATION_ERROR")
    assert {each["code"] for each in body["errors"]} == {code}
    assert body["errors"][0]["context"]["propertyName"] == list(properties)


def test_a_deal_is_created_and_moves_within_its_pipeline(hubspot: httpx.Client) -> None:
    start = {"dealname": "Acme", "pipeline": "48210011", "dealstage": "101846201", "amount": 1}
    made = hubspot.post(DEALS, json={"properties": start})
    assert made.status_code == 201
    place = f"{DEALS}/{made.json()['id']}"
    assert hubspot.patch(place, json={"properties": {"dealstage": "closedwon"}}).status_code == 400
    assert hubspot.patch(place, json={"properties": {"dealstage": "101846203"}}).status_code == 200
    assert hubspot.get(place).json()["properties"]["dealstage"] == "101846203"
