"""A connection judged with the permissions of the user that the sync runs as."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crmdeck.errors import UsageError
from crmdeck.model import Choice, DecisionState, Direction, DriftKind, ObjectSchema, Scope, Severity
from crmdeck.sandbox import Fault, FaultKind
from crmdeck.sandbox import salesforce as salesforce_api
from crmdeck.sandbox.permissions import AssignedDef, GroupDef
from crmdeck.store import SchemaPacker
from crmdeck.workspace.connections.runs import started_run
from tests.workspace.crm import ANCHOR, ORG, Office

PAIR = "deal_registration--Opportunity"


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Describes as Salesforce shows them to a user with read access only."""
    for name in ("describe_text", "global_text"):
        told = getattr(salesforce_api, name)

        def described(*values: Any, told: Callable[..., str] = told) -> str:
            return re.sub(
                r'"(createable|updateable|deletable)": ?true', r'"\1":false', told(*values)
            )

        monkeypatch.setattr(salesforce_api, name, described)


def accept(office: Office, **rows: str) -> None:
    choices = [
        Choice(partner_field=name, crm_field=field, state=DecisionState.ACCEPTED)
        for name, field in rows.items()
    ]
    office.workspace.mappings.record_decisions("org", PAIR, choices)


def test_sync_user_full_rights_beats_read_only_reader(office: Office, read_only: None) -> None:
    ws, tables = office.workspace, office.sandbox.permissions(ORG)
    tables.denied.clear()
    office.add_org(scope=Scope())
    office.refresh_at(ANCHOR, "org")
    assert len(ws.schemas.objects("org").objects) == 23
    before = {each.partner_field: each for each in ws.mappings.suggest("org", PAIR).suggestions}
    assert {each.direction for each in before.values() if each.crm_field} == {Direction.PULL}
    ws.connections.update("org", sync_user="partneros@acme.example")
    office.refresh_at(ANCHOR + timedelta(hours=1), "org")
    assert len(ws.schemas.objects("org").objects) == 23
    after = {each.partner_field: each for each in ws.mappings.suggest("org", PAIR).suggestions}
    writable = {
        name
        for name, each in after.items()
        if each.crm_field in ("Amount", "CloseDate", "Name", "StageName", "Description")
    }
    assert len(writable) >= 3
    assert {after[name].direction for name in writable} <= {Direction.BIDIRECTIONAL, Direction.PUSH}
    fields = ws.schemas.object("org", "Opportunity").fields
    required = {field.name for field in fields if field.required}
    assert required == {"Name", "StageName", "CloseDate", "End_Customer_Domain__c"}
    assert {field.name for field in fields if field.required and field.createable} == required
    # Without a sync user, crmdeck's own user stands in again.
    ws.connections.update("org", sync_user="")
    assert ws.schemas.field("org", "Opportunity", "Amount").updateable is False


def test_sync_user_lost_access_is_a_change_and_a_failing_row(office: Office) -> None:
    ws, tables = office.workspace, office.sandbox.permissions(ORG)
    office.add_org(scope=Scope())
    office.refresh_at(ANCHOR, "org")
    accept(office, estimatedValue="Amount")
    ws.connections.update("org", sync_user=tables.sync)
    baseline = office.refresh_at(ANCHOR + timedelta(hours=1), "org")
    assert baseline.drift_events == ()
    # Another sync user describes no object again; the mapped one gets its picklists now.
    assert baseline.unchanged_objects == 22
    before = ws.schemas.object("org", "Opportunity")
    tables.deny("Opportunity.Amount", "E")
    lost = office.refresh_at(ANCHOR + timedelta(hours=2), "org")
    [event] = lost.drift_events
    assert (event.kind, event.severity) == (DriftKind.ACCESS_LOST, Severity.BREAKING)
    assert event.affected_mappings == (f"{PAIR}:estimatedValue",)
    assert "PartnerOS_Sync" in event.reason
    assert "between" in (event.attribution or "")
    after = ws.schemas.object("org", "Opportunity")
    assert after.schema_hash == before.schema_hash
    [failing] = [each for each in ws.health.status("org").open_findings if each.changes]
    assert (failing.subject.partner_field, failing.urgency.value) == ("estimatedValue", "failing")
    assert (failing.code, failing.steps[0].verb.value) == ("NO_ACCESS", "propose")
    [always] = [each for each in ws.preflights.fails_when("org", PAIR) if each.when == "always"
                and each.crm_field == "Amount"]  # fmt: skip
    assert (always.code, always.needs) == ("NO_ACCESS", ("Edit on Opportunity.Amount",))
    tables.deny("Opportunity.Amount", "")
    gained = office.refresh_at(ANCHOR + timedelta(hours=3), "org")
    assert [each.kind for each in gained.drift_events] == [DriftKind.ACCESS_GAINED]
    assert not [each for each in ws.health.status("org").open_findings if each.changes]


def test_recalculated_sync_access_is_not_a_change(office: Office) -> None:
    ws, tables = office.workspace, office.sandbox.permissions(ORG)
    tables.denied["Opportunity.Amount"] = "RE"
    tables.sets["Deals"] = {"Opportunity.Amount": "RE"}
    tables.groups["Team"] = GroupDef(("Deals",))
    team = AssignedDef(tables.sync, "Team", expires_at=ANCHOR + timedelta(days=5))
    tables.assigned.append(team)
    office.add_org(scope=Scope())
    ws.connections.update("org", sync_user=tables.sync)
    office.refresh_at(ANCHOR, "org")
    tables.groups["Team"].status = "Updating"
    assert office.refresh_at(ANCHOR + timedelta(hours=1), "org").drift_events == ()
    assert ws.schemas.field("org", "Opportunity", "Amount").updateable is True
    tables.groups["Team"].status = "Updated"
    tables.users[tables.sync]["IsActive"] = False
    office.refresh_at(ANCHOR + timedelta(hours=2), "org")
    codes = {each.code: each.urgency.value for each in ws.health.status("org").findings}
    assert codes["SYNC_USER_INACTIVE"] == "failing"
    assert codes["ACCESS_EXPIRES"] == "expiring"
    office.refresh_at(ANCHOR + timedelta(days=6), "org")
    kinds = [each.kind for each in ws.drift.report("org").events]
    assert DriftKind.ACCESS_LOST in kinds


def test_sync_user_bad_input_explains_itself(office: Office, tmp_path: Path) -> None:
    ws, tables = office.workspace, office.sandbox.permissions(ORG)
    office.add_org(scope=Scope())
    with pytest.raises(UsageError, match="No user") as unknown:
        ws.connections.update("org", sync_user="partneros@acme.exampel")
    assert "partneros@acme.example" in (unknown.value.remedy or "")
    twin = {**tables.users[tables.sync], "Username": "partneros@acme.example.two"}
    tables.users["0055g0000000778AAA"] = twin
    with pytest.raises(UsageError, match="2 users") as both:
        ws.connections.update("org", sync_user="PartnerOS Sync")
    assert "0055g0000000778AAA" in (both.value.cause or "")
    ws.connections.update("org", sync_user="partneros@acme.example")
    office.sandbox.fault(ORG, Fault(FaultKind.FORBIDDEN, path="composite", query="PermissionSet"))
    tables.assigned.clear()
    notices = {each.code for each in office.refresh_at(ANCHOR, "org").notices}
    assert "ACCESS_UNTOLD" in notices
    assert ws.schemas.field("org", "Opportunity", "Amount").sync_user is None
    with pytest.raises(UsageError, match="no permission sets"):
        ws.connections.update("org", sync_access=str(tmp_path))


def test_propose_writes_exactly_the_missing_access(office: Office) -> None:
    ws, tables = office.workspace, office.sandbox.permissions(ORG)
    tables.denied |= {"Opportunity.Amount": "E", "Opportunity": "C"}
    office.add_org(scope=Scope())
    office.refresh_at(ANCHOR, "org")
    accept(office, estimatedValue="Amount", expectedCloseDate="CloseDate")
    ws.connections.update("org", sync_user=tables.sync)
    office.refresh_at(ANCHOR + timedelta(hours=1), "org")
    proposal = ws.proposals.plan("org", PAIR)
    asked = {each.summary for each in proposal.changes if each.kind == "access"}
    assert asked == {"Edit on Opportunity.Amount", "Create on Opportunity"}
    [granted] = [each for each in proposal.files if "permissionsets/" in each.path]
    assert "<field>Opportunity.Amount</field>" in granted.content
    assert "CloseDate" not in granted.content
    assert "<allowCreate>true</allowCreate>" in granted.content
    [text] = [each.content for each in proposal.files if each.path == "PULL_REQUEST.md"]
    assert "--on-behalf-of partneros@acme.example" in text
    why = {each.reason for each in ws.preflights.fails_when("org", PAIR) if each.when == "always"}
    assert "the sync user can't create Opportunity records" in why


def test_mapping_direction_names_the_missing_right(office: Office) -> None:
    ws, tables = office.workspace, office.sandbox.permissions(ORG)
    tables.denied["Opportunity.Amount"] = "E"
    office.add_org(scope=Scope())
    ws.connections.update("org", sync_user=tables.sync)
    office.refresh_at(ANCHOR, "org")
    found = {each.partner_field: each for each in ws.mappings.suggest("org", PAIR).suggestions}
    amount = next(each for each in found.values() if each.crm_field == "Amount")
    assert amount.direction is Direction.PULL
    note = ws.schemas.field("org", "Opportunity", "Amount").to_wire()["syncUser"]
    assert note == {
        "readable": True, "createable": False, "updateable": False,
        "why": "PartnerOS_Sync grants Read.", "lacks": "E",
    }  # fmt: skip
    tables.sets["Seen"] = {"Opportunity.Secret_Margin__c": "RE"}
    tables.assigned.append(AssignedDef(tables.sync, "Seen"))
    office.refresh_at(ANCHOR + timedelta(hours=1), "org")
    assert ws.schemas.overview("org").hidden["Opportunity"] == ("Secret_Margin__c",)
    # A field that only the sync user sees is hidden, never gone.
    accept(office, estimatedValue="Secret_Margin__c")
    [hidden] = [
        each for each in ws.preflights.fails_when("org", PAIR)
        if each.crm_field == "Secret_Margin__c"
    ]  # fmt: skip
    assert (hidden.code, hidden.outcome.value) == ("HIDDEN_FIELD", "unknown")
    assert "FIELD_GONE" not in {each.code for each in ws.health.status("org").open_findings}


def test_partneros_connection_shows_access_without_a_call(office: Office) -> None:
    ws = office.workspace
    office.add_org(scope=Scope())
    office.refresh_at(ANCHOR, "org")
    # The schema that PartnerOS reads with the sync's own token, as a snapshot of its source.
    detail = ws.schemas.object("org", "Opportunity")
    locked = tuple(
        each.model_copy(update={"createable": False, "updateable": False})
        if each.name == "Amount"
        else each
        for each in detail.fields
        if each.name != "NextStep"
    )
    partner = ws.connections.get("org").model_copy(
        update={"id": "aaaaaaaa-0000-4000-8000-000000000001", "name": "pos", "source": "partneros"}
    )
    with ws.schemas._context.store.write() as session:
        session.connections.put(partner, ANCHOR, "dana")
        schema = ObjectSchema(
            object_type="Opportunity", createable=True, updateable=True, fields=locked
        )
        run = started_run(partner.id, "refresh", ANCHOR)
        session.runs.add(run)
        session.snapshots.record(
            run,
            Scope(),
            discovered=[(SchemaPacker().pack(schema), None)],
            unchanged=[],
            gone={},
            expires_at=ANCHOR + timedelta(days=1),
        )
    ws.connections.update("org", sync_user="pos")
    office.sandbox.requests.clear()
    office.refresh_at(ANCHOR + timedelta(hours=1), "org")
    seen = {each.name: each for each in ws.schemas.object("org", "Opportunity").fields}
    assert seen["Amount"].updateable is False
    assert seen["NextStep"].readable is False
    assert seen["CloseDate"].updateable is True
    assert not any("PermissionSet" in each.path for each in office.sandbox.requests)
