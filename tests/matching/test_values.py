"""Value maps: exact before normalized before synonym before meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crmdeck.matching.values import MAX_ENCODED, suggest_value_map
from crmdeck.model import Field, FieldType, PicklistValue, ValueMap, ValueMatch
from crmdeck.workspace.knowledge import load_catalog, load_codes, load_knowledge

KNOWLEDGE = load_knowledge(None)


class Topics:
    """An encoder of two topics, so that near meanings are obvious."""

    name = "topics"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [[1.0, 0.0] if "farm" in text or "agri" in text else [0.0, 1.0] for text in texts]
        return np.array(rows, np.float32)


def choices(*values: str | tuple[str, str], type_: FieldType = FieldType.PICKLIST) -> Field:
    pairs = [value if isinstance(value, tuple) else (value, value) for value in values]
    return Field(
        name="field",
        type=type_,
        picklist=tuple(PicklistValue(value=value, label=label) for value, label in pairs),
    )


def outcome(found: ValueMap) -> dict[str, tuple[str | None, ValueMatch]]:
    return {pair.partner_value: (pair.crm_value, pair.how) for pair in found.pairs}


def test_each_value_uses_the_best_kind_of_match() -> None:
    left = choices("Won", "under_review", "rejected", "nothing like it")
    right = choices("In Review", "Won", "Under Review", "Declined")
    found = suggest_value_map(left, right, knowledge=KNOWLEDGE)
    assert outcome(found) == {
        "Won": ("Won", ValueMatch.EXACT),
        "under_review": ("Under Review", ValueMatch.NORMALIZED),
        "rejected": ("Declined", ValueMatch.SYNONYM),
        "nothing like it": (None, ValueMatch.NONE),
    }
    assert not found.complete
    assert [pair.confidence for pair in found.pairs] == sorted(
        (pair.confidence for pair in found.pairs), reverse=True
    )


def test_registration_status_maps_to_lead_status() -> None:
    fields = {field.name: field for field in load_catalog(None)["deal_registration"].fields}
    right = choices(
        "Open - Not Contacted",
        "Working - Contacted",
        "Closed - Converted",
        "Closed - Not Converted",
    )
    found = suggest_value_map(fields["status"], right, knowledge=KNOWLEDGE)
    assert [pair.crm_value for pair in found.pairs] == [
        *("Open - Not Contacted", "Working - Contacted", "Closed - Converted"),
        *("Closed - Not Converted", None),
    ]


def test_meaning_fills_value_gaps_one_to_one() -> None:
    right = choices("Agriculture", "Retail")
    two = suggest_value_map(
        choices("Farming", "Farms"), right, knowledge=KNOWLEDGE, encoder=Topics()
    )
    assert [pair.crm_value for pair in two.pairs] == ["Agriculture", None]
    same = suggest_value_map(
        choices("Agriculture", "Farms"), right, knowledge=KNOWLEDGE, encoder=Topics()
    )
    assert [pair.crm_value for pair in same.pairs] == ["Agriculture", None]
    three = suggest_value_map(
        choices("Farming", "Farms", "Farm goods"), right, knowledge=KNOWLEDGE, encoder=Topics()
    )
    assert three.complete
    assert {pair.how for pair in three.pairs} == {ValueMatch.EMBEDDING}


def test_numeric_codes_are_compared_by_label() -> None:
    left = choices(("1", "Hot"), ("2", "Cold"))
    right = choices(("1", "Cold"), ("2", "Hot"))
    found = suggest_value_map(left, right, knowledge=KNOWLEDGE)
    assert outcome(found) == {"1": ("2", ValueMatch.EXACT), "2": ("1", ValueMatch.EXACT)}


def test_yes_and_no_map_to_a_checkbox_and_free_text_needs_no_map() -> None:
    found = suggest_value_map(
        choices("Yes", "No"), Field(name="b", type=FieldType.BOOLEAN), knowledge=KNOWLEDGE
    )
    assert [pair.crm_value for pair in found.pairs] == ["true", "false"]
    free = suggest_value_map(
        choices("Yes"), Field(name="b", type=FieldType.TEXT), knowledge=KNOWLEDGE
    )
    assert free == ValueMap()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (
            "US NO IN",
            ["India", "Norway", "United States", "Iran"],
            ["United States", "Norway", "India"],
        ),
        (
            "en_US pt-BR sv",
            ["Svenska", "English", "Portuguese"],
            ["English", "Portuguese", "Svenska"],
        ),
        ("de fr sv", ["DEU", "FRA", "SWE"], ["DEU", "FRA", "SWE"]),
        ("P1 P2 P3", ["Low", "Normal", "High"], ["High", "Normal", "Low"]),
        # Two values with one meaning, and a list that only looks like codes.
        ("de fr", ["German", "Deutsch", "French"], [None, "French"]),
        (
            "IT HR NO",
            ["Information Technology", "Sales", "false"],
            ["Information Technology", None, "false"],
        ),
    ],
)
def test_codes_match_names_of_one_table(
    left: str, right: list[str], expected: list[str | None]
) -> None:
    found = suggest_value_map(
        choices(*left.split()), choices(*right), knowledge=KNOWLEDGE, codes=load_codes()
    )
    assert [pair.crm_value for pair in found.pairs] == expected


def test_retired_values_are_left_out() -> None:
    retired = PicklistValue(value="Old", active=False)
    left = choices("Old").model_copy(update={"picklist": (retired, PicklistValue(value="New"))})
    right = left.model_copy(update={"picklist": (retired,)})
    assert outcome(suggest_value_map(left, right, knowledge=KNOWLEDGE)) == {
        "New": (None, ValueMatch.NONE)
    }


names = st.lists(st.text(max_size=8), max_size=6, unique=True)


@given(left=names, right=names)
def test_values_have_one_pair_each(left: list[str], right: list[str]) -> None:
    found = suggest_value_map(choices(*left), choices(*right), knowledge=KNOWLEDGE)
    assert [pair.partner_value for pair in found.pairs] == left
    assert {pair.crm_value for pair in found.pairs} <= {None, *right}
    assert found.complete == all(pair.crm_value is not None for pair in found.pairs)


class Angle:
    """An encoder in which each CRM value has the cosine that its text names."""

    name = "angle"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        cosines = np.array(
            [
                float(text) if text.strip("-0123456789.") == "" else 1
                for text in (one.replace(" ", ".") for one in texts)
            ],
            np.float32,
        )
        return np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)


def test_meaning_needs_a_cosine_of_at_least_0_7() -> None:
    for cosine, target in (("0.75", "0.75"), ("0.65", None)):
        found = suggest_value_map(
            choices("text"), choices(cosine), knowledge=KNOWLEDGE, encoder=Angle()
        )
        assert [pair.crm_value for pair in found.pairs] == [target]
    best = suggest_value_map(
        choices("text", "more"), choices("0.75", "0.95"), knowledge=KNOWLEDGE, encoder=Angle()
    )
    assert [(pair.crm_value, pair.confidence) for pair in best.pairs] == [
        ("0.95", 0.95),
        ("0.75", 0.75),
    ]


def test_too_many_values_are_not_compared_by_meaning() -> None:
    many = [f"farm {n}" for n in range(MAX_ENCODED)]
    for left, right in (([*many, "farm"], ["agri"]), (["farm"], [*map(str, range(501)), "agri"])):
        found = suggest_value_map(
            choices(*left), choices(*right), knowledge=KNOWLEDGE, encoder=Topics()
        )
        assert {pair.crm_value for pair in found.pairs} == {None}
    some = suggest_value_map(choices(*many), choices("agri"), knowledge=KNOWLEDGE, encoder=Topics())
    assert some.complete


def test_first_equal_counterpart_wins() -> None:
    right = choices("In Review", "in-review", "agri")
    found = suggest_value_map(
        choices("IN REVIEW", "farm"), right, knowledge=KNOWLEDGE, encoder=Topics()
    )
    assert [(pair.crm_value, pair.how) for pair in found.pairs] == [
        ("In Review", ValueMatch.NORMALIZED),
        ("agri", ValueMatch.EMBEDDING),
    ]
    coded = suggest_value_map(choices(("7", "")), choices(("7", "x")), knowledge=KNOWLEDGE)
    assert outcome(coded) == {"7": (None, ValueMatch.NONE)}
    assert suggest_value_map(Field(name="x"), right, knowledge=KNOWLEDGE) == ValueMap()
