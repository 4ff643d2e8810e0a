"""Health as it follows from what happened to real connectors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from crmdeck.errors import (
    ConflictError,
    CrmdeckError,
    NotFoundError,
    QuotaExceededError,
    ReauthRequiredError,
    UsageError,
)
from crmdeck.model import (
    Choice,
    DecisionState,
    Finding,
    Scope,
    ScopeMode,
    Status,
    SyncOutcome,
)
from crmdeck.sandbox import Fault, FaultKind
from tests.workspace.conftest import Desk, describe, text_field
from tests.workspace.crm import ORG, PORTAL, Office, opened

ACCOUNT = Scope(mode=ScopeMode.NAMED, include=("Account", "Contact"))


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """An office on a file: what a CRM answers counts the same in both engines."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with opened(tmp_path / "home") as office, office.workspace.hold():
        yield office


def codes(office: Office, ref: str) -> list[str]:
    return [one.code for one in office.workspace.health.status(ref).findings]


def test_a_revoked_app_is_failing_and_its_recovery_an_event(office: Office) -> None:
    office.add_org(scope=ACCOUNT)
    workspace = office.workspace
    workspace.refreshes.run("org")
    office.sandbox.fault(ORG, Fault(FaultKind.EXPIRED_TOKEN))
    office.sandbox.fault(ORG, Fault(FaultKind.REVOKED_REFRESH_TOKEN))
    with pytest.raises(ReauthRequiredError):
        workspace.refreshes.run("org")
    status = workspace.health.status("org")
    assert status.status is Status.REAUTH_REQUIRED
    assert (status.findings[0].urgency, status.findings[0].code) == (
        "failing",
        status.last_error_code,
    )
    assert status.findings[0].cause
    assert status.findings[0].steps[0].verb == "sign_in"
    since = workspace.health.sync_history("org")[0].finished_at
    assert status.findings[0].since == since
    with pytest.raises(ReauthRequiredError):
        workspace.refreshes.run("org")
    again = workspace.health.status("org")
    assert (again.findings[0].since, again.findings[0].id) == (since, status.findings[0].id)

    office.sandbox.clear(ORG)
    workspace.refreshes.run("org")
    workspace.refreshes.run("org")
    assert workspace.health.status("org").status is Status.ACTIVE
    assert len(workspace.audit.entries(event="connection.recovered")) == 1
    history = workspace.health.sync_history("org")
    assert [run.recovered for run in history] == [False, True, False, False, False]


def test_successful_connection_test_is_a_recovery(office: Office) -> None:
    office.add_portal()
    office.sandbox.fault(PORTAL, Fault(FaultKind.SERVER_ERROR))
    with pytest.raises(CrmdeckError):
        office.workspace.connections.test("portal")
    assert office.workspace.health.status("portal").status is Status.ERROR
    office.sandbox.clear(PORTAL)
    office.workspace.connections.test("portal")
    assert office.workspace.health.sync_history("portal")[0].recovered
    assert office.workspace.audit.entries("portal", event="connection.recovered")


def test_the_reserve_of_the_settings_reaches_the_connector(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text("quota_reserve = 0.9\n")
    with opened(home) as office:
        office.add_org(scope=ACCOUNT)
        with pytest.raises(QuotaExceededError, match="reserves 90%"):
            office.workspace.refreshes.run("org")
        assert office.workspace.health.sync_history("org")[0].outcome is SyncOutcome.STOPPED
        assert office.workspace.health.status("org").status is Status.ACTIVE
        assert codes(office, "org")[0] == "QUOTA_RESERVE"


def test_unrenewable_token_warns_until_replaced(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = office.sandbox.access(PORTAL)
    app = {"client_id": access.client_id, "client_secret": access.client_secret}
    office.add_portal(secrets={"access_token": access.access_token, **app})
    report = office.workspace.connections.test("portal")
    status = office.workspace.health.status("portal")
    assert status.token_expires_at == report.token_expires_at is not None
    assert status.token_expires_at is not None
    assert "TOKEN_ENDS" not in codes(office, "portal")
    late = status.token_expires_at - timedelta(minutes=5)
    monkeypatch.setattr(office.workspace.context, "clock", lambda: late)
    assert "TOKEN_ENDS" in codes(office, "portal")
    office.workspace.connections.store_secrets("portal", {"access_token": access.private_app_token})
    assert office.workspace.health.status("portal").token_expires_at is None


def test_a_token_that_is_renewed_is_not(office: Office) -> None:
    access = office.sandbox.access(PORTAL)
    names = ("access_token", "refresh_token", "client_id", "client_secret")
    office.add_portal(secrets={name: getattr(access, name) for name in names})
    assert office.workspace.connections.test("portal").token_expires_at is not None
    connection = office.workspace.connections.get("portal")
    assert (connection.sign_in, connection.token_expires_at) == ("browser", None)


def test_new_sign_in_reads_everything_again(office: Office) -> None:
    office.add_org(scope=ACCOUNT)
    workspace = office.workspace
    workspace.refreshes.run("org")
    assert workspace.refreshes.run("org").unchanged_objects == 2
    token = office.sandbox.access(ORG).access_token
    workspace.connections.store_secrets("org", {"access_token": token})
    again = workspace.refreshes.run("org")
    assert (again.unchanged_objects, again.drift_events, again.new_definitions) == (0, (), 0)
    assert workspace.refreshes.run("org").unchanged_objects == 2


def test_refresh_pins_api_version_until_unpinned(office: Office) -> None:
    office.add_org(scope=ACCOUNT)
    workspace = office.workspace
    workspace.connections.update("org", api_version="60.0")
    workspace.refreshes.run("org")
    assert workspace.connections.get("org").api_version == "60.0"
    office.clock.move(hours=1)
    workspace.connections.update("org", api_version="newest")
    workspace.refreshes.run("org")
    newest = workspace.connections.get("org").api_version
    assert newest is not None
    assert float(newest) > 60
    with pytest.raises(CrmdeckError, match="Can't pin"):
        workspace.connections.update("org", api_version="6")


def test_failed_object_has_reason(office: Office) -> None:
    office.add_org(scope=ACCOUNT)
    office.sandbox.fault(ORG, Fault(FaultKind.LOST_SCHEMA, object_type="Contact"))
    office.workspace.refreshes.run("org")
    (failure,) = office.workspace.health.failures("org")
    assert failure.object_type == "Contact"
    assert failure.cause
    finding = office.workspace.health.status("org").findings[0]
    assert finding.code == "OBJECTS_FAILED"
    assert finding.title.endswith(": Contact")
    assert failure.message in finding.cause


def test_one_and_all_statuses_are_equal(tmp_path: Path, database: str | None) -> None:
    with opened(database or tmp_path / "home") as office:
        office.add_org(scope=ACCOUNT)
        office.add_portal()
        office.workspace.refreshes.run("org")
        office.clock.move(days=2)
        with office.workspace.hold():
            together = office.workspace.health.statuses()
            alone = tuple(office.workspace.health.status(status.id) for status in together)
        assert together == alone
        assert [status.name for status in together] == ["org", "portal"]
        assert together[0].schema_stats.stale_object_count == 2
        assert office.clock.now - together[0].created_at > timedelta(days=1)


def test_accepted_risk_counts_until_its_evidence_is_newer(desk: Desk) -> None:
    findings, health = desk.workspace.findings, desk.workspace.health
    others = desk.workspace.on_behalf_of("erin").health
    desk.export(describe("Opportunity", text_field("Deal__c"), text_field("Amount")))
    desk.refresh()
    accepted = Choice(
        partner_field="accountName", state=DecisionState.ACCEPTED, crm_field="Deal__c"
    )
    desk.workspace.mappings.record_decisions("acme", "deal_registration--Opportunity", [accepted])
    desk.export(describe("Opportunity", text_field("Deal__c", length=40), text_field("Amount")))
    desk.refresh()
    until = desk.clock.now.date() + timedelta(days=30)

    def row(ref: str = "acme") -> Finding:
        (found,) = [one for one in health.status(ref).findings if one.subject.partner_field]
        return found

    first = row()
    assert (first.urgency, first.title) == ("failing", "Account name can exceed 40 characters")
    settled = findings.accept(first.id, until, "short names only")
    assert (settled.state, settled.accepted_by, settled.note) == (
        "accepted",
        "dana",
        "short names only",
    )
    assert first.id not in {one.id for one in others.status("acme").open_findings}
    # The risk excuses the change that the row explains, too.
    assert health.status("acme").open_changes.count == 0
    assert desk.workspace.checks.run(["acme"], refresh=False).exit_code == 0
    assert findings.reopen(first.id) == first
    assert health.status("acme").open_changes.count == 1
    findings.accept(first.id, until)
    events = [entry.event for entry in desk.workspace.audit.entries(limit=5)]
    assert [one for one in events if one.startswith("finding.")] == [
        "finding.accepted",
        "finding.reopened",
        "finding.accepted",
    ]

    # A newer change of the same field is newer evidence.
    desk.export(describe("Opportunity", text_field("Deal__c", length=20), text_field("Amount")))
    desk.refresh()
    again = row()
    assert (again.id, again.is_open) == (first.id, True)
    findings.accept(first.id, until)
    # Acknowledged, the row is less urgent, and its risk stays accepted.
    changes = [one.id for one in desk.workspace.drift.report("acme").events]
    desk.workspace.drift.acknowledge(changes)
    fewer = row()
    assert (fewer.urgency, fewer.state) == ("review", "accepted")
    assert desk.workspace.checks.run(["acme"], refresh=False).exit_code == 0


def test_unread_can_only_be_snoozed(desk: Desk) -> None:
    findings = desk.workspace.findings
    (never,) = findings.find()
    today = desk.clock.now.date()
    assert never.code == "NEVER_REFRESHED"
    with pytest.raises(ConflictError, match="can't read"):
        findings.accept(never.id, today)
    with pytest.raises(UsageError, match="has passed"):
        findings.snooze(never.id, today - timedelta(days=1))
    assert findings.snooze(never.id[:6], today).state == "snoozed"
    report = desk.workspace.checks.run(["acme"], refresh=False)
    assert (report.exit_code, "failed" in report.reasons) == (1, True)
    with pytest.raises(NotFoundError, match="No finding"):
        findings.reopen("nosuch")
