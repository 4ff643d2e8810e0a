"""Words for rows, choices and decisions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.mapping.rows import Candidate
from crmdeck.mapping.wording import (
    DIRECTION_WORDS,
    SIGNS,
    STATE_WORDS,
    access_text,
    as_warning,
    best_text,
    choice_text,
    crm_text,
    decision_text,
    failure_text,
    left_out_text,
    matched_values_text,
    missing_values,
    pair_text,
    percent,
    row_line,
    row_note,
    shortened,
    type_text,
    warning_words,
    yes_no,
)
from crmdeck.model import (
    Choice,
    DecisionState,
    Direction,
    FieldType,
    Outcome,
    Severity,
)
from crmdeck.preflight.edges import ALWAYS, FailsWhen

from .pairs import (
    ACCEPTED,
    PENDING,
    REJECTED,
    decided,
    event,
    field,
    row,
    undone,
    values,
    verdict,
)

PUSH, PULL = Direction.PUSH, Direction.PULL


@given(st.floats(0, 1))
def test_a_percentage_is_rounded_and_never_certain(confidence: float) -> None:
    shown = int(percent(confidence).removesuffix("%"))
    assert 0 <= shown <= 99
    assert abs(shown - confidence * 100) <= 0.5 + 1e-9 or shown == 99


def test_a_percentage_is_written_without_a_space() -> None:
    assert [percent(one) for one in (0, 0.004, 0.005, 0.924, 0.925, 1)] == [
        "0%",
        "0%",
        "1%",
        "92%",
        "93%",
        "99%",
    ]


def test_every_state_and_direction_has_a_sign_and_words() -> None:
    assert len(set(SIGNS.values())) == len(DecisionState)
    assert [STATE_WORDS[one][-1] for one in (ACCEPTED, REJECTED, PENDING)] == [
        "accepted",
        "unmapped",
        "undecided",
    ]
    assert len(set(DIRECTION_WORDS.values())) == len(Direction)
    assert pair_text("deal--Opportunity") == "deal → Opportunity"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "string"),
        ({"length": 80}, "string(80)"),
        ({"type": "picklist", "picklist": values("a", "b")}, "picklist of 2"),
        ({"type": "picklist", "picklist": values("a"), "length": 40}, "picklist of 1"),
        ({"type": "multipicklist", "length": 40}, "multipicklist"),
        ({"type": "reference", "references": ("A",), "length": 18}, "reference to A"),
        ({"type": "reference", "references": tuple("ABC")}, "reference to A, B, C"),
        ({"type": "reference", "references": tuple("ABCD")}, "reference to A, B, C and 1 more"),
        ({"type": "other", "native_type": "location"}, "location"),
        ({"type": "other"}, "untyped"),
    ],
)
def test_a_type_has_its_limit(attributes: dict[str, Any], expected: str) -> None:
    assert type_text(field("x", **attributes)) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "Account_Name__c"),
        ({"crm_field": None, "state": REJECTED}, "unmapped"),
        ({"crm_field": None}, "no suggestion"),
    ],
)
def test_row_without_crm_field_has_reason(changed: dict[str, Any], expected: str) -> None:
    assert crm_text(row(**changed)) == expected


STATUS = field("status", type=FieldType.PICKLIST, picklist=values("new", "won", "lost"))
CHOICES = field("Status", type=FieldType.PICKLIST, picklist=values("NEW", "Won"))
GONE = event(1, "Account_Name__c")
RISKY = event(2, "Account_Name__c", severity=Severity.RISKY)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ""),
        ({"state": ACCEPTED, "right": None}, "no longer in the schema"),
        ({"state": ACCEPTED, "right": None, "drift": (GONE,)}, "removed"),
        ({"state": ACCEPTED, "right": None, "drift": (GONE,), "renamed_to": "X"},
         "removed, renamed?"),
        ({"state": ACCEPTED, "drift": (RISKY, GONE)}, "removed"),
        ({"state": ACCEPTED, "drift": (RISKY,), "renamed_to": "X"}, "removed"),
        ({"verdict": verdict(PULL), "direction": PUSH}, "can't sync"),
        ({"partner": STATUS, "right": CHOICES, "value_map": {"new": "NEW"}}, "2 values not mapped"),
        ({"verdict": verdict(Direction.BIDIRECTIONAL, "ARCHIVED", "RULE")}, "archived"),
        ({"crm_field": None, "right": None}, "no match"),
        ({"crm_field": None, "right": None, "candidates": (Candidate("A"), Candidate("B", 0.31))},
         "best: B 31%"),
        ({"crm_field": None, "right": None, "state": REJECTED}, ""),
    ],
)  # fmt: skip
def test_a_note_names_the_worst_problem(changed: dict[str, Any], expected: str) -> None:
    assert row_note(row(**changed)) == expected


def fails(when: str, reason: str, outcome: Outcome = Outcome.REJECTED, **more: Any) -> FailsWhen:
    return FailsWhen("accountName", "Account_Name__c", outcome, when, "A_CODE", reason, **more)


LONG = fails("81 characters or more", "longer than 80 characters")
VALUE = fails("won", "not a value of the picklist")
LOST = fails("lost", "not a value of the picklist")
CUT = fails("a date", "the time of day is dropped", Outcome.CHANGED)
READ_ONLY = fails(ALWAYS, "the field is read-only")
FIELD_GONE = fails(ALWAYS, "the field doesn't exist")._replace(code="FIELD_GONE")
PICKLIST = {"partner": STATUS, "right": CHOICES}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"judged": (LONG,)}, "✕ 81 characters or more"),
        ({"judged": (LONG._replace(rule="Short"),)},
         "✕ 81 characters or more: longer than 80 characters"),
        ({"judged": (CUT, LONG)}, "~ a date: the time of day is dropped"),
        ({"judged": (READ_ONLY,)}, "✕ always: the field is read-only"),
        ({"judged": (FIELD_GONE,)}, "✕ always: the field doesn't exist"),
        ({"judged": (FIELD_GONE,), "right": None, "renamed_to": "X"}, "✕ always: renamed?"),
        ({"judged": (VALUE,), **PICKLIST}, "✕ won: not a value of the picklist"),
        ({"judged": (VALUE, LOST), **PICKLIST}, "✕ 2 of 3 values: not a value of the picklist"),
        ({"judged": (LONG,), "hidden_warnings": frozenset({"A_CODE"})}, ""),
        ({"judged": (LONG,), "verdict": verdict(PULL), "direction": PUSH}, "can't sync"),
        ({"judged": (LONG,), "state": ACCEPTED, "drift": (RISKY,)}, "✕ 81 characters or more"),
        ({"judged": (LONG,), "state": ACCEPTED}, "✕ 81 characters or more"),
    ],
)  # fmt: skip
def test_a_note_names_when_a_row_fails(changed: dict[str, Any], expected: str) -> None:
    assert row_note(row(**changed)) == expected


def test_a_failure_and_a_row_in_one_line() -> None:
    unsure = fails("0", "rule Big", Outcome.UNKNOWN, needs=("Amount", "Stage"))
    assert failure_text(LONG) == "✕ 81 characters or more: longer than 80 characters"
    assert failure_text(unsure) == "? 0: rule Big, needs Amount, Stage"
    assert as_warning(CUT).text == "Account_Name__c: a date (the time of day is dropped)."
    line = row_line(row(judged=(LONG,), direction=PULL, confidence=0.924))
    assert line == "Account name ← Account_Name__c  92%"
    assert row_line(row(crm_field=None, right=None, confidence=None, direction=PULL)) == (
        "Account name → no suggestion  no match"
    )


def test_high_matches_to_check_have_reasons() -> None:
    stuck = row(verdict=verdict(PULL), direction=PUSH)
    mapped = row(verdict=verdict(Direction.BIDIRECTIONAL, "VALUE_MAP_NEEDED"), **PICKLIST)
    assert left_out_text([row()]) == ""
    assert left_out_text([stuck, mapped]) == "1 can't sync, 1 needs a value map"
    assert left_out_text([mapped, mapped]) == "2 need a value map"


@pytest.mark.parametrize(
    ("code", "changed", "expected"),
    [
        ("LENGTH_SHORTER", {"right": field("x", length=40)}, "may be cut at 40"),
        ("LENGTH_SHORTER", {"right": field("x", length=40), "direction": PULL}, "may be cut"),
        ("LENGTH_SHORTER", {}, "may be cut"),
        ("LENGTH_SHORTER", {"right": None}, "may be cut"),
        ("VALUE_MAP_NEEDED", {"partner": STATUS, "right": CHOICES}, "0 of 3 values"),
        ("VALUE_MAP_NEEDED", {}, "map the values"),
        ("TIME_LOST", {}, "drops the time of day"),
        ("NEW_KIND", {}, "new kind"),
    ],
)
def test_a_warning_in_few_words(code: str, changed: dict[str, Any], expected: str) -> None:
    assert warning_words(row(**changed), code) == expected


def test_values_without_a_crm_value() -> None:
    free = row(partner=STATUS, right=CHOICES)
    assert missing_values(free) == ("New", "Won", "Lost")
    ours = field("Status", type=FieldType.PICKLIST, picklist=values("lost", "won"))
    assert missing_values(row(partner=STATUS, right=ours)) == ("New",)
    closed = field("Status", type=FieldType.PICKLIST, picklist=values("lost", inactive=("lost",)))
    assert missing_values(row(partner=STATUS, right=closed)) == ("New", "Won", "Lost")
    stored = row(partner=STATUS, right=CHOICES, value_map={"lost": "Won"})
    assert missing_values(stored) == ("New", "Won")
    assert missing_values(row(partner=STATUS, right=None)) == ()


@pytest.mark.parametrize(
    ("value_map", "expected"),
    [
        (None, "none of 3 match"),
        ({"new": "x"}, "1 of 3 mapped; Won, Lost have no CRM value"),
        ({}, "none of 3 mapped"),
        ({"new": "x", "won": "x", "lost": "x"}, "all 3 mapped"),
    ],
)
def test_how_many_values_have_a_crm_value(value_map: dict[str, str] | None, expected: str) -> None:
    assert matched_values_text(row(partner=STATUS, right=CHOICES, value_map=value_map)) == expected


@pytest.mark.parametrize(
    ("words", "width", "expected"),
    [
        ("can't sync", 10, "can't sync"),
        ("can't sync", 9, "can't sync"),
        ("no longer in the schema", 22, "gone"),
        ("no longer in the schema", 23, "no longer in the schema"),
        ("may be empty", 8, "empty"),
        ("12 values not mapped", 12, "12 not mapped"),
        ("✕ 81 characters or more", 18, "✕ > 80 characters"),
        ("✕ 1,001 characters or more", 18, "✕ > 1,000"),
        ("✕ 10,000,000 or more", 19, "✕ > 7 digits"),
        ("~ always: the time of day is dropped", 19, "~ drops time"),
        ("✕ 5 of 5 values: not a value of the picklist", 19, "✕ 5 of 5 values"),
    ],
)
def test_a_note_is_shortened_only_if_it_must_be(words: str, width: int, expected: str) -> None:
    assert shortened(words, width) == expected


@pytest.mark.parametrize(
    ("attributes", "crm", "partner"),
    [
        ({}, "unknown", "read/write"),
        ({"calculated": True}, "read-only", "read-only"),
        ({"createable": False, "updateable": False}, "read-only", "read-only"),
        ({"createable": True, "updateable": False}, "read, set once", "read, set once"),
        ({"createable": None, "updateable": False}, "read, set once", "read, set once"),
        ({"createable": True, "updateable": True}, "read/write", "read/write"),
        ({"createable": None, "updateable": True}, "read/write", "read/write"),
        ({"createable": True, "updateable": None}, "read/write", "read/write"),
        ({"createable": False, "updateable": True}, "read, update", "read, update"),
        ({"createable": False, "updateable": None}, "read, update", "read, update"),
    ],
)
def test_access_of_a_field(attributes: dict[str, Any], crm: str, partner: str) -> None:
    one = field("x", **attributes)
    assert (access_text(one), access_text(one, partner=True)) == (crm, partner)


def test_yes_no_or_unknown() -> None:
    assert [yes_no(one) for one in (True, False, None)] == ["yes", "no", "unknown"]


def choice(state: DecisionState, crm_field: str | None = None, **more: Any) -> Choice:
    return Choice(partner_field="a", state=state, crm_field=crm_field, **more)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (choice(ACCEPTED, "B", direction=PUSH), "a → B"),
        (choice(ACCEPTED, "B"), "a ↔ B"),
        (choice(ACCEPTED, "B", value_map={"x": "y"}), "a ↔ B, 1 value"),
        (choice(REJECTED, "B"), "a: reject B"),
        (choice(REJECTED), "a: unmapped"),
        (choice(PENDING), "a: undecided"),
    ],
)
def test_a_choice_before_it_is_recorded(one: Choice, expected: str) -> None:
    assert choice_text(one) == expected


@pytest.mark.parametrize(
    ("state", "crm_field", "more", "expected"),
    [
        (ACCEPTED, "B", {"direction": PULL}, "accepted ← B"),
        (ACCEPTED, "B", {"value_map": {"x": "y", "z": "y"}}, "accepted ↔ B, 2 values"),
        (REJECTED, "B", {}, "rejected B"),
        (REJECTED, None, {}, "unmapped"),
        (PENDING, None, {}, "cleared"),
    ],
)
def test_decision_describes_its_effect(
    state: DecisionState, crm_field: str | None, more: dict[str, Any], expected: str
) -> None:
    made = decided(1, "a", state, crm_field, **more)
    assert decision_text(made) == expected
    assert decision_text(undone(2, made)) == ("undid B" if crm_field else "undid")


def test_a_row_without_a_suggestion_names_no_unlikely_candidate() -> None:
    assert best_text(row(candidates=())) == "no match"
    assert best_text(row(candidates=(Candidate("A", 0.0), Candidate("B", 0.3)))) == "best: B 30%"
    unlikely = (Candidate("Id", 0.11), Candidate("TrackingNumber__c", 0.04))
    assert best_text(row(candidates=unlikely)) == "no match 85%"
