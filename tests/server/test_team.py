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

from crmdeck.model import Source
from crmdeck.server import Accounts
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.postgres import postgres_url

from .conftest import ACCOUNT, OPPORTUNITY, PASSWORD

__all__ = ["postgres_url"]


@contextmanager
def server(home: str, data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield `crmdeck serve` as a process of a machine of its own, and its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crmdeck", "serve", "--port", "0"],
        env={**os.environ, "CRMDECK_HOME": home, "XDG_DATA_HOME": str(data)},
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


def test_two_servers_answer_alike_and_one_is_enough(postgres_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for each in (OPPORTUNITY, ACCOUNT):
        (folder / f"{each['name']}.json").write_text(json.dumps(each))
    with Workspace.open(postgres_url, actor="operator") as workspace:
        draft = ConnectionDraft(
            name="acme", source=Source.FILES, platform="salesforce", path=str(folder)
        )
        acme = workspace.connections.add(draft).id
        workspace.refreshes.run("acme")
        Accounts(workspace).add_user("dana@acme.example", PASSWORD)

    with (
        server(postgres_url, tmp_path / "one") as (one, first),
        server(postgres_url, tmp_path / "two") as (_, second),
    ):
        body = {"email": "dana@acme.example", "password": PASSWORD}
        cookies = httpx.post(f"{first}/auth/sign-in/email", json=body, timeout=60).cookies
        with httpx.Client(cookies=cookies, timeout=60) as client:
            path = f"/integrations/{acme}/schema"
            answers = [client.get(base + path) for base in (first, second)]
            assert answers[0].json() == answers[1].json()
            assert answers[0].headers["ETag"] == answers[1].headers["ETag"]

            pages = [each["objectType"] for each in answers[0].json()["objects"]]
            told = [client.get(f"{first}{path}?objectType={pages[0]}").json()]
            one.kill()
            one.wait()
            told += [client.get(f"{second}{path}?objectType={page}").json() for page in pages[1:]]
            assert [each["objectType"] for each in told] == ["Account", "Opportunity"]

            assert client.post(f"{second}/auth/sign-out").is_success
            assert client.get(second + path).status_code == 401
