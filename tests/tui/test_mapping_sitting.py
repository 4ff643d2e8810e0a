"""A sitting without a screen: what a ranking may change, and what it may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.model import Alternative, DecisionState, SuggestAnswer, Suggestion
from crmdeck.tui.panes.mapping.sitting import Sitting
from crmdeck.workspace import Choice, Workspace
from tests.tui.mapping_desk import PAIR, make_home, opened


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with opened(make_home(tmp_path)) as found:
        yield found


@pytest.fixture
def sitting(workspace: Workspace) -> Sitting:
    review = workspace.mappings.review("acme", PAIR)
    made = Sitting("acme", review, "dana", lambda: workspace.now)
    made.take_answer(answer(accountName=("Account_Name__c", 0.9), contactName=("Name", 0.3)))
    return made


def answer(**picks: tuple[str, float]) -> SuggestAnswer:
    """Return a ranking with these picks, `Old_Account_Name__c` being the alternative to each."""
    other = Alternative(crm_field="Old_Account_Name__c", confidence=0.04)
    made = [
        Suggestion(
            partner_field=name,
            crm_field=crm_field,
            confidence=confidence,
            direction="bidirectional",
            alternatives=(other,),
        )
        for name, (crm_field, confidence) in picks.items()
    ]
    return SuggestAnswer(object_pair=PAIR, encoder="none", suggestions=tuple(made))


def reject(name: str, crm_field: str | None) -> Choice:
    return Choice(partner_field=name, state=DecisionState.REJECTED, crm_field=crm_field)


def accept(name: str, crm_field: str) -> Choice:
    return Choice(partner_field=name, state=DecisionState.ACCEPTED, crm_field=crm_field)


def test_the_line_that_the_operator_is_on_keeps_its_suggestion(sitting: Sitting) -> None:
    sitting.hold("accountName")
    sitting.take_answer(answer(accountName=("Description", 0.8), contactName=("Description", 0.8)))
    lines = sitting.by_name
    assert lines["accountName"].crm_field == "Account_Name__c"
    assert lines["accountName"].better is not None
    assert lines["accountName"].better.crm_field == "Description"
    assert lines["contactName"].crm_field == "Description"
    assert sitting.hold("contactName")
    assert sitting.by_name["accountName"].crm_field == "Description"


def test_the_same_pick_is_told_anew_even_under_the_cursor(sitting: Sitting) -> None:
    sitting.hold("accountName")
    sitting.take_answer(answer(accountName=("Account_Name__c", 0.7)))
    line = sitting.by_name["accountName"]
    assert (line.crm_field, line.better) == ("Account_Name__c", None)


def test_undoing_a_rejection_brings_the_candidate_back_though_the_ranker_forgot_it(
    sitting: Sitting,
) -> None:
    sitting.decide("reject", [reject("accountName", "Account_Name__c")])
    assert sitting.by_name["accountName"].crm_field == "Old_Account_Name__c"
    sitting.take_answer(answer(accountName=("Old_Account_Name__c", 0.5)))
    sitting.undo()
    assert sitting.by_name["accountName"].crm_field == "Account_Name__c"
    sitting.redo()
    assert sitting.by_name["accountName"].crm_field == "Old_Account_Name__c"


def test_what_another_line_takes_is_offered_no_more(sitting: Sitting) -> None:
    sitting.decide("choose", [accept("contactName", "Account_Name__c")])
    assert sitting.by_name["accountName"].crm_field == "Old_Account_Name__c"
    sitting.undo()
    assert sitting.by_name["accountName"].crm_field == "Account_Name__c"


def test_a_failed_write_leaves_the_others_as_they_are(sitting: Sitting) -> None:
    first = sitting.decide("accept", [accept("accountName", "Account_Name__c")])
    sitting.decide("accept", [accept("contactName", "Name")])
    sitting.failed(first)
    lines = sitting.by_name
    assert lines["accountName"].state is DecisionState.PENDING
    assert lines["contactName"].state is DecisionState.ACCEPTED
    assert [step.title for step in sitting.undoable] == ["accept"]


def test_steps_undone_before_they_were_stored_find_their_ids(
    workspace: Workspace, sitting: Sitting
) -> None:
    first = sitting.decide("accept", [accept("accountName", "Account_Name__c")])
    step, back = sitting.undo()
    _, forth = sitting.redo()
    assert back is not None
    assert forth is not None
    made = workspace.mappings.decide("acme", PAIR, first.choices)
    step.stored = [decision.id for decision in made]
    sitting.saved(first, made)
    undone = workspace.mappings.undo_all("acme", PAIR, step.stored)
    sitting.saved(back, undone)
    assert sitting.by_name["accountName"].state is DecisionState.ACCEPTED
    again = workspace.mappings.undo_all("acme", PAIR, [decision.id for decision in undone])
    sitting.saved(forth, again)
    sitting.take_review(workspace.mappings.review("acme", PAIR))
    line = sitting.by_name["accountName"]
    assert line.state is DecisionState.ACCEPTED
    assert len(line.history) == 3
