"""A review session without a screen: any steps in any order, stored later or not at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.mapping.choices import clearing, filling_elsewhere
from crmdeck.mapping.rows import Group
from crmdeck.mapping.session import MappingSession, Write
from crmdeck.mapping.state import by_field
from crmdeck.mapping.wording import row_note
from crmdeck.model import Decision, DecisionState, Direction, Outcome
from crmdeck.preflight.edges import FailsWhen

from .pairs import (
    ACCEPTED,
    CRM_FIELDS,
    CRM_NAMES,
    NAMES,
    NOON,
    PENDING,
    REJECTED,
    accept,
    answer,
    decided,
    field,
    reject,
    review,
    suggestion,
)

PUSH, PULL = Direction.PUSH, Direction.PULL


@pytest.fixture
def session() -> MappingSession:
    return opened()


def opened() -> MappingSession:
    made = MappingSession("acme", review(*CRM_FIELDS), "dana", lambda: NOON)
    made.update_suggestions(answer(accountName=("Account_Name__c", 0.9), contactName=("Name", 0.3)))
    return made


class FakeStore:
    """Stores the writes of a session in their order, as the writer's thread does.

    With `own_ids`, decisions get other IDs, as at PartnerOS.
    """

    def __init__(self, session: MappingSession, *, own_ids: bool = False) -> None:
        self.log: list[Decision] = []
        self._session = session
        self._waiting: deque[Write] = deque()
        self._own_ids = own_ids
        self._ids: dict[str | None, str] = {}
        self._lost: set[str | None] = set()

    def put(self, write: Write | None) -> None:
        if write is not None:
            self._waiting.append(write)

    def store(self, *, fails: bool = False) -> None:
        """Store the oldest write, or let it fail."""
        if not self._waiting:
            return
        write = self._waiting.popleft()
        undoes_lost = any(one.undoes in self._lost for one in write.decisions)
        if fails or undoes_lost:
            self._lost.update(one.id for one in write.decisions)
            if undoes_lost:
                self._session.saved(write, ())
            else:
                self._session.failed(write)
            return
        made = []
        for one in write.decisions:
            undoes = self._ids.get(one.undoes, one.undoes)
            self._ids[one.id] = f"stored-{len(self._ids)}" if self._own_ids else one.id
            made.append(one.model_copy(update={"id": self._ids[one.id], "undoes": undoes}))
        self.log += made
        self._session.saved(write, made)

    def drain(self) -> None:
        while self._waiting:
            self.store()


def take(session: MappingSession, store: FakeStore, deed: str, name: str, crm_field: str) -> None:
    """Take a step if it is possible, as the keys of a console do."""
    row = session.by_name[name]
    taken = {one.crm_field for one in session.rows if one.state is ACCEPTED and one is not row}
    match deed:
        case "accept" if row.crm_field is not None and row.is_open:
            store.put(session.decide("accept", [accept(name, row.crm_field)]))
        case "choose" if crm_field not in taken:
            store.put(session.decide("choose", [accept(name, crm_field)]))
        case "reject" if row.state is not REJECTED:
            store.put(session.decide("reject", [reject(name, row.crm_field)]))
        case "unmap":
            store.put(session.decide("unmap", [reject(one, None) for one in NAMES]))
        case "direct" if row.is_open:
            session.direct([name], PUSH if row.direction is not PUSH else PULL)
        case "undo" if session.undoable:
            store.put(session.undo()[1])
        case "redo" if session.redoable:
            store.put(session.redo()[1])


Shown = list[tuple[str, DecisionState, str | None, Direction]]


def shown(session: MappingSession) -> Shown:
    return [(row.name, row.state, row.crm_field, row.direction) for row in session.rows]


NEW_STEPS = ("accept", "choose", "reject", "unmap", "direct")
DEEDS = st.lists(
    st.tuples(
        st.sampled_from((*NEW_STEPS, "undo", "redo", "store", "fail")),
        st.sampled_from(NAMES),
        st.sampled_from([one.name for one in CRM_FIELDS]),
    ),
    max_size=14,
)


@given(DEEDS, st.booleans())
def test_rows_show_stored_decisions(deeds: list[tuple[str, str, str]], own_ids: bool) -> None:
    session = opened()
    store = FakeStore(session, own_ids=own_ids)
    for deed, name, crm_field in deeds:
        if deed in ("store", "fail"):
            store.store(fails=deed == "fail")
        else:
            take(session, store, deed, name, crm_field)
    before = shown(session)
    store.drain()
    assert shown(session) == before
    assert session.unsaved == 0
    assert by_field(session.log).keys() == by_field(store.log).keys()
    assert [(one.state, one.crm_field) for one in by_field_last(session.log)] == [
        (one.state, one.crm_field) for one in by_field_last(store.log)
    ]
    assert {one.id for row in session.rows for one in row.history} == {x.id for x in store.log}
    again = review(*CRM_FIELDS, log=store.log)
    assert session.update_review(again) == ()
    assert shown(session) == before
    assert session.log == tuple(store.log)


def by_field_last(log: Sequence[Decision]) -> list[Decision]:
    decided = by_field(log)
    return [decided[name].last for name in sorted(decided)]


@given(DEEDS)
def test_undo_all_restores_the_start_and_redo_all_the_end(
    deeds: list[tuple[str, str, str]],
) -> None:
    session = opened()
    store = FakeStore(session)
    start = shown(session)
    for deed, name, crm_field in deeds:
        if deed in NEW_STEPS:
            take(session, store, deed, name, crm_field)
    end, steps = shown(session), len(session.undoable)
    trail = [end]
    for _ in range(steps):
        store.put(session.undo()[1])
        trail.append(shown(session))
    assert trail[-1] == start
    assert (len(session.undoable), len(session.redoable)) == (0, steps)
    for expected in trail[-2::-1]:
        store.put(session.redo()[1])
        assert shown(session) == expected
    assert (len(session.undoable), len(session.redoable)) == (steps, 0)


def test_new_step_clears_redo(session: MappingSession) -> None:
    session.decide("accept", [accept("accountName", "Name")])
    session.undo()
    session.decide("reject", [reject("accountName", None)])
    assert session.redoable == []
    assert [step.title for step in session.undoable] == ["reject"]
    with pytest.raises(IndexError):
        session.redo()


def test_any_step_can_be_undone_and_redone_on_its_own(session: MappingSession) -> None:
    session.direct(["accountName"], PUSH)
    session.direct(["contactName"], PULL)
    session.decide("accept", [accept("description", "Description")])
    first, second, third = session.undoable
    assert session.undo(first) == (first, None)
    directions = {row.name: row.direction for row in session.rows}
    assert directions["accountName"] is Direction.BIDIRECTIONAL
    assert directions["contactName"] is PULL
    session.undo(third)
    assert session.by_name["description"].state is PENDING
    assert session.undoable == [second]
    session.redo(first)
    assert session.by_name["accountName"].direction is PUSH
    for step, turn in ((first, session.redo), (third, session.undo)):
        with pytest.raises(ValueError, match="not in list"):
            turn(step)


def test_a_direction_set_before_is_used_by_the_decision(session: MappingSession) -> None:
    session.direct(["accountName"], PUSH)
    write = session.decide("accept", [accept("accountName", "Account_Name__c")])
    assert [one.direction for one in write.decisions] == [PUSH]
    session.failed(write)
    assert session.by_name["accountName"].direction is PUSH


def test_a_decision_is_shown_before_it_is_stored(session: MappingSession) -> None:
    choice = accept("accountName", "Name").model_copy(
        update={"direction": PUSH, "value_map": {"a": "b"}, "confidence": 0.7, "note": "why"}
    )
    write = session.decide("choose Account name", [choice])
    (made,) = write.decisions
    given = choice.model_dump(include={"direction", "value_map", "confidence", "note"})
    expected = decided(0, "accountName", ACCEPTED, "Name", **given)
    assert made == expected.model_copy(update={"id": made.id})
    assert (write.back, write.seen) == (None, frozenset())
    assert write.step.title == "choose Account name"
    assert (session.unsaved, session.writes) == (1, 1)
    following = session.decide("reject", [reject("contactName", None)])
    assert following.seen == {made.id}
    assert session.undo()[1] is not None
    assert session.undoable == [write.step]


def test_read_and_own_changes_are_seen(session: MappingSession) -> None:
    theirs = decided(1, "contactName", ACCEPTED, "Name")
    session.update_review(review(*CRM_FIELDS, log=[theirs]))
    write = session.decide("accept", [accept("accountName", "Account_Name__c")])
    assert write.seen == {"d1"}
    _, back = session.undo()
    assert back is not None
    assert back.back is True
    assert back.seen == {"d1", write.decisions[0].id}
    _, forth = session.redo()
    assert forth is not None
    assert forth.back is False


def test_the_focused_row_keeps_its_suggestion(session: MappingSession) -> None:
    assert not session.focus("accountName")
    session.update_suggestions(
        answer(accountName=("Description", 0.8), contactName=("Account_Name__c", 0.95))
    )
    rows = session.by_name
    assert rows["accountName"].crm_field == "Account_Name__c"
    assert rows["contactName"].crm_field is None
    assert not session.focus("accountName")
    assert session.focus("contactName")
    assert session.by_name["accountName"].crm_field == "Description"
    assert session.by_name["contactName"].crm_field == "Account_Name__c"
    assert not session.focus("accountName")
    assert not session.focus(None)


def test_a_later_answer_replaces_the_one_that_waits(session: MappingSession) -> None:
    session.focus("accountName")
    session.update_suggestions(answer(accountName=("Description", 0.8)))
    session.update_suggestions(answer(accountName=("Account_Name__c", 0.7)))
    assert not session.focus(None)
    row = session.by_name["accountName"]
    assert (row.crm_field, row.confidence) == ("Account_Name__c", 0.7)
    assert session.encoder == "none"


def test_undone_rejection_restores_suggestion(
    session: MappingSession,
) -> None:
    session.decide("reject", [reject("accountName", "Account_Name__c")])
    assert session.by_name["accountName"].crm_field == "Old_Account_Name__c"
    session.update_suggestions(answer(accountName=("Old_Account_Name__c", 0.5)))
    session.undo()
    assert session.by_name["accountName"].crm_field == "Account_Name__c"
    session.redo()
    assert session.by_name["accountName"].crm_field == "Old_Account_Name__c"


def test_the_last_rejection_undone_is_the_first_suggestion(session: MappingSession) -> None:
    session.decide("reject", [reject("accountName", "Account_Name__c")])
    session.decide("reject", [reject("accountName", "Old_Account_Name__c")])
    bare = suggestion("accountName", "Description", 0.5, alternatives=())
    session.update_suggestions(answer().model_copy(update={"suggestions": (bare,)}))
    assert session.by_name["accountName"].crm_field == "Description"
    for expected in ("Old_Account_Name__c", "Account_Name__c"):
        session.undo()
        assert session.by_name["accountName"].crm_field == expected


def test_rejection_leaves_no_unlikely_suggestion(
    session: MappingSession,
) -> None:
    session.update_suggestions(answer(accountName=("Account_Name__c", 0.8)))
    session.decide("reject", [reject("accountName", "Account_Name__c")])
    row = session.by_name["accountName"]
    assert (row.crm_field, row.state) == (None, REJECTED)
    assert [(one.crm_field, round(one.confidence or 0, 2)) for one in row.candidates] == [
        ("Old_Account_Name__c", 0.3)
    ]


def test_a_failed_write_is_removed_and_the_others_stay(session: MappingSession) -> None:
    first = session.decide("accept", [accept("accountName", "Account_Name__c")])
    session.decide("accept", [accept("contactName", "Name")])
    session.failed(first)
    rows = session.by_name
    assert rows["accountName"].state is PENDING
    assert rows["contactName"].state is ACCEPTED
    assert [step.title for step in session.undoable] == ["accept"]
    assert session.unsaved == 1


def test_a_failed_undo_or_redo_can_be_tried_again(session: MappingSession) -> None:
    store = FakeStore(session)
    session.direct(["accountName"], PUSH)
    store.put(session.decide("accept", [accept("accountName", "Account_Name__c")]))
    store.drain()
    store.put(session.undo()[1])
    store.store(fails=True)
    assert (len(session.undoable), len(session.redoable)) == (2, 0)
    assert session.by_name["accountName"].state is ACCEPTED
    theirs = decided(9, "accountName", PENDING, "Account_Name__c", undoes=store.log[0].id)
    session.update_review(review(*CRM_FIELDS, log=[*store.log, theirs]))
    assert session.by_name["accountName"].direction is Direction.BIDIRECTIONAL
    session.update_review(review(*CRM_FIELDS, log=store.log))
    store.put(session.undo()[1])
    store.drain()
    store.put(session.redo()[1])
    store.store(fails=True)
    assert (len(session.undoable), len(session.redoable)) == (1, 1)
    row = session.by_name["accountName"]
    assert (row.state, row.direction) == (PENDING, PUSH)


def test_steps_undone_before_they_are_stored_get_their_ids_later(session: MappingSession) -> None:
    store = FakeStore(session, own_ids=True)
    store.put(session.decide("accept", [accept("accountName", "Account_Name__c")]))
    step, back = session.undo()
    _, forth = session.redo()
    store.put(back)
    store.put(forth)
    store.drain()
    assert [decision.id for decision in step.decisions] == ["stored-0"]
    assert [one.undoes for one in store.log] == [None, "stored-0", "stored-1"]
    row = session.by_name["accountName"]
    assert (row.state, len(row.history)) == (ACCEPTED, 3)


def test_decisions_of_others_are_reported_once(session: MappingSession) -> None:
    store = FakeStore(session)
    store.put(session.decide("accept", [accept("accountName", "Account_Name__c")]))
    store.drain()
    theirs = decided(2, "contactName", ACCEPTED, "Name")
    both = review(*CRM_FIELDS, log=[*store.log, theirs])
    assert session.update_review(both) == (theirs,)
    assert session.update_review(both) == ()
    assert session.by_name["contactName"].state is ACCEPTED
    assert session.review is both


def test_hidden_warnings_stay_hidden_until_others_are_named() -> None:
    fields = (field("Account_Name__c", length=5), *CRM_FIELDS[1:])
    partner = (field("accountName", length=9), *map(field, NAMES[1:]))
    session = MappingSession("acme", review(*fields, partner=partner), "dana", lambda: NOON)
    session.update_suggestions(answer(accountName=("Account_Name__c", 0.9)))
    assert [one.code for one in session.by_name["accountName"].failures] == ["TOO_LONG"]
    session.hide_warnings({"TOO_LONG"})
    assert not session.by_name["accountName"].failures
    session.hide_warnings(())
    assert session.by_name["accountName"].failures
    # The verdicts on the whole pair replace those on the two fields, even if there are none.
    session.update_failures((), [("accountName", "Account_Name__c")])
    assert not session.by_name["accountName"].failures


def test_required_fields_are_unmapped_until_a_row_writes_them() -> None:
    required = field("Name", required=True, createable=True)
    session = MappingSession("acme", review(required), "dana", lambda: NOON)
    assert [row.field for row in session.required] == [required]
    mark = session.decide("filled", [filling_elsewhere(session.required[0])])
    assert not session.required[0].is_open
    session.failed(mark)
    assert session.required[0].is_open
    session.decide("accept", [accept("accountName", "Name")])
    assert session.required == ()


def test_required_field_shows_its_suggestion_at_any_match() -> None:
    required = field("Name", required=True, createable=True)
    session = MappingSession("acme", review(required), "dana", lambda: NOON)
    for match, note in ((0.95, "required: a accepts"), (0.6, "required: check it")):
        session.update_suggestions(answer(accountName=("Name", match)))
        row = session.by_name["accountName"]
        assert (row.group, row_note(row), session.required) == (Group.FAILING, note, ())


def test_decision_drops_the_verdicts_on_other_values() -> None:
    required = field("Name", required=True, createable=True)
    session = MappingSession("acme", review(required), "dana", lambda: NOON)
    missing = FailsWhen(None, "Name", Outcome.REJECTED, "always", "REQUIRED", "not mapped")
    session.update_failures((missing,), ())
    session.decide("fill", [filling_elsewhere(session.required[0], "Acme")])
    assert session.required[0].group is Group.DONE


def test_cleared_row_restores_rejected_suggestion() -> None:
    session = MappingSession("acme", review(*CRM_FIELDS), "dana", lambda: NOON)
    session.update_suggestions(answer(accountName=("Name", 0.9)))
    for choice in (accept("accountName", "Name"), reject("accountName", None)):
        session.decide("decide", [choice])
        assert not session.by_name["accountName"].is_open
        session.decide("clear", [clearing(session.by_name["accountName"], CRM_NAMES)])
        row = session.by_name["accountName"]
        assert (row.state, row.crm_field, row.decision) == (PENDING, "Name", None)
    session.decide("reject", [reject("accountName", "Name")])
    assert session.by_name["accountName"].crm_field != "Name"
    session.decide("clear", [clearing(session.by_name["accountName"], CRM_NAMES)])
    assert session.by_name["accountName"].crm_field == "Name"
