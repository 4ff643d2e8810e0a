"""The OAuth flows of Salesforce that work without a person.

Sources: "OAuth 2.0 Refresh Token Flow", "OAuth 2.0 JWT Bearer Flow" and "OAuth 2.0 Client
Credentials Flow" of Salesforce Help. SOAP login and the password flow are being retired.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from crmdeck.connectors import faults
from crmdeck.connectors.base import Credentials
from crmdeck.connectors.http import not_json
from crmdeck.connectors.salesforce.faults import SALESFORCE_FAULTS
from crmdeck.connectors.salesforce.session import WHO, SalesforceSession
from crmdeck.connectors.tokens import Grant
from crmdeck.errors import CrmdeckError, ReauthRequiredError

PRODUCTION = "https://login.salesforce.com"
SANDBOXES = "https://test.salesforce.com"
_ASSERTION_SECONDS = 180


def grant_function(
    credentials: Credentials, session: SalesforceSession, instance_url: str
) -> Callable[[], Grant] | None:
    """Return what gets a new access token with the stored secrets, or None if they can't."""
    if not credentials.get("client_id"):
        return None
    if credentials.get("refresh_token"):
        return lambda: _request(session, instance_url, _refresh_form(credentials))
    if credentials.get("private_key") and credentials.get("username"):
        return lambda: _request(session, instance_url, _assertion_form(credentials, instance_url))
    if credentials.get("client_secret"):
        return lambda: _request(session, instance_url, _client_form(credentials))
    return None


def _refresh_form(credentials: Credentials) -> dict[str, str]:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": credentials.get("refresh_token") or "",
        "client_id": credentials.get("client_id") or "",
    }
    secret = credentials.get("client_secret")
    return form | {"client_secret": secret} if secret else form


def _client_form(credentials: Credentials) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": credentials.get("client_id") or "",
        "client_secret": credentials.get("client_secret") or "",
    }


def _assertion_form(credentials: Credentials, instance_url: str) -> dict[str, str]:
    import jwt

    host = urlsplit(instance_url).hostname or ""
    claims = {
        "iss": credentials.get("client_id"),
        "sub": credentials.get("username"),
        "aud": SANDBOXES if ".sandbox." in host or host == "test.salesforce.com" else PRODUCTION,
        "exp": int(time.time()) + _ASSERTION_SECONDS,
    }
    try:
        assertion = jwt.encode(claims, credentials.get("private_key") or "", algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise ReauthRequiredError(
            "The stored private key can't sign.",
            cause="It is not an RSA private key in PEM form.",
            remedy="Store the key that belongs to the certificate of the app.",
            code="BAD_PRIVATE_KEY",
        ) from None
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": assertion,
    }


def _request(session: SalesforceSession, instance_url: str, form: dict[str, str]) -> Grant:
    response = session.post(f"{instance_url}/services/oauth2/token", data=form)
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise not_json(WHO) if response.status_code < 400 else _refusal({}, response.status_code)
    token = body.get("access_token")
    if response.status_code >= 300 or not isinstance(token, str):
        raise _refusal(body, response.status_code)
    refresh_token, instance = body.get("refresh_token"), body.get("instance_url")
    return Grant(
        access_token=token,
        refresh_token=refresh_token if isinstance(refresh_token, str) else None,
        instance_url=instance if isinstance(instance, str) else None,
    )


def _refusal(body: dict[str, object], status: int) -> CrmdeckError:
    code = str(body.get("error") or "")
    fault = faults.find(SALESFORCE_FAULTS, code, str(body.get("error_description") or ""), status)
    return fault.to_error(code)
