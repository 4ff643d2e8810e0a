"""Service tokens, and what each route allows to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from crmdeck.cli.app import app
from crmdeck.errors import UsageError
from crmdeck.mcp import answer_http
from crmdeck.model import TokenScope
from crmdeck.server import access
from crmdeck.server.access import NEEDED
from crmdeck.server.tokens import Tokens
from crmdeck.workspace.mappings.service import Mappings
from crmdeck.workspace.refresh.service import Refreshes

from .conftest import PAIR, House, build, serving

CHOICE = {"partnerField": "estimatedValue", "state": "accepted", "crmField": "Amount"}
ONE = "/api/integrations/{integration_id}"
# Who may: v(iewer), m(ember), a(dmin), and tokens with r(ead), f (refresh), w(rite) or d (admin).
READ, REFRESH, WRITE, ADMIN = set("vmar"), set("maf"), set("maw"), set("a")
ROUTES: dict[tuple[str, str], tuple[set[str], object]] = {
    ("GET", "/api/integrations"): (READ, None),
    ("GET", f"{ONE}/status"): (READ, None),
    ("GET", f"{ONE}/schema"): (READ, None),
    ("GET", f"{ONE}/schemas"): (READ, None),
    ("POST", f"{ONE}/schema/refresh"): (REFRESH, None),
    ("POST", f"{ONE}/mapping/ai-suggest"): (READ, {"objectPair": PAIR}),
    ("GET", f"{ONE}/drift"): (READ, None),
    ("POST", f"{ONE}/drift/acknowledge"): (WRITE, {"eventIds": ["x"]}),
    ("POST", f"{ONE}/drift/reopen"): (WRITE, {"eventIds": ["x"]}),
    ("GET", f"{ONE}/mapping/decisions"): (READ, None),
    ("POST", f"{ONE}/mapping/decisions"): (WRITE, {"objectPair": PAIR, "choices": [CHOICE]}),
    ("POST", f"{ONE}/mapping/undo"): (WRITE, {"objectPair": PAIR}),
    ("GET", f"{ONE}/audit"): (READ, None),
    ("POST", "/mcp"): (READ, {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}),
    ("GET", "/api/tokens"): (ADMIN, None),
    ("POST", "/api/tokens"): (ADMIN, {"name": "new", "scopes": ["read"]}),
    ("DELETE", "/api/tokens/{name}"): (ADMIN, None),
    ("POST", f"{ONE}/disconnect"): (set("mad"), None),
}
USERS = {"v": "vera@acme.example", "m": "dana@acme.example", "a": "ada@acme.example"}
SCOPES = dict(zip("rfwd", (SCOPE for SCOPE in TokenScope if SCOPE != "suggest"), strict=True))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    house = build(tmp_path / "home", tmp_path / "export", answer_http)
    with serving(house.app) as url:
        house.url = url
        yield house


def create(house: House, name: str, *scopes: TokenScope, days: int = 90) -> str:
    """Return a new token of the organization acme."""
    expires_at = house.workspace.now + timedelta(days=days)
    return Tokens(house.workspace).create(name, "acme", scopes, expires_at)[0]


def bearer(house: House, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=house.url, headers=headers, timeout=120)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_each_route_admits_whom_the_table_says(
    served: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = {
        (method.upper(), path)
        for path, methods in served.app.openapi()["paths"].items()
        for method in methods
        if "/auth/" not in path
    }
    assert described == {route for route in ROUTES if route[1] != "/mcp"}
    assert len(NEEDED) == sum("/integrations" in path for _, path in ROUTES)
    served.workspace.refreshes.run("acme")

    def admitted_here(*_: object, **__: object) -> None:
        raise UsageError("Long work would say no more about who may ask for it.")

    monkeypatch.setattr(Refreshes, "run", admitted_here)
    monkeypatch.setattr(Mappings, "suggest", admitted_here)
    accept = {"Accept": "application/json, text/event-stream"}
    clients = {
        who: httpx.Client(
            base_url=served.url, cookies=dict(served.client(email).cookies), timeout=120
        )
        for who, email in USERS.items()
    }
    clients |= {who: bearer(served, create(served, who, scope)) for who, scope in SCOPES.items()}
    nobody = httpx.Client(base_url=served.url)
    for (method, path), (admitted, body) in ROUTES.items():
        at = path.format(integration_id=served.ids["acme"], name="none")

        def ask(client: httpx.Client) -> int:
            return client.request(method, at, json=body, headers=accept).status_code  # noqa: B023

        found = {who for who, client in clients.items() if ask(client) not in (401, 403)}
        assert found == admitted, (method, path)
        assert ask(nobody) == 401


def test_a_token_works_until_it_is_revoked_or_expires(served: House) -> None:
    text = create(served, "ci", *TokenScope)
    assert text not in (served.workspace.home / "tokens.json").read_text()
    other = f"/api/integrations/{served.ids['other']}"
    acme = f"/api/integrations/{served.ids['acme']}"
    with bearer(served, text) as ci:
        assert [each["name"] for each in ci.get("/api/integrations").json()] == ["acme"]
        assert code(ci.get(f"{other}/status")) == (404, "INTEGRATION_NOT_FOUND")
        assert ci.post(f"{acme}/schema/refresh").status_code == 200
        assert {entry["actor"] for entry in ci.get(f"{acme}/audit").json()} >= {"token:ci"}
        for method, path in (
            ("GET", "/api/auth/session"),
            ("POST", "/api/auth/sign-out-everywhere"),
            ("GET", "/api/tokens"),
        ):
            assert code(ci.request(method, path)) == (401, "UNAUTHENTICATED")
        served.clock.offset = timedelta(days=91)
        expired = ci.get("/api/integrations")
        assert code(expired) == (401, "TOKEN_EXPIRED")
        served.clock.offset = None
        Tokens(served.workspace).revoke("ci", "acme")
        revoked = ci.get("/api/integrations")
        assert code(revoked) == code(ci.post("/mcp", json={})) == (401, "TOKEN_REJECTED")
    for answer in (expired, revoked):
        assert "crmdeck " not in answer.text
        assert text not in answer.text
    for forged in (text[:-1], f"{text}x", "crmdeck_", f"crmdeck_{'x' * 43}"):
        with bearer(served, forged) as ci:
            assert code(ci.get("/api/integrations")) == (401, "TOKEN_REJECTED")
    events = [entry.event for entry in served.workspace.audit.entries(event="access.*")]
    assert events == ["access.token_revoked", "access.token_created"]
    assert text not in str(served.workspace.audit.entries())


def test_admin_manages_own_organizations_tokens(served: House) -> None:
    expires_at = served.workspace.now + timedelta(days=1)
    for name in ("theirs", "mine"):
        Tokens(served.workspace).create(name, "rival", [TokenScope.READ], expires_at)
    with served.client("ada@acme.example") as ada:
        created = ada.post("/tokens", json={"name": "mine", "scopes": ["read"], "days": 1}).json()
        assert (created["createdBy"], created["scopes"]) == ("ada@acme.example", ["read"])
        with bearer(served, created["token"]) as mine:
            assert mine.get("/api/integrations").status_code == 200
        assert [each["name"] for each in ada.get("/tokens").json()] == ["mine"]
        assert created["token"] not in ada.get("/tokens").text
        assert code(ada.post("/tokens", json={"name": "mine", "scopes": ["read"]}))[0] == 409
        assert code(ada.delete("/tokens/theirs")) == (404, "TOKEN_NOT_FOUND")
        assert ada.delete("/tokens/mine").status_code == 200
    assert [each.name for each in Tokens(served.workspace).all()] == ["mine", "theirs"]


def test_tokens_and_roles_are_managed_from_the_command_line(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    environment = {"CRMDECK_HOME": home, "CRMDECK_SERVE_PASSWORD": "four odd owls"}

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["serve", *arguments], env=environment)
        return done.exit_code, done.stdout

    for email in ("first@acme.example", "second@acme.example"):
        assert run("users", "add", email)[0] == 0
    run("organizations", "set", "acme", "--all")
    second = ("users", "set", "second@acme.example")
    run(*second, "--organization", "acme:viewer", "--organization", "main")
    listed = json.loads(run("users", "list", "--json")[1])
    assert [user["roles"] for user in listed] == [
        {"main": "admin"},
        {"acme": "viewer", "main": "member"},
    ]
    assert run(*second, "--organization", "acme:boss")[0] == 2
    text = run("tokens", "create", "ci", "--scope", "read", "--scope", "refresh")[1].strip()
    assert text.startswith("crmdeck_")
    assert text not in run("tokens", "list", "--json")[1]
    assert json.loads(run("tokens", "list", "--json")[1])[0]["scopes"] == ["read", "refresh"]
    assert run("tokens", "revoke", "ci")[0] == 0
    run(*second, "--organization", "main")
    assert run("tokens", "create", "ci", "--scope", "read", "--organization", "acme")[0] == 0
    assert run("organizations", "remove", "acme")[0] == 0
    assert json.loads(run("tokens", "list", "--json")[1]) == []
    assert run("tokens", "revoke", "ci")[0] == 2


def test_suggestions_are_limited_for_each_token(
    served: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "SUGGESTIONS", 2)
    path = f"{ONE.format(integration_id=served.ids['acme'])}/mapping/ai-suggest"
    with bearer(served, create(served, "one", TokenScope.READ)) as client:
        answers = [client.post(path, json={"objectPair": "deal--Nope"}) for _ in range(3)]
        assert [each.status_code for each in answers[:2]] == [409, 409]
        assert code(answers[2]) == (429, "TOO_MANY_REQUESTS")
        assert 0 < int(answers[2].headers["Retry-After"]) <= 60
    with bearer(served, create(served, "other", TokenScope.READ)) as client:
        assert client.post(path, json={"objectPair": "deal--Nope"}).status_code == 409
