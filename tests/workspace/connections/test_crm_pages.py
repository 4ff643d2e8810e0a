"""Where the CRM itself shows something: the addresses, and why there may be none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from crmdeck.errors import UsageError
from crmdeck.model import Connection, Source
from crmdeck.workspace.connections.service import crm_page

ORG = "https://acme.my.salesforce.com"
SETUP = f"{ORG}/lightning/setup"
PORTAL = "https://app.hubspot.com/property-settings/424242/properties"


def connection(**more: Any) -> Connection:
    plain: dict[str, Any] = {
        "id": "00000000-0000-4000-8000-000000000001",
        "name": "acme",
        "platform": "salesforce",
        "source": "salesforce",
        "instance_url": f"{ORG}/",
        "created_at": datetime(2026, 5, 16, tzinfo=UTC),
    }
    return Connection(**(plain | more))


def portal(**more: Any) -> Connection:
    return connection(
        **(
            {
                "platform": "hubspot",
                "source": "hubspot",
                "instance_url": None,
                "organization": "424242",
            }
            | more
        )
    )


@pytest.mark.parametrize(
    ("of", "place", "url"),
    [
        (connection(), (), f"{SETUP}/SetupOneHome/home"),
        (connection(), ("Deal__c",), f"{SETUP}/ObjectManager/Deal__c/Details/view"),
        (
            connection(source=Source.FILES),
            ("Opportunity", "StageName"),
            f"{SETUP}/ObjectManager/Opportunity/FieldsAndRelationships/StageName/view",
        ),
        (
            connection(),
            ("Opportunity", "Tier__c"),
            f"{SETUP}/ObjectManager/Opportunity/FieldsAndRelationships/view",
        ),
        (connection(), ("a/../b?",), f"{SETUP}/ObjectManager/a%2F..%2Fb%3F/Details/view"),
        (portal(), (), PORTAL),
        (portal(), ("deals",), f"{PORTAL}?type=0-3"),
        (portal(), ("deals", "a&b"), f"{PORTAL}?type=0-3&action=edit&property=a%26b"),
        (portal(), ("2-77", "x"), f"{PORTAL}?type=2-77&action=edit&property=x"),
        (portal(), ("p424242_car", "x"), PORTAL),
    ],
)
def test_the_page_is_that_of_the_setup(of: Connection, place: tuple[str, ...], url: str) -> None:
    page = crm_page(of, *place)
    assert page.url == url
    # What is not quite the page says what to look for there.
    assert bool(page.note) == (place in {("Opportunity", "Tier__c"), ("p424242_car", "x")})


@pytest.mark.parametrize(
    "of",
    [
        connection(source=Source.SANDBOX),
        connection(source=Source.FILES, instance_url=None),
        portal(organization=None),
        portal(source=Source.PARTNEROS, organization="12"),
    ],
)
def test_unknown_org_has_no_setup_page(of: Connection) -> None:
    with pytest.raises(UsageError) as refused:
        crm_page(of, "Account")
    assert refused.value.code == "NO_CRM_PAGE"
    assert refused.value.cause
