"""A session without a screen: what a ranking may change, and what it may not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crmdeck.mapping.session import MappingSession, Write
from crmdeck.model import Decision, DecisionState

from .pairs import NOON, accept, answer, field, reject, review

FIELDS = tuple(map(field, ("Account_Name__c", "Old_Account_Name__c", "Name", "Description")))


@pytest.fixture
def session() -> MappingSession:
    made = MappingSession("acme", review(*FIELDS), "dana", lambda: NOON)
    made.update_suggestions(answer(accountName=("Account_Name__c", 0.9), contactName=("Name", 0.3)))
    return made


def stored(write: Write, *names: str, undoes: Sequence[str | None] = ()) -> tuple[Decision, ...]:
    """Return what a store makes of a write: the same decisions under ids of its own."""
    back = undoes or [None] * len(names)
    return tuple(
        shown.model_copy(update={"id": name, "undoes": target})
        for shown, name, target in zip(write.shown, names, back, strict=True)
    )


def test_the_row_that_the_operator_is_on_keeps_its_suggestion(session: MappingSession) -> None:
    session.focus("accountName")
    session.update_suggestions(
        answer(accountName=("Description", 0.8), contactName=("Description", 0.8))
    )
    rows = session.by_name
    assert rows["accountName"].crm_field == "Account_Name__c"
    assert rows["contactName"].crm_field == "Description"
    assert session.focus("contactName")
    assert session.by_name["accountName"].crm_field == "Description"


def test_the_same_pick_is_told_anew_even_under_the_cursor(session: MappingSession) -> None:
    session.focus("accountName")
    session.update_suggestions(answer(accountName=("Account_Name__c", 0.7)))
    row = session.by_name["accountName"]
    assert (row.crm_field, row.confidence) == ("Account_Name__c", 0.7)


def test_undoing_a_rejection_brings_the_candidate_back_though_the_ranker_forgot_it(
    session: MappingSession,
) -> None:
    session.decide("reject", [reject("accountName", "Account_Name__c")])
    assert session.by_name["accountName"].crm_field == "Old_Account_Name__c"
    session.update_suggestions(answer(accountName=("Old_Account_Name__c", 0.5)))
    session.undo()
    assert session.by_name["accountName"].crm_field == "Account_Name__c"
    session.redo()
    assert session.by_name["accountName"].crm_field == "Old_Account_Name__c"


def test_what_is_more_likely_wrong_than_right_does_not_move_up(session: MappingSession) -> None:
    session.update_suggestions(answer(accountName=("Account_Name__c", 0.8)))
    session.decide("reject", [reject("accountName", "Account_Name__c")])
    row = session.by_name["accountName"]
    assert row.crm_field is None
    assert [(one.crm_field, round(one.confidence or 0, 2)) for one in row.candidates] == [
        ("Old_Account_Name__c", 0.3)
    ]


def test_what_another_row_takes_is_offered_no_more(session: MappingSession) -> None:
    session.decide("choose", [accept("contactName", "Account_Name__c")])
    assert session.by_name["accountName"].crm_field == "Old_Account_Name__c"
    session.undo()
    assert session.by_name["accountName"].crm_field == "Account_Name__c"


def test_a_failed_write_leaves_the_others_as_they_are(session: MappingSession) -> None:
    first = session.decide("accept", [accept("accountName", "Account_Name__c")])
    session.decide("accept", [accept("contactName", "Name")])
    session.failed(first)
    rows = session.by_name
    assert rows["accountName"].state is DecisionState.PENDING
    assert rows["contactName"].state is DecisionState.ACCEPTED
    assert [step.title for step in session.undoable] == ["accept"]


def test_steps_undone_before_they_were_stored_find_their_ids(session: MappingSession) -> None:
    first = session.decide("accept", [accept("accountName", "Account_Name__c")])
    step, back = session.undo()
    _, forth = session.redo()
    assert back is not None
    assert forth is not None
    made = stored(first, "one")
    session.saved(first, made)
    undone = stored(back, "two", undoes=["one"])
    session.saved(back, undone)
    assert session.by_name["accountName"].state is DecisionState.ACCEPTED
    again = stored(forth, "three", undoes=["two"])
    session.saved(forth, again)
    assert [decision.id for decision in step.decisions] == ["one"]
    session.update_review(review(*FIELDS, log=[*made, *undone, *again]))
    row = session.by_name["accountName"]
    assert row.state is DecisionState.ACCEPTED
    assert len(row.history) == 3


def test_what_others_decided_is_told_once(session: MappingSession) -> None:
    write = session.decide("accept", [accept("accountName", "Account_Name__c")])
    mine = stored(write, "one")
    session.saved(write, mine)
    theirs = mine[0].model_copy(
        update={"id": "two", "partner_field": "contactName", "crm_field": "Name"}
    )
    assert session.update_review(review(*FIELDS, log=[*mine, theirs])) == (theirs,)
    assert session.update_review(review(*FIELDS, log=[*mine, theirs])) == ()
    assert session.by_name["contactName"].state is DecisionState.ACCEPTED
