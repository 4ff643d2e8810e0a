"""Sign-in by an identity provider: roles by group, and every forgery refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from crmdeck.clock import utc_now
from crmdeck.errors import UsageError
from crmdeck.server import create_app
from crmdeck.server.log import JsonFormatter

from .conftest import House, build, serving
from .identity_provider import CLIENT, Claims, IdentityProvider, new_key

OLGA = {"sub": "u-1", "email": "olga@acme.example", "email_verified": True}
SECRET = "s3cret-of-the-server"


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as provider:
        provider.person = {**OLGA, "groups": ["crm-admins", "everyone"]}
        yield provider


@pytest.fixture
def served(
    tmp_path: Path, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    monkeypatch.setenv("CRMDECK_OIDC_CLIENT_SECRET", SECRET)
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text(
        f'oidc_issuer = "{provider.issuer}"\noidc_client_id = "{CLIENT}"\n'
        '[oidc_groups]\ncrm-admins = "acme:admin gone:admin"\nreaders = "acme:viewer rival"\n'
    )
    house = build(home, tmp_path / "export")
    with serving(house.app) as url:
        house.url = url
        yield house


def browser(house: House) -> httpx.Client:
    return httpx.Client(base_url=f"{house.url}/api", timeout=60)


def go_to_provider(client: httpx.Client) -> str:
    """Begin a sign-in; return the query that the provider sends the browser back with."""
    begun = client.get("/auth/oidc/sign-in")
    assert begun.status_code == 303
    back = httpx.get(begun.headers["location"]).headers["location"]
    assert back.startswith("http://127.0.0.1/api/auth/oidc/callback?")
    return urlsplit(back).query


def sign_in(house: House) -> httpx.Response:
    with browser(house) as client:
        return client.get(f"/auth/oidc/callback?{go_to_provider(client)}")


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert "session_token" not in answer.cookies
    assert "crmdeck " not in answer.text
    return answer.status_code, answer.json()["code"]


def test_groups_give_roles_at_each_sign_in(
    served: House, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with browser(served) as client:
        query = go_to_provider(client)
        page = client.get(f"/auth/oidc/callback?{query}")
        assert (page.status_code, "olga@acme.example" in page.text) == (200, True)
        assert any(
            cookie.startswith("session_token=") and "samesite=strict" in cookie.lower()
            for cookie in page.headers.get_list("set-cookie")
        )
        view = client.get("/auth/session").json()
        assert view["user"] == {"email": "olga@acme.example", "role": "admin"}
        assert view["organizations"] == [{"id": "acme", "role": "admin"}]
        assert datetime.fromisoformat(view["expiresAt"]) < utc_now() + timedelta(
            hours=10, minutes=1
        )
        body = {"currentPassword": "x", "newPassword": "a long enough one"}
        assert refused(client.post("/auth/password", json=body)) == (409, "NO_PASSWORD")
        # The provider takes a code once, and the server took the cookie back.
        assert refused(client.get(f"/auth/oidc/callback?{query}")) == (401, "OIDC_STATE")
    code = dict(parse_qsl(query))["code"]
    # pytest sees uvicorn's own log as well, which the server switches off.
    lines = [each for each in caplog.records if each.name.startswith("crmdeck")]
    log = "".join(JsonFormatter().format(each) for each in lines)
    assert "Signed in olga@acme.example" in log
    assert code not in log
    assert SECRET not in log
    with served.client(None) as client:
        body = {"email": "olga@acme.example", "password": ""}
        assert client.post("/auth/sign-in/email", json=body).status_code == 401

    provider.person |= {"groups": ["readers"], "email": "Olga.New@acme.example"}
    provider.key, provider.kid = new_key(), "k2"
    served.app.state.deck.provider._keys = None
    assert sign_in(served).status_code == 200
    book = served.app.state.deck.accounts.book()
    users = [user for user in book.users if user.subject == "u-1"]
    assert [(user.email, user.roles) for user in users] == [
        ("olga.new@acme.example", {"acme": "viewer", "rival": "member"})
    ]
    events = [entry.event for entry in served.workspace.audit.entries(event="access.*")]
    assert events == ["access.user_changed", "access.user_added"]


def test_rejected_user_gets_the_reason(served: House, provider: IdentityProvider) -> None:
    provider.person = {**OLGA, "groups": ["everyone"]}
    assert refused(sign_in(served)) == (403, "OIDC_NO_GROUP")
    provider.person = {**OLGA, "groups": "crm-admins"}
    assert refused(sign_in(served)) == (403, "OIDC_NO_GROUP")
    provider.person = {**OLGA, "groups": ["readers"], "email_verified": False}
    assert refused(sign_in(served)) == (401, "OIDC_NO_EMAIL")
    del provider.person["email_verified"]
    assert refused(sign_in(served)) == (401, "OIDC_NO_EMAIL")
    served.app.state.deck.provider._email_trusted = True
    assert sign_in(served).status_code == 200
    provider.person["email_verified"] = False
    assert refused(sign_in(served)) == (401, "OIDC_NO_EMAIL")
    served.app.state.deck.provider._email_trusted = False
    # An account with a password is not taken over, nor that of another subject.
    provider.person = {**OLGA, "groups": ["readers"], "email": "Dana@acme.example"}
    assert refused(sign_in(served)) == (409, "OIDC_EMAIL_TAKEN")
    provider.person = {**OLGA, "groups": ["readers"]}
    assert sign_in(served).status_code == 200
    provider.person = {**OLGA, "groups": ["crm-admins"], "sub": "u-2"}
    assert refused(sign_in(served)) == (409, "OIDC_EMAIL_TAKEN")
    provider.refuses = "access_denied"
    answer = sign_in(served)
    assert refused(answer) == (401, "OIDC_REFUSED")
    assert "access_denied" in answer.text


def test_verified_email_of_user_info_signs_in(served: House, provider: IdentityProvider) -> None:
    olga = {**OLGA, "groups": ["readers"]}
    provider.person, provider.user_info = {"sub": "u-1"}, olga
    assert sign_in(served).status_code == 200
    [user] = [user for user in served.app.state.deck.accounts.book().users if user.subject == "u-1"]
    assert (user.email, user.roles) == (
        "olga@acme.example",
        {"acme": "viewer", "rival": "member"},
    )
    provider.user_info = {**olga, "sub": "u-2"}
    assert refused(sign_in(served)) == (401, "OIDC_TOKEN")
    provider.user_info = {key: value for key, value in olga.items() if key != "sub"}
    assert refused(sign_in(served)) == (401, "OIDC_TOKEN")
    for unverified in ({}, {"email_verified": False}, {"email_verified": "true"}):
        provider.user_info = {"sub": "u-1", "email": "olga@acme.example", **unverified}
        assert refused(sign_in(served)) == (401, "OIDC_NO_EMAIL")
    # An unverified address of the token isn't verified by UserInfo.
    provider.person, provider.user_info = {"sub": "u-1", "email": "dana@acme.example"}, olga
    assert refused(sign_in(served)) == (401, "OIDC_NO_EMAIL")
    provider.person, provider.user_info = {"sub": "u-1"}, {"sub": "u-1"}
    served.app.state.deck.provider._email_trusted = True
    assert refused(sign_in(served)) == (401, "OIDC_NO_EMAIL")


def test_no_forged_token_signs_in(served: House, provider: IdentityProvider) -> None:
    foreign, kept = new_key(), []
    public = provider.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def claiming(**more: object) -> Callable[[Claims], str]:
        return lambda claims: provider.signed({**claims, **more})

    def without(name: str) -> Callable[[Claims], str]:
        return lambda claims: provider.signed({k: v for k, v in claims.items() if k != name})

    def by_public_key(claims: Claims) -> str:
        # PyJWT refuses to sign like this, attackers don't.
        parts = [{"alg": "HS256", "kid": provider.kid}, claims]
        text = ".".join(
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
            for part in parts
        )
        mac = hmac.new(public, text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    def replayed(claims: Claims) -> str:
        kept.append(provider.signed(claims))
        return kept[0]

    past = int(time.time()) - 3600
    provider.sign = replayed
    assert sign_in(served).status_code == 200
    forgeries: dict[str, Callable[[Claims], str]] = {
        "replayed": replayed,
        "expired": claiming(exp=past),
        "not yet": claiming(iat=int(time.time()) + 3600),
        "another audience": claiming(aud="another"),
        "several audiences": claiming(aud=[CLIENT, "another"]),
        "another party": claiming(aud=[CLIENT, "another"], azp="another"),
        "another issuer": claiming(iss="https://login.example.com"),
        "another nonce": claiming(nonce="x"),
        "no nonce": without("nonce"),
        "no expiry": without("exp"),
        "no subject": without("sub"),
        "none": lambda claims: jwt.encode(claims, "", "none", headers={"kid": provider.kid}),
        "public key as secret": by_public_key,
        "foreign key": lambda claims: jwt.encode(
            claims, foreign, "RS256", headers={"kid": provider.kid}
        ),
        "unknown key": lambda claims: jwt.encode(claims, foreign, "RS256", headers={"kid": "x"}),
        "changed": lambda claims: provider.signed(claims)[:-4] + "AAAA",
        "nonsense": lambda claims: "a.b.c",
    }
    for name, sign in forgeries.items():
        provider.sign = sign
        assert refused(sign_in(served)) == (401, "OIDC_TOKEN"), name
    provider.sign = claiming(aud=[CLIENT, "another"], azp=CLIENT)
    assert sign_in(served).status_code == 200


def test_a_leaked_code_is_of_no_use(served: House) -> None:
    with browser(served) as olga, browser(served) as thief, browser(served) as bare:
        leaked = dict(parse_qsl(go_to_provider(olga)))
        own = dict(parse_qsl(go_to_provider(thief)))
        assert refused(bare.get("/auth/oidc/callback", params=leaked)) == (401, "OIDC_STATE")
        assert refused(thief.get("/auth/oidc/callback", params=leaked)) == (401, "OIDC_STATE")
        mixed = {**own, "code": leaked["code"]}
        assert refused(thief.get("/auth/oidc/callback", params=mixed)) == (401, "OIDC_CODE")
        foreign = {**own, "iss": "https://login.example.com"}
        assert refused(thief.get("/auth/oidc/callback", params=foreign)) == (401, "OIDC_TOKEN")
        cookie = {"Cookie": f"oidc_state={thief.cookies['oidc_state']}"}
        address = f"/auth/oidc/callback?{urlencode(own)}"
        assert thief.get(address).status_code == 200
        # Replayed with the cookie of then, the provider refuses the code.
        assert refused(bare.get(address, headers=cookie)) == (401, "OIDC_CODE")


def test_a_provider_out_of_reach_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with IdentityProvider() as gone:
        text = f'oidc_issuer = "{gone.issuer}"\noidc_client_id = "crmdeck"\n'
    (home / "settings.toml").write_text(text)
    house = build(home, tmp_path / "export")
    with serving(house.app) as url, httpx.Client(base_url=f"{url}/api") as client:
        assert refused(client.get("/auth/oidc/sign-in")) == (502, "OIDC_UNREACHABLE")
    (home / "settings.toml").write_text('oidc_issuer = "http://login.example"\n')
    settings = type(house.workspace.settings).load(home)
    for client_id in (None, "crmdeck"):
        wrong = settings.model_copy(update={"oidc_client_id": client_id})
        house.workspace.context.settings = wrong
        with pytest.raises(UsageError) as caught:
            create_app(house.workspace)
        assert caught.value.code == "BAD_OIDC"
