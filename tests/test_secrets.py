"""Marked secrets in every place they can be, everything made to fail: nobody tells one."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from textual.app import App

from crmdeck.cli import main
from crmdeck.errors import CrmdeckError
from crmdeck.model import Source
from crmdeck.redaction import HIDDEN
from crmdeck.tui.app import CrmdeckApp
from crmdeck.workspace import EXPORTS, ConnectionDraft, Workspace
from tests.cli.shell import Shell
from tests.connectors.hostile import HostileServer, Visitor
from tests.keyrings import MemoryKeyring, using
from tests.tui.pilot import settle
from tests.workspace.connections.signin.test_no_leaks import everything_cached

HOOK_PATH = "hook-8ZqMarkedPath5tR2wY"
SECRETS = {
    "CRMDECK_ACME_ACCESS_TOKEN": "00D5g00000XyZ1a!AQoMarkedAccess9.vN2rQ8sLw5pXe1dC7bH4j",
    "CRMDECK_ACME_REFRESH_TOKEN": "5Aep861MarkedRefreshTokenOfAcme.k3PzQ",
    "CRMDECK_ACME_CLIENT_SECRET": "marked client secret & of acme/1",
    "CRMDECK_PORTAL_ACCESS_TOKEN": "pat-na1-11112222-3333-4444-5555-marked666777",
    "CRMDECK_PARTNER_PASSWORD": "correct-marked-battery",
    "CRMDECK_NOTIFY_OPS_SECRET": "whsec_TWFya2VkV2ViaG9va1NlY3JldDEyMzQ1",
}
DATABASE_PASSWORD = "marked-pw-of-the-database"
STATUSES = ("401 No", "403 No", "404 No", "409 No", "429 No", "500 No", "302 No", "200 OK")
KEYS = (
    *("error", "error_description", "message", "errorCode", "code", "cause", "category", "status"),
    *("preferred_username", "email", "user", "version", "lastErrorMessage", "policyName", "hub_id"),
)
TOLD = {*SECRETS.values(), HOOK_PATH, DATABASE_PASSWORD}


def parrot() -> HostileServer:
    """Return a CRM that answers every request with the secrets, wherever words can stand."""
    turn = itertools.count()

    def answer(to: Visitor) -> None:
        number = next(turn)
        secrets = list(SECRETS.values())
        secret = secrets[number % len(secrets)]
        words = dict.fromkeys(KEYS, secret)
        told = {
            **words,
            "instance_url": f"https://x.example/{quote(secret)}",
            "errors": [{"context": {"requiredScopes": [secret]}}],
            "records": [words],
            "results": [words],
            "objects": [words],
        }
        status = STATUSES[number // len(secrets) % len(STATUSES)]
        more = (f"Location: https://{secret[:20].encode().hex()}.example/", "Retry-After: 0")
        to.json([told] if number % 3 == 2 else told, *more, status=status)

    return HostileServer(answer)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/settings.toml").write_text(
        '[[notify]]\nname = "ops"\nkind = "webhook"\nat_least = "safe"\nall_well = true\n'
    )
    return tmp_path / "home"


@contextlib.contextmanager
def noting(said: list[str]) -> Iterator[None]:
    """Keep what an error says, in every form, tracebacks too."""
    try:
        yield
    except CrmdeckError as error:
        said += [str(error), repr(error), json.dumps(error.to_wire())]
        said += traceback.format_exception(error)


async def test_files_and_output_contain_no_secret(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("crmdeck.workspace.checks.notices.PAUSES", ())
    said: list[str] = []
    with parrot() as crm, using(MemoryKeyring()), Workspace.open(home, actor="dana") as ws:
        given = {
            **SECRETS,
            "CRMDECK_ACME_CLIENT_ID": "client",
            "CRMDECK_PARTNER_USERNAME": "dana@acme.example",
            "CRMDECK_NOTIFY_OPS_URL": f"{crm.url}/{HOOK_PATH}",
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        with ws.hold():
            for name, source in (
                ("acme", "salesforce"),
                ("portal", "hubspot"),
                ("partner", Source.PARTNEROS),
            ):
                ws.connections.add(
                    ConnectionDraft(
                        name=name,
                        source=source,
                        platform="salesforce" if source == Source.PARTNEROS else None,
                        endpoint=crm.url,
                        remote_id="00000000-0000-0000-0000-000000000002",
                    )
                )
            for name, _ in itertools.product(("acme", "portal", "partner"), range(4)):
                with noting(said):
                    said.append(ws.connections.test(name).to_json())
                with noting(said):
                    said.append(ws.refreshes.run(name).to_json())
            with noting(said):
                report = ws.checks.run()
                said += [report.to_json(), ws.checks.render(report, "html")]
                said += [delivery.to_json() for delivery in ws.notices.send(report)]
            with noting(said):
                said.append(str(ws.notices.heartbeat(f"{crm.url}/{HOOK_PATH}")))
            url = f"postgresql://dana:{DATABASE_PASSWORD}@127.0.0.1:1/crm"
            with noting(said), Workspace.open(url) as team:
                team.connections.all()
            said += [entry.to_json() for entry in ws.audit.entries()]
            said += [status.to_json() for status in ws.health.statuses()]
            said += [each.to_json() + repr(each) for each in ws.connections.all()]
            for what, name in itertools.product(EXPORTS, ("acme", "portal", "partner")):
                with noting(said):
                    said.append(ws.exports.render(what, name, format="json"))
        app = CrmdeckApp(ws)
        async with app.run_test(size=(140, 40)) as pilot:
            for pane in "15":
                await pilot.press(pane)
                await settle(pilot)
                said.append(app.export_screenshot())
        said += command_line(home)
        haystack = b"\n".join([*everything_cached(ws), *(text.encode() for text in said)])
    haystack += caplog.text.encode()
    # The settings name no secret; the lines above show that the CRM was heard.
    assert len(crm.visitors) > 30
    assert HIDDEN.encode() in haystack
    forms = {form for each in TOLD for form in (each, quote(each, safe=""), each[:24])}
    assert sorted(form for form in forms if form.encode() in haystack) == []


def command_line(home: Path) -> list[str]:
    """Return what commands say, one as a process that fails, with what the system shows of it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crmdeck", "refresh", "--all"],
        env={**os.environ, "CRMDECK_HOME": str(home), "CRMDECK_DEBUG": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    with contextlib.suppress(OSError):
        said.append(Path(f"/proc/{process.pid}/cmdline").read_text())
    audit = Shell(home).run("audit")
    return [*said, process.communicate()[0], audit.stdout, audit.stderr]


def test_console_crash_prints_no_variables(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    token = SECRETS["CRMDECK_ACME_ACCESS_TOKEN"]
    monkeypatch.setenv("CRMDECK_ACME_ACCESS_TOKEN", token)

    def fail(app: CrmdeckApp) -> None:
        held = {"access_token": token}
        raise RuntimeError(f"no use for {held['access_token']}")

    def run(app: CrmdeckApp) -> None:
        app.call_later(fail, app)
        App.run(app, headless=True)

    monkeypatch.setattr(CrmdeckApp, "run", run)
    monkeypatch.setattr("crmdeck.cli.launch._at_terminal", lambda: True)
    monkeypatch.setattr(sys, "argv", ["crmdeck", "--home", str(home)])
    for debug in ("", "1"):
        monkeypatch.setenv("CRMDECK_DEBUG", debug)
        with pytest.raises(SystemExit) as ended:
            main()
        said = "".join(capfd.readouterr())
        assert ended.value.code == 1
        assert "RuntimeError" in said
        assert token not in said
        assert "held" not in said or debug
        assert ("Traceback" in said) is bool(debug)
