"""What holds on an object pair, whatever the order in which it was decided."""

from __future__ import annotations

import pytest

from crmdeck.mapping.state import (
    acceptances,
    accepted_fields,
    by_field,
    current_state,
    drift_since,
    required_unmapped,
    with_decision,
)
from crmdeck.model import Decision, DecisionState, Direction, DriftKind

from .pairs import decided, event, field, suggestion

ACCEPTED, REJECTED, PENDING = (
    DecisionState.ACCEPTED,
    DecisionState.REJECTED,
    DecisionState.PENDING,
)


def test_a_rejection_that_is_accepted_later_is_no_rejection_any_more() -> None:
    log = [
        decided(1, "accountName", REJECTED, "Name"),
        decided(2, "accountName", REJECTED, "Other__c"),
        decided(3, "accountName", ACCEPTED, "Name"),
    ]
    holds = by_field(log)["accountName"]
    assert holds.accepted == log[-1]
    assert holds.rejected == ("Other__c",)
    assert current_state(holds, "Other__c") == (ACCEPTED, "Name")


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
    ],
)
def test_what_holds_for_a_field(
    log: list[tuple[DecisionState, str | None]],
    suggested: str | None,
    expected: tuple[DecisionState, str | None],
) -> None:
    made = [decided(n, "accountName", *one) for n, one in enumerate(log)]
    assert current_state(by_field(made).get("accountName"), suggested) == expected


def test_the_pick_that_a_decision_passed_over_is_the_first_alternative() -> None:
    log = [decided(1, "accountName", ACCEPTED, "Name", direction=Direction.PUSH)]
    told = with_decision(suggestion("accountName", "Best__c", 0.9), by_field(log)["accountName"])
    assert (told.crm_field, told.decision, told.direction) == ("Name", ACCEPTED, Direction.PUSH)
    assert [one.crm_field for one in told.alternatives] == ["Best__c", "Old_Account_Name__c"]


def test_drift_before_an_acceptance_is_not_held_against_it() -> None:
    accepted = decided(10, "accountName", ACCEPTED, "Name")
    before, at_once, after = event(9, "Name"), event(10, "Name"), event(11, "Name")
    others = (event(12, "Other__c"), event(13, "Name", "Account"))
    whole = event(14, None)
    found = drift_since(accepted, "Opportunity", [before, at_once, after, *others, whole])
    assert found == (after, whole)
    assert drift_since(None, "Opportunity", [after]) == ()


@pytest.mark.parametrize("kind", [DriftKind.OBJECT_CHANGED, DriftKind.RULE_ADDED])
def test_what_changed_in_an_object_is_held_against_the_mappings_that_it_touches(
    kind: DriftKind,
) -> None:
    accepted = decided(10, "accountName", ACCEPTED, "Name")
    of_all = event(11, None).model_copy(update={"kind": kind})
    keys = (f"{accepted.object_pair}:accountName",)
    touching = of_all.model_copy(update={"affected_mappings": keys})
    assert drift_since(accepted, "Opportunity", [of_all]) == ()
    assert drift_since(accepted, "Opportunity", [touching]) == (touching,)


def test_what_is_only_read_feeds_no_required_field() -> None:
    crm_fields = [field(name, required=True, createable=True) for name in ("A", "B", "C")]
    log = [
        decided(1, "accountName", ACCEPTED, "A", direction=Direction.PULL),
        decided(2, "contactName", ACCEPTED, "B", direction=Direction.PUSH),
        decided(3, "description", REJECTED, "C"),
    ]
    assert [one.name for one in required_unmapped(crm_fields, by_field(log))] == ["A", "C"]


def test_acceptances_are_those_that_nothing_took_back() -> None:
    log: list[Decision] = [
        decided(1, "accountName", ACCEPTED, "A"),
        decided(2, "contactName", ACCEPTED, "B"),
        decided(3, "contactName", PENDING, "B", undoes="d2"),
        decided(4, "accountName", ACCEPTED, "Z", object_pair="deal_registration--Lead"),
    ]
    assert [one.id for one in acceptances(log)] == ["d1", "d4"]
    assert [(one.crm_object, one.crm_field) for one in accepted_fields(log)] == [
        ("Opportunity", "A"),
        ("Lead", "Z"),
    ]
