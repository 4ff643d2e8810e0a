"""Words: three spellings of one name, other scripts, and texts that say nothing or too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.matching.text import (
    TEXT_LIMIT,
    Cutter,
    Reader,
    Spelling,
    fold,
    singular,
    split_words,
    strip_platform,
)
from crmdeck.model import Field

SPELLING = Spelling({"qty": "quantity", "hq": "headquarters"}, {"zip code": "postal code"})


def read(*fields: Field) -> list[tuple[str, ...]]:
    reader = Reader(fields, SPELLING)
    return [reader.read(field).name for field in fields]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("accountName", ("account", "name")),
        ("Account_Name__c", ("account", "name")),
        ("hs_account_name", ("account", "name")),
        ("_ownerid_value", ("ownerid",)),
        ("HTTPServerURL", ("http", "server", "url")),
        ("address2Line", ("address", "2", "line")),
        ("ns__Linked_Account__c", ("ns", "linked", "account")),
        ("Größe__c", ("große",)),
        ("___", ()),
    ],
)
def test_a_name_is_split_and_freed_of_its_platform(name: str, words: tuple[str, ...]) -> None:
    assert split_words(strip_platform(name)) == tuple(fold(word) for word in words)


def test_abbreviations_are_written_out_and_synonyms_become_one() -> None:
    quantity, zip_code = read(Field(name="OrderQty"), Field(name="hqZipCode"))
    assert quantity == ("order", "quantity")
    assert zip_code == ("headquarter", "postal", "code")


def test_a_run_together_name_is_cut_with_the_words_of_the_other_side() -> None:
    fields = (Field(name="numberofemployees"), Field(name="Number_Of_Employees"))
    ours, theirs = read(*fields)
    assert ours == theirs == ("number", "of", "employee")


def test_a_word_is_not_cut_into_crumbs_nor_where_it_is_known() -> None:
    cutter = Cutter(["web", "site", "website", "industry", "in", "dust"])
    assert cutter.cut("website") == ("website",)
    assert cutter.cut("industrial") == ("industrial",)
    assert cutter.cut("website" * 100) == ("website" * 100,)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("companies", "company"), ("employees", "employee"), ("status", "status"), ("boss", "boss")],
)
def test_plurals_become_singular(word: str, expected: str) -> None:
    assert singular(word) == expected


def test_a_long_description_is_read_from_its_start_only() -> None:
    field = Field(name="x", label="", description="word " * 2000)
    text = Reader([field], SPELLING).read(field)
    assert 0 < len(text.description) <= TEXT_LIMIT
    assert text.name == ("x",)


def test_a_field_without_a_name_is_read_by_its_label() -> None:
    field = Field(name="__", label="Close date")
    assert Reader([field], SPELLING).read(field).name == ("close", "date")


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_can_be_read(name: str, label: str) -> None:
    field = Field(name=name, label=label, description=label)
    text = Reader([field], SPELLING).read(field)
    assert all(word and word == word.casefold() for word in (*text.name, *text.label))
