"""Directions: locked fields are only read, and unknown access locks nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.matching.directions import suggest_direction
from crmdeck.model import Direction, Field, FieldType
from crmdeck.workspace.knowledge import load_knowledge

KNOWLEDGE = load_knowledge(None)
OPEN = Field(name="open", type=FieldType.STRING, createable=True, updateable=True)


@pytest.mark.parametrize(
    ("field", "word"),
    [
        (Field(name="X", formula="A + B", calculated=True), "formula"),
        (Field(name="X", calculated=True, updateable=False), "calculated"),
        (Field(name="X", auto_number=True, updateable=False), "auto-number"),
        (Field(name="X", type=FieldType.ID), "record ID"),
        (Field(name="X", type=FieldType.COMPOUND), "combines"),
        (Field(name="Name", native={"extraTypeInfo": "personname"}), "combines"),
        (Field(name="X", createable=False, updateable=False), "read-only"),
        (Field(name="X", createable=True, updateable=False), "creation"),
        (Field(name="CreatedDate"), "system itself"),
    ],
)
def test_computed_field_is_pull_only(field: Field, word: str) -> None:
    direction, reason = suggest_direction(OPEN, field, knowledge=KNOWLEDGE)
    assert direction is Direction.PULL
    assert word in reason
    assert suggest_direction(field, OPEN, knowledge=KNOWLEDGE) == (Direction.PUSH, reason)


@pytest.mark.parametrize(
    "field",
    [
        Field(name="Unknown"),
        Field(name="LastName", native={"extraTypeInfo": "personname"}),
        Field(name="Name", native={"extraTypeInfo": "personname"}, updateable=True),
        Field(name="CreatedDate", updateable=True),
    ],
)
def test_an_unlocked_field_syncs_both_ways(field: Field) -> None:
    direction, _ = suggest_direction(OPEN, field, knowledge=KNOWLEDGE)
    assert direction is Direction.BIDIRECTIONAL


def test_unknown_access_is_reported_in_direction() -> None:
    unknown = Field(name="CreatedDate")
    direction, reason = suggest_direction(OPEN, unknown)
    assert direction is Direction.BIDIRECTIONAL
    assert "access unknown" in reason


def test_a_field_that_cannot_be_read_is_only_written() -> None:
    secret = Field(name="secret", readable=False, updateable=True)
    assert suggest_direction(OPEN, secret)[0] is Direction.PUSH


flags = st.none() | st.booleans()
fields = st.builds(
    Field,
    name=st.sampled_from(["A", "CreatedDate", "Name"]),
    type=st.sampled_from(FieldType),
    readable=flags,
    createable=flags,
    updateable=flags,
    calculated=flags,
    formula=st.none() | st.just("1"),
)


@given(left=fields, right=fields)
def test_swapping_the_sides_swaps_the_direction(left: Field, right: Field) -> None:
    direction, reason = suggest_direction(left, right, knowledge=KNOWLEDGE)
    mirrored, _ = suggest_direction(right, left, knowledge=KNOWLEDGE)
    assert reason
    assert "\n" not in reason
    if " and " not in reason:
        swap = {Direction.PUSH: Direction.PULL, Direction.PULL: Direction.PUSH}
        assert mirrored is swap.get(direction, direction)


@pytest.mark.parametrize(
    ("left", "right", "direction", "reason"),
    [
        (OPEN, OPEN, "bidirectional", "both fields are read/write"),
        (OPEN, Field(name="b"), "bidirectional", "access unknown: not in the export"),
        (Field(name="a", readable=False), OPEN, "pull", "a can't be read"),
        (OPEN, Field(name="b", readable=False), "push", "b can't be read"),
        (
            Field(name="a", calculated=True),
            Field(name="b", formula="1"),
            "pull",
            "b is a formula and a is calculated",
        ),
        (
            Field(name="a", readable=False),
            Field(name="b", readable=False),
            "pull",
            "a can't be read and b can't be read",
        ),
        (
            Field(name="a", readable=False, updateable=False),
            OPEN,
            "pull",
            "a can't be read and a is read-only",
        ),
    ],
)
def test_a_direction_has_its_reason(left: Field, right: Field, direction: str, reason: str) -> None:
    assert suggest_direction(left, right) == (direction, reason)
