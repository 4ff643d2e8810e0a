"""The reasons of a suggestion in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from crmdeck.matching.context import Home
from crmdeck.matching.evidence import Example
from crmdeck.matching.knowledge import Concept, Knowledge, System
from crmdeck.matching.measure import Measured
from crmdeck.matching.reasons import RECORD_IDS, Explainer
from crmdeck.matching.text import FieldText
from crmdeck.model import Field, FieldType, Reason

KNOWN = Knowledge(
    systems={"crm": System("The CRM")},
    concepts={"close": Concept("close", "Close Date"), "bare": Concept("bare", "")},
)
TEXT = FieldText((("close", "date", "of"),), ())


def reasons(
    contributions: Mapping[str, float],
    *,
    left: Field = Field(name="a"),  # noqa: B008 - frozen
    right: Field = Field(name="b"),  # noqa: B008 - frozen
    words: FieldText = TEXT,
    earlier: Mapping[str, Sequence[Example]] = MappingProxyType({}),
    record_ids: bool = False,
    **more: Any,
) -> tuple[Reason, ...]:
    measured = Measured(
        **{
            "signals": {"record_id": np.array([[float(record_ids)]], np.float32)},
            "against": {},
            "left": (TEXT,),
            "right": (words,),
            "left_concepts": ({},),
            "right_concepts": ({},),
            "homes": (None, None),
            "objects": None,
            "foreign": 0.0,
        }
        | more
    )
    return Explainer([left], [right], measured, KNOWN).reasons(0, 0, contributions, earlier)


def texts(*args: Any, **more: Any) -> list[str]:
    return [reason.text for reason in reasons(*args, **more)]


def test_shares_cover_values_above_average() -> None:
    found = reasons({"csls": 3.0, "type": 1.0, "closest": -2.0, "concept": 0.0})
    assert [(one.signal, one.share) for one in found] == [("meaning", 0.75), ("type", 0.25)]
    assert reasons({"csls": -1.0}) == ()
    assert reasons({"csls": 1.0}, record_ids=True) == (RECORD_IDS,)


def test_at_most_four_reasons_of_five_percent_are_shown() -> None:
    five = {"csls": 5.0, "type": 4.0, "elsewhere": 3.0, "closest": 2.0, "suggested": 1.0}
    earlier = {"elsewhere": [Example(Field(name="a"), Field(name="b"), "deal--Opportunity")]}
    assert [one.signal for one in reasons(five, earlier=earlier)] == [
        "meaning",
        "type",
        "elsewhere",
        "words",
    ]
    assert [one.signal for one in reasons({"csls": 95.0, "type": 5.0})] == ["meaning", "type"]
    assert [one.signal for one in reasons({"csls": 96.0, "type": 4.0})] == ["meaning"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("date", "close"), "same words: close, date"),
        (("date", "of"), "same words: date"),
        (("of",), "similar spelling"),
        ((), "similar spelling"),
    ],
)
def test_shared_words_are_named_without_fillers(words: tuple[str, ...], expected: str) -> None:
    other = FieldText((words,), ())
    assert texts({"closest": 1.0}, words=other) == [expected]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (FieldType.DATE, FieldType.DATE, "same type: date"),
        (FieldType.STRING, FieldType.TEXT, "compatible types: text, long text"),
        (FieldType.OTHER, FieldType.TEXT, "types may be compatible"),
    ],
)
def test_types_are_named(left: FieldType, right: FieldType, expected: str) -> None:
    one, other = Field(name="a", type=left), Field(name="b", type=right)
    assert texts({"type": 1.0}, left=one, right=other) == [expected]


def test_earlier_decisions_name_their_place() -> None:
    own, other = Field(name="b"), Field(name="c")
    earlier = {
        "elsewhere": [Example(Field(name="a"), own, "deal--Opportunity")],
        "connections": [Example(Field(name="a"), own, place) for place in "abcdd"],
    }
    found = texts({"elsewhere": 1.0, "connections": 0.9, "suggested": 0.5}, earlier=earlier)
    assert found == [
        "accepted for deal--Opportunity",
        "accepted in a, b, c and 1 more",
        "suggested by PartnerOS",
    ]
    earlier = {"connections": [Example(Field(name="a"), own, place) for place in "abc"]}
    assert texts({"connections": 1.0}, earlier=earlier) == ["accepted in a, b, c"]
    earlier = {"connections": [Example(Field(name="a"), other, "acme-emea")]}
    assert texts({"connections": 1.0}, earlier=earlier) == ["accepted like this in acme-emea: c"]


@pytest.mark.parametrize(
    ("home", "left", "right", "expected"),
    [
        (Home("crm", "deal"), {"close": 0.9}, {"close": 1.0}, "usual match in The CRM"),
        (Home("own", "deal"), {"close": 0.9}, {"close": 1.0}, "usual match in own"),
        (Home("crm", "deal"), {"close": 0.9}, {"close": 0.9}, 'both mean "close date" in CRMs'),
        (None, {"bare": 0.9, "close": 0.5}, {"bare": 1.0}, 'both mean "bare" in CRMs'),
        (None, {"close": 0.9}, {"other": 1.0}, "often used interchangeably"),
        (Home("crm", "deal"), {"close": 0.9}, {}, "often used interchangeably"),
    ],
)
def test_a_shared_concept_is_named(
    home: Home | None, left: dict[str, float], right: dict[str, float], expected: str
) -> None:
    found = texts(
        {"concept": 1.0}, homes=(None, home), left_concepts=(left,), right_concepts=(right,)
    )
    assert found == [expected]
