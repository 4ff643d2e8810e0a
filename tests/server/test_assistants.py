"""Assistants of signed-in users, over HTTP: only the connections of their organization."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmdeck.mcp import answer_http
from crmdeck.model import TokenScope

from .conftest import House, build, serving

ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    house = build(tmp_path / "home", tmp_path / "export", answer_http)
    with serving(house.app) as url:
        house.url = url
        yield house


def call(house: House, headers: dict[str, str], name: str, **arguments: Any) -> httpx.Response:
    """Ask a question as a client without a session of the protocol does."""
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": name, "arguments": arguments},
    }
    return httpx.post(f"{house.url}/mcp", json=body, headers={**ACCEPT, **headers}, timeout=60)


def test_session_token_covers_its_organization(served: House) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "session_token=wrong"}):
        refused = call(served, headers, "status")
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
    with served.client("vera@acme.example") as vera:
        token = vera.cookies["session_token"]
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"session_token={token}"}):
        answer = call(served, headers, "status")
        assert answer.status_code == 200, answer.text
        result = answer.json()["result"]
        rows = json.loads(result["content"][0]["text"])["rows"]
        assert [row["connection"] for row in rows] == ["acme"]
    foreign = call(served, headers, "mapping", connection="other").json()["result"]
    assert foreign["isError"]
    assert json.loads(foreign["content"][0]["text"])["code"] == "CONNECTION_NOT_FOUND"
    page = {**headers, "Origin": "https://evil.example"}
    assert call(served, page, "status").status_code == 403
    assert httpx.get(f"{served.url}/mcp", headers=headers).status_code == 405


def test_only_a_token_with_the_scope_suggests(served: House) -> None:
    tokens, expires = served.app.state.deck.tokens, served.workspace.now + timedelta(days=1)
    codes = []
    for name, scopes in (("reads", ["read"]), ("helps", ["read", "suggest"])):
        text, _ = tokens.create(name, "acme", [TokenScope(each) for each in scopes], expires)
        asked = {"connection": "acme", "pair": "deal_registration--Deal", "partnerField": "x"}
        asked |= {"crmField": "y", "reason": "z"}
        headers = {"Authorization": f"Bearer {text}"}
        result = call(served, headers, "suggest_mapping", **asked).json()["result"]
        codes.append(json.loads(result["content"][0]["text"])["code"])
    assert codes[0] == "TOOL_NOT_FOUND"
    assert codes[1] != codes[0]
