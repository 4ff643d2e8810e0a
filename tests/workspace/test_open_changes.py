"""What is open in a workspace, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crmdeck.drift.open_changes import Excuse, Standing
from crmdeck.errors import CacheError, NotFoundError, UsageError
from crmdeck.model import (
    ChangeState,
    Choice,
    DecisionState,
    Direction,
    FailOn,
    OpenChanges,
    Severity,
)
from crmdeck.store import Drift, Session
from crmdeck.workspace.open_changes import POLICY_SET, judge_changes

from .conftest import Desk, describe, text_field

ACCOUNT = "Account"
PAIR = "deal_registration--Account"
OPEN, RESOLVED = ChangeState.OPEN, ChangeState.RESOLVED

EXCUSE = """[[rule]]
level = "ignore"
object = "Account"
reason = "Agreed with sales"
until = 2026-05-20
"""


def account(length: int = 80, *more: dict[str, Any]) -> dict[str, Any]:
    return describe(ACCOUNT, text_field("Name", length=length), *more)


def see(desk: Desk, *objects: dict[str, Any]) -> None:
    desk.export(*objects)
    desk.refresh()


def standings(desk: Desk, *, safe: bool = False) -> list[Standing]:
    context = desk.workspace.context
    with context.store.read() as session:
        judged = judge_changes(context, session, safe=safe)
    return [each.standing for mine in judged.values() for each in mine]


def states(desk: Desk, *, safe: bool = False) -> list[ChangeState]:
    return [standing.state for standing in standings(desk, safe=safe)]


@pytest.fixture
def shorter(desk: Desk) -> Desk:
    """A workspace in which one risky change is open."""
    see(desk, account(80))
    see(desk, account(40))
    return desk


def test_the_count_is_the_same_from_every_call(shorter: Desk) -> None:
    drift = shorter.workspace.drift
    one = OpenChanges(count=1, risky=1, severity=Severity.RISKY)
    assert drift.open_changes() == drift.open_changes("acme") == drift.timeline().open_changes
    assert [each.open_changes for each in shorter.workspace.health.statuses()] == [one]
    [group] = drift.open_groups("acme")
    assert (group.severity, [change.field_name for change in group.changes]) == (
        Severity.RISKY,
        ["Name"],
    )
    assert drift.report(open_only=True).events == group.changes
    with pytest.raises(NotFoundError):
        drift.open_changes("nobody")


def test_seeing_a_change_or_refreshing_settles_nothing(shorter: Desk) -> None:
    drift = shorter.workspace.drift
    drift.see([event.id for event in drift.report().events])
    shorter.refresh()
    assert drift.open_changes().count == 1
    assert shorter.again(read_only=True).drift.open_changes().count == 1


def test_a_change_that_is_named_twice_is_acknowledged_once(shorter: Desk) -> None:
    drift = shorter.workspace.drift
    [change] = drift.report().events
    assert drift.acknowledge([change.id, change.id]).number == 1
    assert drift.take_back([change.id, change.id]).number == 1
    assert drift.open_changes().count == 1


def test_acknowledgment_is_reported_if_the_database_is_then_lost(
    shorter: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    [event] = shorter.workspace.drift.report().events

    def lost(*_: object) -> None:
        raise CacheError("Can't reach the database.")

    with monkeypatch.context() as patch:
        patch.setattr("crmdeck.workspace.drift.find_connection", lost)
        noted = shorter.workspace.drift.acknowledge([event.id])
    assert (noted.number, noted.not_checked) == (1, "Can't reach the database.")
    assert shorter.workspace.drift.open_changes().count == 0


def test_a_change_back_resolves_and_the_order_of_acknowledging_does_not_matter(
    shorter: Desk,
) -> None:
    drift = shorter.workspace.drift
    [change] = drift.report().events

    def acknowledge() -> None:
        drift.acknowledge([change.id])

    def undo() -> None:
        see(shorter, account(80))

    undo()
    assert states(shorter) == [RESOLVED]
    assert drift.open_changes() == OpenChanges()
    acknowledge()
    # Back and safe: the field was made longer again.
    assert states(shorter) == []
    # The CRM is as it was acknowledged.
    see(shorter, account(40))
    assert drift.open_changes() == OpenChanges()


@pytest.mark.parametrize("first", ["refresh", "acknowledge"])
def test_refresh_and_acknowledgment_in_either_order(desk: Desk, first: str) -> None:
    drift = desk.workspace.drift
    unique, plain = text_field("Code__c", unique=True), text_field("Code__c", unique=False)
    see(desk, describe(ACCOUNT, text_field("Name"), text_field("Code__c", unique=False)))
    see(desk, describe(ACCOUNT, text_field("Name"), unique))
    [change] = drift.report(at_least=Severity.RISKY).events
    steps: list[Callable[[], object]] = [
        lambda: see(desk, describe(ACCOUNT, text_field("Name", length=20), plain)),
        lambda: drift.acknowledge([change.id]),
    ]
    for step in steps if first == "refresh" else reversed(steps):
        step()
    assert [group.changes[0].field_name for group in drift.open_groups()] == ["Name"]


def test_a_field_that_is_removed_and_back_with_another_type_stays_open(desk: Desk) -> None:
    see(desk, account(80, text_field("Region__c")))
    see(desk, account(80))
    assert desk.workspace.drift.open_changes().count == 1
    see(desk, account(80, text_field("Region__c", length=20)))
    assert states(desk) == [OPEN]
    see(desk, account(80, text_field("Region__c")))
    assert states(desk) == [RESOLVED]


def test_repairing_the_mapping_settles_the_change(desk: Desk) -> None:
    see(desk, account(80, text_field("Region__c")))

    def decide(state: DecisionState, crm_field: str | None) -> None:
        desk.workspace.mappings.record_decisions(
            "acme",
            PAIR,
            [
                Choice(
                    partner_field="accountName",
                    state=state,
                    crm_field=crm_field,
                    direction=Direction.PUSH,
                )
            ],
        )

    decide(DecisionState.ACCEPTED, "Name")
    see(desk, account(40, text_field("Region__c")))
    drift = desk.workspace.drift
    assert drift.open_changes() == OpenChanges(count=1, breaking=1, severity=Severity.BREAKING)
    decide(DecisionState.PENDING, None)
    assert drift.open_changes().count == 1
    decide(DecisionState.ACCEPTED, "Region__c")
    assert states(desk) == [ChangeState.REPAIRED]
    assert drift.open_changes() == OpenChanges()
    desk.workspace.mappings.undo("acme", PAIR)
    assert drift.open_changes().count == 1


def test_kept_standings_equal_those_of_a_new_process(desk: Desk) -> None:
    see(desk, account(80, text_field("Region__c")))
    ws = desk.workspace
    accepted = Choice(partner_field="accountName", state=DecisionState.ACCEPTED, crm_field="Name")

    def accept_risk() -> None:
        finding = next(each for each in ws.findings.find() if each.kind.value.startswith("change"))
        ws.findings.accept(finding.id, desk.clock.now.date() + timedelta(days=9))

    steps: list[Callable[[], object]] = [
        lambda: ws.mappings.record_decisions("acme", PAIR, [accepted]),
        lambda: see(desk, account(40, text_field("Region__c") | {"length": 10})),
        lambda: ws.drift.acknowledge([ws.drift.report().events[0].id]),
        lambda: ws.drift.take_back([ws.drift.report().events[0].id]),
        accept_risk,
        lambda: ws.connections.update("acme", ttl_hours=12),
        lambda: ws.mappings.undo("acme", PAIR),
        lambda: desk.clock.move(days=10),
        lambda: see(desk, account(80, text_field("Region__c"))),
    ]
    counts = []
    for step in steps:
        step()
        counts.append(ws.drift.open_changes().count)
        with desk.again(read_only=True) as new:
            assert new.drift.open_changes() == ws.drift.open_changes()
            assert new.drift.page(None, 9).open_changes == ws.drift.page(None, 9).open_changes
    assert len(set(counts)) > 2


def test_the_policy_of_the_workspace_excuses_until_it_expires(shorter: Desk) -> None:
    drift = shorter.workspace.drift
    set_policy(shorter, EXCUSE)
    [standing] = standings(shorter)
    assert standing.state is ChangeState.EXCUSED
    assert isinstance(standing.excuse, Excuse)
    assert standing.excuse.reason == "Agreed with sales"
    assert drift.open_changes() == OpenChanges()
    shorter.clock.move(days=5)
    assert drift.open_changes().count == 1


def test_a_policy_that_cannot_be_read_excuses_nothing(shorter: Desk) -> None:
    set_policy(shorter, "[[rule]]\nlevel = ")
    workspace = shorter.workspace
    assert workspace.drift.open_changes().count == 1
    # Health shows it, and a gate never passes because of it.
    [unusable] = [one for one in workspace.findings.find() if "POLICY" in one.code]
    assert (unusable.code, unusable.urgency) == ("BAD_POLICY", "review")
    for gate in (
        lambda: workspace.drift.fails(FailOn.BREAKING),
        lambda: workspace.checks.run(refresh=False),
        workspace.checks.policy,
    ):
        with pytest.raises(UsageError):
            gate()


def test_only_a_team_keeps_its_policy_in_its_history(shorter: Desk, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(EXCUSE)
    workspace = shorter.workspace
    if shorter.database is None:
        with pytest.raises(UsageError, match="team"):
            workspace.checks.set_policy(file)
        return
    workspace.checks.set_policy(file)
    assert shorter.again().drift.open_changes() == OpenChanges()
    assert workspace.audit.entries(limit=1)[0].summary == "Set the policy from rules.toml"
    workspace.checks.set_policy(None)
    assert workspace.drift.open_changes().count == 1
    with pytest.raises(UsageError):
        workspace.checks.set_policy(tmp_path / "missing.toml")


def set_policy(desk: Desk, text: str) -> None:
    if desk.database is None:
        (desk.workspace.home / "policy.toml").write_text(text)
        return
    entry = desk.workspace.context.entry(POLICY_SET, "Set the policy", details={"policy": text})
    with desk.workspace.context.store.write() as session:
        session.audit.add(entry)


def test_an_object_that_was_added_and_is_gone_again_leaves_nothing_open(desk: Desk) -> None:
    lead = [describe("Lead", text_field("Name", length=length)) for length in (80, 40)]
    see(desk, account())
    see(desk, account(), lead[0])
    see(desk, account(), lead[1])
    assert states(desk) == [OPEN]
    see(desk, account())
    assert states(desk) == [RESOLVED, RESOLVED]


def test_safe_changes_count_only_where_a_gate_asks_for_them(desk: Desk) -> None:
    see(desk, account(40))
    see(desk, account(80))
    drift = desk.workspace.drift
    assert drift.open_changes() == OpenChanges()
    assert states(desk) == []
    assert states(desk, safe=True) == [ChangeState.INFO]
    see(desk, account(40))
    assert states(desk, safe=True) == [RESOLVED, RESOLVED]
    assert not drift.fails(FailOn.SAFE)


def test_only_what_something_may_settle_is_read(
    shorter: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(shorter, account(40, text_field("Region__c", required=True)))

    def read(*_: object) -> None:
        raise AssertionError("nothing can have settled these changes")

    with shorter.workspace.context.store.read() as session:
        monkeypatch.setattr(type(session.drift), "history", read)
    assert isinstance(session, Session)
    assert shorter.workspace.drift.open_changes().count == 1


def test_calls_that_read_one_state_judge_it_once(
    shorter: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, judged = shorter.workspace, []
    real = Drift.unacknowledged

    def counted(drift: Drift, *asked: Any, **more: Any) -> Any:
        judged.append(asked)
        return real(drift, *asked, **more)

    monkeypatch.setattr(Drift, "unacknowledged", counted)
    with workspace.reading():
        (status,) = workspace.health.statuses()
        assert status.open_changes == workspace.drift.open_changes(status.id)
        assert workspace.drift.open_changes("acme") == workspace.drift.open_changes()
    assert len(judged) == 1
    with pytest.raises(RuntimeError, match="a write inside a read"), workspace.reading():
        workspace.connections.rename("acme", "other")
    # What changes in a session that writes is judged again.
    (event,) = workspace.drift.report().events
    with workspace.context.store.write() as session:
        assert judge_changes(workspace.context, session)
        workspace.drift.acknowledge([event.id])
        assert not judge_changes(workspace.context, session)
