"""Secrets are where they belong and nowhere else, after a whole story."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import duckdb
import httpx
import pytest

from crmdeck.errors import CrmdeckError
from crmdeck.model import Scope, ScopeMode
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from crmdeck.workspace import EXPORTS, Workspace
from tests.keyrings import MemoryKeyring
from tests.workspace.connections.signin.conftest import ORG, PORTAL, org_draft, portal_draft


def everything_cached(ws: Workspace) -> Iterator[bytes]:
    """Yield the bytes of all files of the workspace, and the rows of its cache as text."""
    files = [path for path in ws.home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".duckdb" for path in files)
    for path in files:
        yield path.read_bytes()
    with duckdb.connect(str(ws.home / "crmdeck.duckdb"), read_only=True) as cache:
        tables = cache.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        assert len(tables) > 5
        for (table,) in tables:
            yield repr(cache.execute(f'SELECT * FROM "{table}"').fetchall()).encode()


def test_after_a_whole_story_no_secret_is_anywhere_else(
    sandbox: Sandbox,
    ws: Workspace,
    keyring: MemoryKeyring,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):  # the browser of this test, which sees the code
        caplog.set_level(logging.CRITICAL, logger=name)
    org, portal = sandbox.access(ORG), sandbox.access(PORTAL)
    app = {"client_id": org.client_id, "client_secret": org.client_secret}
    wrong = {"access_token": "pat-na1-mistyped"}
    said: list[str] = []

    with ws.signin.begin_browser(org_draft(sandbox), app, listen=False) as sign_in:
        ended_at = httpx.get(sign_in.url).headers["Location"]
        sign_in.finish_with(ended_at)
        said.append(repr(sign_in))
        grant = sign_in.wait(timeout=5)
    said += [repr(grant), repr(ws.signin.connect(org_draft(sandbox), app, grant=grant))]
    ws.signin.connect(portal_draft(sandbox), {"access_token": portal.private_app_token})
    sandbox.fault(ORG, Fault(FaultKind.ROTATED_REFRESH_TOKEN))
    sandbox.fault(ORG, Fault(FaultKind.EXPIRED_TOKEN))
    ws.refreshes.run("acme", scope=Scope(mode=ScopeMode.NAMED, include=("Account",)))
    said.append(ws.connections.test("acme").to_json())
    for draft, secrets in ((portal_draft(sandbox, "other"), wrong), (org_draft(sandbox, "o"), app)):
        try:
            ws.signin.connect(draft, secrets)
        except CrmdeckError as error:
            said += [str(error), repr(error), json.dumps(error.to_wire())]
    secrets_given = {
        *keyring.entries.values(),
        *wrong.values(),
        org.client_secret,
        org.access_token,
        org.refresh_token,
        sandbox.access(ORG).refresh_token,
        portal.private_app_token,
        *parse_qs(urlsplit(ended_at).query)["code"],
        *parse_qs(urlsplit(ended_at).query)["state"],
    } - {org.client_id}
    assert len(secrets_given) >= 8

    said += [entry.to_json() for entry in ws.audit.entries()]
    said += [status.to_json() for status in ws.health.statuses()]
    said += [connection.to_json() for connection in ws.connections.all()]
    for what in EXPORTS:
        then = ws.now if what in ("comparison", "differences") else None
        said.append(ws.exports.render(what, "acme", format="json", right_at=then))
    said += [caplog.text, *capfd.readouterr(), repr(ws)]
    haystack = b"\n".join([*everything_cached(ws), *(text.encode() for text in said)])
    assert org.instance_url.encode() in haystack
    found = [secret for secret in secrets_given if secret.encode() in haystack]
    assert found == []
