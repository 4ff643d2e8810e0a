"""Gates judge what is open: the same command twice gives the same exit code."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from crmdeck.model import FailOn, FindingKind, Urgency
from crmdeck.settings import NoticeRoute
from crmdeck.workspace.checks.notices import compose
from tests.workspace.conftest import Desk, describe, text_field


@pytest.fixture
def drifted(desk: Desk) -> Desk:
    """A risky and a safe change that no one has looked at."""
    desk.export(describe("Account", text_field("Name"), text_field("Old__c")))
    desk.refresh()
    desk.export(describe("Account", text_field("Name"), text_field("New__c")))
    desk.refresh()
    return desk


def check(desk: Desk, **options: object) -> int:
    desk.clock.move(hours=1)
    run = desk.workspace.checks.run
    return run(["acme"], refresh=False, fail_on=FailOn.RISKY, **options).exit_code  # type: ignore[arg-type]


def test_the_same_check_fails_until_someone_settles_the_change(drifted: Desk) -> None:
    assert [check(drifted), check(drifted), check(drifted)] == [4, 4, 4]
    events = drifted.workspace.drift.report("acme").events
    drifted.workspace.drift.acknowledge([event.id for event in events])
    assert check(drifted) == 0


def test_new_counts_only_changes_since_the_last_check(drifted: Desk) -> None:
    assert check(drifted, new=True) == 4
    assert check(drifted, new=True) == 0
    assert check(drifted) == 4


def test_change_back_in_crm_no_longer_fails(desk: Desk) -> None:
    before = describe("Account", text_field("Name"), text_field("Old__c"))
    desk.export(before)
    desk.refresh()
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    assert check(desk) == 4
    desk.export(before)
    desk.refresh()
    assert check(desk) == 0


def test_safe_changes_are_notes_unless_gated(desk: Desk) -> None:
    desk.export(describe("Account", text_field("Name")))
    desk.refresh()
    desk.export(describe("Account", text_field("Name"), text_field("New__c")))
    desk.refresh()

    def notes() -> int:
        desk.clock.move(hours=1)
        found = desk.workspace.checks.run(["acme"], refresh=False).findings
        return sum(one.kind is FindingKind.CHANGE_SAFE for one in found)

    assert [notes(), notes()] == [1, 0]
    for _ in range(2):
        run = desk.workspace.checks.run
        assert run(["acme"], refresh=False, fail_on=FailOn.SAFE).exit_code == 4


def test_a_policy_file_of_one_check_affects_that_check_only(drifted: Desk, tmp_path: Path) -> None:
    policy = tmp_path / "other.toml"
    rule = ("[[rule]]", 'level = "ignore"', 'object = "Account"', 'reason = "agreed"')
    policy.write_text("\n".join([*rule, "until = 2099-01-01"]))
    assert check(drifted, policy=policy) == 0
    assert check(drifted) == 4


def test_a_route_gets_each_change_once(drifted: Desk) -> None:
    route = NoticeRoute(name="ops", kind="slack")
    report = drifted.workspace.checks.run(["acme"], refresh=False, fail_on=FailOn.RISKY)
    first = compose(report, route)
    assert first is not None
    assert "Old__c" in first.body
    later = max(one.evidence_at for one in report.findings if one.evidence_at)
    assert compose(report, route, later + timedelta(seconds=1)) is None


def test_dropped_picklist_value_fails_a_check(desk: Desk) -> None:
    def values(*names: str) -> None:
        described = [{"value": name, "label": name, "active": True} for name in names]
        status = text_field("Status__c") | {
            "type": "picklist", "length": 40, "restrictedPicklist": True,
            "picklistValues": described,
        }  # fmt: skip
        desk.export(describe("Account", status))
        desk.refresh()

    values("submitted", "under_review", "converted", "rejected", "expired")
    pair = "deal_registration--Account"
    desk.workspace.mappings.accept("acme", pair, {"status": "Status__c"}, encoder="none")
    values("submitted", "under_review", "rejected", "expired")
    desk.clock.move(hours=1)
    report = desk.workspace.checks.run(["acme"], refresh=False)
    [row] = report.findings
    assert (row.kind, row.subject.partner_field) == (FindingKind.ROW_FAILS, "status")
    assert row.title == "Status fails with converted"


def test_lowered_limit_fails_until_it_is_acknowledged_or_raised(desk: Desk) -> None:
    def lengths(name: int) -> None:
        desk.export(describe("Account", text_field("Name", length=name), text_field("Other")))
        desk.refresh()

    def rows() -> list[tuple[Urgency, str]]:
        desk.clock.move(hours=1)
        report = desk.workspace.checks.run(["acme"], refresh=False)
        return [(one.urgency, one.title) for one in report.findings]

    lengths(255)
    desk.workspace.mappings.accept("acme", "partner--Account", {"name": "Name"}, encoder="none")
    assert rows() == []
    lengths(40)
    title = "Name can exceed 40 characters"
    assert [rows(), rows()] == [[(Urgency.FAILING, title)]] * 2
    events = desk.workspace.drift.report("acme").events
    desk.workspace.drift.acknowledge([event.id for event in events])
    # What someone knows can still fail.
    assert rows() == [(Urgency.REVIEW, title)]
    lengths(255)
    # Longer values can come back from the CRM.
    assert rows() == [(Urgency.REVIEW, "Name: length 40 → 255")]
