"""The API over a real socket gives what the command line gives, to several at once."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import crmdeck
from crmdeck.cli.app import app
from crmdeck.model import Choice, DecisionState
from crmdeck.server.answers import without_commands
from crmdeck.server.errors import without_command
from crmdeck.workspace import Workspace
from crmdeck.workspace.refresh.run import Refresh

from .conftest import ACCOUNT, OPPORTUNITY, PAIR, PASSWORD, House, describe, text_field

CHOICES = [
    {"partnerField": "estimatedValue", "state": "accepted", "crmField": "Amount"},
    {"partnerField": "description", "state": "rejected", "crmField": "Name", "note": "[no]"},
]


def told(house: House, *arguments: str) -> Any:
    """Return what a command answers with --json.

    But for why it ends as it does, and the connection's name, which stands beside its id there.
    """
    home = str(house.workspace.home)
    result = CliRunner().invoke(app, [*arguments, "--home", home, "--json"])
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    if isinstance(answer, dict):
        answer.pop("reasons", None)
    for record in answer.get("events", ()) if isinstance(answer, dict) else answer:
        assert record.pop("connection", "acme") == "acme"
    return answer


def test_api_and_command_line_return_the_same(served: House) -> None:
    base = f"/integrations/{served.ids['acme']}"
    with served.client() as client:
        first = client.post(f"{base}/schema/refresh").json()
        assert (first["success"], first["totalFields"]) == (True, 8)
        served.export(OPPORTUNITY | {"fields": OPPORTUNITY["fields"][:-1]})
        second = client.post(f"{base}/schema/refresh").json()
        assert {(e["objectType"], e["kind"]) for e in second["driftEvents"]} == {
            ("Account", "object_absent"),
            ("Opportunity", "field_absent"),
        }
        decided = client.post(
            f"{base}/mapping/decisions", json={"objectPair": PAIR, "choices": CHOICES}
        )
        undone = client.post(f"{base}/mapping/undo", json={"objectPair": PAIR}).json()
        assert undone["undoes"] == decided.json()[1]["id"]

        def get(path: str, **query: str) -> Any:
            answer = client.get(base + path, params=query)
            assert answer.headers["content-type"] == "application/json"
            expected = "private, max-age=60" if path == "/schema" else "no-store"
            assert answer.headers["cache-control"] == expected
            return answer.json()

        status = without_commands(told(served, "status", "acme"))
        assert get("/status") == status
        assert client.get("/integrations").json() == [status]
        assert get("/schema") == told(served, "schema", "acme")
        one = get("/schema", objectType="Opportunity")
        assert one == told(served, "schema", "acme", "Opportunity")
        assert get("/drift") == told(served, "drift", "acme")
        filtered = get("/drift", atLeast="breaking", objectType="Account", acknowledged="false")
        assert filtered == told(
            served, "drift", "acme", "--severity", "breaking", "--object", "Account", "--open"
        )
        assert get("/audit") == told(served, "audit", "acme")
        assert get("/audit", event="mapping.*") == told(
            served, "audit", "acme", "--event", "mapping.*"
        )
        answer = client.post(f"{base}/mapping/ai-suggest", json={"objectPair": PAIR})
        assert answer.json() == told(served, "suggest", "acme", PAIR)
        log = get("/mapping/decisions", objectPair=PAIR)
        assert log == [*decided.json(), undone] == get("/mapping/decisions")
        actors = {entry["actor"] for entry in get("/audit", event="mapping.*")}
        assert actors == {"dana@acme.example"} == {each["decidedBy"] for each in log}
        refused = client.post(
            f"{base}/mapping/decisions",
            json={"objectPair": PAIR, "choices": [{**CHOICES[0], "partnerField": "accountName"}]},
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "CRM_FIELD_TAKEN")
        assert client.post(f"{base}/disconnect").json() == {"success": True}
        assert get("/status") == told(served, "status", "acme")
        again = client.post(f"{base}/schema/refresh")
        assert (again.status_code, again.json()["code"]) == (409, "CONNECTION_DISCONNECTED")


def test_concurrent_user_refreshes_share_a_run(
    served: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, proceed = threading.Event(), threading.Event()
    discover = Refresh.discover

    def slow(self: Refresh) -> None:
        started.set()
        proceed.wait(10)
        discover(self)

    monkeypatch.setattr(Refresh, "discover", slow)
    path = f"/integrations/{served.ids['acme']}/schema/refresh"
    answers: list[httpx.Response] = []
    with served.client() as dana, served.client("mona@acme.example") as mona:
        mona.post("/auth/organization", json={"organizationId": "acme"})
        threads = [
            threading.Thread(target=lambda c=client: answers.append(c.post(path)))
            for client in (dana, mona)
        ]
        for thread in threads:
            thread.start()
        assert started.wait(10)
        # Meanwhile the others are served.
        assert mona.get("/integrations").status_code == 200
        threads[1].join(0.3)
        assert all(thread.is_alive() for thread in threads)
        proceed.set()
        for thread in threads:
            thread.join(10)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert len(served.workspace.health.sync_history("acme")) == 1


def test_stopped_refresh_ends_unwritten(served: House) -> None:
    stopping = served.app.state.deck.stopping
    stopping.cancel()
    with served.client() as client:
        answer = client.post(f"/integrations/{served.ids['acme']}/schema/refresh")
    assert (answer.status_code, answer.json()["code"]) == (503, "CANCELLED")
    assert answer.headers["retry-after"]
    assert served.workspace.schemas.moments("acme") == ()


def test_server_and_two_consoles_keep_all_writes(house: House) -> None:
    """They decide and refresh at once, the server in its own process: nothing of it is lost."""
    home = house.workspace.home
    house.workspace.refreshes.run("acme")
    command = [sys.executable, "-m", "crmdeck", "serve", "--home", str(home), "--port", "0"]
    server = subprocess.Popen(
        [*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        lines = [server.stdout.readline() for _ in range(3)]
        house.url = json.loads("".join(lines))["url"]
        rounds = 3

        def work(field: str) -> None:
            with Workspace.open(home, actor=field) as ws:
                for number in range(rounds):
                    choice = Choice(
                        partner_field=field, state=DecisionState.REJECTED, note=str(number)
                    )
                    ws.mappings.record_decisions("acme", PAIR, [choice])
                    ws.refreshes.run("acme")

        base = f"/integrations/{house.ids['acme']}"
        with house.client() as client, ThreadPoolExecutor() as pool:
            consoles = [pool.submit(work, field) for field in ("accountName", "description")]
            for number in range(rounds):
                choice = {**CHOICES[0], "note": str(number)}
                body = {"objectPair": PAIR, "choices": [choice]}
                client.post(f"{base}/mapping/decisions", json=body).raise_for_status()
                client.post(f"{base}/schema/refresh").raise_for_status()
            for console in consoles:
                console.result(60)
    finally:
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=30)
    assert server.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in log
    assert PASSWORD not in log
    notes: dict[str, list[str | None]] = {}
    for decision in house.workspace.mappings.decisions("acme", PAIR):
        notes.setdefault(decision.partner_field, []).append(decision.note)
    expected = [str(number) for number in range(rounds)]
    assert notes == dict.fromkeys(("estimatedValue", "accountName", "description"), expected)
    runs = house.workspace.health.sync_history("acme")
    assert len(runs) == 3 * rounds + 1
    assert {run.outcome for run in runs} == {"ok"}
    assert len(house.workspace.audit.entries("acme", event="mapping.*")) == 3 * rounds


def test_users_commands_have_no_password_argument(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMDECK_HOME", str(house.workspace.home))
    monkeypatch.setenv("CRMDECK_SERVE_PASSWORD", "a long enough one")
    run = CliRunner().invoke
    added = run(app, ["serve", "users", "add", "New@acme.example", "--organization", "acme"])
    assert added.exit_code == 0, added.stderr
    listed = json.loads(run(app, ["serve", "users", "list", "--json"]).stdout)
    assert listed[-1] == {"email": "new@acme.example", "roles": {"acme": "member"}}
    again = run(app, ["serve", "users", "add", "new@acme.example", "--json"])
    assert json.loads(again.stderr)["code"] == "USER_EXISTS"
    removed = run(app, ["serve", "users", "remove", "new@acme.example"])
    assert removed.exit_code == 0
    made = run(app, ["serve", "organizations", "set", "third", "--connection", "other"])
    assert made.exit_code == 0, made.stderr
    shown = run(app, ["serve", "organizations", "list", "--format", "table"]).stdout
    assert re.search(r"^third +other$", shown, re.MULTILINE)
    assert run(app, ["serve", "organizations", "remove", "third"]).exit_code == 0


def test_each_command_about_users_needs_the_extra(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing:
        def __getattr__(self, name: str) -> None:
            raise ModuleNotFoundError(name, name="argon2")

    monkeypatch.setattr("crmdeck.cli.serve.server", Missing())
    monkeypatch.setenv("CRMDECK_HOME", str(house.workspace.home))
    for words in (["users", "list"], ["users", "remove", "x@y"], ["organizations", "list"]):
        refused = CliRunner().invoke(app, ["serve", *words, "--json"])
        assert json.loads(refused.stderr)["code"] == "EXTRA_MISSING", words


def test_serving_does_not_slow_other_commands_down() -> None:
    code = (
        "import crmdeck.cli.app, sys; print(*{'fastapi', 'uvicorn', 'argon2'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert ran.stdout.strip() == ""


def test_all_schemas_arrive_once_in_one_response(served: House) -> None:
    with served.client() as client:
        served.workspace.refreshes.run("acme")
        for path in ("schema", "schema?objectType=Account", "schemas"):
            url = f"/integrations/{served.ids['acme']}/{path}"
            first = client.get(url)
            assert first.status_code == 200
            again = client.get(url, headers={"If-None-Match": f'"other", {first.headers["ETag"]}'})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == first.headers["ETag"]
            assert again.headers["Cache-Control"] == "private, max-age=60"
        served.export(OPPORTUNITY, describe("Account", text_field("Name")))
        served.workspace.refreshes.run("acme")
        changed = client.get(url, headers={"If-None-Match": first.headers["ETag"]})
        assert changed.status_code == 200
        answer = client.get(f"/integrations/{served.ids['acme']}/schemas")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert [each["objectType"] for each in answer.json()] == ["Account", "Opportunity"]
        one = client.get(f"/integrations/{served.ids['acme']}/schema?objectType=Account")
        assert answer.json()[0] == one.json()
        assert client.get(f"/integrations/{served.ids['other']}/schemas").status_code == 404


def test_members_acknowledge_drift(served: House) -> None:
    served.workspace.refreshes.run("acme")
    served.export(OPPORTUNITY, describe("Account", text_field("Name")))
    served.workspace.refreshes.run("acme")
    path = f"/integrations/{served.ids['acme']}/drift"
    with served.client() as dana, served.client("vera@acme.example") as vera:
        events = [event["id"] for event in dana.get(path).json()["events"]]
        body = {"eventIds": [*events, "unknown"], "note": "known"}
        assert vera.post(f"{path}/acknowledge", json=body).status_code == 403
        answer = dana.post(f"{path}/acknowledge", json=body)
        assert (answer.status_code, answer.json()) == (200, {"acknowledged": len(events)})
        assert dana.post(f"{path}/acknowledge", json=body).json() == {"acknowledged": 0}
        told = vera.get(path).json()["events"]
        assert {(e["acknowledgedBy"], e["note"]) for e in told} == {("dana@acme.example", "known")}
        assert dana.post(f"{path}/acknowledge", json={"eventIds": []}).status_code == 400
        del body["note"]
        assert vera.post(f"{path}/reopen", json=body).status_code == 403
        assert dana.post(f"{path}/reopen", json=body).json() == {"reopened": len(events)}
        assert dana.post(f"{path}/reopen", json=body).json() == {"reopened": 0}
        assert {e["acknowledgedAt"] for e in vera.get(path).json()["events"]} == {None}


def test_pages_lead_to_the_next_one(served: House) -> None:
    base = f"/integrations/{served.ids['acme']}"
    with served.client() as client:
        client.post(f"{base}/schema/refresh")
        served.export(OPPORTUNITY | {"fields": OPPORTUNITY["fields"][:-2]}, ACCOUNT)
        client.post(f"{base}/schema/refresh")
        client.post(f"{base}/mapping/decisions", json={"objectPair": PAIR, "choices": CHOICES})
        whole = client.get(f"{base}/drift").json()
        assert "nextCursor" not in whole
        drift, audit = served.workspace.drift, served.workspace.audit
        pages = drift.pages("acme", at_once=1)
        assert [each.id for page in pages for each in page.events] == [
            each["id"] for each in whole["events"]
        ]
        assert tuple(audit.each("acme", event="schema.*", at_once=1)) == audit.entries(
            "acme", event="schema.*"
        )
        page = client.get(f"{base}/drift", params={"limit": 1}).json()
        rest = client.get(f"{base}/drift", params={"cursor": page["nextCursor"]}).json()
        assert page["events"] + rest["events"] == whole["events"]
        assert "nextCursor" not in rest
        whole = client.get(f"{base}/schema").json()
        page = client.get(f"{base}/schema", params={"limit": 1}).json()
        assert page == {"objects": whole["objects"][:1], "nextCursor": "Account"}
        rest = client.get(f"{base}/schema", params={"cursor": "Account"}).json()
        assert rest == {"objects": whole["objects"][1:]}
        whole = client.get(f"{base}/schema", params={"objectType": "Account"}).json()
        fields: list[Any] = []
        asked: dict[str, Any] = {"objectType": "Account", "limit": 1}
        while "cursor" not in asked or asked["cursor"]:
            page = client.get(f"{base}/schema", params=asked).json()
            fields += page["fields"]
            asked["cursor"] = page.get("nextCursor")
        assert fields == whole["fields"]
        bad = client.get(f"{base}/schema", params=asked | {"cursor": "Nothing__c"})
        assert (bad.status_code, bad.json()["code"]) == (404, "CURSOR_NOT_FOUND")
        for path in ("mapping/decisions", "audit"):
            whole = client.get(f"{base}/{path}").json()
            found, url = [], f"{base}/{path}?limit=1"
            while url:
                answer = client.get(url)
                found += answer.json()
                url = answer.links.get("next", {}).get("url", "").removeprefix("/api")
            assert found == whole
            assert len(found) > 1
        assert (
            client.get(f"{base}/drift", params={"cursor": "x"}).json()["code"] == "CURSOR_NOT_FOUND"
        )


def test_a_client_recomputes_the_schema_hash_as_the_page_says(served: House) -> None:
    page = (Path(__file__).parents[2] / "docs" / "wire.md").read_text("utf-8")
    listed = page.partition("<!-- drawn: compared -->")[2].partition("<!-- end")[0]
    names = {
        re.sub("_(.)", lambda each: each[1].upper(), name): name
        for name in re.findall("`(.*?)`", listed)
    }
    stage = text_field("Stage") | {
        "type": "picklist",
        "picklistValues": [{"value": value, "label": value.title()} for value in "bäb"],
    }
    served.export(OPPORTUNITY | {"fields": [*OPPORTUNITY["fields"], stage]})
    base = f"/integrations/{served.ids['acme']}/schema"
    with served.client() as client:
        client.post(f"{base}/refresh")
        answer = client.get(base, params={"objectType": "Opportunity"}).json()
    lines = []
    for field in answer["fields"]:
        line = {"name": field["name"]}
        for key, name in names.items():
            value = field[key]
            if key == "references":
                value = sorted(set(value))
            elif key == "picklist":
                parts = ("value", "active", "label", "default")
                value = sorted({tuple(each[part] for part in parts) for each in value})
            elif key == "allowedValues" and value is not None:
                value = {each: sorted(set(values)) for each, values in value.items() if values}
            if value is not None and value != []:
                line[name] = value
        lines.append(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n")
    assert sha256("".join(sorted(lines)).encode()).hexdigest() == answer["schemaHash"]


def test_no_remedy_for_an_http_client_names_a_command(served: House) -> None:
    source = Path(crmdeck.__file__).parent
    written = [
        text.value
        for package in ("connectors", "formats", "mapping", "store")
        for path in (source / package).rglob("*.py")
        if ": crmdeck " in (content := path.read_text("utf-8"))
        for text in ast.walk(ast.parse(content))
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    ]
    commands = [each for each in written if re.search(": crmdeck [a-z]", each)]
    assert len(commands) > 15
    assert not [each for each in map(without_command, commands) if "crmdeck " in each]
    base = f"/integrations/{served.ids['acme']}"
    for path in served.folder.glob("*.json"):
        path.unlink()
    with served.client() as client:
        failed = client.post(f"{base}/schema/refresh")
        assert failed.json()["remedy"] == "Set the path."
        status = client.get(f"{base}/status")
        assert status.json()["lastErrorRemedy"] == "Set the path."
        for answer in (failed, status, client.get("/integrations"), client.get(f"{base}/schema")):
            assert not re.search("crmdeck [a-z]+ ", answer.text)
