"""Every face shows the same findings, after each kind of deed, on both engines."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from crmdeck.mcp.tools import View, status
from crmdeck.mcp.tools import findings as asked_findings
from crmdeck.model import CheckLevel, FailOn, Finding, FindingKind, Status, Urgency
from crmdeck.server.integration_routes import status as status_route
from crmdeck.settings import NoticeRoute
from crmdeck.tui.widgets.tab_counts import tab_counts
from crmdeck.workspace import Workspace
from crmdeck.workspace.checks.notices import compose
from tests.workspace.conftest import Desk, describe, text_field

PAIR = "deal_registration--Opportunity"
TO_DO = (Urgency.FAILING, Urgency.EXPIRING, Urgency.REVIEW)


def shape(*, renamed: bool = False, shorter: bool = False, extra: bool = False) -> dict[str, Any]:
    """Return an Opportunity: a mapped field that can be renamed, one that can be shortened."""
    contact = "Contact_Mail__c" if renamed else "Contact_Email__c"
    return describe(
        "Opportunity",
        text_field("Name", nillable=False),
        text_field("Deal_Name__c", length=40 if shorter else 255),
        text_field(contact, label="Contact e-mail", type="email", length=255),
        *([text_field("Loose__c")] if extra else []),
    )


@pytest.fixture
def deal(desk: Desk) -> Desk:
    """A pair with three open rows, a required field and a change that no mapping uses."""
    desk.export(shape(extra=True), describe("Account", text_field("Name")))
    desk.refresh()
    picks: dict[str, str | None] = {
        "accountName": "Deal_Name__c",
        "contactEmail": "Contact_Email__c",
    }
    desk.workspace.mappings.accept("acme", PAIR, picks, encoder="none")
    desk.export(shape(renamed=True, shorter=True), describe("Account", text_field("Name")))
    desk.refresh()
    return desk


def keys(findings: tuple[Finding, ...] | list[Finding]) -> list[tuple[str, str]]:
    return sorted((one.id, one.title) for one in findings if one.urgency in TO_DO)


def compare(desk: Desk) -> list[tuple[str, str]]:
    """Compare what each face shows with the list, and return what is to do."""
    workspace = desk.workspace
    with workspace.reading():
        every = workspace.findings.find()
        statuses = workspace.health.statuses()
        alone = workspace.health.status("acme")
    still = [one for one in every if one.is_open]
    wanted = keys(still)
    assert keys(list(alone.open_findings)) == wanted
    assert alone in statuses

    counts = {pane: int(one.shown.plain[1:].replace(",", "")) for pane, one in
              tab_counts(statuses).items()}  # fmt: skip
    rows = [one for one in still if one.urgency in TO_DO and one.subject.object_pair]
    assert counts.get("health", 0) == len(wanted)
    assert counts.get("mapping", 0) == len(rows)
    # Each open change group is in an open finding.
    groups = {group for one in still for group in one.groups}
    assert counts.get("drift", 0) == len(groups)
    if alone.status is Status.DISCONNECTED:
        assert wanted == []
        return wanted
    assert workspace.drift.open_changes().count == len(groups)

    report = workspace.checks.run(refresh=False, fail_on=FailOn.RISKY)
    listed = [one for one in report.findings if one.kind is not FindingKind.CHANGE_SAFE]
    assert keys([one for one in listed if one.is_open]) == wanted
    failing = [one for one in report.findings if one.level is CheckLevel.FAIL]
    assert len(failing) == len(wanted)
    assert (report.exit_code == 0) is (not wanted)
    suite = ElementTree.fromstring(workspace.checks.render(report, "junit"))
    assert len(suite.findall(".//failure")) + len(suite.findall(".//error")) == len(wanted)
    github = workspace.checks.render(report, "github").splitlines()
    assert sum(line.startswith("::error") for line in github) == len(wanted)
    markdown = workspace.checks.render(report, "markdown")
    route = NoticeRoute(name="ops", kind="webhook", all_well=True)
    message = compose(report, route)
    assert message is not None
    data = cast(dict[str, Any], message.payload["data"])
    told = sorted((one["id"], one["title"]) for one in data["findings"] if one["urgency"] in TO_DO)
    assert told == wanted
    for one in still:
        if one.urgency in TO_DO:
            assert one.title.replace("_", "") in markdown.replace("\\", "").replace("_", "")
    answered = cast(Any, asked_findings(View(workspace)).rows)
    assert wanted == sorted(
        (one["id"], one["title"]) for one in answered if one["urgency"] in TO_DO
    )
    counted = cast(Any, status(View(workspace)).rows)
    assert sum(row["findings"][each] for row in counted for each in TO_DO) == len(wanted)
    here = cast(Any, SimpleNamespace(workspace=workspace, id=alone.id))
    served = json.loads(bytes(status_route(here).body))["findings"]
    assert wanted == sorted(
        (one["id"], one["title"])
        for one in served
        if one["state"] == "open" and one["urgency"] in TO_DO
    )
    return wanted


def row(workspace: Workspace, name: str) -> Finding:
    (found,) = [one for one in workspace.findings.find() if one.subject.partner_field == name]
    return found


def accept_row(desk: Desk) -> None:
    desk.workspace.mappings.accept(
        "acme", PAIR, {"description": "Name"}, encoder="none", without_value_map=True
    )


def unmap(desk: Desk) -> None:
    desk.workspace.mappings.unmap("acme", PAIR, ["contactEmail"])


def acknowledge(desk: Desk) -> None:
    for group in desk.workspace.drift.open_groups("acme"):
        desk.workspace.drift.acknowledge([group.id], "known")


def accept_risk(desk: Desk) -> None:
    until = desk.clock.now.date() + timedelta(days=30)
    desk.workspace.findings.accept(row(desk.workspace, "accountName").id, until, "short names")


def fill(desk: Desk) -> None:
    desk.workspace.mappings.mark_filled("acme", PAIR, ["Name"])


def move(desk: Desk) -> None:
    desk.workspace.mappings.move("acme", PAIR, "contactEmail")


def undo(desk: Desk) -> None:
    desk.workspace.mappings.undo("acme", PAIR)


def disconnect(desk: Desk) -> None:
    desk.workspace.connections.disconnect("acme")


def repair(desk: Desk) -> None:
    desk.export(shape(extra=True), describe("Account", text_field("Name")))
    desk.refresh()


# Each kind of deed alone, and in pairs that touch the same row or change.
COMBINATIONS: tuple[tuple[Callable[[Desk], None], ...], ...] = (
    (accept_row,), (unmap,), (acknowledge,), (accept_risk,), (fill,), (move,), (undo,),
    (repair,), (accept_row, undo), (unmap, undo), (acknowledge, accept_risk),
    (accept_risk, acknowledge), (accept_risk, repair), (fill, undo), (move, undo),
    (move, acknowledge), (acknowledge, move), (fill, move, accept_risk, acknowledge),
    (unmap, fill, accept_risk, repair), (accept_risk, disconnect),
)  # fmt: skip


@pytest.mark.parametrize(
    "deeds", COMBINATIONS, ids=lambda deeds: "-".join(d.__name__ for d in deeds)
)
def test_all_faces_agree_after_deeds(deal: Desk, deeds: tuple[Callable[[Desk], None], ...]) -> None:
    before = {title for _, title in compare(deal)}
    assert before == {
        "Account name can exceed 40 characters",
        "Contact email: its CRM field is gone",
        "Opportunity.Loose__c: absent",
        "Opportunity.Name is required but not mapped",
    }
    for deed in deeds:
        deed(deal)
        deal.clock.move(minutes=1)
        compare(deal)
