"""What is open in a workspace, on both engines."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crmdeck.drift.open_changes import Evidence, Excuse, Standing, judge
from crmdeck.errors import CacheError, CrmdeckError, NotFoundError, UsageError
from crmdeck.model import (
    ChangeState,
    Choice,
    DecisionState,
    Direction,
    DriftEvent,
    FailOn,
    OpenChanges,
    Severity,
    Source,
    in_force,
)
from crmdeck.store import Drift, Session
from crmdeck.workspace import ConnectionDraft
from crmdeck.workspace.open_changes import POLICY_SET, Standings, count_judged, usable_policy

from .conftest import Desk, describe, export_to, text_field

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
        judged = Standings(context, session).changes(safe=safe)
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


def test_viewing_or_refreshing_keeps_changes_open(shorter: Desk) -> None:
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


def test_change_back_resolves_in_any_order(
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


def test_returned_field_with_other_type_stays_open(desk: Desk) -> None:
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


def judge_from_history(desk: Desk) -> dict[str, list[tuple[str, Standing]]]:
    """Return all states, judged from the whole history, policy, accepted risks and time."""
    context, found = desk.workspace.context, {}
    with context.store.read() as session:
        policy, today = usable_policy(context, session), context.now.date()
        for connection in session.connections.all():
            key, name = connection.id, connection.name
            history = sorted(session.drift.events(key), key=lambda each: each.detected_at)
            objects = {(key, each.object_type) for each in history}
            newest = session.snapshots.newest(objects)
            accepted = {
                change: Excuse(one.note or f"risk accepted by {one.by}", one.until, one.by)
                for one in session.acceptances.last(key).get(key, {}).values()
                if today <= one.until
                for change in one.changes
            }

            def excuse(
                change: DriftEvent, name: str = name, given: Any = accepted
            ) -> Excuse | None:
                by_policy = policy.excuse(name, change, today) if policy else None
                return given.get(change.id) or by_policy

            evidence = Evidence(
                history=history,
                newest={name: schema for (_, name), schema in newest.items()}.get,
                before=lambda change: session.snapshots.before_change(
                    change.connection_id, change.object_type, change.id
                ),
                decisions={
                    f"{each.object_pair}:{each.partner_field}": each
                    for each in in_force(session.decisions.log(key))
                },
                excuse=excuse,
            )
            mine = [each for each in history if each.acknowledged_at is None]
            found[key] = sorted(judge(mine, evidence).items())
    return {key: mine for key, mine in found.items() if mine}


def test_states_equal_those_judged_from_the_whole_history(desk: Desk, tmp_path: Path) -> None:
    ws, dice = desk.workspace, random.Random(43)
    other = tmp_path / "other"
    other.mkdir()
    draft = ConnectionDraft(
        name="beta", source=Source.FILES, platform="salesforce", path=str(other)
    )
    ws.connections.add(draft)
    rules = ("", EXCUSE, EXCUSE.replace('"ignore"', '"fail"'), EXCUSE.replace("05-20", "06-30"))

    def refresh() -> None:
        fields = [
            text_field(name, length=dice.choice((40, 80)), nillable=dice.random() < 0.5)
            for name in ("Name", "Region__c", "Site")
            if dice.random() < 0.8
        ]
        objects = [describe(name, *fields) for name in ("Account", "Lead") if dice.random() < 0.8]
        name, folder = dice.choice((("acme", desk.folder), ("beta", other)))
        export_to(folder, *objects, describe("Case", text_field("Subject")))
        desk.clock.move(hours=dice.choice((1, 30)))
        ws.refreshes.run(name, accept_suspect=True)

    def decide() -> None:
        state, field = dice.choice(
            ((DecisionState.ACCEPTED, "Name"), (DecisionState.REJECTED, None))
        )
        choice = Choice(partner_field="accountName", state=state, crm_field=field)
        with suppress(CrmdeckError):
            ws.mappings.record_decisions(dice.choice(("acme", "beta")), PAIR, [choice])

    def acknowledge() -> None:
        if events := [each.id for each in ws.drift.report().events]:
            some = dice.sample(events, min(len(events), 2))
            dice.choice((ws.drift.acknowledge, ws.drift.take_back))(some)

    def accept_risk() -> None:
        found = [each for each in ws.findings.find() if each.can_be_accepted]
        if found:
            until = desk.clock.now.date() + timedelta(days=dice.choice((0, 2)))
            ws.findings.accept(dice.choice(found).id, until)

    deeds = (refresh, refresh, decide, acknowledge, accept_risk)
    seen: Counter[ChangeState] = Counter()
    for number in range(30):
        dice.choice(deeds)()
        if number % 8 == 7:
            set_policy(desk, dice.choice(rules))
        if number % 5 == 4:
            desk.clock.move(days=1)
        expected = judge_from_history(desk)
        seen.update(state.state for mine in expected.values() for _, state in mine)
        with ws.reading(), ws.context.store.read() as session:
            standings = Standings(ws.context, session)
            found, counts = standings.changes(safe=True), standings.counts()
            severe = standings.changes()
        assert {
            key: sorted((change.id, state) for change, state in mine) for key, mine in found.items()
        } == expected
        for key, mine in found.items():
            risky = [one for one in mine if one.change.severity is not Severity.SAFE]
            assert list(severe.get(key, ())) == risky
            assert counts[key] == count_judged(mine) == ws.drift.open_changes(key)
        assert ws.drift.page(None, 9).open_changes == OpenChanges.total(counts.values())
    assert set(seen) >= {OPEN, RESOLVED, ChangeState.REPAIRED, ChangeState.EXCUSED}


def test_policy_of_a_connection_follows_its_name(shorter: Desk) -> None:
    workspace = shorter.workspace
    set_policy(shorter, EXCUSE.replace("object =", 'connection = "acme"\nobject ='))
    assert workspace.drift.open_changes().count == 0
    workspace.connections.rename("acme", "other")
    assert workspace.drift.open_changes().count == 1
    workspace.connections.rename("other", "acme")
    assert workspace.drift.open_changes().count == 0


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


def test_unreadable_policy_has_no_effect(shorter: Desk) -> None:
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


def test_added_then_removed_object_is_settled(desk: Desk) -> None:
    lead = [describe("Lead", text_field("Name", length=length)) for length in (80, 40)]
    see(desk, account())
    see(desk, account(), lead[0])
    see(desk, account(), lead[1])
    assert states(desk) == [OPEN]
    see(desk, account())
    assert states(desk) == [RESOLVED, RESOLVED]


def test_safe_changes_fail_only_a_safe_gate(desk: Desk) -> None:
    see(desk, account(40))
    see(desk, account(80))
    drift = desk.workspace.drift
    assert drift.open_changes() == OpenChanges()
    assert states(desk) == []
    assert states(desk, safe=True) == [ChangeState.INFO]
    see(desk, account(40))
    assert states(desk, safe=True) == [RESOLVED, RESOLVED]
    assert not drift.fails(FailOn.SAFE)


def test_only_settleable_changes_are_read(shorter: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert Standings(workspace.context, session).changes()
        workspace.drift.acknowledge([event.id])
        assert not Standings(workspace.context, session).changes()
