"""The search finds what has the words, the best first, whatever the user typed before."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.workspace import MAPPED, Searchable, SearchIndex, field_relevance, object_relevance
from crmdeck.workspace.explore import search
from crmdeck.workspace.explore.search import NAMES_STEP, SETUP, STANDARD, USUAL

FIELDS = (
    Searchable("CreatedById", "ApexClass", ("Created By ID",), SETUP),
    Searchable("Email", "ApexNotice", ("Email",), SETUP),
    Searchable("Email", "Case", ("Email",)),
    Searchable("PersonEmail", "Account", ("Email",), USUAL),
    Searchable("EmailBounced", "Contact", ("Bounced",), USUAL),
    Searchable("Email", "Contact", ("Email",), USUAL),
    Searchable("Reply_Email__c", "Case", ("Where we reply",), MAPPED),
    Searchable("StageName", "Opportunity", ("Stufe für später",), USUAL),
    Searchable("Remailed__c", "Case", ("Sent again",)),
)


def found(index: SearchIndex[Searchable], text: str, *, tolerant: bool = False) -> list[str]:
    """Return the paths of the rows that a search finds."""
    steps = index.find(text.split(), tolerant=tolerant)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return [f"{index.rows[place].within}.{index.rows[place].name}" for place in done.value]


def index_of(rows: Sequence[Searchable]) -> SearchIndex[Searchable]:
    return SearchIndex(rows, lambda row: row)


def test_best_match_sorts_first_and_setup_last() -> None:
    assert found(index_of(FIELDS), "email") == [
        "Contact.Email",
        "Case.Email",
        "Contact.EmailBounced",
        "Account.PersonEmail",
        "Case.Reply_Email__c",
        "Case.Remailed__c",
        "ApexNotice.Email",
    ]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("opportunity.sta", "Opportunity.StageName"),
        ("stagen", "Opportunity.StageName"),
        ("stage name", "Opportunity.StageName"),
        ("FUR SPATER", "Opportunity.StageName"),
        ("reply_email__c", "Case.Reply_Email__c"),
        ("contact email", "Contact.Email"),
        ("con em", "Contact.Email"),
    ],
)
def test_names_match_as_written_as_words_and_without_accents(text: str, first: str) -> None:
    assert found(index_of(FIELDS), text)[0] == first


def test_abbreviation_is_the_last_match() -> None:
    index = index_of(FIELDS)
    assert found(index, "oppstg") == []
    assert found(index, "oppstg", tolerant=True) == ["Opportunity.StageName"]
    assert found(index, "oppstgn", tolerant=True) == ["Opportunity.StageName"]
    assert found(index, "email", tolerant=True) == found(index, "email")


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("contct email", "Contact.Email"),
        ("contact emial", "Contact.Email"),
        ("contct.emial", "Contact.Email"),
        ("opportunty", ".Opportunity"),
        ("oportunity", ".Opportunity"),
        ("oportunity stge name", "Opportunity.StageName"),
        ("email contct", "Contact.Email"),
        ("stagenmae", "Opportunity.StageName"),
        ("emial", "Contact.Email"),
        ("reply emial", "Case.Reply_Email__c"),
        ("contct e", "Contact.Email"),
    ],
)
def test_a_typo_still_finds_the_name(typed: str, first: str) -> None:
    index = index_of((*FIELDS, Searchable("Opportunity", relevance=USUAL), Searchable("Contact")))
    assert found(index, typed) == []
    assert found(index, typed, tolerant=True)[0] == first


def test_setup_names_sort_last_after_typo() -> None:
    assert found(index_of(FIELDS), "emial", tolerant=True)[-1] == "ApexNotice.Email"


def test_unknown_words_find_no_fields() -> None:
    assert found(index_of(FIELDS), "warehouse", tolerant=True) == []


def test_the_first_key_of_a_typo_searches_in_many_short_steps() -> None:
    many = [Searchable(f"Field_{number}__c", f"Object_{number // 40}__c") for number in range(8192)]
    index = index_of([*many, *FIELDS])
    index.prepare()
    steps = index.find(["contct", "email"], tolerant=True)
    taken = []
    with suppress(StopIteration):
        while True:
            before = thread_time()
            next(steps)
            taken.append(thread_time() - before)
    assert len(taken) >= 8192 // NAMES_STEP
    # Comparing the 16,384 names in one step takes several times as long.
    assert sorted(taken)[-2] < 0.005


def test_the_marks_of_the_index_are_letters_like_others_in_a_row() -> None:
    hostile = (Searchable("a\x03\x02 b", "x\x04", ("\x05[b]", "")), Searchable("b", "", ()))
    assert len(found(index_of(hostile), "b")) == 2
    assert found(index_of(hostile), "\x02") == found(index_of(hostile), "")


texts = st.text(alphabet="aAbÄ_ .", min_size=0, max_size=6)
rows = st.builds(
    Searchable, texts, texts, st.tuples(texts), st.sampled_from([MAPPED, STANDARD, SETUP])
)


@given(st.lists(rows, max_size=12), st.lists(texts, max_size=6))
def test_earlier_input_has_no_effect(many: list[Searchable], typed: list[str]) -> None:
    index = index_of(many)
    for text in typed:
        assert found(index, text) == found(index_of(many), text)


@given(st.lists(rows, max_size=12), st.sampled_from(["a", "ab", "a b", "b", "aa"]))
def test_all_that_has_the_words_is_found(many: list[Searchable], text: str) -> None:
    def has(row: Searchable, word: str) -> bool:
        whole = (row.name, row.within, *row.texts)
        return any(word in one.casefold().replace("ä", "a") for one in whole)

    index = index_of(many)
    assert set(found(index, text)) >= {
        f"{row.within}.{row.name}" for row in many if all(has(row, word) for word in text.split())
    }


def test_mapped_objects_sort_first() -> None:
    def relevance(name: str, *, custom: bool = False, mapped: bool = False) -> int:
        return field_relevance(
            name, custom_object=name.endswith("__c"), custom=custom, mapped=mapped
        )

    order = [
        relevance("ApexClass", mapped=True),
        relevance("Contact", custom=True),
        relevance("Case", custom=True),
        relevance("Case"),
        relevance("ApexClass", custom=True),
    ]
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    assert relevance("Deal__c") == relevance("Case", custom=True)
    assert object_relevance("Deal__ChangeEvent", custom=True) == SETUP
    assert object_relevance("deals", custom=False) == USUAL


def test_added_rows_are_found_like_those_from_the_start() -> None:
    base, more = FIELDS[:5], FIELDS[5:]
    joined = index_of(base).with_rows(more)
    whole = index_of(FIELDS)
    assert tuple(joined.rows) == FIELDS
    for text in ("email", "e", "reply", "stage name", "apex", "contct emial", "oppstg"):
        assert found(joined, text, tolerant=True) == found(whole, text, tolerant=True), text


def test_a_hostile_name_does_not_stall_the_search() -> None:
    # A pattern that backtracks would try billions of ways here.
    index = index_of([*FIELDS, Searchable("lg " * 3000, "Case")])
    assert found(index, "lggggp", tolerant=True) == []
    assert found(index, "oppstg", tolerant=True) == ["Opportunity.StageName"]


def test_single_letter_finds_prefixes_in_large_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "LARGE", 3)
    index = index_of(FIELDS)
    assert found(index, "s") == ["Opportunity.StageName"]
    # More letters search inside the names again.
    assert "Account.PersonEmail" in found(index, "so")
    assert found(index, "z") == []
