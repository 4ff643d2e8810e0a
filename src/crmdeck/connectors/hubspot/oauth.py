"""HubSpot's OAuth: the authorization page, the scopes, and the tokens for a code.

Sources: "Working with OAuth", "Scopes" and the dated reference of the token endpoint in HubSpot's
developer documentation.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlencode

from crmdeck.connectors.base import Credentials, Meter
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.tokens import Grant
from crmdeck.model import Connection

SCOPES = (
    "oauth",
    "crm.objects.companies.read",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "crm.schemas.companies.read",
    "crm.schemas.contacts.read",
    "crm.schemas.deals.read",
)
# Scopes that an edition or an app may lack; crmdeck then reports what it can't read.
OPTIONAL_SCOPES = {
    "tickets": "tickets",
    "crm.objects.leads.read": "leads",
    "crm.objects.products.read": "products",
    "crm.objects.line_items.read": "line items",
    "crm.objects.quotes.read": "quotes",
    "crm.schemas.custom.read": "custom objects",
    "crm.objects.owners.read": "who changed a property",
    # "Pipeline Rules API", 2026-09 reference.
    "crm.pipelines.governance.read": "pipeline rules",
}
USUAL_USE = "reading the schema"
# The scope that allows reading an object's properties; the docs list all of them.
SCOPE_OF = {
    "contacts": "crm.schemas.contacts.read",
    "companies": "crm.schemas.companies.read",
    "deals": "crm.schemas.deals.read",
    "tickets": "tickets",
    "leads": "crm.objects.leads.read",
    "products": "crm.objects.products.read",
    "line_items": "crm.objects.line_items.read",
    "quotes": "crm.objects.quotes.read",
}


def authorize_url(
    base: str, *, client_id: str, redirect_uri: str, challenge: str, state: str
) -> str:
    """Return the URL of the authorization page; `challenge` is the PKCE challenge (S256)."""
    query = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(SCOPES),
        "optional_scope": " ".join(OPTIONAL_SCOPES),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{base}/oauth/authorize?{urlencode(query)}"


def redeem(
    connection: Connection,
    credentials: Credentials,
    *,
    code: str,
    verifier: str,
    redirect_uri: str,
) -> Grant:
    """Return the tokens for the code from the browser. Raises CrmdeckError."""
    from crmdeck.connectors.hubspot.client import HubSpotClient

    # No connection exists yet, so that token events have no place in the audit log.
    client = HubSpotClient(connection, credentials, lambda *_: None, Limits(), Meter())
    return client.grant(
        {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
    )


def lacking(granted: Collection[str]) -> dict[str, str]:
    """Return the scopes that crmdeck needs and a token lacks, with their purposes."""
    needed = (*SCOPES[1:], *OPTIONAL_SCOPES)
    return {
        scope: OPTIONAL_SCOPES.get(scope, USUAL_USE) for scope in needed if scope not in granted
    }
