"""The filter grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.tui.dialogs.counts import counts
from crmdeck.tui.filters import (
    FilterKey,
    FilterSource,
    Term,
    compile_filter,
    flag_key,
    one_of,
    parse,
    text_key,
    with_value,
)

Row = dict[str, str]
ROWS: list[Row] = [
    {"name": "Amount", "type": "currency", "custom": "no"},
    {"name": "Close Date", "type": "date", "custom": "no"},
    {"name": "Stage__c", "type": "picklist", "custom": "yes"},
    {"name": "Amount_Note__c", "type": "text", "custom": "yes"},
]
KEYS: dict[str, FilterKey[Row]] = {
    "type": text_key(lambda row: row["type"]),
    "custom": flag_key(lambda row: row["custom"] == "yes"),
    "name": text_key(lambda row: row["name"]),
    "since": FilterKey(lambda _row, _wanted: True, examples=("7d",)),
    "kind": FilterKey(lambda row, wanted: one_of(row["type"], wanted), old=True),
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
        ("amount !custom:", ["Amount", "Amount_Note__c"]),
        ("type:", ["Amount", "Close Date", "Stage__c", "Amount_Note__c"]),
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["type:", "custom:", "name:", "since:"]),
        ("amount cu", ["amount custom:no ", "amount custom:yes "]),
        ("!cu", ["!custom:no ", "!custom:yes "]),
        ("si", ["since:7d "]),
        ("KI", []),
        ("custom:", ["custom:no ", "custom:yes "]),
        ("type:DA", ["type:date "]),
        ("type:date,pi", ["type:date,picklist "]),
        ("name:cl", ['name:"Close Date" ']),
        ('name:"clo', ['name:"Close Date" ']),
        ("since:", ["since:7d "]),
        ("nowhere:", []),
        ("zzz", []),
    ],
)
def test_filter_completes_keys_and_values(text: str, expected: list[str]) -> None:
    assert [one.text for one in FilterSource(ROWS, KEYS).complete(text)] == expected


def test_half_key_is_left_out() -> None:
    source = FilterSource(ROWS, KEYS)
    texts = {
        "amount ty": "amount ",
        "!cus": "",
        "type:d": "type:d",
        "ty ": "ty ",
        "tyx": "tyx",
        "kin": "kin",
        '"na': '"na',
    }
    assert {text: source.without_half_key(text) for text in texts} == texts


@given(st.text(max_size=20), st.sampled_from(sorted(KEYS)))
def test_a_completed_value_finds_its_rows(name: str, key: str) -> None:
    rows = [*ROWS, {"name": name, "type": "text", "custom": "no"}]
    for offer in FilterSource(rows, KEYS).complete(f"{key}:"):
        passes = compile_filter(offer.text, searched=lambda _: (), keys=KEYS).predicate
        found = 0 if passes is None else sum(map(passes, rows))
        # A value may begin like another one, and a text without letters is no value.
        assert offer.rows is None or found >= offer.rows or '"' in offer.shown


def test_terms() -> None:
    assert parse('!type:"a b" word') == (Term("a b", "type", True, True), Term("word"))


@given(st.text(max_size=60))
def test_never_fails(text: str) -> None:
    found = compile_filter(text, searched=lambda row: row.values(), keys=KEYS)
    for row in ROWS:
        if found.predicate is not None:
            assert found.predicate(row) in (True, False)


def test_a_value_replaces_others_of_its_key() -> None:
    assert with_value("open:yes", "severity", "risky") == "open:yes severity:risky"
    text = 'late who:"Tom Okafor" !who:nightly'
    assert with_value(text, "who", "Lena Brandt") == 'late !who:nightly who:"Lena Brandt"'


def test_rows_are_counted_by_key() -> None:
    keys: dict[str, FilterKey[str]] = {
        "size": text_key(lambda row: row[:1], str.upper),
        "odd": text_key(lambda row: row[1:]),
    }
    found = list(counts(FilterSource(("aa", "a", "b"), keys), ("size", "odd", "missing")))
    assert [(one.key, one.value, one.rows, one.is_first) for one in found] == [
        ("size", "a", 2, True),
        ("size", "b", 1, False),
        ("odd", "a", 1, True),
    ]
    assert [len(one.bar) for one in found] == [16, 8, 16]
    assert [one.words for one in found] == ["A", "B", "a"]
