"""Who is told of a check: over real sockets, signed, tried again, and with no secret anywhere."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from standardwebhooks import Webhook

from crmdeck.errors import ReadOnlyError
from crmdeck.workspace import Workspace
from crmdeck.workspace.checks.notices import PAUSES, Notices
from tests.cli.test_check import FIRST, Night, nightfall
from tests.restored import Restored

__all__ = ["nightfall"]

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
PATH = "/a-path-that-is-a-secret"
SETTINGS = """
[[notify]]
name = "ops"
kind = "webhook"
at_least = "breaking"
connections = ["acme*"]

[[notify]]
name = "chat"
kind = "other"
all_well = true
"""


class Listener:
    """Takes what is posted; answers 500 as often as it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, str], str]] = []
        self.failing = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(length).decode()
                owner.failing -= 1
                if owner.failing < 0:
                    owner.taken.append((self.path, headers, body))
                self.send_response(500 if owner.failing >= 0 else 200)
                self.end_headers()
                self.wfile.write(b"ok")

            do_GET = do_POST  # noqa: N815  the name that http.server asks for

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def listener() -> Iterator[Listener]:
    running = Listener()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def night(nightfall: Restored, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Night:
    night = Night(nightfall.anew())
    (night.folder / "home/settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("CRMDECK_NOTIFY_OPS_URL", f"http://{listener.host}{PATH}")
    monkeypatch.setenv("CRMDECK_NOTIFY_OPS_SECRET", SECRET)
    monkeypatch.setenv("CRMDECK_NOTIFY_CHAT_URL", f"json://{listener.host}{PATH}")
    return night


def test_one_message_a_run_goes_to_whom_it_concerns(night: Night, listener: Listener) -> None:
    night.shell.run("check", "--notify", "--heartbeat", f"http://{listener.host}/beat")
    assert [path for path, *_ in listener.taken] == [PATH, "/beat"], "all is well, and the beat"
    assert "no findings" in listener.taken[0][2]
    listener.taken.clear()

    evil = "<!channel> \\u202e"
    text = (night.folder / "acme/Opportunity.json").read_text()
    (night.folder / "acme/Opportunity.json").write_text(
        text.replace('"label": "Name"', f'"label": "{evil}"').replace('"currency"', '"string"')
    )
    night.export("beta", *FIRST, ("New__c", "string"))
    done = night.shell.run("check", "--notify", "--fail-on", "safe", code=4)
    assert len(listener.taken) == 2
    (_, headers, body), (_, _, chat) = listener.taken
    told = Webhook(SECRET).verify(body, headers)
    assert {one["connection"] for one in told["data"]["findings"]} == {"acme"}
    assert "<!channel>" not in chat
    assert "beta" in chat
    entries = night.shell.run("audit", "--event", "notice.*").stdout
    assert entries.count("notice.sent") == 3
    for said in (done.stderr, done.stdout, entries, body):
        assert PATH not in said
        assert SECRET not in said


def test_the_message_of_one_connection_leaves_those_of_others(
    night: Night, listener: Listener
) -> None:
    for name in ("acme", "beta"):
        night.export(name, *FIRST, ("New__c", "string"), ("Old__c", "string"))
    night.shell.run("refresh", "--all")
    for name in ("acme", "beta", "beta"):
        night.export(name, ("Name", "string"))
    night.shell.run("refresh", "--all")
    for name in ("acme", "beta"):
        check = ("check", name, "--notify", "--no-refresh", "--fail-on", "safe")
        night.shell.run(*check, code=4)
        chat = listener.taken[-1][2]
        assert name in chat
        listener.taken.clear()
    night.shell.run(*check, code=4)
    assert "no findings" in listener.taken[-1][2]


def test_slack_message_has_crmdeck_name(
    night: Night, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{listener.host}/slack")
    address = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    monkeypatch.setenv("CRMDECK_NOTIFY_CHAT_URL", address)
    night.export("acme", ("Name", "string"), ("CloseDate", "date"))
    night.shell.run("check", "acme", "--notify", code=4)
    (body,) = [body for path, _, body in listener.taken if path.startswith("/slack")]
    (told,) = json.loads(body)["attachments"]
    assert "1 failure" in told["title"]
    assert "failing: acme: Estimated value: its CRM field is gone" in told["text"]
    assert told["footer"] == "crmdeck"
    assert "apprise" not in body.lower()


def test_what_fails_is_tried_again_and_then_said(night: Night, listener: Listener) -> None:
    pauses: list[float] = []
    night.export("acme", ("Name", "string"))
    with Workspace.open(night.folder / "home") as ws:
        report = ws.checks.run(["acme"])
        notices = Notices(ws.context, pause=pauses.append)
        listener.failing = 3
        ops, _ = notices.send(report)
        assert (ops.sent, ops.error) == (False, "The server returned 500.")
        assert tuple(pauses) == PAUSES
        listener.failing = 2
        ops, *_ = notices.send(report)
        assert ops.sent
        (failed,) = ws.audit.entries(event="notice.failed")
        assert "ops" in failed.summary
        assert notices.heartbeat("http://127.0.0.1:9/x") == "No server responds at this URL."


def test_unwritable_workspace_sends_no_notification(night: Night, listener: Listener) -> None:
    with Workspace.open(night.shell.home) as ws:
        report = ws.checks.run(["acme"])
    with Workspace.open(night.shell.home, read_only=True) as reader:
        for call in (reader.notices.require_ready, lambda: reader.notices.send(report)):
            with pytest.raises(ReadOnlyError):
                call()
    assert listener.taken == []


@pytest.mark.parametrize("kind", ["webhook", "other"])
def test_who_answers_drop_by_drop_holds_up_no_check(
    night: Night, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = listening.accept()
                taken.recv(65536)
                taken.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                while not over.wait(0.05):
                    taken.sendall(b"x")
                taken.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        threading.Thread(target=drip, args=(listening,), daemon=True).start()
        scheme = "http" if kind == "webhook" else "json"
        monkeypatch.setenv("CRMDECK_NOTIFY_OPS_URL", f"{scheme}://{host}/x")
        (night.folder / "home/settings.toml").write_text(f'[[notify]]\nname="ops"\nkind="{kind}"\n')
        night.export("acme", ("Name", "string"))
        with Workspace.open(night.folder / "home") as ws:
            report = ws.checks.run(["acme"])
            notices = Notices(ws.context, pause=lambda _: None, patience=0.2)
            (ops,) = notices.send(report)
        over.set()
    assert (ops.sent, ops.error) == (False, "No response within 0.2 s.")


def test_a_route_that_can_not_be_used_is_said_before_the_check(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = night.shell.json("audit")
    monkeypatch.setenv("CRMDECK_NOTIFY_OPS_SECRET", "short")
    assert "can't sign" in night.shell.run("check", "--notify", code=2).stderr
    monkeypatch.delenv("CRMDECK_NOTIFY_OPS_URL")
    assert "$CRMDECK_NOTIFY_OPS_URL" in night.shell.run("check", "--notify", code=2).stderr
    (night.folder / "home/settings.toml").unlink()
    assert "No routes for notifications" in night.shell.run("watch", "--notify", code=2).stderr
    assert night.shell.json("audit") == before


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM")
def test_watch_stops_cleanly_on_signal(night: Night) -> None:
    assert "no findings" in night.shell.run("watch", "--times", "1").stdout
    assert "Only a workspace in PostgreSQL" in night.shell.run("watch", "--fleet", code=2).stderr
    watch = subprocess.Popen(
        [sys.executable, "-m", "crmdeck", "watch", "--home", str(night.shell.home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watch.stderr is not None
    for line in watch.stderr:
        if "Next check" in line:
            break
    watch.send_signal(signal.SIGTERM)
    out, err = watch.communicate(timeout=60)
    assert (watch.returncode, err) == (0, "")
    assert "Checked 2 connections" in out
