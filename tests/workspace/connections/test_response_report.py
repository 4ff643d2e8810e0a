"""The report of a connection shows requests and shapes, and no names, values or secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmdeck.cli import session
from crmdeck.cli.app import app
from crmdeck.errors import SchemaNotDiscoveredError
from crmdeck.model import Scope, ScopeMode
from crmdeck.sandbox import Fault, FaultKind
from tests.workspace.crm import OLD_PORTAL, ORG, Office, opened


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with opened(tmp_path / "home") as office, office.workspace.hold():
        yield office


def test_report_has_shapes_without_names(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = Scope(mode=ScopeMode.NAMED, include=("Lead", "Opportunity"))
    office.add_org(scope=scope)
    office.add_portal(OLD_PORTAL)
    monkeypatch.setattr(session, "open_workspace", lambda *_, **__: nullcontext(office.workspace))
    names = {"Lead", "Opportunity", "StageName", "dealname", "contacts", "acme", "127.0.0.1"}
    for ref, tenant, word in (("org", ORG, "sobjects"), ("portal", OLD_PORTAL, "properties")):
        file = tmp_path / f"{ref}.json"
        result = CliRunner().invoke(app, ["connections", "test", ref, "--report", str(file)])
        assert result.exit_code == 0, result.output
        report = json.loads(file.read_text())
        assert report["results"]["Listing"] == 1
        paths = {each["path"].partition("/#")[0] for each in report["requests"]}
        assert any(word in each["path"].split("/") for each in report["requests"]), paths
        assert any("list" in key for each in report["requests"] for key in each["shape"])
        access = office.sandbox.access(tenant)
        secrets = {access.access_token, access.refresh_token, access.private_app_token}
        text = file.read_text()
        assert not [each for each in names | secrets if each and each in text]
    with pytest.raises(SchemaNotDiscoveredError):
        office.workspace.schemas.objects("org")
    # A connection that fails is the one to report.
    office.sandbox.fault(ORG, Fault(FaultKind.HTML, path="/sobjects"))
    broken = office.workspace.connections.describe_responses("org")
    assert list(broken["results"]) == ["ANSWER_NOT_JSON"]  # type: ignore[call-overload]
