"""Salesforce's OAuth endpoints for an External Client App."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from crmdeck.sandbox.messages import Reply, Request, reply
from crmdeck.sandbox.tenant import Tenant

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "refresh_token api openid"
_DENIAL = "expired access/refresh token"


def refuse(error: str, description: str, status: int = 400) -> Reply:
    return reply({"error": error, "error_description": description}, status)


class SalesforceOAuth:
    """The OAuth endpoints of one org.

    They check issuer, subject and expiry of a JWT bearer assertion, but not its signature, because
    the sandbox has no certificate.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    @property
    def instance_url(self) -> str:
        return f"https://{self._tenant.org.domain}.my.salesforce.com"

    @property
    def org_id(self) -> str:
        """The org's ID, made from its name."""
        return f"00D5g{sum(self._tenant.org.name.encode()):010d}EAA"

    @property
    def user(self) -> dict[str, str]:
        """The integration user: ID, name and user name."""
        person = self._tenant.scenario.people["integration"]
        return {
            "id": f"0055g{person.number:010d}AAA",
            "name": person.name,
            "username": person.email,
            "email": person.email,
        }

    def handle(self, request: Request) -> Reply:
        """Answer a request below `/services/oauth2`."""
        self._tenant.settle()
        match request.path.removeprefix("/services/oauth2"):
            case "/authorize":
                return self._authorize(request)
            case "/token" if request.method == "POST":
                return self._token(request.form())
            case "/introspect" if request.method == "POST":
                return self._introspect(request.form())
            case "/userinfo":
                return self._userinfo(request)
        return refuse("invalid_request", "no such endpoint", 404)

    def _authorize(self, request: Request) -> Reply:
        if request.first("client_id") != self._tenant.tokens.client_id:
            return refuse("invalid_client_id", "client identifier invalid")
        target = request.first("redirect_uri")
        if not urlsplit(target).hostname:
            return refuse("redirect_uri_mismatch", "redirect_uri must match configuration")
        query = {"code": self._tenant.tokens.authorize(request.first("code_challenge"))}
        if request.first("state"):
            query["state"] = request.first("state")
        return Reply(302, headers={"Location": f"{target}?{urlencode(query)}"})

    def _token(self, form: dict[str, str]) -> Reply:
        tokens = self._tenant.tokens
        grant = form.get("grant_type", "")
        if grant == JWT_BEARER:
            return self._assertion(form.get("assertion", ""))
        if grant not in {"refresh_token", "authorization_code", "client_credentials"}:
            return refuse("unsupported_grant_type", "grant type not supported")
        if form.get("client_id") != tokens.client_id:
            return refuse("invalid_client_id", "client identifier invalid")
        secret = form.get("client_secret")
        # An app can require no secret, but a wrong one is always rejected.
        needs_secret = grant == "client_credentials" or secret is not None
        if needs_secret and secret != tokens.client_secret:
            return refuse("invalid_client", "invalid client credentials")
        if grant == "client_credentials":
            return self._issued(tokens.issue())
        if grant == "authorization_code":
            if not tokens.redeem(form.get("code", ""), form.get("code_verifier", "")):
                return refuse("invalid_grant", "invalid authorization code")
            # The user has approved the app again.
            tokens.revoke_refresh(False)
            return self._issued(tokens.issue(), tokens.refresh_token)
        before = form.get("refresh_token", "")
        issued = tokens.refresh(before)
        if issued is None:
            error, description = tokens.denial
            return refuse(error or "invalid_grant", description or _DENIAL)
        # The response has a refresh token only if the app rotates them.
        access, current = issued
        return self._issued(access, current if current != before else None)

    def _assertion(self, assertion: str) -> Reply:
        try:
            payload = assertion.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            expires = float(claims["exp"])
        except (IndexError, ValueError, KeyError, TypeError):
            return refuse("invalid_grant", "invalid assertion")
        if claims.get("iss") != self._tenant.tokens.client_id:
            return refuse("invalid_client_id", "client identifier invalid")
        if expires < self._tenant.clock().timestamp():
            return refuse("invalid_grant", "expired authorization code")
        if claims.get("sub") != self.user["username"]:
            return refuse("invalid_grant", "user hasn't approved this consumer")
        return self._issued(self._tenant.tokens.issue())

    def _issued(self, access: str, refresh: str | None = None) -> Reply:
        body = {
            "access_token": access,
            "signature": "c2FuZGJveA==",
            "scope": SCOPE,
            "instance_url": self.instance_url,
            "id": f"https://login.salesforce.com/id/{self.org_id}/{self.user['id']}",
            "token_type": "Bearer",
            "issued_at": str(int(self._tenant.clock().timestamp() * 1000)),
        }
        if refresh is not None:
            body["refresh_token"] = refresh
        return reply(body)

    def _introspect(self, form: dict[str, str]) -> Reply:
        tokens = self._tenant.tokens
        if form.get("client_id") != tokens.client_id:
            return refuse("invalid_client", "invalid client credentials", 401)
        token = form.get("token", "")
        if not tokens.valid(token):
            return reply({"active": False})
        # An org reports a session's expiry, which the token response lacks: two hours here.
        left = tokens.seconds_left(token) or int(timedelta(hours=2).total_seconds())
        return reply(
            {
                "active": True,
                "username": self.user["username"],
                "exp": int(self._tenant.clock().timestamp()) + left,
            }
        )

    def _userinfo(self, request: Request) -> Reply:
        if not self._tenant.tokens.valid(request.bearer):
            # The only OAuth endpoint that doesn't answer with JSON.
            return Reply(403, b"Bad_OAuth_Token", content_type="text/html;charset=UTF-8")
        user = self.user
        return reply(
            {
                "user_id": user["id"],
                "organization_id": self.org_id,
                "preferred_username": user["username"],
                "name": user["name"],
                "email": user["email"],
            }
        )
