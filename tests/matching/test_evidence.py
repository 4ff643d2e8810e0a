"""Evidence from a decision log, undone decisions included."""

from __future__ import annotations

from datetime import UTC, datetime

from crmdeck.matching import Evidence
from crmdeck.matching.evidence import Example, Fields, field_names
from crmdeck.model import Decision, DecisionState, Field

HERE, THERE = "partner--Account", "deal--Opportunity"
ACCEPTED, REJECTED = DecisionState.ACCEPTED, DecisionState.REJECTED


def decision(
    number: int,
    partner_field: str,
    crm_field: str | None,
    state: DecisionState,
    *,
    pair: str = HERE,
    undoes: int | None = None,
    confidence: float | None = 0.8,
) -> Decision:
    return Decision(
        id=str(number),
        connection_id="c",
        object_pair=pair,
        partner_field=partner_field,
        crm_field=crm_field,
        state=state,
        confidence=confidence,
        undoes=None if undoes is None else str(undoes),
        decided_by="ops",
        decided_at=datetime(2026, 5, 1, 12, number, tzinfo=UTC),
    )


def example(left: str, right: str, place: str) -> Example:
    return Example(Field(name=left), Field(name=right), place, exact=place == THERE)


def test_empty_log_gives_no_evidence() -> None:
    assert Evidence.from_log([], HERE) == Evidence()


def test_own_decisions_and_other_acceptances_are_separate() -> None:
    log = [
        decision(1, "name", "Name", ACCEPTED),
        decision(2, "tier", "Rating", REJECTED),
        decision(3, "owner", "OwnerId", ACCEPTED, pair=THERE),
        decision(4, "stage", "StageName", REJECTED, pair=THERE, confidence=None),
    ]
    evidence = Evidence.from_log(log, HERE, suggested={"tags": {"Tags__c": 0.7}})
    assert evidence.accepted == {"name": "Name"}
    assert evidence.rejected == {("tier", "Rating")}
    assert evidence.elsewhere == (example("owner", "OwnerId", THERE),)
    assert evidence.outcomes == ((0.8, True), (0.8, False), (0.8, True))
    assert evidence.suggested == {"tags": {"Tags__c": 0.7}}


def test_an_undone_decision_no_longer_counts() -> None:
    log = [
        decision(1, "name", "Name", ACCEPTED),
        decision(2, "name", "Site", ACCEPTED),
        decision(3, "name", None, DecisionState.PENDING, undoes=2),
    ]
    assert Evidence.from_log(log, HERE).accepted == {"name": "Name"}


def test_a_pair_accepted_after_it_was_rejected_may_return() -> None:
    log = [decision(1, "tier", "Rating", REJECTED), decision(2, "tier", "Rating", ACCEPTED)]
    evidence = Evidence.from_log(log, HERE)
    assert evidence.rejected == frozenset()
    assert evidence.accepted == {"tier": "Rating"}


def test_a_rejection_replaces_an_acceptance() -> None:
    log = [decision(1, "tier", "Rating", ACCEPTED), decision(2, "tier", "Rating", REJECTED)]
    evidence = Evidence.from_log(log, HERE)
    assert evidence.accepted == {}
    assert evidence.rejected == {("tier", "Rating")}


def test_only_active_acceptances_of_other_connections_count() -> None:
    emea = [
        decision(1, "name", "Name", ACCEPTED),
        decision(2, "tier", "Rating", ACCEPTED),
        decision(3, "tier", None, DecisionState.PENDING, undoes=2),
        decision(4, "owner", "OwnerId", ACCEPTED, pair=THERE),
        decision(5, "site", "Site", REJECTED),
        decision(6, "phone", "Phone", ACCEPTED),
        decision(7, "phone", "Fax", ACCEPTED),
    ]
    apac = [decision(1, "name", "Name", ACCEPTED)]
    evidence = Evidence.from_log([], HERE, others={"emea": emea, "apac": apac})
    assert evidence == Evidence(
        connections=(
            example("name", "Name", "apac"),
            example("name", "Name", "emea"),
            example("phone", "Fax", "emea"),
        )
    )


def test_cleared_and_unmapped_fields_give_no_evidence() -> None:
    log = [
        decision(1, "tier", "Rating", REJECTED),
        decision(2, "tier", "Rating", DecisionState.PENDING),
        decision(3, "name", "Name", ACCEPTED),
        decision(4, "name", None, REJECTED),
        decision(5, "owner", "OwnerId", ACCEPTED, pair=THERE),
        decision(6, "owner", "OwnerId", REJECTED, pair=THERE),
        decision(7, "site", "Site", ACCEPTED, pair=THERE),
        decision(8, "site", "Site", DecisionState.PENDING, pair=THERE),
    ]
    found = Evidence.from_log(log, HERE)
    assert (found.accepted, found.rejected) == ({}, frozenset())
    assert found.elsewhere == (example("site", "Site", THERE),)


def test_an_example_has_the_labels_of_its_fields() -> None:
    fields = Fields(
        {"partner": [Field(name="name", label="Partner")]},
        {("c", "Account"): [Field(name="Name", label="Account Name")]},
    )
    emea = [decision(1, "name", "Name", ACCEPTED), decision(2, "tier", "Gone__c", ACCEPTED)]
    found = Evidence.from_log([], HERE, others={"emea": emea}, fields=fields).connections
    assert [(one.left.label, one.right.label) for one in found] == [
        ("Partner", "Account Name"),
        ("", ""),
    ]


def test_the_first_of_duplicate_names_counts() -> None:
    fields = [Field(name="a"), Field(name="b"), Field(name="a")]
    assert field_names(fields) == {"a": 0, "b": 1}
