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

# "Understanding the CRM" and "Using object APIs": the ID and the label of each object type. URLs
# and validation paths use the ID instead of the name.
OBJECTS = {
    "contacts": ("0-1", "Contacts"),
    "companies": ("0-2", "Companies"),
    "deals": ("0-3", "Deals"),
    "tickets": ("0-5", "Tickets"),
    "leads": ("0-136", "Leads"),
    "products": ("0-7", "Products"),
    "line_items": ("0-8", "Line items"),
    "quotes": ("0-14", "Quotes"),
    "appointments": ("0-421", "Appointments"),
    "calls": ("0-48", "Calls"),
    "carts": ("0-142", "Carts"),
    "commerce_payments": ("0-101", "Payments"),
    "communications": ("0-18", "Communications"),
    "courses": ("0-410", "Courses"),
    "discounts": ("0-84", "Discounts"),
    "emails": ("0-49", "Emails"),
    "feedback_submissions": ("0-19", "Feedback submissions"),
    "fees": ("0-85", "Fees"),
    "goal_targets": ("0-74", "Goals"),
    "invoices": ("0-53", "Invoices"),
    "listings": ("0-420", "Listings"),
    "marketing_events": ("0-54", "Marketing events"),
    "meetings": ("0-47", "Meetings"),
    "notes": ("0-46", "Notes"),
    "orders": ("0-123", "Orders"),
    "postal_mail": ("0-116", "Postal mail"),
    "projects": ("0-970", "Projects"),
    "services": ("0-162", "Services"),
    "subscriptions": ("0-69", "Subscriptions"),
    "tasks": ("0-27", "Tasks"),
    "taxes": ("0-86", "Taxes"),
    "users": ("0-115", "Users"),
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
        "The connection stops working when a user rotates or deletes the key in HubSpot.",
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
    type_id, _ = OBJECTS.get(object_type, (object_type, ""))
    if not _TYPE_ID.fullmatch(type_id):
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
    ignores_case=True,
    read_access="the read scopes of the objects to map, such as crm.schemas.deals.read",
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
        # "Record deduplication": contacts by email address, companies by domain.
        match_keys={"contacts": frozenset({"email"}), "companies": frozenset({"domain"})},
    ),
    write_change=write_change,
)
