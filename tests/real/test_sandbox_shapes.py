"""The sandbox's answers have the attributes of real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmdeck.sandbox import Sandbox

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="no real schemas here")


def real(name: str) -> Any:
    return json.loads((DATA / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    with Sandbox() as sandbox:
        org, portal = sandbox.access("acme-prod"), sandbox.access("acme-marketing")
        bearer = {"Authorization": f"Bearer {org.access_token}"}
        app = {"Authorization": f"Bearer {portal.private_app_token}"}
        objects = f"{org.endpoint}/services/data/v59.0/sobjects"
        return {
            "global": httpx.get(objects, headers=bearer).json(),
            "describe": httpx.get(f"{objects}/Opportunity/describe", headers=bearer).json(),
            "properties": httpx.get(
                f"{portal.endpoint}/crm/v3/properties/deals", headers=app
            ).json(),
            "pipelines": httpx.get(f"{portal.endpoint}/crm/v3/pipelines/deals", headers=app).json(),
        }


def test_describe_has_the_real_attributes(answers: dict[str, Any]) -> None:
    there, here = real("salesforce/org-a/Opportunity.describe.json"), answers["describe"]
    assert there.keys() - {"associateEntityType"} <= here.keys()
    assert there["fields"][0].keys() <= here["fields"][0].keys()
    names = {each["name"]: each for each in here["fields"]}
    for field in there["fields"]:
        mine = names.get(field["name"])
        if mine is not None and not field["custom"] and len(field["referenceTo"]) < 2:
            same = ("type", "nillable", "createable", "updateable", "referenceTo", "soapType")
            assert {key: mine[key] for key in same} == {key: field[key] for key in same}, mine[
                "name"
            ]


def test_global_has_the_real_attributes(answers: dict[str, Any]) -> None:
    there, here = real("salesforce/org-a/_global.v48.json"), answers["global"]
    assert there["sobjects"][0].keys() <= here["sobjects"][0].keys()
    names = {each["name"]: each for each in here["sobjects"]}
    flags = ("queryable", "createable", "layoutable", "keyPrefix")
    for target in there["sobjects"]:
        mine = names.get(target["name"])
        if mine is not None and not target["name"].endswith("Share"):
            assert {key: mine[key] for key in flags} == {key: target[key] for key in flags}, mine


def test_properties_and_pipelines_have_the_real_attributes(answers: dict[str, Any]) -> None:
    here = {each["name"]: each for each in answers["properties"]["results"]}
    for there in real("hubspot/portal-a/deals.properties.json")["results"]:
        mine = here.get(there["name"])
        if mine is not None and there.get("hubspotDefined"):
            assert mine["type"] == there["type"], there["name"]
            assert there.keys() - {"referencedObjectType", "showCurrencySymbol"} <= mine.keys() | {
                "calculationFormula",
                "dateDisplayHint",
                "numberDisplayHint",
                "currencyPropertyName",
                "textDisplayHint",
            }
    mine, there = (
        each["results"][0]
        for each in (answers["pipelines"], real("hubspot/portal-a/deals.pipelines.json"))
    )
    assert there.keys() <= mine.keys()
    assert there["stages"][0].keys() <= mine["stages"][0].keys()
