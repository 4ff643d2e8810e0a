"""Warnings about a field pair, in the directions that can sync."""

from __future__ import annotations

from typing import Any

import pytest

from crmdeck.matching.checks import warn, warn_of_rules
from crmdeck.model import Field, FieldType, PicklistValue, Rule, RuleKind

LOCKED: dict[str, Any] = {"createable": False, "updateable": False}


def field(name: str = "X", type_: FieldType = FieldType.STRING, **more: Any) -> Field:
    return Field.model_validate(
        {"name": name, "type": type_, "createable": True, "updateable": True, **more}
    )


def choices(name: str, *values: str, **more: Any) -> Field:
    picklist = [PicklistValue(value=value) for value in values]
    return field(name, FieldType.PICKLIST, picklist=picklist, **more)


def codes(left: Field, right: Field) -> set[str]:
    return {warning.code for warning in warn(left, right)}


T = FieldType


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (field("a"), field("b"), set()),
        (field("a", length=80), field("b", length=40), {"LENGTH_SHORTER"}),
        (field("a", T.TEXT), field("b", length=40), {"LENGTH_SHORTER"}),
        (field("a", T.DATE), field("b", T.BOOLEAN), {"TYPE_MISMATCH"}),
        (field("a", T.DATE), field("b", T.STRING, **LOCKED), {"TYPE_MISMATCH"}),
        (field("a", T.STRING), field("b", T.DATE, **LOCKED), set()),
        (field("a", T.DATETIME, **LOCKED), field("b", T.DATE), {"TIME_LOST"}),
        (field("a", T.DECIMAL, scale=2), field("b", T.INTEGER, scale=0), {"PRECISION_LOST"}),
        (
            field("a", T.DECIMAL, precision=10, scale=0),
            field("b", T.DECIMAL, precision=12, scale=4),
            {"NUMBER_TOO_LARGE", "PRECISION_LOST"},
        ),
        (
            field("a", T.DECIMAL, precision=12, scale=6),
            field("b", T.DECIMAL, precision=10, scale=6),
            {"NUMBER_TOO_LARGE"},
        ),
        (
            field("a", T.DECIMAL, precision=12, scale=2),
            field("b", T.DECIMAL, precision=14, scale=4),
            {"PRECISION_LOST"},
        ),
        (
            field("a", T.CURRENCY, precision=18, scale=2),
            field("b", T.CURRENCY, precision=10, scale=2),
            {"NUMBER_TOO_LARGE"},
        ),
        (field("a", T.REFERENCE), field("b"), {"LOOKUP_NEEDED"}),
        (field("a"), field("b", T.COMPOUND), {"COMPOUND_SHELL", "TYPE_MISMATCH"}),
        (field("a"), field("b", archived=True), {"ARCHIVED"}),
        (field("a", required=False), field("b", required=True), {"REQUIRED_MAY_BE_EMPTY"}),
        (field("a", unique=False), field("b", unique=True), {"MUST_BE_UNIQUE"}),
        (field("a", **LOCKED), field("b", **LOCKED), {"NOTHING_CAN_FLOW"}),
        (choices("a", "x", "y"), choices("b", "x", "y"), set()),
        (choices("a", "x"), choices("b", "x", "y", **LOCKED), {"VALUE_MAP_NEEDED"}),
        (field("a"), choices("b", "x", restricted=True), {"NOT_A_CHOICE"}),
        (field("a", T.MULTIPICKLIST), field("b", T.PICKLIST), {"MULTI_TO_SINGLE"}),
        (field("a", T.BOOLEAN, **LOCKED), field("b", T.PICKLIST, restricted=False), set()),
    ],
)
def test_warnings_of_a_field_pair(left: Field, right: Field, expected: set[str]) -> None:
    assert codes(left, right) == expected


def test_unknown_attributes_give_no_warning() -> None:
    assert warn(Field(name="a"), Field(name="b")) == ()


def test_hostile_values_stay_short_and_verbatim() -> None:
    left = choices("a", "[red]\x1b[31m" + "x" * 10_000)
    (text,) = [w.text for w in warn(left, choices("b", "y", **LOCKED | {"updateable": True}))][:1]
    assert "[red]\x1b[31m" in text
    assert len(text) < 200


def test_rules_warn_unless_they_are_inactive_or_unknown() -> None:
    rules = (
        Rule(
            name="Close_Date_In_Future",
            kind=RuleKind.VALIDATION,
            fields=("IsClosed", "CloseDate"),
            message="An open opportunity closes today or later.",
        ),
        Rule(
            name="stage.closedate",
            kind=RuleKind.CONDITIONAL,
            field="CloseDate",
            expression="dealstage is closedwon",
        ),
        Rule(name="Resting", kind=RuleKind.VALIDATION, fields=("CloseDate",), active=False),
        Rule(name="Other", kind=RuleKind.VALIDATION, fields=("Amount",)),
        Rule(name="amount.MIN", kind=RuleKind.VALUES, field="Amount", expression="MIN_NUMBER(0)"),
        Rule(name="x.NEW", kind=RuleKind.VALUES, field="X", expression="NEW_TYPE(a, {b})"),
    )

    def texts(name: str) -> list[str]:
        return [warning.text for warning in warn_of_rules(Field(name=name), rules)]

    assert texts("CloseDate") == [
        "CloseDate is refused by rule Close_Date_In_Future: An open opportunity closes today or "
        "later.",
        "CloseDate is required when dealstage is closedwon.",
    ]
    assert texts("Amount") == ["Amount is refused by rule Other.", "Amount has to be 0 or more."]
    assert texts("X") == ["X has to pass NEW_TYPE(a, {b})."]
    assert warn_of_rules(Field(name="Amount"), None) == ()
