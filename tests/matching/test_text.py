"""Words of fields: spellings of one name, other scripts, empty and very long texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.matching.languages import fold
from crmdeck.matching.text import (
    TEXT_LIMIT,
    Cutter,
    FieldText,
    Reader,
    Spelling,
    Vocabulary,
    singular,
    split_words,
    strip_platform,
)
from crmdeck.model import Field

VOCABULARY = Vocabulary(
    Spelling({"qty": "quantity", "hq": "headquarters"}, {"zip code": "postal code"}),
    frozenset({"qty", "hq"}),
)


def read_all(*fields: Field) -> list[FieldText]:
    reader = Reader(fields, fields, VOCABULARY)
    return [reader.read(field) for field in fields]


def read(*fields: Field) -> list[tuple[str, ...]]:
    return [text.readings[0] for text in read_all(*fields)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("accountName", ("account", "name")),
        ("Account_Name__c", ("account", "name")),
        ("hs_account_name", ("account", "name")),
        ("_ownerid_value", ("ownerid",)),
        ("HTTPServerURL", ("http", "server", "url")),
        ("address2Line", ("address", "2", "line")),
        ("ns__Linked_Account__c", ("linked", "account")),
        ("Größe__c", ("große",)),
        ("___", ()),
    ],
)
def test_a_name_is_split_and_loses_its_platform_affixes(name: str, words: tuple[str, ...]) -> None:
    assert split_words(strip_platform(name)) == tuple(fold(word) for word in words)


def test_abbreviations_are_expanded_and_synonyms_unified() -> None:
    quantity, zip_code = read(Field(name="OrderQty"), Field(name="hqZipCode"))
    assert quantity == ("order", "quantity")
    assert zip_code == ("headquarter", "postal", "code")


def test_a_run_together_name_is_cut_with_the_words_of_the_other_side() -> None:
    fields = (Field(name="numberofemployees"), Field(name="Number_Of_Employees"))
    ours, theirs = read(*fields)
    assert ours == theirs == ("number", "of", "employee")


def test_a_known_word_and_one_of_short_parts_only_stay_whole() -> None:
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


def test_only_the_start_of_a_long_label_is_read() -> None:
    (text,) = read_all(Field(name="x", label="word " * 2000))
    assert len(text.readings[-1]) <= TEXT_LIMIT


def test_a_field_without_a_name_is_read_by_its_label() -> None:
    assert read(Field(name="__", label="Close date")) == [("close", "date")]


def test_a_meaningless_name_is_replaced_by_the_label() -> None:
    texts = read_all(
        Field(name="KUNNR", label="Customer number"),
        Field(name="q7", label="Phone number"),
        Field(name="F_020__c", label="Close date"),
        Field(name="Order_Date__c", label="When it was ordered"),
    )
    assert [text.readings[0] for text in texts] == [
        ("customer", "number"),
        ("phone", "number"),
        ("close", "date"),
        ("order", "date"),
    ]


def test_a_first_word_of_most_names_is_dropped() -> None:
    names = ("crm_name", "crm_phone", "crm_city", "crm_owner", "crm_stage", "id")
    assert read(*(Field(name=name) for name in names))[:2] == [("name",), ("phone",)]


def test_the_path_is_the_owner() -> None:
    (text,) = read_all(Field(name="Buyer/Address/City", label="City"))
    assert text.readings == (("buyer", "address", "city"), ("city",))
    assert text.owner == ("buyer", "address")
    assert text.leaf == ("city",)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_can_be_read(name: str, label: str) -> None:
    field = Field(name=name, label=label, description=label)
    (text,) = read_all(field)
    assert all(word and word == word.casefold() for word in text.words)
