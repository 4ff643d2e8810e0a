"""Where the CRM itself shows a connection, an object or a field: the pages of its setup. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from crmdeck.errors import UsageError
from crmdeck.model import Connection, Platform, Source

HUBSPOT = "https://app.hubspot.com"
"""Leads on to the data center that a portal is in."""

# https://developers.hubspot.com/docs/guides/crm/understanding-the-crm#object-type-ids
_HUBSPOT_TYPES = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
    "products": "0-7",
    "line_items": "0-8",
    "quotes": "0-14",
    "tasks": "0-27",
    "notes": "0-46",
    "meetings": "0-47",
    "calls": "0-48",
    "emails": "0-49",
    "leads": "0-136",
}
_HUBSPOT_ID = re.compile(r"\d+-\d+")
_CUSTOM = re.compile(r"__[a-z]+$")


class CrmPage(NamedTuple):
    """The address of a page; `note` says where it is not quite what was asked for."""

    url: str
    note: str = ""


def crm_page(
    connection: Connection, object_type: str | None = None, field_name: str | None = None
) -> CrmPage:
    """Return the setup page of a field, of an object, or of the org or portal itself.

    Raises UsageError where there is none, or where nothing says which org or portal it is.
    """
    if connection.source is Source.SANDBOX:
        raise _no_page("It is the built-in sandbox, which has no setup pages.")
    if connection.platform is Platform.HUBSPOT:
        return _hubspot(connection, object_type, field_name)
    return _salesforce(connection, object_type, field_name)


def _salesforce(connection: Connection, object_type: str | None, field_name: str | None) -> CrmPage:
    if not connection.instance_url:
        raise _no_page(
            "Nothing says which org it is.",
            f"Name it: crmdeck connections set {connection.name} --instance-url URL",
        )
    setup = f"{connection.instance_url.rstrip('/')}/lightning/setup"
    if object_type is None:
        return CrmPage(f"{setup}/SetupOneHome/home")
    page = f"{setup}/ObjectManager/{_part(object_type)}"
    if field_name is None:
        return CrmPage(f"{page}/Details/view")
    fields = f"{page}/FieldsAndRelationships"
    if _CUSTOM.search(field_name):
        # Its page has an id for an address, which no describe tells.
        return CrmPage(f"{fields}/view", f"the fields of {object_type}: look for {field_name}")
    return CrmPage(f"{fields}/{_part(field_name)}/view")


def _hubspot(connection: Connection, object_type: str | None, field_name: str | None) -> CrmPage:
    portal = connection.organization
    if not portal or not portal.isdigit() or connection.source is Source.PARTNEROS:
        raise _no_page("Nothing says which portal it is.", "Test the connection: it is asked then.")
    page = f"{HUBSPOT}/property-settings/{portal}/properties"
    if object_type is None:
        return CrmPage(page)
    known = _HUBSPOT_ID.fullmatch(object_type) is not None
    type_id = object_type if known else _HUBSPOT_TYPES.get(object_type)
    if type_id is None:
        wanted = f"{object_type}.{field_name}" if field_name else object_type
        return CrmPage(page, f"all properties: look for {wanted}")
    if field_name is None:
        return CrmPage(f"{page}?type={type_id}")
    return CrmPage(f"{page}?type={type_id}&action=edit&property={_part(field_name)}")


def _part(name: str) -> str:
    return quote(name, safe="")


def _no_page(cause: str, remedy: str | None = None) -> UsageError:
    return UsageError(
        "There is no page in the CRM to open.", cause=cause, remedy=remedy, code="NO_CRM_PAGE"
    )
