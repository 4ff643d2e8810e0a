"""Probes, metrics, the log of requests, and stopping."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from crmdeck.errors import CacheError
from crmdeck.server import operations
from crmdeck.server.log import JsonFormatter
from crmdeck.workspace import Workspace

from .conftest import House, build, serving


def test_readiness_has_a_deadline_and_liveness_needs_no_history(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "READY_WITHIN", 0.1)
    hanging = threading.Event()
    calls = []

    def probe() -> None:
        calls.append(1)
        hanging.wait(20)
        raise CacheError("gone")

    monkeypatch.setattr(house.workspace, "probe", probe)
    state = operations.Operations(house.workspace)
    with serving(state.app()) as url:
        for _ in range(3):
            began = time.monotonic()
            assert httpx.get(f"{url}/readyz", timeout=20).json()["code"] == "NOT_READY"
            assert time.monotonic() - began < 10
        assert len(calls) == 1
        assert httpx.get(f"{url}/livez").status_code == 200
        hanging.set()
        monkeypatch.setattr(house.workspace, "probe", lambda: None)
    with serving(operations.Operations(house.workspace).app()) as url:
        assert httpx.get(f"{url}/readyz").status_code == 200


def test_requests_are_counted_and_logged_by_route(
    served: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "crmdeck.requests")
    with served.client() as client:
        path = f"/integrations/{served.ids['acme']}/drift"
        refused = client.get(path, params={"limits": "secret-value"})
        assert refused.status_code == 400
        assert "'limits'" in refused.json()["cause"]
        allowed = client.get(path, params={"atLeast": "risky"})
        assert allowed.status_code == 200
        assert client.get("/nowhere/secret-value").status_code == 404
    wrong = {"email": "dana@acme.example", "password": "wrong"}
    assert httpx.post(f"{served.url}/api/auth/sign-in/email", json=wrong).status_code == 401
    assert httpx.get(f"{served.url}/metrics").status_code == 404
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert "secret-value" not in "".join(lines)
    requests = [json.loads(line) for line in lines]
    assert [(each["route"], each["status"]) for each in requests if "route" in each][-4:-1] == [
        ("/integrations/{integration_id}/drift", 400),
        ("/integrations/{integration_id}/drift", 200),
        ("none", 404),
    ]
    requests = [each for each in requests if "route" in each]
    by_id = {each["request_id"]: each for each in requests}
    assert len(by_id) == len(requests)
    assert by_id[refused.json()["requestId"]]["status"] == 400
    assert by_id[allowed.headers["X-Request-ID"]]["user"] == "dana@acme.example"
    assert requests[-1]["user"] is None
    with serving(served.app.state.operations.app()) as url:
        httpx.get(f"{url}/metrics")
        # A worker on another machine refreshes, too.
        with Workspace.open(served.workspace.home) as worker:
            worker.refreshes.run("acme")
        served.workspace.refreshes.run("other")
        metrics = httpx.get(f"{url}/metrics").text
    counted = 'crmdeck_requests_total{method="GET",route="/integrations/{integration_id}/drift"'
    assert f'{counted},status="200"}} 1.0' in metrics
    assert 'crmdeck_connections{status="active"} 2.0' in metrics
    assert "crmdeck_history_up 1.0" in metrics
    assert 'crmdeck_refreshes_total{outcome="ok"} 2.0' in metrics
    assert "crmdeck_refresh_seconds_count 2.0" in metrics
    assert "crmdeck_sign_ins_rejected_total 1.0" in metrics
    assert "crmdeck_database_connections 0.0" in metrics
    [waits] = re.findall(r"crmdeck_write_wait_seconds_count (\S+)", metrics)
    assert float(waits) >= 1
    assert 'crmdeck_leases_held{kind="refresh"} 0.0' in metrics
    assert "crmdeck_fleet_wait_seconds 0.0" in metrics
    head = served.workspace.audit.head()
    assert head
    assert f"crmdeck_audit_head {head.number}.0" in metrics


def test_sigterm_drains_before_stopping(
    tmp_path: Path,
) -> None:
    house = build(tmp_path / "home", tmp_path / "export")
    (house.workspace.home / "settings.toml").write_text("drain_seconds = 2\n")
    command = [sys.executable, "-m", "crmdeck", "serve", "--home", str(house.workspace.home)]
    server = subprocess.Popen(
        [*command, "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        url = json.loads("".join(server.stdout.readline() for _ in range(3)))["url"]
        assert httpx.get(f"{url}/readyz").status_code == 200
        server.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 2
        while httpx.get(f"{url}/readyz").status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert httpx.get(f"{url}/readyz").status_code == 503
        assert httpx.get(f"{url}/api/auth/session").status_code == 401
    finally:
        _, log = server.communicate(timeout=60)
    assert server.returncode in (0, -signal.SIGTERM)
    assert all(json.loads(line)["time"] for line in log.splitlines())
