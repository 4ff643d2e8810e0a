"""Facts about HubSpot that code outside this package needs."""

from __future__ import annotations

import re
from urllib.parse import quote

from crmdeck.connectors.hubspot.paths import OAUTH_VERSION
from crmdeck.formats.hubspot_change import write_change
from crmdeck.model import (
    Connection,
    CrmPage,
    Ending,
    Flow,
    Question,
    Source,
    VendorProfile,
    WriteRules,
)

RECORD_ID = "hs_object_id"
"""The property with the ID of a record."""

APP = "https://app.hubspot.com"
"""Redirects to the data center of the account."""

# "Using object APIs": the type IDs, which URLs and validation paths use instead of names.
TYPE_IDS = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
    "leads": "0-136",
    "products": "0-7",
    "line_items": "0-8",
    "quotes": "0-14",
    "appointments": "0-421",
    "calls": "0-48",
    "carts": "0-142",
    "commerce_payments": "0-101",
    "communications": "0-18",
    "courses": "0-410",
    "discounts": "0-84",
    "emails": "0-49",
    "feedback_submissions": "0-19",
    "fees": "0-85",
    "goal_targets": "0-74",
    "invoices": "0-53",
    "listings": "0-420",
    "marketing_events": "0-54",
    "meetings": "0-47",
    "notes": "0-46",
    "orders": "0-123",
    "postal_mail": "0-116",
    "projects": "0-970",
    "services": "0-162",
    "subscriptions": "0-69",
    "tasks": "0-27",
    "taxes": "0-86",
    "users": "0-115",
}
_TYPE_ID = re.compile(r"\d+-\d+")

_APP_ID = Question("client_id", "Client ID of the app", hidden=False, lasting=True)
_APP_SECRET = Question("client_secret", "Client secret of the app", lasting=True)
FLOWS = (
    Flow(
        "access-token",
        "Service key (Development > Keys > Service keys)",
        (Question("access_token", "Service key or token"),),
    ),
    Flow("browser", "Sign in with the browser", (_APP_ID, _APP_SECRET), browser=True),
    Flow(
        "refresh-token",
        "Existing refresh token",
        (_APP_ID, _APP_SECRET, Question("refresh_token", "Refresh token")),
    ),
)
ENDINGS = (
    Ending(
        "KEY_ROTATED",
        frozenset({"access-token"}),
        "The connection ends when a user rotates or deletes the key in HubSpot.",
        "Sign in with the new key before the old one stops working.",
        "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/account-service-keys",
    ),
)


def setup_page(
    connection: Connection, object_type: str | None, field_name: str | None
) -> CrmPage | None:
    """Return a page of the property settings; None if the connection has no Portal ID."""
    portal = connection.organization
    # PartnerOS reports its own organization, not the HubSpot account.
    if not portal or not portal.isdigit() or connection.source == Source.PARTNEROS:
        return None
    page = f"{APP}/property-settings/{portal}/properties"
    if object_type is None:
        return CrmPage(page)
    type_id = object_type if _TYPE_ID.fullmatch(object_type) else TYPE_IDS.get(object_type)
    if type_id is None:
        wanted = f"{object_type}.{field_name}" if field_name else object_type
        return CrmPage(page, f"all properties: search for {wanted}")
    if field_name is None:
        return CrmPage(f"{page}?type={type_id}")
    return CrmPage(f"{page}?type={type_id}&action=edit&property={quote(field_name, safe='')}")


PROFILE = VendorProfile(
    name="hubspot",
    title="HubSpot",
    exports="property lists exported to a folder",
    flows=FLOWS,
    login_hosts={"production": APP},
    retired_sign_in="HubSpot has no sign-in with a user name and password for apps.",
    oauth_path=f"oauth/{OAUTH_VERSION}",
    endings=ENDINGS,
    setup_page=setup_page,
    no_setup_page="Test the connection to get its Portal ID: crmdeck connections test {name}",
    always_stated=("createable", "updateable", "unique", "calculated"),
    no_usage="HubSpot has no API for where a property is used. Its property settings show it.",
    rule_kinds=("values", "pipeline"),
    # HubSpot knowledge base, "Property field types": text has at most 65,536 characters.
    write_rules=WriteRules(
        record_id=RECORD_ID,
        longest_text=65_536,
        refuses_outer_spaces=True,
        midnights_are_dates=True,
        requires_on_create=True,
    ),
    write_change=write_change,
)
