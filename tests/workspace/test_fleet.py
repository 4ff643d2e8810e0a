"""Several processes share the checks of a team's connections."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from crmdeck.clock import utc_now
from crmdeck.credentials import MemorySecrets
from crmdeck.errors import CanceledError, ConflictError
from crmdeck.model import CancelToken, CheckReport, Scope, ScopeMode
from crmdeck.sandbox import Sandbox
from crmdeck.workspace import ConnectionDraft, LeaseFigures, Workspace
from crmdeck.workspace.checks import fleet
from tests.postgres import execute

from .conftest import describe, export_to, text_field

HOUR = timedelta(hours=1)
CONTACTS = Scope(mode=ScopeMode.NAMED, include=("contacts",))
NAMES = [f"portal-{number:02}" for number in range(12)]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def machine(url: str, ahead: timedelta = timedelta(), **more: Any) -> Workspace:
    return Workspace.open(
        url, clock=lambda: utc_now() + ahead, secrets=MemorySecrets(), actor="me", **more
    )


def add_exports(url: str, folder: Path, *names: str) -> None:
    folder.mkdir()
    export_to(folder, describe("Opportunity", text_field("Name")))
    with machine(url) as ws:
        for name in names:
            ws.connections.add(
                ConnectionDraft(name=name, source="files", platform="salesforce", path=str(folder))
            )


def refreshed(ws: Workspace) -> Counter[str]:
    names = {each.id: each.name for each in ws.connections.all()}
    entries = ws.audit.entries(event="schema.refreshed")
    return Counter(names[str(each.connection_id)] for each in entries)


def start(url: str, *options: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "crmdeck", "watch", "--fleet", "--home", url, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def test_three_processes_check_each_connection_once_an_interval(postgres_url: str) -> None:
    with Sandbox() as sandbox, machine(postgres_url) as ws:
        portal = sandbox.access("legacy-portal")
        for name in NAMES:
            ws.connections.add(
                ConnectionDraft(
                    name=name, source="hubspot", endpoint=portal.endpoint, scope=CONTACTS
                )
            )
        tokens = {
            f"CRMDECK_{name.upper().replace('-', '_')}_ACCESS_TOKEN": portal.private_app_token
            for name in NAMES
        }
        workers = [start(postgres_url, "--times", "1", **tokens) for _ in range(2)]
        lasting = start(postgres_url, **tokens)
        assert lasting.stderr is not None
        printed = [worker.communicate(timeout=60) for worker in workers]
        for line in lasting.stderr:
            if "Next check in" in line:
                break
        if os.name != "nt":
            lasting.send_signal(signal.SIGTERM)
        printed.append(lasting.communicate(timeout=60))
        assert [worker.returncode for worker in (*workers, lasting)] == [0, 0, 0], printed
        assert "".join(out for out, _ in printed).count("Checked 1 connection") == len(NAMES)
        assert refreshed(ws) == Counter(NAMES)
        assert ws.fleet.figures() == LeaseFigures(0, 0, 0, 0, None)


MIDWAY = """
import sys, time
from datetime import timedelta
from crmdeck.workspace import Workspace
def connect(*_):
    print("midway", flush=True)
    time.sleep(60)
with Workspace.open(sys.argv[1], connect=connect, actor="cy") as ws:
    list(ws.fleet.run(["acme"], every=timedelta(hours=1)))
"""


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
def test_another_process_takes_over_from_a_killed_one(postgres_url: str, tmp_path: Path) -> None:
    add_exports(postgres_url, tmp_path / "export", "acme")
    killed = subprocess.Popen(
        [sys.executable, "-c", MIDWAY, postgres_url], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "midway\n"
    killed.kill()
    killed.communicate()
    # A process of this machine would be known to be gone.
    execute(postgres_url, "UPDATE lease SET holder = 'cy on elsewhere (process 1)'")
    with machine(postgres_url) as now:
        assert now.fleet.figures() == LeaseFigures(1, 1, 0, 0, None)
        assert list(now.fleet.run(every=HOUR)) == []
        with pytest.raises(ConflictError) as caught:
            now.refreshes.run("acme")
        assert (caught.value.cause or "").startswith("cy on ")
        execute(postgres_url, "UPDATE lease SET until = since")
        assert now.fleet.figures().expired == 2
        [report] = now.fleet.run(every=HOUR)
        assert report.success
        assert refreshed(now) == {"acme": 1}
        assert now.fleet.figures() == LeaseFigures(0, 0, 0, 0, None)
        assert list(now.fleet.run(every=HOUR)) == []


def test_fleet_checks_oldest_first_and_drains(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "AT_ONCE", 1)
    drain, cancel = CancelToken(), CancelToken()
    add_exports(postgres_url, tmp_path / "export", "acme", "beta", "gamma")

    def names(reports: Iterator[CheckReport]) -> list[str]:
        return [report.connections[0].name for report in reports]

    with machine(postgres_url) as ws:
        for name in ("gamma", "acme"):
            assert names(ws.fleet.run([name], every=HOUR)) == [name]
    with machine(postgres_url, HOUR * 2) as ws:
        assert names(ws.fleet.run(["acme", "gamma"], every=HOUR)) == ["gamma", "acme"]
    with machine(postgres_url, HOUR * 4) as ws:
        run = ws.checks.run

        def run_at_a_signal(*refs: Any, **options: Any) -> CheckReport:
            drain.cancel()
            return run(*refs, **options)

        monkeypatch.setattr(ws.checks, "run", run_at_a_signal)
        assert names(ws.fleet.run(["acme", "gamma"], every=HOUR, drain=drain)) == ["gamma"]
        assert ws.fleet.figures() == LeaseFigures(0, 0, 0, 1, ANY)
        ws.fleet.wait((), drain, lambda _: pytest.fail("nothing to wait for"))

        def run_canceled(*refs: Any, **options: Any) -> CheckReport:
            cancel.cancel()
            options["cancel"].wait(60)
            return run(*refs, **options)

        monkeypatch.setattr(ws.checks, "run", run_canceled)
        with pytest.raises(CanceledError):
            names(ws.fleet.run(["acme"], every=HOUR, cancel=cancel))
        assert ws.fleet.figures() == LeaseFigures(0, 0, 0, 1, ANY)
