from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from crmdeck.drift.field_diff import compare, compare_fields, compare_rules
from crmdeck.model import (
    COMPARED_ATTRIBUTES,
    Field,
    FieldType,
    ObjectSchema,
    PicklistValue,
    Rule,
    RuleKind,
    Side,
    schema_hash,
)
from tests.drift.build import field, values
from tests.model.strategies import ATTRIBUTES, field_lists, fields, same

WIRE_NAMES = {to_camel(name) for name in COMPARED_ATTRIBUTES}


def schema(known: list[Field]) -> ObjectSchema:
    return ObjectSchema(object_type="Deal", label="Deal", fields=tuple(known))


@given(field_lists(), field_lists())
def test_hashes_are_equal_without_differences(old: list[Field], new: list[Field]) -> None:
    for left, right in ((old, new), (old, old)):
        differs = bool(compare(schema(left), schema(right)))
        assert differs == (schema_hash(left) != schema_hash(right))


@given(field_lists(unknowns=True), st.randoms(use_true_random=False))
def test_value_order_is_not_a_change(known: list[Field], rng: random.Random) -> None:
    again = [
        f.model_copy(update={"picklist": tuple(rng.sample(f.picklist, len(f.picklist)))})
        for f in known
    ]
    rng.shuffle(again)
    assert compare(schema(known), schema(again)) == ()


@given(field_lists(unknowns=True), field_lists(unknowns=True))
def test_swapped_sides_swap_the_differences(old: list[Field], new: list[Field]) -> None:
    there = compare(schema(old), schema(new))
    back = compare(schema(new), schema(old))
    swapped = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
    assert [c.field_name for c in there] == [c.field_name for c in back]
    for one, other in zip(there, back, strict=True):
        assert one.side == swapped.get(other.side, Side.BOTH)
        assert [(c.attribute, c.before, c.after) for c in one.changes] == [
            (c.attribute, c.after, c.before) for c in other.changes
        ]


@pytest.mark.parametrize("attribute", COMPARED_ATTRIBUTES)
@settings(max_examples=5)
@given(data=st.data())
def test_only_changed_attribute_is_listed(attribute: str, data: st.DataObject) -> None:
    before = data.draw(fields(unknowns=False))
    if attribute == "picklist":  # it is unknown if only its set is named
        before = before.model_copy(update={"value_set": None})
    elif attribute == "value_set":
        before = before.model_copy(update={"picklist": values("a"), "value_set": "Set"})
    value = data.draw(ATTRIBUTES[attribute])
    assume(not same(getattr(before, attribute), value))
    after = before.model_copy(update={attribute: value})
    assert [c.attribute for c in compare_fields(before, after)] == [to_camel(attribute)]


@given(fields(unknowns=True), fields(unknowns=True))
def test_attributes_unknown_on_a_side_are_not_compared(left: Field, right: Field) -> None:
    for change in compare_fields(left, right):
        assert change.attribute in WIRE_NAMES
        assert change.before is not None
        assert change.after is not None


def test_newly_reported_attribute_is_not_drift() -> None:
    terse = Field(name="Amount")
    full: dict[str, Any] = {"label": "Amount", "type": FieldType.CURRENCY, "length": 18}
    wordy = Field(name="Amount", native_type="currency", required=False, **full)
    assert schema_hash([terse]) != schema_hash([wordy])
    assert compare_fields(terse, wordy) == ()


def test_the_objects_of_a_reference_are_listed_by_name_and_once() -> None:
    before, after = (
        field("Owner", type=FieldType.REFERENCE, references=names)
        for names in (("User", "Account"), ("User", "Queue", "Group", "Account", "User"))
    )
    (change,) = compare_fields(before, after)
    assert change.before == ["Account", "User"]
    assert change.after == ["Account", "Group", "Queue", "User"]


def test_a_picklist_change_lists_only_the_values_that_differ() -> None:
    before = field("Stage", picklist=(*values("open", "won", "lost"),))
    after = field(
        "Stage",
        picklist=(
            *values("stalled", "won"),
            PicklistValue(value="lost", label="Lost", active=False),
        ),
    )
    [change] = compare_fields(before, after)
    assert [v["value"] for v in change.before] == ["lost", "open"]
    assert change.after == [
        {"value": "lost", "label": "Lost", "active": False, "default": False},
        {"value": "stalled", "label": "stalled", "active": True, "default": False},
    ]


def test_value_with_one_label_left_is_not_removed() -> None:
    both = (PicklistValue(value="x", label="X"), PicklistValue(value="x", label="Ex"))
    [change] = compare_fields(field("F", picklist=both), field("F", picklist=both[:1]))
    assert [v["label"] for v in change.before] == ["Ex", "X"]
    assert [v["label"] for v in change.after] == ["X"]


CURRENCY = field("F", type=FieldType.CURRENCY, native_type="number", type_exact=True)
OWNER = field("F", type=FieldType.REFERENCE, native_type="enumeration", references=("OWNER",))


@pytest.mark.parametrize(
    ("exact", "coarse"),
    [
        (CURRENCY, field("F", type=FieldType.DECIMAL, native_type="number", type_exact=False)),
        (OWNER, field("F", type=FieldType.PICKLIST, native_type="enumeration", type_exact=False)),
    ],
)
def test_inexact_type_is_not_a_change(exact: Field, coarse: Field) -> None:
    assert compare_fields(exact, coarse) == compare_fields(coarse, exact) == ()
    told = coarse.model_copy(update={"type_exact": True})
    assert "type" in [c.attribute for c in compare_fields(exact, told)]
    other = coarse.model_copy(update={"native_type": "bool", "type": FieldType.BOOLEAN})
    assert [c.attribute for c in compare_fields(exact, other)][:2] == ["type", "nativeType"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        # An export without `createable` says of a nillable field that it is not required.
        ((False, True), (None, False), True),
        ((None, True), (None, False), True),
        ((None, False), (False, True), True),
        ((None, False), (True, False), False),
        ((True, False), (False, True), False),
        ((None, None), (None, False), False),
        ((False, True), (False, False), True),
    ],
)
def test_nillable_is_compared_if_required_is_unknown(
    before: tuple[bool | None, bool | None], after: tuple[bool | None, bool | None], told: bool
) -> None:
    old, new = (field("F", required=r, nillable=n) for r, n in (before, after))
    assert ("nillable" in [c.attribute for c in compare_fields(old, new)]) is told


def test_allowed_values_differ_by_controlling_value() -> None:
    old = field("State", allowed_values={"US": ("CA", "NY"), "DE": ("BY",)})
    new = field("State", allowed_values={"DE": ("BY",), "US": ("NY", "TX")})
    [change] = compare_fields(old, new)
    assert (change.attribute, change.before, change.after) == (
        "allowedValues",
        {"US": ["CA"]},
        {"US": ["TX"]},
    )


def test_rules_sorted_by_name() -> None:
    names = [f"rule{number}" for number in range(9)]
    rules = tuple(Rule(name=name, kind=RuleKind.VALIDATION) for name in reversed(names))
    ruled = schema([]).model_copy(update={"rules": rules})
    none = ruled.model_copy(update={"rules": ()})
    assert [rule.name for _, rule, _ in compare_rules(none, ruled)] == names
    assert [rule.name for _, rule, _ in compare_rules(ruled, none)] == names


def test_rule_lists_only_differences() -> None:
    rule = Rule(name="r", kind=RuleKind.VALIDATION, message="a", expression="x")
    ruled = schema([]).model_copy(update={"rules": (rule,)})

    def changes(**more: object) -> list[tuple[str, object, object]]:
        other = ruled.model_copy(update={"rules": (rule.model_copy(update=more),)})
        found = compare_rules(ruled, other)
        return [(c.attribute, c.before, c.after) for _, _, all_ in found for c in all_]

    assert changes(message="b", active=False) == [("message", "a", "b"), ("active", True, False)]
    assert changes(on_create="block") == [("onCreate", None, "block")]
    assert changes(expression="y") == [("expression", "x", "y")]
    # A formula that could not be read is no change.
    assert changes(expression="") == []
