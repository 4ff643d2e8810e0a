"""The state of an object pair, derived from any decision log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.errors import ConflictError
from crmdeck.mapping.state import (
    ASSISTANT,
    MAX_ALTERNATIVES,
    acceptances,
    accepted_fields,
    by_field,
    by_pair,
    current_state,
    drift_since,
    require_alone,
    require_one_each,
    require_seen,
    required_unmapped,
    with_assistants,
    with_decision,
)
from crmdeck.model import (
    Alternative,
    AssistantSuggestion,
    Decision,
    DecisionState,
    Direction,
    DriftKind,
    Severity,
)

from .pairs import (
    ACCEPTED,
    CRM_FIELDS,
    CRM_NAMES,
    NAMES,
    NOON,
    PAIR,
    PENDING,
    REJECTED,
    decided,
    decisions,
    event,
    field,
    logs,
    suggestion,
    undone,
)


@given(logs(undos=False))
def test_latest_decision_per_candidate_wins(log: list[Decision]) -> None:
    found = by_field(log)
    assert set(found) == {one.partner_field for one in log}
    for name, state in found.items():
        mine = [one for one in log if one.partner_field == name]
        assert state.last == mine[-1]
        assert state.accepted == (mine[-1] if mine[-1].state is ACCEPTED else None)
        last = {one.crm_field: one.state for one in mine if one.crm_field is not None}
        assert set(state.rejected) == {crm for crm, how in last.items() if how is REJECTED}


@given(logs(), decisions(98))
def test_an_undo_restores_the_state_and_its_undo_the_decision(
    log: list[Decision], decision: Decision
) -> None:
    back = undone(99, decision)
    forth = undone(100, back)
    assert by_field([*log, decision, back]) == by_field(log)
    assert by_field([*log, decision, back, forth]) == by_field([*log, decision])


def test_a_rejection_that_is_accepted_later_no_longer_counts() -> None:
    log = [
        decided(1, "accountName", REJECTED, "Name"),
        decided(2, "accountName", REJECTED, "Other__c"),
        decided(3, "accountName", ACCEPTED, "Name"),
    ]
    found = by_field(log)["accountName"]
    assert found.rejected == ("Other__c",)
    assert current_state(found, "Other__c") == (ACCEPTED, "Name")


@pytest.mark.parametrize(
    ("log", "suggested", "expected"),
    [
        ([], "Name", (PENDING, "Name")),
        ([], None, (PENDING, None)),
        ([(REJECTED, "Name")], "Other__c", (PENDING, "Other__c")),
        ([(REJECTED, "Name")], None, (REJECTED, None)),
        ([(REJECTED, None)], "Name", (REJECTED, None)),
        ([(ACCEPTED, "Name")], "Other__c", (ACCEPTED, "Name")),
        ([(ACCEPTED, "Name"), (PENDING, None)], "Other__c", (PENDING, "Other__c")),
        ([(REJECTED, None), (PENDING, None)], None, (PENDING, None)),
    ],
)
def test_state_of_a_field(
    log: list[tuple[DecisionState, str | None]],
    suggested: str | None,
    expected: tuple[DecisionState, str | None],
) -> None:
    made = [decided(n, "accountName", *one) for n, one in enumerate(log)]
    assert current_state(by_field(made).get("accountName"), suggested) == expected


def test_decided_suggestion_keeps_pick_as_alternative() -> None:
    log = [decided(1, "accountName", ACCEPTED, "Name", direction=Direction.PUSH)]
    found = by_field(log)["accountName"]
    other = with_decision(suggestion("accountName", "Best__c", 0.9), found)
    assert (other.crm_field, other.decision, other.direction) == ("Name", ACCEPTED, Direction.PUSH)
    assert [one.crm_field for one in other.alternatives] == ["Best__c", "Old_Account_Name__c"]
    same = with_decision(suggestion("accountName", "Name", 0.9), found)
    assert (same.crm_field, same.decision, same.direction) == ("Name", ACCEPTED, Direction.PUSH)
    assert same.confidence == 0.9
    none = with_decision(suggestion("accountName", None, 0.9), found)
    assert [one.crm_field for one in none.alternatives] == ["Old_Account_Name__c"]
    undecided = with_decision(suggestion("accountName", "Best__c", 0.9), None)
    assert (undecided.crm_field, undecided.decision) == ("Best__c", PENDING)
    rejected = by_field([decided(1, "accountName", REJECTED, None)])["accountName"]
    unmapped = with_decision(suggestion("accountName", "Best__c", 0.9), rejected)
    assert (unmapped.crm_field, unmapped.decision) == (None, REJECTED)


def test_assistant_suggests_free_fields_only() -> None:
    def offer(name: str, crm_field: str, why: str = "because") -> AssistantSuggestion:
        return AssistantSuggestion(
            object_pair=PAIR,
            partner_field=name,
            crm_field=crm_field,
            direction=Direction.PUSH,
            reason=why,
            suggested_by="helper 1",
            suggested_at=NOON,
        )

    one, two, three = NAMES[:3]
    ranked = [suggestion(one, "Best__c", 0.97), suggestion(two, "Name", 0.9)]
    log = by_field([decided(1, three, REJECTED, "Best__c")])
    found = with_assistants(
        [*ranked, suggestion(three, None, 0.0)],
        [offer(one, "Own__c"), offer(two, "Own__c"), offer(three, "Best__c"), offer("x", "Name")],
        log,
    )
    first, second, third = found
    assert (first.crm_field, first.confidence, first.direction) == ("Own__c", 0.0, Direction.PUSH)
    assert first.reasons[0].text == "suggested by helper 1: because"
    assert [each.crm_field for each in first.alternatives] == ["Best__c", "Old_Account_Name__c"]
    assert second.crm_field == "Name"
    assert second.alternatives[0].crm_field == "Own__c"
    assert third.crm_field is None
    (same,) = with_assistants(ranked[:1], [offer(one, "Best__c"), offer(one, "Best__c", "new")], {})
    assert (same.crm_field, same.confidence) == ("Best__c", 0.97)
    assert [each.signal for each in same.reasons] == [ASSISTANT, "words"]
    assert same.reasons[0].text.endswith("new")
    left = by_field([decided(1, one, REJECTED, None)])
    assert with_assistants(ranked[:1], [offer(one, "Own__c")], left) == (ranked[0],)


def test_alternatives_are_limited_and_sorted_by_confidence() -> None:
    many = tuple(Alternative(crm_field=f"F{n}", confidence=n / 20) for n in range(8, 2, -1))
    found = by_field([decided(1, "accountName", ACCEPTED, "Name")])["accountName"]
    made = with_decision(suggestion("accountName", "Best__c", 0.22, alternatives=many), found)
    assert len(made.alternatives) == MAX_ALTERNATIVES
    assert [one.confidence for one in made.alternatives] == [0.4, 0.35, 0.3, 0.25, 0.22]


@given(logs())
def test_required_field_is_unmapped_until_written(log: list[Decision]) -> None:
    fields = [field(name, required=True, createable=True) for name in CRM_NAMES]
    written = {
        one.crm_field for one in acceptances(log) if one.direction in (Direction.PUSH, _BOTH)
    }
    found = [one.name for one in required_unmapped(fields, log)]
    assert found == [name for name in CRM_NAMES if name not in written]
    assert required_unmapped(CRM_FIELDS, log) == ()


_BOTH = Direction.BIDIRECTIONAL


@pytest.mark.parametrize(
    ("attributes", "required"),
    [
        ({"required": True}, True),
        ({"required": True, "createable": True}, True),
        ({"required": True, "default": ""}, True),
        ({"required": True, "default": "New"}, False),
        ({"required": True, "createable": False}, True),
        ({"required": True, "archived": True}, False),
        ({"required": True, "calculated": True}, False),
        ({"required": True, "type": "compound"}, False),
        ({"required": False}, False),
        ({}, False),
    ],
)
def test_field_is_required_unless_crm_fills_it(attributes: dict[str, Any], required: bool) -> None:
    assert bool(required_unmapped([field("X", **attributes)], ())) is required


@given(st.lists(st.tuples(st.sampled_from(("a--A", "b--B", "a--B")), logs()), max_size=4))
def test_a_log_is_split_by_pair_in_its_own_order(parts: list[tuple[str, list[Decision]]]) -> None:
    log = [
        one.model_copy(update={"object_pair": pair}) for pair, decided in parts for one in decided
    ]
    found = by_pair(log)
    assert {pair: tuple(ones) for pair, ones in found.items()} == {
        one.object_pair: tuple(x for x in log if x.object_pair == one.object_pair) for one in log
    }


def test_a_crm_field_is_mapped_once() -> None:
    log = [
        decided(1, "accountName", ACCEPTED, "Name"),
        decided(2, "contactName", ACCEPTED, "Name"),
    ]
    require_one_each(log[:1])
    require_one_each([log[0], decided(2, "contactName", REJECTED, "Name")])
    require_one_each([*log, undone(3, log[0])])
    with pytest.raises(ConflictError, match="'Name' is already mapped to 'accountName'") as raised:
        require_one_each(log)
    assert raised.value.remedy is not None
    assert "'contactName'" in raised.value.remedy


@given(logs(), st.sets(st.sampled_from(NAMES)))
def test_a_decision_that_the_user_has_not_seen_is_a_conflict(
    log: list[Decision], fields: set[str]
) -> None:
    require_seen(log, fields, None)
    require_seen(log, fields, {one.id for one in log})
    mine = [one for one in log if one.partner_field in fields]
    require_seen(log, fields, {one.id for one in mine})
    if mine:
        with pytest.raises(ConflictError) as raised:
            require_seen(log, fields, {one.id for one in mine[:-1]})
        assert raised.value.code == "DECIDED_MEANWHILE"


@pytest.mark.parametrize(
    ("decision", "cause"),
    [
        (decided(1, "accountName", ACCEPTED, "Name"), "'Name' was accepted"),
        (decided(1, "accountName", REJECTED, "Name"), "'Name' was rejected"),
        (decided(1, "accountName", REJECTED, None), "The field was left unmapped"),
        (decided(1, "accountName", PENDING, None), "The field was cleared"),
        (undone(1, decided(0, "accountName", ACCEPTED, "Name")), "A decision was undone"),
        (decided(1, "", REJECTED, "Name"), "The field was marked as filled elsewhere"),
        (decided(1, "", PENDING, "Name"), "The field was no longer marked as filled elsewhere"),
    ],
)
def test_a_conflict_names_the_user_the_deed_and_the_time(decision: Decision, cause: str) -> None:
    changed = decision.partner_field or decision.crm_field
    with pytest.raises(ConflictError, match=f"dana changed '{changed}'") as raised:
        require_seen([decision], {decision.subject}, ())
    assert raised.value.cause == f"{cause} on 2026-05-16 12:01 UTC."


def test_drift_counts_from_the_acceptance_on() -> None:
    accepted = decided(10, "accountName", ACCEPTED, "Name")
    before, same_minute, after = event(9, "Name"), event(10, "Name"), event(11, "Name")
    others = (event(12, "Other__c"), event(13, "Name", "Account"))
    whole = event(14, None)
    found = drift_since(accepted, "Opportunity", [before, same_minute, after, *others, whole])
    assert found == (after, whole)
    assert drift_since(None, "Opportunity", [after]) == ()


@pytest.mark.parametrize(
    "kind",
    [
        DriftKind.OBJECT_CHANGED,
        DriftKind.RULE_ADDED,
        DriftKind.RULE_CHANGED,
        DriftKind.RULE_REMOVED,
    ],
)
def test_object_change_touches_listed_mappings(kind: DriftKind) -> None:
    accepted = decided(10, "accountName", ACCEPTED, "Name")
    of_all = event(11, None, kind=kind, severity=Severity.RISKY)
    touching = of_all.model_copy(update={"affected_mappings": (f"{PAIR}:accountName",)})
    assert drift_since(accepted, "Opportunity", [of_all]) == ()
    assert drift_since(accepted, "Opportunity", [touching]) == (touching,)
    other = touching.model_copy(update={"object_type": "Account"})
    assert drift_since(accepted, "Opportunity", [other]) == ()


def test_acceptances_are_those_not_undone() -> None:
    taken = decided(2, "contactName", ACCEPTED, "B")
    log = [
        decided(1, "accountName", ACCEPTED, "A"),
        taken,
        undone(3, taken),
        decided(4, "accountName", ACCEPTED, "Z", object_pair="deal_registration--Lead"),
        decided(5, "description", REJECTED, "C"),
    ]
    assert [one.id for one in acceptances(log)] == ["d1", "d4"]
    assert [(one.crm_object, one.crm_field) for one in accepted_fields(log)] == [
        ("Opportunity", "A"),
        ("Lead", "Z"),
    ]
    assert log[0].decided_at == NOON + timedelta(minutes=1)


def test_decision_is_undone_alone_unless_superseded() -> None:
    first = decided(1, "accountName", ACCEPTED, "Name")
    other = decided(2, "contactName", ACCEPTED, "Account_Name__c")
    require_alone([first, other], first)
    same_partner = decided(3, "accountName", ACCEPTED, "Description")
    same_crm = decided(3, "description", REJECTED, "Name")
    for later in (same_partner, same_crm):
        with pytest.raises(ConflictError, match=f"'{later.partner_field}'") as caught:
            require_alone([first, other, later], first)
        assert caught.value.code == "LATER_DECISION"
        require_alone([first, other, later, undone(4, later)], first)
    back = undone(5, first)
    require_alone([first, other, back], back)
    with pytest.raises(ConflictError, match="already undone"):
        require_alone([first, other, back], first)
