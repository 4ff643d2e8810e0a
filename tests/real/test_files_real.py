"""The source `files` over real exports; skipped where they are not beside the checkout."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmdeck.connectors.base import Discovered, Discovery, Failed
from crmdeck.connectors.files import FilesConnector, load_schema_file
from crmdeck.model import CancelToken, Connection, Platform, Scope, Source

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real exports are not here")


def discover(path: Path, platform: Platform) -> list[Discovery]:
    connection = Connection(
        id="c1",
        name="files",
        platform=platform,
        source=Source.FILES,
        path=str(path),
        created_at=datetime(2026, 5, 16, tzinfo=UTC),
    )
    source = FilesConnector(connection)
    return list(source.discover(Scope(), {}, CancelToken()))


def discovered(answers: list[Discovery]) -> dict[str, Discovered]:
    return {each.schema.object_type: each for each in answers if isinstance(each, Discovered)}


def test_describe_folder_loads_except_duplicate_object() -> None:
    answers = discover(DATA / "salesforce" / "org-a", "salesforce")

    assert set(discovered(answers)) == {
        "Case",
        "Contact",
        "Event",
        "Lead",
        "Opportunity",
        "OpportunityContactRole",
    }
    assert [each.object_type for each in answers if isinstance(each, Failed)] == ["Account"]


@pytest.mark.parametrize(
    ("portal", "counts"),
    [
        ("portal-a", {"companies": 247, "deals": 182}),
        ("portal-b", {"companies": 80, "contacts": 1207}),
    ],
)
def test_a_portal_loads(portal: str, counts: dict[str, int]) -> None:
    found = discovered(discover(DATA / "hubspot" / portal, "hubspot"))

    assert {name: len(each.schema.fields) for name, each in found.items()} == counts


def test_every_schema_of_the_gold_sets_loads() -> None:
    paths = sorted((DATA / "gold").glob("*/left.csv")) + sorted((DATA / "gold").glob("*/right.csv"))

    assert paths
    for path in paths:
        assert all(field.native_type for field in load_schema_file(path).fields)


def test_the_source_of_a_real_app_loads_at_both_moments() -> None:
    found = [discovered(discover(DATA / "sfdx" / f"ebikes.{n}", "salesforce")) for n in (1, 2)]

    names = [
        {name: {field.name for field in each.schema.fields} for name, each in objects.items()}
        for objects in found
    ]
    assert names[1].keys() - names[0].keys() == {"Manufacturing_Event__e"}
    assert names[1]["Order__c"] - names[0]["Order__c"] == {"Status__c"}
    assert names[0]["Product__c"] == names[1]["Product__c"]
    (family,) = (f for f in found[1]["Product__c"].schema.fields if f.name == "Product_Family__c")
    assert (family.native_type, family.references) == ("Lookup", ("Product_Family__c",))
