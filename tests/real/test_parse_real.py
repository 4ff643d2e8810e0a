"""The parsers on schemas of real orgs and portals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crmdeck.connectors.salesforce.discovery import select
from crmdeck.formats.hubspot_properties import parse_properties
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import Field, FieldType, Scope

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no real data here")


def describe(name: str) -> dict[str, Field]:
    path = DATA / "salesforce" / "org-a" / f"{name}.describe.json"
    schema = parse_object(json.loads(path.read_text("utf-8")))
    return {field.name: field for field in schema.fields}


def properties(name: str) -> list[dict[str, Any]]:
    loaded = json.loads((DATA / "hubspot" / name).read_text("utf-8"))
    records: list[dict[str, Any]] = loaded["results"] if isinstance(loaded, dict) else loaded
    return records


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("Account", {"Name"}),
        ("Contact", {"LastName"}),
        ("Lead", {"LastName", "Company"}),
        ("Opportunity", {"Name", "StageName", "CloseDate"}),
        ("OpportunityContactRole", {"OpportunityId", "ContactId"}),
        ("Case", set()),
    ],
)
def test_what_an_org_requires(name: str, required: set[str]) -> None:
    assert {field.name for field in describe(name).values() if field.required} == required


def test_full_descriptions_leave_no_type_unknown() -> None:
    for path in sorted((DATA / "salesforce" / "org-a").glob("*.describe.json")):
        schema = parse_object(json.loads(path.read_text("utf-8")))
        assert not [field.name for field in schema.fields if field.type is FieldType.OTHER]


def test_parts_of_compounds_know_their_shell() -> None:
    account = describe("Account")
    assert account["BillingCity"].compound == "BillingAddress"
    assert account["BillingAddress"].type is FieldType.COMPOUND
    assert describe("Contact")["FirstName"].compound == "Name"


def test_the_default_scope_of_a_real_org() -> None:
    path = DATA / "salesforce" / "org-a" / "_global.v48.json"
    rows = json.loads(path.read_text("utf-8"))["sobjects"]
    names = select(Scope(), rows)
    assert {"Account", "Contact", "Lead", "Opportunity", "Case"} <= set(names)
    assert len(names) < len(rows) / 4


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("portal-a/deals.properties.json", 182),
        ("portal-a/companies.properties.json", 247),
        ("portal-b/contacts.properties.v2.json", 1207),
        ("portal-b/companies.properties.v2.json", 80),
    ],
)
def test_real_portals(name: str, count: int) -> None:
    schema = parse_properties("x", "X", properties(name))
    assert len(schema.fields) == count
    assert all(field.native_type for field in schema.fields)
    assert all(field.createable is not None for field in schema.fields)


def test_real_stages() -> None:
    schema = parse_properties(
        "deals",
        "Deals",
        properties("portal-a/deals.properties.json"),
        properties("portal-a/deals.pipelines.json"),
    )
    fields = {field.name: field for field in schema.fields}
    assert "closedwon" in [value.value for value in fields["dealstage"].picklist]
    assert [value.value for value in fields["pipeline"].picklist] == ["default"]
    assert fields["hubspot_owner_id"].type is FieldType.REFERENCE
