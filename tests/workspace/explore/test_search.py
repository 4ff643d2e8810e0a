"""The search: what it finds is what has the words, the best first, whatever was typed before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.workspace import MAPPED, Searchable, SearchIndex, field_standing, object_standing
from crmdeck.workspace.explore.search import SETUP, STANDARD, USUAL

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


def found(index: SearchIndex[Searchable], text: str, *, scattered: bool = False) -> list[str]:
    """Return the paths that are found, all steps being taken."""
    steps = index.find(text.split(), scattered=scattered)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return [f"{index.rows[place].within}.{index.rows[place].name}" for place in done.value]


def index_of(rows: Sequence[Searchable]) -> SearchIndex[Searchable]:
    return SearchIndex(rows, lambda row: row)


def test_the_best_match_comes_first_and_setup_last() -> None:
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
def test_names_are_found_as_they_are_as_words_and_without_accents(text: str, first: str) -> None:
    assert found(index_of(FIELDS), text)[0] == first


def test_letters_of_a_name_find_it_where_nothing_else_is_found() -> None:
    index = index_of(FIELDS)
    assert found(index, "oppstg") == []
    assert found(index, "oppstg", scattered=True) == ["Opportunity.StageName"]
    assert found(index, "oppstgn", scattered=True) == ["Opportunity.StageName"]
    assert found(index, "email", scattered=True) == found(index, "email")


def test_the_marks_of_the_index_are_letters_like_others_in_a_row() -> None:
    hostile = (Searchable("a\x03\x02 b", "x\x04", ("\x05[b]", "")), Searchable("b", "", ()))
    assert len(found(index_of(hostile), "b")) == 2
    assert found(index_of(hostile), "\x02") == found(index_of(hostile), "")


texts = st.text(alphabet="aAbÄ_ .", min_size=0, max_size=6)
rows = st.builds(
    Searchable, texts, texts, st.tuples(texts), st.sampled_from([MAPPED, STANDARD, SETUP])
)


@given(st.lists(rows, max_size=12), st.lists(texts, max_size=6))
def test_what_was_typed_before_changes_nothing(many: list[Searchable], typed: list[str]) -> None:
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


def test_what_is_mapped_stands_before_what_is_usual_custom_standard_and_setup() -> None:
    def standing(name: str, *, custom: bool = False, mapped: bool = False) -> int:
        return field_standing(
            name, custom_object=name.endswith("__c"), custom=custom, mapped=mapped
        )

    order = [
        standing("ApexClass", mapped=True),
        standing("Contact", custom=True),
        standing("Case", custom=True),
        standing("Case"),
        standing("ApexClass", custom=True),
    ]
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    assert standing("Deal__c") == standing("Case", custom=True)
    assert object_standing("Deal__ChangeEvent", custom=True) == SETUP
    assert object_standing("deals", custom=False) == USUAL


def test_rows_that_are_added_are_found_as_if_they_had_been_there() -> None:
    base, more = FIELDS[:5], FIELDS[5:]
    joined = index_of(base).with_rows(more)
    whole = index_of(FIELDS)
    assert tuple(joined.rows) == FIELDS
    for text in ("email", "e", "reply", "stage name", "apex"):
        assert found(joined, text) == found(whole, text), text


def test_a_name_made_to_be_searched_for_ever_is_passed_over_at_once() -> None:
    # Going back for each letter would try billions of ways here.
    index = index_of([*FIELDS, Searchable("lg " * 3000, "Case")])
    assert found(index, "lggggp", scattered=True) == []
    assert found(index, "oppstg", scattered=True) == ["Opportunity.StageName"]
