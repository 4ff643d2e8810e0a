"""Salesforce's OAuth flows: three without a user, and one with the browser.

Sources: "OAuth 2.0 Refresh Token Flow", "OAuth 2.0 JWT Bearer Flow", "OAuth 2.0 Client
Credentials Flow" and "OAuth 2.0 Web Server Flow" in Salesforce Help.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlencode

from crmdeck.connectors.base import Credentials, Meter
from crmdeck.connectors.http import check_endpoint, check_origin, not_json, seconds_from
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.salesforce.profile import LOGIN_HOSTS
from crmdeck.connectors.salesforce.session import FAULTS, WHO, SalesforceSession
from crmdeck.connectors.tokens import Grant
from crmdeck.errors import CrmdeckError, ReauthRequiredError
from crmdeck.model import Connection
from crmdeck.text import split_url

PRODUCTION, SANDBOXES = LOGIN_HOSTS.values()
# `api` reads the schema, `refresh_token` renews the token, `openid` returns the user.
SCOPES = ("api", "refresh_token", "openid")
_ASSERTION_SECONDS = 180
_EPOCH = datetime.fromtimestamp(0, UTC)
_IDENTITY = re.compile(r"/id/(00D\w{12,15})/")


def grant_function(
    credentials: Credentials, session: SalesforceSession, instance_url: str
) -> Callable[[], Grant] | None:
    """Return the function that gets a new access token; None if the secrets aren't enough."""
    if not credentials.get("client_id"):
        return None
    if credentials.get("refresh_token"):

        def renewed() -> Grant:
            # Read at each renewal, because the token may have been rotated.
            token = credentials.get("refresh_token") or ""
            form = _form(credentials, "refresh_token", refresh_token=token)
            return _request(session, instance_url, form)

        return renewed
    if credentials.get("private_key") and credentials.get("username"):
        return lambda: _request(session, instance_url, _assertion_form(credentials, instance_url))
    if credentials.get("client_secret"):
        return lambda: _request(session, instance_url, _form(credentials, "client_credentials"))
    return None


def authorize_url(
    base: str, *, client_id: str, redirect_uri: str, challenge: str, state: str
) -> str:
    """Return the URL of the authorization page; `challenge` is the PKCE challenge (S256).

    `base` is the org's My Domain, login or test.salesforce.com, or an endpoint.
    """
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{base}/services/oauth2/authorize?{urlencode(query)}"


def redeem(
    connection: Connection,
    credentials: Credentials,
    *,
    code: str,
    verifier: str,
    redirect_uri: str,
) -> Grant:
    """Return the tokens for the code from the browser. Raises CrmdeckError."""
    endpoint = check_endpoint(connection.endpoint) if connection.endpoint else None
    session = SalesforceSession(endpoint, Limits(), Meter())
    form = _form(credentials, "authorization_code", code=code, redirect_uri=redirect_uri)
    form["code_verifier"] = verifier
    return _request(session, check_endpoint(connection.instance_url or PRODUCTION), form)


def expiry(
    credentials: Credentials, session: SalesforceSession, instance_url: str, token: str
) -> datetime | None:
    """Return when an access token expires ("Token Introspection").

    None without an app secret, or if Salesforce doesn't report it.
    """
    names = ("client_id", "client_secret")
    form = {name: credentials.get(name) or "" for name in names}
    if not all(form.values()):
        return None
    form |= {"token": token, "token_type_hint": "access_token"}
    try:
        response = session.post(f"{instance_url}/services/oauth2/introspect", data=form)
        ends = response.json()["exp"] if response.status_code < 300 else None
    except (CrmdeckError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return seconds_from(_EPOCH, ends)


def _form(credentials: Credentials, grant_type: str, **fields: str) -> dict[str, str]:
    form = {"grant_type": grant_type, "client_id": credentials.get("client_id") or "", **fields}
    secret = credentials.get("client_secret")
    # An app can require no secret; then the form has none.
    return form | {"client_secret": secret} if secret else form


def _assertion_form(credentials: Credentials, instance_url: str) -> dict[str, str]:
    # It loads a cryptography library, which the other flows don't need.
    import jwt

    host = split_url(instance_url).hostname or ""
    claims = {
        "iss": credentials.get("client_id"),
        "sub": credentials.get("username"),
        "aud": audience(host),
        "exp": int(time.time()) + _ASSERTION_SECONDS,
    }
    try:
        assertion = jwt.encode(claims, credentials.get("private_key") or "", algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise ReauthRequiredError(
            "crmdeck can't sign in to Salesforce with the stored private key.",
            cause="The key isn't an RSA private key in PEM format.",
            remedy="Store the key of the app's certificate: crmdeck connections sign-in NAME "
            "--private-key-file FILE",
            code="BAD_PRIVATE_KEY",
        ) from None
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": assertion,
    }


def audience(host: str) -> str:
    """Return the audience of an assertion; sandboxes and scratch orgs have their own."""
    test = ".sandbox." in host or ".scratch." in host or host == "test.salesforce.com"
    return SANDBOXES if test else PRODUCTION


def _request(session: SalesforceSession, instance_url: str, form: dict[str, str]) -> Grant:
    response = session.post(f"{instance_url}/services/oauth2/token", data=form)
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise not_json(WHO) if response.status_code < 400 else _refusal({}, response.status_code)
    token = body.get("access_token")
    if response.status_code >= 300 or not isinstance(token, str):
        raise _refusal(body, response.status_code)
    refresh_token, instance = body.get("refresh_token"), body.get("instance_url")
    identity = _IDENTITY.search(str(body.get("id") or ""))
    return Grant(
        access_token=token,
        refresh_token=refresh_token if isinstance(refresh_token, str) else None,
        instance_url=check_origin(instance) if isinstance(instance, str) else None,
        organization=identity[1] if identity else None,
    )


def _refusal(body: dict[str, object], status: int) -> CrmdeckError:
    code = str(body.get("error") or "")
    fault = FAULTS.find(code, str(body.get("error_description") or ""), status)
    return fault.to_error(code)
