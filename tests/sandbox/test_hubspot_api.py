"""The HubSpot side over HTTP, held against what the API reference documents."""

from __future__ import annotations

import httpx
import pytest

from crmdeck.sandbox import Fault, FaultKind, Sandbox
from tests.sandbox.conftest import client

PROPERTY_KEYS = {
    "archived",
    "calculated",
    "createdAt",
    "dataSensitivity",
    "description",
    "displayOrder",
    "externalOptions",
    "fieldType",
    "formField",
    "groupName",
    "hasUniqueValue",
    "hidden",
    "hubspotDefined",
    "label",
    "modificationMetadata",
    "name",
    "options",
    "type",
    "updatedAt",
}


@pytest.mark.parametrize(
    "path",
    [
        "/crm/properties/2026-09/deals",
        "/crm/properties/2026-03/deal",
        "/crm/v3/properties/deals",
        "/crm/v3/properties/0-3",
    ],
)
def test_properties_by_every_path_and_name(hubspot: httpx.Client, path: str) -> None:
    found = {each["name"]: each for each in hubspot.get(path).json()["results"]}
    assert found["dealname"].keys() == PROPERTY_KEYS
    assert found["amount"]["showCurrencySymbol"] is True
    assert found["amount_in_home_currency"]["calculated"] is True
    assert found["registration_status"]["options"][0] == {
        "label": "Submitted",
        "value": "submitted",
        "displayOrder": 0,
        "hidden": False,
    }
    assert "hubspotDefined" not in found["registration_status"]


def test_an_older_portal_knows_numbered_paths_only(sandbox: Sandbox) -> None:
    access = sandbox.access("legacy-portal")
    with client(access.endpoint, access.private_app_token) as portal:
        assert portal.get("/crm/properties/2026-09/deals").status_code == 404
        assert portal.get("/crm/v3/properties/deals").status_code == 200


def test_custom_objects_have_schemas(hubspot: httpx.Client) -> None:
    for path in ("/crm-object-schemas/2026-03/schemas", "/crm/v3/schemas"):
        (schema,) = hubspot.get(path).json()["results"]
        assert schema["objectTypeId"] == "2-38201457"
        assert schema["fullyQualifiedName"] == "p24811907_partner_tier"
        assert schema["labels"] == {"singular": "Partner Tier", "plural": "Partner Tiers"}
        assert schema["requiredProperties"] == ["tier_name"]
    by_id = hubspot.get("/crm/properties/2026-09/2-38201457").json()["results"]
    assert by_id[0]["name"] == "tier_name"


def test_pipelines_have_stages(hubspot: httpx.Client) -> None:
    pipelines = hubspot.get("/crm/pipelines/2026-09/deals").json()["results"]
    assert [each["id"] for each in pipelines] == ["default", "48210011"]
    stage = pipelines[1]["stages"][0]
    assert (stage["label"], stage["metadata"]) == (
        "Submitted",
        {"isClosed": "false", "probability": "0.1"},
    )


def test_quota_is_sent_to_private_apps(sandbox: Sandbox, hubspot: httpx.Client) -> None:
    answer = hubspot.get("/account-info/2026-03/api-usage/daily/private-apps")
    usage = answer.json()["results"][0]
    assert usage["currentUsage"] / usage["usageLimit"] == pytest.approx(0.92, abs=0.001)
    daily = int(answer.headers["X-HubSpot-RateLimit-Daily"])
    left = int(answer.headers["X-HubSpot-RateLimit-Daily-Remaining"])
    assert daily - left == usage["currentUsage"]
    access = sandbox.access("acme-marketing")
    with client(access.endpoint, access.access_token) as app:
        headers = app.get("/account-info/v3/details").headers
    assert "X-HubSpot-RateLimit-Max" in headers
    assert "X-HubSpot-RateLimit-Daily" not in headers


def test_archived_properties_are_listed_on_demand(hubspot: httpx.Client) -> None:
    path = "/crm/properties/2026-09/contacts"
    (archived,) = hubspot.get(path, params={"archived": "true"}).json()["results"]
    assert (archived["name"], archived["archived"]) == ("favourite_swag", True)
    assert archived["updatedUserId"] == "1004"
    names = [each["name"] for each in hubspot.get(path).json()["results"]]
    assert "favourite_swag" not in names


def test_owners_put_names_to_user_ids(hubspot: httpx.Client) -> None:
    owners = hubspot.get("/crm/owners/2026-03/").json()["results"]
    assert {str(each["userId"]): each["lastName"] for each in owners}["1004"] == "Silva"


def test_records_are_paged_with_requested_properties(hubspot: httpx.Client) -> None:
    params = {"limit": "30", "properties": "dealname,amount,no_such"}
    seen: list[str] = []
    after: str | None = None
    while True:
        query = params | ({"after": after} if after else {})
        page = hubspot.get("/crm/objects/2026-03/deals", params=query).json()
        seen += [each["id"] for each in page["results"]]
        assert page["results"][0]["properties"]["dealname"]
        assert "no_such" not in page["results"][0]["properties"]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert len(seen) == len(set(seen)) == 50


def test_a_hidden_object_asks_for_scopes(sandbox: Sandbox, hubspot: httpx.Client) -> None:
    sandbox.fault("acme-marketing", Fault(FaultKind.HIDDEN_OBJECT, object_type="tickets"))
    answer = hubspot.get("/crm/properties/2026-09/tickets")
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert answer.json()["errors"][0]["context"]["requiredGranularScopes"]


def test_unknown_object_types_are_not_found(hubspot: httpx.Client) -> None:
    answer = hubspot.get("/crm/properties/2026-09/unicorns")
    assert answer.status_code == 404
    assert {"status", "message", "correlationId", "category"} <= answer.json().keys()
