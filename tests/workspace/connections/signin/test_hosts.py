"""Secrets reach only the host that they were entered for."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from crmdeck.connectors.registry import host_of
from crmdeck.errors import CrmdeckError, ReauthRequiredError
from crmdeck.model import SecretsPlace, Status
from crmdeck.sandbox import Sandbox
from crmdeck.workspace import ConnectionDraft, Workspace, new_secrets_key
from tests.workspace.connections.signin.conftest import ORG, PORTAL, org_draft, portal_draft

Change = Callable[..., None]
PLACES = (SecretsPlace.KEYRING, SecretsPlace.FILE, SecretsPlace.WORKSPACE)


@dataclass
class Thief:
    """A server that records every request with its headers and body."""

    url: str
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def thief() -> Iterator[Thief]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            caught.requests.append(f"{self.path}\n{self.headers}\n{body!r}")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        caught = Thief(f"http://127.0.0.1:{server.server_address[1]}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield caught
        server.shutdown()


def by_sql(ws: Workspace, _: Path, **changes: str) -> None:
    """Change a connection as a writer of its database can."""
    with ws.context.store.write() as session:
        for column, value in changes.items():
            session.database.run(f"UPDATE connection SET {column} = ?", [value])


def by_restore(ws: Workspace, folder: Path, **changes: str) -> None:
    """Restore a backup with a changed connection, which no entry of its audit log covers."""
    ws.backups.write(folder / "b.zip")
    with zipfile.ZipFile(folder / "b.zip") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members["manifest.json"])
    rows = [json.loads(line) for line in members["tables/connection.jsonl"].splitlines()]
    last = max(json.loads(line)["seq"] for line in members["tables/audit_entry.jsonl"].splitlines())
    rows.append({**rows[-1], **changes, "seq": last + 1})
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    digest = hashlib.sha256(text).hexdigest()
    manifest["tables"]["connection"] = {"rows": len(rows), "sha256": digest}
    members |= {"tables/connection.jsonl": text, "manifest.json": json.dumps(manifest).encode()}
    with zipfile.ZipFile(folder / "forged.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    ws.backups.restore(folder / "forged.zip", force=True)


def by_set(ws: Workspace, _: Path, **changes: str) -> None:
    for name, value in changes.items():
        ws.connections.update("acme", **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [by_sql, by_restore, by_set])
@pytest.mark.parametrize("place", PLACES)
def test_changed_host_gets_no_secret(
    sandbox: Sandbox,
    thief: Thief,
    ws: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    place: SecretsPlace,
) -> None:
    monkeypatch.setenv("CRMDECK_SECRETS_KEY", new_secrets_key())
    flow = "access-token"
    if place is SecretsPlace.FILE:
        flow = "refresh-token"
        access = sandbox.access(ORG)
        secrets = {"client_id": access.client_id, "refresh_token": access.refresh_token}
        draft = org_draft(sandbox)
    else:
        secrets = {"access_token": sandbox.access(PORTAL).private_app_token}
        draft = portal_draft(sandbox, "acme")
    ws.signin.connect(draft, secrets, place=place)
    before = ws.connections.get("acme")
    change(ws, tmp_path, endpoint=thief.url)

    def titles() -> list[str]:
        status = ws.health.status("acme")
        assert status.status is Status.REAUTH_REQUIRED
        return [one.title for one in status.findings if one.code == "OTHER_HOST"]

    (message,) = titles()
    assert host_of(before).split()[0] in message
    assert thief.url in message
    for run in (ws.refreshes.run, ws.connections.test, ws.refreshes.run):
        with pytest.raises(ReauthRequiredError) as caught:
            run("acme")
        assert caught.value.code == "OTHER_HOST"
    asked = next(each for each in ws.signin.flows("acme") if each.name == flow)
    assert ws.signin.open_questions("acme", asked) == asked.questions
    assert thief.requests == []
    assert titles() == [message]

    # The first host again, or new secrets for the new one.
    assert draft.endpoint is not None
    ws.connections.update("acme", endpoint=draft.endpoint)
    ws.connections.test("acme")
    assert ws.health.status("acme").status is Status.ACTIVE
    ws.connections.update("acme", endpoint=thief.url)
    given = dict.fromkeys(secrets, "for-the-new-host")
    with suppress(CrmdeckError):
        ws.signin.renew("acme", given, flow=flow)
    assert "for-the-new-host" in thief.requests[0]
    assert not any(value in str(thief.requests) for value in secrets.values())


def test_moved_org_keeps_its_secrets(sandbox: Sandbox, ws: Workspace) -> None:
    access = sandbox.access(ORG)
    secrets = {"client_id": access.client_id, "refresh_token": access.refresh_token}
    draft = ConnectionDraft(name="acme", source="salesforce", endpoint=access.endpoint)
    ws.signin.connect(draft, secrets)
    # As if the org had another address, and no endpoint stood in for it.
    old = "https://old.my.salesforce.com"
    connection = ws.connections.get("acme").model_copy(update={"endpoint": None})
    ws.context.credentials(connection.model_copy(update={"instance_url": old})).put(secrets)
    ws.context.credentials(connection).follow(
        host_of(connection.model_copy(update={"instance_url": old}))
    )
    assert ws.context.credentials(connection).get("refresh_token") == access.refresh_token
    with pytest.raises(ReauthRequiredError):
        ws.context.credentials(connection.model_copy(update={"instance_url": old})).get("client_id")


def test_environment_secrets_follow_the_last_sign_in(
    sandbox: Sandbox, thief: Thief, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sandbox.access(PORTAL).private_app_token or ""
    monkeypatch.setenv("CRMDECK_ACME_ACCESS_TOKEN", token)
    secrets = {"access_token": token}
    with Workspace.open(tmp_path / "home") as ws:
        draft = portal_draft(sandbox, "acme")
        ws.signin.connect(draft, secrets, place=SecretsPlace.ENVIRONMENT)
        ws.connections.test("acme")
        by_sql(ws, tmp_path, endpoint=thief.url)
        with pytest.raises(ReauthRequiredError, match="were entered for"):
            ws.connections.test("acme")
        assert thief.requests == []
        ws.connections.update("acme", endpoint=f"{draft.endpoint}/")
        ws.signin.renew("acme", secrets, place=SecretsPlace.ENVIRONMENT)
        assert ws.audit.entries("acme")[0].event in ("connection.signed_in", "connection.recovered")
        ws.connections.test("acme")
