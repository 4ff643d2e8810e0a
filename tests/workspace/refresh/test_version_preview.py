"""A version preview compares by the rules of drift and stores nothing."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from io import StringIO

import pytest

from crmdeck.cli import schema as commands
from crmdeck.cli.listing import Listing
from crmdeck.errors import CrmdeckError, ExitCode, NotFoundError, UsageError
from crmdeck.model import Choice, DecisionState, Direction, Scope, ScopeMode, Severity
from crmdeck.sandbox import Fault, FaultKind
from tests.workspace.crm import ANCHOR, ORG, Office, database

__all__ = ["database"]

TWO = Scope(mode=ScopeMode.NAMED, include=("Account", "Contract"))
RETIRED = ["Account.CleanStatus", "Account.Jigsaw", "Account.JigsawCompanyId"]


@pytest.fixture
def org(office: Office) -> Office:
    """An org that was first read under 67.0, and speaks 68.0 by now."""
    office.add_org(scope=TWO)
    office.refresh_at(ANCHOR - timedelta(days=60), "org")
    office.refresh_at(ANCHOR, "org")
    assert office.workspace.connections.get("org").api_version == "67.0"
    return office


def test_version_preview_shows_removals_and_effects(org: Office) -> None:
    choice = Choice(
        partner_field="industry",
        state=DecisionState.ACCEPTED,
        crm_field="CleanStatus",
        direction=Direction.PUSH,
    )
    org.workspace.mappings.record_decisions("org", "partner--Account", [choice])
    head = org.workspace.context.store.head()
    events = org.workspace.drift.report("org").events
    found = org.workspace.schemas.preview("org")
    assert (found.in_use, found.version, found.objects) == ("67.0", "68.0", 2)
    assert found.compared_with.date() == ANCHOR.date()
    told = {f"{event.object_type}.{event.field_name}": event for event in found.drift_events}
    assert sorted(told) == RETIRED
    assert told["Account.CleanStatus"].severity is Severity.BREAKING
    assert told["Account.CleanStatus"].affected_mappings == ("partner--Account:industry",)
    # The quota that it cost is all that is written.
    assert org.workspace.drift.report("org").events == events
    assert org.workspace.connections.get("org").api_version == "67.0"
    assert org.workspace.context.store.head() != head
    assert org.refresh_at(ANCHOR, "org").drift_events == ()


def test_one_object_and_one_version_can_be_named(org: Office) -> None:
    assert len(org.workspace.schemas.preview("org", "68", object_type="Account").drift_events) == 3
    assert org.workspace.schemas.preview("org", object_type="Contract").drift_events == ()
    assert org.workspace.schemas.preview("org", "67.0").drift_events == ()
    with pytest.raises(NotFoundError, match=r"99\.0"):
        org.workspace.schemas.preview("org", "99")
    with pytest.raises(NotFoundError):
        org.workspace.schemas.preview("org", object_type="Acount")


def test_impossible_preview_is_rejected_with_reason(office: Office) -> None:
    office.add_org(scope=TWO)
    with pytest.raises(CrmdeckError, match="never refreshed"):
        office.workspace.schemas.preview("org")
    office.refresh_at(ANCHOR, "org")
    with pytest.raises(CrmdeckError) as newest:
        office.workspace.schemas.preview("org")
    assert newest.value.code == "NO_NEWER_VERSION"
    office.add_portal()
    office.refresh_at(ANCHOR - timedelta(days=20), "portal")
    with pytest.raises(UsageError, match="API version"):
        office.workspace.schemas.preview("portal")


def test_the_command_line_is_a_gate(org: Office, capsys: pytest.CaptureFixture[str]) -> None:
    commands.schema(org.workspace, Listing(), "org", api_version="next")
    told = capsys.readouterr()
    rows = csv.DictReader(StringIO(told.out))
    assert [f"{row['objectType']}.{row['fieldName']}" for row in rows] == RETIRED
    assert "Compared API 68.0 with 67.0" in told.err
    org.sandbox.fault(ORG, Fault(FaultKind.LOST_SCHEMA, object_type="Contract"))
    gate = Listing(as_json=True)
    code = commands.schema(org.workspace, gate, "org", api_version="next", fail_on=Severity.RISKY)
    assert code is ExitCode.DRIFT
    answer = json.loads(capsys.readouterr().out)
    assert answer["reasons"] == ["drift", "partial"]
    assert [failure["objectType"] for failure in answer["failures"]] == ["Contract"]
    with pytest.raises(UsageError):
        commands.schema(org.workspace, Listing(), "org", fail_on=Severity.RISKY)
