"""Every command of docs/connections.md does what it says, with the sandbox behind it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from crmdeck.cli.app import app
from crmdeck.model import Connection, Source
from crmdeck.sandbox import Sandbox
from crmdeck.workspace.connections import service as connections
from crmdeck.workspace.connections.service import ConnectionDraft
from crmdeck.workspace.connections.signin import service
from crmdeck.workspace.context import Context
from tests.keyrings import MemoryKeyring, using
from tests.server.conftest import PASSWORD, House, build, serving

DOCS = Path(__file__).parents[2] / "docs" / "connections.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
LASTING = "crmdeck sandbox\n"
ORG = "acme-prod"
PORTAL = "acme-marketing"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("served")
    made = build(folder / "home", folder / "export")
    with serving(made.app) as url:
        made.url = url
        yield made


def variables(sandbox: Sandbox) -> dict[str, str]:
    """Return what stands behind the words that the page has in place of secrets."""
    org, portal = sandbox.access(ORG), sandbox.access(PORTAL)
    return {
        "CRMDECK_ACME_CLIENT_ID": org.client_id,
        "CRMDECK_ACME_CLIENT_SECRET": org.client_secret,
        "CRMDECK_ACME_REFRESH_TOKEN": org.refresh_token,
        "CRMDECK_ACME_ACCESS_TOKEN": org.access_token,
        "CRMDECK_ACME_USERNAME": org.username,
        "CRMDECK_MARKETING_ACCESS_TOKEN": portal.private_app_token,
        "CRMDECK_MARKETING_CLIENT_ID": portal.client_id,
        "CRMDECK_MARKETING_CLIENT_SECRET": portal.client_secret,
        "CRMDECK_TEAM_USERNAME": "dana@acme.example",
        "CRMDECK_TEAM_PASSWORD": PASSWORD,
    }


def given(block: str) -> list[str]:
    """Return the variables that a block needs: those it sets, else what a machine would."""
    names = re.findall(r"^export (\w+)=", block, re.MULTILINE)
    if names:
        return names
    known = ["CRMDECK_ACME_CLIENT_ID"]
    return known if "--flow browser" in block else [*known, "CRMDECK_ACME_REFRESH_TOKEN"]


def lead(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    house: House,
    browsers: list[threading.Thread],
) -> None:
    """Let connections lead to loopback, and a browser be there."""
    draft_of = connections.drafted

    def drafted(context: Context, draft: ConnectionDraft) -> Connection:
        connection = draft_of(context, draft)
        endpoints = {
            "salesforce": sandbox.access(ORG).endpoint,
            "hubspot": sandbox.access(PORTAL).endpoint,
            Source.PARTNEROS: house.url,
        }
        here = {"endpoint": endpoints[connection.source]}
        if connection.source == Source.PARTNEROS:
            here["remote_id"] = house.ids["acme"]
        return connection.model_copy(update=here)

    def browse(url: str) -> bool:
        back = httpx.get(url).headers["Location"].replace("//localhost", "//127.0.0.1")
        browsers.append(threading.Thread(target=httpx.get, args=(back,)))
        browsers[-1].start()
        return True

    for module in (connections, service):
        monkeypatch.setattr(module, "drafted", drafted)
    monkeypatch.setattr("webbrowser.open", browse)
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block != LASTING])
def test_a_block_of_the_page_runs_as_written(
    block: str, sandbox: Sandbox, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsers: list[threading.Thread] = []
    lead(monkeypatch, sandbox, house, browsers)
    monkeypatch.setenv("CRMDECK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    if "--private-key-file acme.key" in block:
        block = next(each for each in BLOCKS if each.startswith("openssl")) + block
    for name in given(block):
        monkeypatch.setenv(name, variables(sandbox)[name])
    with using(MemoryKeyring()):
        for line in block.splitlines():
            command = shlex.split(line)
            if command[0] == "openssl":
                if shutil.which("openssl") is None:
                    pytest.skip("openssl makes the key")
                subprocess.run(command, check=True, capture_output=True)
            elif command[0] == "crmdeck":
                done = CliRunner().invoke(app, command[1:])
                assert done.exit_code == 0, done.output
    for browser in browsers:
        browser.join()


def test_the_page_names_what_there_is() -> None:
    from crmdeck.connectors.hubspot.oauth import OPTIONAL_SCOPES, SCOPES
    from crmdeck.connectors.salesforce.profile import FLOWS
    from crmdeck.credentials import SECRET_NAMES
    from crmdeck.workspace import DEFAULT_PORT

    text = DOCS.read_text(encoding="utf-8")
    assert LASTING in BLOCKS
    for word in (*SCOPES, *OPTIONAL_SCOPES, *(flow.name for flow in FLOWS)):
        assert f"`{word}`" in text
    for name in SECRET_NAMES:
        assert f"`{name.upper()}`" in text
    assert text.count(f"http://localhost:{DEFAULT_PORT}/callback") == 2
