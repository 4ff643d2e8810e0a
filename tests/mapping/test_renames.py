"""The decisions on a renamed object or field, moved to the new name."""

from __future__ import annotations

from crmdeck.mapping.renames import move_field, move_object
from crmdeck.mapping.state import by_field, filled_elsewhere
from crmdeck.model import Choice, Decision, DecisionState, Direction

from .pairs import NOON

ACCEPTED, REJECTED, PENDING = DecisionState.ACCEPTED, DecisionState.REJECTED, DecisionState.PENDING
OLD, NEW, LEAD = "deal_registration--Old__c", "deal_registration--New__c", "lead--Old__c"


def decided(
    number: int,
    pair: str,
    partner_field: str,
    crm_field: str | None,
    state: DecisionState = ACCEPTED,
    direction: Direction = Direction.PUSH,
) -> Decision:
    return Decision(
        id=str(number),
        connection_id="c",
        object_pair=pair,
        partner_field=partner_field,
        crm_field=crm_field,
        state=state,
        direction=direction,
        value_map={"a": "b"},
        decided_by="dana",
        decided_at=NOON,
    )


def applied(log: list[Decision], choices: dict[str, tuple[Choice, ...]]) -> list[Decision]:
    """Return the log with the choices as decisions."""
    made = [
        decided(
            100 + n,
            pair,
            choice.partner_field,
            choice.crm_field,
            choice.state,
            choice.direction or Direction.BIDIRECTIONAL,
        )
        for pair, chosen in choices.items()
        for n, choice in enumerate(chosen)
    ]
    return [*log, *made]


def states(log: list[Decision], pair: str) -> dict[str, tuple[DecisionState, str | None]]:
    mine = [decision for decision in log if decision.object_pair == pair]
    found = {name: (one.last.state, one.last.crm_field) for name, one in by_field(mine).items()}
    return found | dict.fromkeys(filled_elsewhere(mine), (REJECTED, "filled"))


def test_every_decision_on_a_renamed_object_moves_in_every_pair() -> None:
    log = [
        decided(1, OLD, "accountName", "Name", direction=Direction.BIDIRECTIONAL),
        decided(2, OLD, "amount", "Amount__c"),
        decided(3, OLD, "amount", "Value__c"),
        decided(4, OLD, "description", None, REJECTED),
        decided(5, OLD, "", "Owner__c", REJECTED),
        decided(6, OLD, "status", "Stage__c", REJECTED),
        decided(7, LEAD, "email", "Email__c"),
        decided(8, "lead--Other__c", "email", "Email__c"),
    ]
    fields = {"Name", "Value__c", "Owner__c", "Stage__c", "Email__c"}
    moves = move_object(log, "Old__c", "New__c", fields, "why")
    assert moves.left == ()
    after = applied(log, dict(moves.choices))
    assert states(after, NEW) == {
        "accountName": (ACCEPTED, "Name"),
        "amount": (ACCEPTED, "Value__c"),
        "description": (REJECTED, None),
        "status": (REJECTED, "Stage__c"),
        "Owner__c": (REJECTED, "filled"),
    }
    assert states(after, "lead--New__c") == {"email": (ACCEPTED, "Email__c")}
    assert {state for pair in (OLD, LEAD) for state, _ in states(after, pair).values()} == {PENDING}
    assert states(after, "lead--Other__c") == states(log, "lead--Other__c")
    first = moves.choices[NEW][0]
    assert (first.direction, first.value_map, first.note) == (
        Direction.BIDIRECTIONAL,
        {"a": "b"},
        "why",
    )


def test_a_mapping_stays_if_the_new_object_has_no_room_for_it() -> None:
    log = [
        decided(1, OLD, "accountName", "Name"),
        decided(2, OLD, "amount", "Amount__c"),
        decided(3, OLD, "status", "Stage__c"),
        decided(4, NEW, "accountName", "Title__c"),
        decided(5, NEW, "stage", "Stage__c"),
    ]
    moves = move_object(log, "Old__c", "New__c", {"Name", "Title__c", "Stage__c"}, "")
    after = applied(log, dict(moves.choices))
    # A decision on the new object wins, a missing field and one that is taken can't move.
    assert states(after, NEW) == states(log, NEW)
    assert states(after, OLD) == {
        "accountName": (PENDING, None),
        "amount": (ACCEPTED, "Amount__c"),
        "status": (ACCEPTED, "Stage__c"),
    }
    assert moves.left == (log[1], log[2])


def test_the_mappings_of_a_renamed_field_move_within_their_pairs() -> None:
    log = [
        decided(1, OLD, "amount", "Amount__c"),
        decided(2, LEAD, "value", "Amount__c"),
        decided(3, LEAD, "email", "Email__c"),
        decided(4, "lead--Other__c", "value", "Amount__c"),
    ]
    moves = move_field(log, "Old__c", "Amount__c", "Value__c", "")
    chosen = {
        pair: [(one.partner_field, one.crm_field) for one in choices]
        for pair, choices in moves.choices.items()
    }
    assert chosen == {OLD: [("amount", "Value__c")], LEAD: [("value", "Value__c")]}
