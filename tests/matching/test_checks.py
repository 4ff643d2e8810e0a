"""Warnings about a field pair, in the directions that can sync."""

from __future__ import annotations

from typing import Any

import pytest

from crmdeck.matching.checks import warn, warn_of_rules
from crmdeck.matching.context import Home
from crmdeck.matching.knowledge import Concept, FieldRef, Knowledge
from crmdeck.model import Field, FieldType, MappingWarning, PicklistValue, Rule, RuleKind

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
        (field("a", length=80), field("b", length=80), set()),
        (field("a", length=80), field("b", T.DATE, **LOCKED), set()),
        (field("a"), field("b", length=40), set()),
        (field("a", T.HTML), field("b", T.HTML, length=40), {"LENGTH_SHORTER"}),
        (field("a", T.HTML), field("b"), {"FORMAT_LOST"}),
        (field("a", T.EMAIL, length=9), field("b", length=8), {"LENGTH_SHORTER"}),
        (field("a", T.PICKLIST, length=9, **LOCKED), field("b", length=8), set()),
        (field("a", T.DECIMAL, scale=2), field("b", T.DECIMAL, scale=2), set()),
        (field("a", T.DECIMAL), field("b", T.DECIMAL, scale=2), set()),
        (field("a", T.DECIMAL), field("b", T.INTEGER), {"PRECISION_LOST"}),
        (field("a", T.INTEGER, scale=2, **LOCKED), field("b", T.DECIMAL, scale=1), set()),
        (
            field("a", T.DECIMAL, precision=12, scale=2),
            field("b", T.DECIMAL, precision=10, scale=0),
            {"PRECISION_LOST"},
        ),
        (field("a", T.DECIMAL, precision=12), field("b", T.DECIMAL), set()),
        (field("a", T.DECIMAL), field("b", T.DECIMAL, precision=12), set()),
        (field("a", required=None), field("b", required=True), set()),
        (field("a", unique=None), field("b", unique=True), set()),
        (field("a", T.PICKLIST, **LOCKED), field("b", T.BOOLEAN), {"VALUE_MAP_NEEDED"}),
        (
            field("a", T.MULTIPICKLIST, **LOCKED),
            field("b", T.BOOLEAN),
            {"VALUE_MAP_NEEDED", "MULTI_TO_SINGLE"},
        ),
        (field("a", T.MULTIPICKLIST), field("b"), {"NOT_A_CHOICE"}),
        (field("a", T.INTEGER), field("b", T.BOOLEAN), {"TYPE_MISMATCH"}),
        (field("a", T.OTHER), field("b", T.BINARY), set()),
        (field("a", T.BINARY), field("b"), {"TYPE_MISMATCH"}),
        (field("a", readable=False), field("b", readable=False), {"NOTHING_CAN_FLOW"}),
        (field("a", **LOCKED, readable=False), field("b"), {"NOTHING_CAN_FLOW"}),
        (field("a", readable=False), field("b", **LOCKED), set()),
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
        "CloseDate is checked by rule Close_Date_In_Future: An open opportunity closes today or "
        "later.",
        "CloseDate is required when dealstage is closedwon.",
    ]
    assert texts("Amount") == ["Amount is checked by rule Other.", "Amount must be at least 0."]
    assert texts("X") == ["X must pass NEW_TYPE(a, {b})."]
    assert warn_of_rules(Field(name="Amount"), None) == ()


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        (T.BINARY, T.STRING, "the types have no values in common"),
        (T.DATE, T.EMAIL, "the values aren't email values"),
        (T.STRING, T.EMAIL, None),
        (T.DATE, T.PICKLIST, "a date can't be a picklist value"),
        (T.STRING, T.PICKLIST, None),
        (T.STRING, T.DATE, "not every text is a valid date"),
        (T.PICKLIST, T.BOOLEAN, None),
        (T.INTEGER, T.DATE, "the values can't be converted"),
        (T.DATE, T.DATETIME, None),
        (T.REFERENCE, T.DATE, None),
    ],
)
def test_type_mismatch_has_reason(source: FieldType, target: FieldType, why: str | None) -> None:
    found = [one.text for one in warn(field("a", source), field("b", target)) if is_of_a(one)]
    expected = [f"a ({source.value}) doesn't fit b ({target.value}): {why}."] if why else []
    assert found[:1] == expected


def is_of_a(one: MappingWarning) -> bool:
    return one.code == "TYPE_MISMATCH" and one.text.startswith("a ")


def test_lookups_and_picklists_name_at_most_three() -> None:
    left = field("a", T.REFERENCE, references=tuple("ABCD"))
    (lookup,) = warn(left, field("b"))
    assert "a record ID of A, B, C." in lookup.text
    (lookup,) = warn(field("a"), field("b", T.REFERENCE))
    assert "b contains a record ID." in lookup.text
    for number, more in ((3, ""), (4, " and 1 more")):
        source = choices("a", *"wxyz"[:number])
        found = [one.text for one in warn(source, choices("b", "k")) if one.text.startswith("b ")]
        named = ", ".join("wxyz"[:3])
        assert found == [f"b has no value for {named}{more}. Map the values."]
    exact, long = "v" * 40, "v" * 41
    texts = [one.text for one in warn(choices("a", exact, long), choices("b", "k"))]
    assert f"{exact}, {'v' * 39}…." in texts[0]


def test_inactive_values_need_no_map() -> None:
    values = (PicklistValue(value="old", active=False), PicklistValue(value="x"))
    left, right = (field(name, T.PICKLIST, picklist=values) for name in "ab")
    assert not warn(left, right)
    assert codes(choices("a", "old"), right) == {"VALUE_MAP_NEEDED"}
    assert not warn(field("a", T.PICKLIST, **LOCKED), right)


HOMES = (Home("s", "a"), Home("t", "b"))


@pytest.mark.parametrize(
    ("left", "right", "homes", "expected"),
    [
        ("x", "y", HOMES, ["Different meaning: x means one, y means two."]),
        ("x", "x", HOMES, []),
        ("x", "near", HOMES, []),
        ("x", "unknown", HOMES, []),
        ("unknown", "y", HOMES, []),
        ("x", "y", (HOMES[0], None), []),
    ],
)
def test_known_fields_of_two_meanings_warn(
    left: str, right: str, homes: tuple[Home | None, Home | None], expected: list[str]
) -> None:
    def concept(id_: str, label: str, *names: str, related: str = "") -> Concept:
        refs = (FieldRef(*place, name) for place in (("s", "a"), ("t", "b")) for name in names)
        return Concept(id_, label, fields=tuple(refs), related=frozenset(related.split()))

    made = (
        concept("1", "One", "x"),
        concept("2", "Two", "y"),
        concept("3", "N", "near", related="1"),
    )
    known = Knowledge(concepts={one.id: one for one in made})
    found = warn(field(left), field(right), knowledge=known, homes=homes)
    assert [one.text for one in found] == expected


def test_respelled_values_are_not_missing() -> None:
    left = choices("a", "submitted", "approved")
    for right, text in (
        (choices("b", "Submitted", "Approved"), "b spells 2 values differently. Map the values."),
        (choices("b", "Submitted"), "b has no value for approved. Map the values."),
    ):
        assert text in [one.text for one in warn(left, right) if one.code == "VALUE_MAP_NEEDED"]
    by_label = left.model_copy(update={"picklist": (PicklistValue(value="3", label="APPROVED"),)})
    spelled = "b spells 1 value differently. Map the values."
    assert spelled in [one.text for one in warn(by_label, choices("b", "approved"))]
