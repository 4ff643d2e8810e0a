"""The filter grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.tui.filters import Term, compile_filter, one_of, parse, yes_no

Row = dict[str, str]
ROWS: list[Row] = [
    {"name": "Amount", "type": "currency", "custom": "no"},
    {"name": "Close Date", "type": "date", "custom": "no"},
    {"name": "Stage__c", "type": "picklist", "custom": "yes"},
    {"name": "Amount_Note__c", "type": "text", "custom": "yes"},
]
KEYS = {
    "type": lambda row, wanted: one_of(row["type"], wanted),
    "custom": lambda row, wanted: yes_no(row["custom"] == "yes", wanted),
}


def names(text: str) -> list[str]:
    found = compile_filter(text, searched=lambda row: [row["name"]], keys=KEYS)
    return [row["name"] for row in ROWS if found.predicate is None or found.predicate(row)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["Amount", "Close Date", "Stage__c", "Amount_Note__c"]),
        ("AMOUNT", ["Amount", "Amount_Note__c"]),
        ('"close date"', ["Close Date"]),
        ("amount custom:yes", ["Amount_Note__c"]),
        ("!amount", ["Close Date", "Stage__c"]),
        ("!custom:y", ["Amount", "Close Date"]),
        ("type:date,picklist", ["Close Date", "Stage__c"]),
        ("type:pick", ["Stage__c"]),
        ("nowhere", []),
    ],
)
def test_rows_that_pass(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_an_unknown_key_gives_a_hint_and_is_searched_as_text() -> None:
    found = compile_filter("owner:dana", searched=lambda row: ["owner:dana"], keys=KEYS)
    assert found.predicate is not None
    assert found.predicate(ROWS[0])
    assert found.words == ("owner:dana",)
    assert "'owner'" in found.hint
    assert "type:" in found.hint


def test_highlights_words_but_not_negated_ones() -> None:
    found = compile_filter("Amount !note type:x", searched=lambda row: [], keys=KEYS)
    assert found.words == ("amount",)


def test_terms() -> None:
    assert parse('!type:"a b" word') == (Term("a b", "type", True), Term("word"))


@given(st.text(max_size=60))
def test_never_fails(text: str) -> None:
    found = compile_filter(text, searched=lambda row: row.values(), keys=KEYS)
    for row in ROWS:
        if found.predicate is not None:
            assert found.predicate(row) in (True, False)
