"""Signing in from the command line: machines by their environment, people at a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from crmdeck.sandbox import Sandbox
from tests.cli.shell import Shell
from tests.keyrings import none, using

ORG = "acme-prod"
PORTAL = "acme-marketing"
NO_KEYRING = "keyring.backends.fail.Keyring"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def start(
    home: Path, *arguments: str, secrets: Mapping[str, str] | None = None, wrapped: bool = False
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "crmdeck", *arguments, "--home", str(home)]
    if wrapped:
        # A terminal of its own, so that crmdeck finds a person to ask.
        command = [sys.executable, "-c", f"import pty; raise SystemExit(pty.spawn({command!r}))"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
    return subprocess.Popen(
        command,
        env={**kept, "PYTHON_KEYRING_BACKEND": NO_KEYRING, **(secrets or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if wrapped else subprocess.PIPE,
        text=True,
    )


def run(
    home: Path, *arguments: str, secrets: Mapping[str, str] | None = None, code: int = 0
) -> tuple[str, str]:
    with using(none()):
        done = Shell(home).run(*arguments, code=code, env=secrets)
    out, err = done.stdout, done.stderr
    for value in (secrets or {}).values():
        assert value not in out + err
    return out, err


def test_a_machine_adds_tests_and_signs_in_again(sandbox: Sandbox, tmp_path: Path) -> None:
    portal = sandbox.access(PORTAL)
    secrets = {"CRMDECK_PORTAL_ACCESS_TOKEN": portal.private_app_token}
    add = ("connections", "add", "portal", "--source", "hubspot", "--endpoint", portal.endpoint)
    _, err = run(tmp_path, *add, secrets=secrets, code=1)
    assert "No keyring" in err
    assert "--secrets file" in err
    out, _ = run(tmp_path, *add, "--secrets", "file", "--json", secrets=secrets)
    added = json.loads(out)
    assert added["name"] == "portal"
    assert added["test"]["organization"] == str(portal.portal_id)
    wrong = {"CRMDECK_PORTAL_ACCESS_TOKEN": "pat-na1-mistyped"}
    run(tmp_path, "connections", "sign-in", "portal", secrets=wrong, code=3)
    _, err = run(tmp_path, "connections", "sign-in", "portal", secrets=secrets)
    assert "Connected to " in err


def test_password_flow_error_has_remedy(tmp_path: Path) -> None:
    add = ("connections", "add", "acme", "--source", "salesforce", "--flow", "password")
    _, err = run(tmp_path, *add, code=2)
    assert "Summer '27" in err
    assert "--flow browser" in err


def test_browser_redirect_completes_sign_in(sandbox: Sandbox, tmp_path: Path) -> None:
    org = sandbox.access(ORG)
    add = ("connections", "add", "acme", "--source", "salesforce", "--endpoint", org.endpoint)
    browser = ("--flow", "browser", "--no-open", "--redirect-port", "0", "--secrets", "file")
    secrets = {"CRMDECK_ACME_CLIENT_ID": org.client_id}
    process = start(tmp_path, *add, *browser, secrets=secrets)
    assert process.stderr is not None
    address = next(line for line in process.stderr if line.startswith("http"))
    back = httpx.get(address.strip()).headers["Location"]
    assert httpx.get(back.replace("//localhost", "//127.0.0.1")).status_code == 200
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert f"Connected as {org.username}" in err
    assert f"at {org.instance_url}" in err


def test_over_ssh_the_address_is_pasted(sandbox: Sandbox, tmp_path: Path) -> None:
    org = sandbox.access(ORG)
    add = ("connections", "add", "acme", "--source", "salesforce", "--endpoint", org.endpoint)
    secrets = {"CRMDECK_ACME_CLIENT_ID": org.client_id, "SSH_CONNECTION": "somewhere"}
    process = start(tmp_path, *add, "--flow", "browser", "--secrets", "file", secrets=secrets)
    assert process.stderr is not None
    address = next(line for line in process.stderr if line.startswith("http"))
    back = httpx.get(address.strip()).headers["Location"]
    _, err = process.communicate(back + "\n", timeout=60)
    assert process.returncode == 0, err
    assert "Connected as" in err


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_person_is_asked_and_does_not_see_what_is_secret(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    org = sandbox.access(ORG)
    add = ("connections", "add", "acme", "--source", "salesforce", "--endpoint", org.endpoint)
    process = start(tmp_path, *add, wrapped=True)
    assert process.stdin is not None
    assert process.stdout is not None
    seen = ""
    answers = {
        "sign in?": "4",  # client credentials
        "by you only?": "y",
        "Consumer key of the app": org.client_id,
        "Consumer secret of the app": org.client_secret,
    }
    for question, answer in answers.items():
        # The blank behind the colon comes once the terminal no longer shows what is typed.
        while not seen.endswith(": ") or question not in seen:
            char = process.stdout.read(1)
            assert char, seen
            seen += char
        process.stdin.write(answer + "\n")
        process.stdin.flush()
    seen += process.communicate(timeout=60)[0]
    assert process.returncode == 0, seen
    assert f"Connected as {org.username}" in seen
    assert org.client_id in seen
    assert org.client_secret not in seen
    kept = json.loads((tmp_path / "secrets.json").read_text())
    assert org.client_secret in str(kept)
