"""Signing in at both vendors."""

from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmdeck.sandbox import Fault, FaultKind, Sandbox
from tests.sandbox.conftest import DATA, NOW, Clock, client

VERIFIER = "a-verifier-of-at-least-43-characters-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")


def salesforce_token(sandbox: Sandbox, org: str = "acme-prod", **form: str) -> httpx.Response:
    access = sandbox.access(org)
    base = {"client_id": access.client_id, "client_secret": access.client_secret}
    return httpx.post(f"{access.endpoint}/services/oauth2/token", data=base | form)


def hubspot_token(sandbox: Sandbox, **form: str) -> httpx.Response:
    access = sandbox.access("acme-marketing")
    base = {"client_id": access.client_id, "client_secret": access.client_secret}
    return httpx.post(f"{access.endpoint}/oauth/2026-03/token", data=base | form)


def works(endpoint: str, token: str) -> bool:
    with client(endpoint, token) as opened:
        return opened.get(f"{DATA}/limits").status_code == 200


def test_salesforce_refresh_gives_a_token_that_works(sandbox: Sandbox) -> None:
    access = sandbox.access("acme-prod")
    answer = salesforce_token(
        sandbox, grant_type="refresh_token", refresh_token=access.refresh_token
    ).json()
    assert answer.keys() >= {"access_token", "instance_url", "id", "token_type", "issued_at"}
    assert "refresh_token" not in answer
    assert works(access.endpoint, answer["access_token"])


def test_salesforce_client_credentials_and_jwt(sandbox: Sandbox) -> None:
    access = sandbox.access("acme-prod")
    machine = salesforce_token(sandbox, grant_type="client_credentials").json()
    assert works(access.endpoint, machine["access_token"])
    claims = {"iss": access.client_id, "sub": access.username, "exp": NOW.timestamp() + 100}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    signed = salesforce_token(sandbox, grant_type=grant, assertion=f"e30.{payload}.c2ln").json()
    assert works(access.endpoint, signed["access_token"])
    late = salesforce_token(sandbox, grant_type=grant, assertion="nonsense")
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")


def test_salesforce_code_works_once_with_its_challenge(sandbox: Sandbox) -> None:
    access = sandbox.access("acme-prod")
    query = {
        "response_type": "code",
        "client_id": access.client_id,
        "redirect_uri": "http://127.0.0.1:9/callback",
        "state": "s1",
        "code_challenge": CHALLENGE.decode(),
        "code_challenge_method": "S256",
    }
    answer = httpx.get(f"{access.endpoint}/services/oauth2/authorize", params=query)
    assert answer.status_code == 302
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == ["s1"]
    form = {"grant_type": "authorization_code", "code": back["code"][0]}
    assert salesforce_token(sandbox, **form, code_verifier=VERIFIER).status_code == 200
    assert salesforce_token(sandbox, **form, code_verifier=VERIFIER).status_code == 400


def test_wrong_verifier_is_rejected(sandbox: Sandbox) -> None:
    access = sandbox.access("acme-marketing")
    query = {
        "client_id": access.client_id,
        "redirect_uri": "http://127.0.0.1:9/callback",
        "code_challenge": CHALLENGE.decode(),
    }
    answer = httpx.get(f"{access.endpoint}/oauth/authorize", params=query)
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    refused = hubspot_token(
        sandbox, grant_type="authorization_code", code=code, code_verifier="wrong"
    )
    assert (refused.status_code, refused.json()["status"]) == (400, "BAD_AUTH_CODE")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client_id"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"refresh_token": "wrong"}, "invalid_grant"),
    ],
)
def test_salesforce_rejection_uses_vendor_message(
    sandbox: Sandbox, form: dict[str, str], error: str
) -> None:
    good = sandbox.access("acme-prod").refresh_token
    answer = salesforce_token(
        sandbox, **({"grant_type": "refresh_token", "refresh_token": good} | form)
    )
    assert answer.status_code == 400
    assert answer.json().keys() == {"error", "error_description"}
    assert answer.json()["error"] == error


def test_userinfo_and_introspection_return_the_user(sandbox: Sandbox) -> None:
    access = sandbox.access("acme-prod")
    with client(access.endpoint, access.access_token) as opened:
        who = opened.get("/services/oauth2/userinfo").json()
    assert who["preferred_username"] == access.username
    form = {
        "token": access.access_token,
        "client_id": access.client_id,
        "client_secret": access.client_secret,
    }
    told = httpx.post(f"{access.endpoint}/services/oauth2/introspect", data=form).json()
    assert told["active"] is True
    portal = sandbox.access("acme-marketing")
    form = {
        "token": portal.access_token,
        "client_id": portal.client_id,
        "client_secret": portal.client_secret,
    }
    told = httpx.post(f"{portal.endpoint}/oauth/2026-03/token/introspect", data=form).json()
    assert (told["hub_id"], told["token_use"], told["expires_in"]) == (
        24811907,
        "access_token",
        1800,
    )


def test_hubspot_tokens_end_after_half_an_hour(sandbox: Sandbox, clock: Clock) -> None:
    access = sandbox.access("acme-marketing")
    clock.forward(minutes=31)
    with client(access.endpoint, access.access_token) as opened:
        answer = opened.get("/account-info/v3/details")
    assert (answer.status_code, answer.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    renewed = hubspot_token(
        sandbox, grant_type="refresh_token", refresh_token=access.refresh_token
    ).json()
    assert (renewed["expires_in"], renewed["hub_id"]) == (1800, 24811907)
    with client(access.endpoint, renewed["access_token"]) as opened:
        assert opened.get("/account-info/v3/details").status_code == 200


def test_a_rotating_refresh_token_works_once(sandbox: Sandbox) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.ROTATED_REFRESH_TOKEN))
    old = sandbox.access("acme-prod").refresh_token
    form = {"grant_type": "refresh_token"}
    new = salesforce_token(sandbox, **form, refresh_token=old).json()["refresh_token"]
    assert new != old
    assert salesforce_token(sandbox, **form, refresh_token=old).json()["error"] == "invalid_grant"
    assert salesforce_token(sandbox, **form, refresh_token=new).status_code == 200


def test_the_emea_org_was_revoked_four_days_ago(sandbox: Sandbox) -> None:
    (*_, revoked) = sandbox.moments("acme-emea")
    access = sandbox.access("acme-emea")
    form = {"grant_type": "refresh_token", "refresh_token": access.refresh_token}
    sandbox.set_now(revoked.replace(hour=0), "acme-emea")
    assert works(access.endpoint, access.access_token)
    sandbox.set_now(None)
    assert not works(access.endpoint, access.access_token)
    answer = salesforce_token(sandbox, "acme-emea", **form)
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "expired access/refresh token",
    }
