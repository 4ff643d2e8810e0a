"""HubSpot's OAuth endpoints, dated and old."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from crmdeck.sandbox.hubspot_errors import CORRELATION, error
from crmdeck.sandbox.messages import Reply, Request, reply
from crmdeck.sandbox.tenant import Tenant

SCOPES = (
    "oauth",
    "crm.objects.companies.read",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "crm.objects.leads.read",
    "crm.objects.line_items.read",
    "crm.objects.owners.read",
    "crm.objects.products.read",
    "crm.objects.quotes.read",
    "crm.pipelines.governance.read",
    "crm.schemas.companies.read",
    "crm.schemas.contacts.read",
    "crm.schemas.custom.read",
    "crm.schemas.deals.read",
    "tickets",
)


class HubSpotOAuth:
    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def handle(self, request: Request) -> Reply:
        """Answer a request below `/oauth`."""
        versions = "|".join(("v3", *(each for each in self._tenant.org.versions if "-" in each)))
        if request.path == "/oauth/authorize":
            return self._authorize(request)
        if request.method != "POST":
            return error(404, "OBJECT_NOT_FOUND")
        if re.fullmatch(rf"/oauth/(?:v1|{versions})/token", request.path):
            return self._token(request.form())
        if re.fullmatch(rf"/oauth/(?:{versions})/token/introspect", request.path):
            return self._introspect(request.form())
        return error(404, "OBJECT_NOT_FOUND")

    def _authorize(self, request: Request) -> Reply:
        target = request.first("redirect_uri")
        known = request.first("client_id") == self._tenant.tokens.client_id
        if not known or not urlsplit(target).hostname:
            return error(400, "VALIDATION_ERROR", "Couldn't complete the connection")
        query = {"code": self._tenant.tokens.authorize(request.first("code_challenge"))}
        if request.first("state"):
            query["state"] = request.first("state")
        return Reply(302, headers={"Location": f"{target}?{urlencode(query)}"})

    def _token(self, form: Mapping[str, str]) -> Reply:
        tokens = self._tenant.tokens
        if form.get("client_id") != tokens.client_id:
            return _refused("BAD_CLIENT_ID", "missing or unknown client id", "invalid_client")
        if form.get("client_secret") != tokens.client_secret:
            return _refused(
                "BAD_CLIENT_SECRET", "missing or invalid client secret", "invalid_client"
            )
        match form.get("grant_type"):
            case "authorization_code":
                if not tokens.redeem(form.get("code", ""), form.get("code_verifier", "")):
                    return _refused(
                        "BAD_AUTH_CODE", "missing or unknown auth code", "invalid_grant"
                    )
                # The user has installed the app again.
                tokens.revoke_refresh(False)
                return self._issued(tokens.issue(), tokens.refresh_token)
            case "refresh_token":
                issued = tokens.refresh(form.get("refresh_token", ""))
                if issued is None:
                    status, message = tokens.denial
                    message = message or "missing or invalid refresh token"
                    return _refused(status or "BAD_REFRESH_TOKEN", message, "invalid_grant")
                return self._issued(*issued)
        return _refused("BAD_GRANT_TYPE", "missing or unknown grant type", "unsupported_grant_type")

    def _issued(self, access: str, refresh: str) -> Reply:
        return reply(
            {
                "token_type": "bearer",
                "access_token": access,
                "refresh_token": refresh,
                "expires_in": self._tenant.tokens.seconds_left(access)
                or int(timedelta(minutes=30).total_seconds()),
                "hub_id": self._tenant.org.portal_id,
                "scopes": list(SCOPES),
            }
        )

    def _introspect(self, form: Mapping[str, str]) -> Reply:
        tokens = self._tenant.tokens
        if form.get("client_id") != tokens.client_id:
            return _refused("BAD_CLIENT_ID", "missing or unknown client id", "invalid_client")
        token = form.get("token", "")
        if not tokens.valid(token):
            return reply({"active": False})
        return reply(
            {
                "token_use": "access_token",
                "active": True,
                "hub_id": self._tenant.org.portal_id,
                "scopes": list(SCOPES),
                "expires_in": tokens.seconds_left(token),
                "user": self._tenant.scenario.people["integration"].email,
            }
        )


def _refused(status: str, message: str, code: str) -> Reply:
    body = {
        "status": status,
        "message": message,
        "correlationId": CORRELATION,
        "error": code,
        "error_description": message,
    }
    return reply(body, 400)
