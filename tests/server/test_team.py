"""Several servers over one PostgreSQL home: none keeps anything of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from crmdeck.model import SecretsPlace, Source
from crmdeck.sandbox import Sandbox
from crmdeck.server import Accounts, create_app
from crmdeck.workspace import ConnectionDraft, Workspace, new_secrets_key
from tests.postgres import postgres_url

from .conftest import ACCOUNT, OPPORTUNITY, PASSWORD, serving

__all__ = ["postgres_url"]


@contextmanager
def server(home: str, data: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield `crmdeck serve` as a process of a machine of its own, and its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crmdeck", "serve", "--port", "0"],
        env={**os.environ, "CRMDECK_HOME": home, "XDG_DATA_HOME": str(data), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        yield (
            process,
            next(word for word in line.split() if "http://" in word).rstrip(".,") + "/api",
        )
    finally:
        process.kill()
        process.communicate()


def test_servers_share_state_and_one_is_enough(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_secrets_key()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "operator"))
    folder = tmp_path / "export"
    folder.mkdir()
    for each in (OPPORTUNITY, ACCOUNT):
        (folder / f"{each['name']}.json").write_text(json.dumps(each))
    with Sandbox() as sandbox, Workspace.open(postgres_url, actor="operator") as workspace:
        access = sandbox.access("legacy-portal")
        draft = ConnectionDraft(name="portal", source="hubspot", endpoint=access.endpoint)
        secrets = {"access_token": access.private_app_token}
        portal = workspace.signin.connect(draft, secrets, place=SecretsPlace.FILE).connection.id
        draft = ConnectionDraft(
            name="acme", source=Source.FILES, platform="salesforce", path=str(folder)
        )
        acme = workspace.connections.add(draft).id
        workspace.refreshes.run("acme")
        Accounts(workspace).add_user("dana@acme.example", PASSWORD)
        body = {"email": "dana@acme.example", "password": PASSWORD}
        with (
            server(postgres_url, tmp_path / "one", CRMDECK_SECRETS_KEY=key) as (one, first),
            server(postgres_url, tmp_path / "two", CRMDECK_SECRETS_KEY=key) as (_, second),
            Workspace.open(postgres_url) as keyless,
            serving(create_app(keyless)) as third,
        ):
            cookies = httpx.post(f"{first}/auth/sign-in/email", json=body, timeout=60).cookies
            with httpx.Client(cookies=cookies, timeout=60) as client:
                # Each server with the key refreshes, and rotates no token away.
                path = f"/integrations/{portal}/schema/refresh"
                for base in (first, second):
                    assert client.post(base + path).json()["code"] == "SECRETS_ELSEWHERE"
                monkeypatch.setenv("CRMDECK_SECRETS_KEY", key)
                workspace.secrets.move((), SecretsPlace.WORKSPACE)
                assert [client.post(base + path).status_code for base in (first, second)] == [
                    200,
                    200,
                ]
                monkeypatch.delenv("CRMDECK_SECRETS_KEY")
                locked = client.post(f"{third}/api{path}")
                assert (locked.status_code, locked.json()["code"]) == (503, "SECRETS_KEY_MISSING")

                path = f"/integrations/{acme}/schema"
                answers = [client.get(base + path) for base in (first, second)]
                assert answers[0].json() == answers[1].json()
                assert answers[0].headers["ETag"] == answers[1].headers["ETag"]

                pages = [each["objectType"] for each in answers[0].json()["objects"]]
                found = [client.get(f"{first}{path}?objectType={pages[0]}").json()]
                one.kill()
                one.wait()
                found += [
                    client.get(f"{second}{path}?objectType={page}").json() for page in pages[1:]
                ]
                assert [each["objectType"] for each in found] == ["Account", "Opportunity"]

                assert client.post(f"{second}/auth/sign-out").is_success
                assert client.get(second + path).status_code == 401
        assert workspace.health.status("portal").status == "active"
        with workspace.context.store.read() as session:
            stored = str(session.sealed_secrets.all())
        assert "access_token" in stored
        assert access.private_app_token not in stored
