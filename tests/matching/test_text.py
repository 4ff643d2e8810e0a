"""Words of fields: spellings of one name, other scripts, empty and very long texts."""

from __future__ import annotations

from dataclasses import replace

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
    cutter_of,
    singular,
    split_words,
    strip_platform,
    with_help,
)
from crmdeck.model import Field

VOCABULARY = Vocabulary(
    Spelling({"qty": "quantity", "hq": "headquarters"}, {"zip code": "postal code"}),
    frozenset({"qty", "hq"}),
)


def read_all(*fields: Field) -> list[FieldText]:
    reader = Reader(fields, cutter_of(fields, VOCABULARY), VOCABULARY)
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


@pytest.mark.parametrize(
    ("name", "label", "helped"),
    [
        ("UDF_017", "", True),
        ("UDF_017__c", "udf_017", True),
        ("field7", "Custom field 7", True),
        ("x9_qty", "", False),
        ("ZKUN1", "Kunnr", False),
        ("q1", "会社", False),
        ("hqqty3", "", True),
        ("empl", "", False),
    ],
)
def test_help_text_replaces_meaningless_label(name: str, label: str, helped: bool) -> None:
    help_text = "Number of people at work, today and in all. Not read."
    field = Field(name=name, label=label, description=help_text)
    others = [Field(name="number_of_employees")]
    vocabulary = replace(VOCABULARY, placeholders=frozenset({"udf", "field", "custom"}))
    cutter = cutter_of([field, *others], vocabulary)
    (found,) = with_help([field], cutter, vocabulary)
    assert found.label == ("Number of people at work, today and in" if helped else label)
    assert (
        with_help([field.model_copy(update={"description": ""})], cutter, vocabulary)[0].label
        == label
    )


def test_abbreviations_are_expanded_and_synonyms_unified() -> None:
    quantity, zip_code = read(Field(name="OrderQty"), Field(name="hqZipCode"))
    assert quantity == ("order", "quantity")
    assert zip_code == ("headquarter", "postal", "code")


def test_joined_name_is_split_by_words_of_other_side() -> None:
    fields = (Field(name="numberofemployees"), Field(name="Number_Of_Employees"))
    ours, theirs = read(*fields)
    assert ours == theirs == ("number", "of", "employee")


def test_a_known_word_and_one_of_short_parts_only_stay_whole() -> None:
    cutter = Cutter(["web", "site", "website", "industry", "in", "dust"])
    assert cutter.cut("website") == ("website",)
    assert cutter.cut("industrial") == ("industrial",)
    assert cutter.cut("website" * 100) == ("website" * 100,)


@pytest.mark.parametrize(
    "other",
    [
        Field(name="x", label="Close date"),
        Field(name="Close_Date"),
        Field(name="q", label="date Close"),
    ],
)
def test_only_separated_words_cut_a_run_together_name(other: Field) -> None:
    assert read(Field(name="closedate", label="Closedate"), other)[0] == ("close", "date")
    assert read(Field(name="closedate"), Field(name="datum", label="Datum"))[0] == ("closedate",)


@pytest.mark.parametrize(
    ("known", "word", "parts"),
    [
        # The longest part needs four letters, and the word six.
        ("fax", "faxfax", "faxfax"),
        ("code is", "iscode", "is code"),
        ("code zip", "zipcode", "zip code"),
        # The fewest parts win, then the longer last part.
        ("data base database name", "databasename", "database name"),
        ("abcd efgh abc defgh", "abcdefgh", "abc defgh"),
        # A part of two letters costs as much as two parts, and needs to be a common word.
        ("abcdef idab cdef", "idabcdef", "idab cdef"),
        ("abcdef", "xyabcdef", "xyabcdef"),
        ("x9 abcdef", "x9abcdef", "x9abcdef"),
        ("code", "code" * 15, " ".join(["code"] * 15)),
        ("code", "code" * 16, "code" * 16),
    ],
)
def test_a_run_together_word_is_cut_into_the_fewest_known_parts(
    known: str, word: str, parts: str
) -> None:
    cutter = Cutter(known.split())
    assert " ".join(cutter.cut(word)) == parts
    assert cutter.cut(word) == cutter.cut(word)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("clodate", "close date"),
        ("descript", "description"),
        ("desc", "description"),
        ("date", "date"),
        # Three letters by themselves are too few, and a whole part wins over a short one.
        ("des", "des"),
        ("closeddate", "closed date"),
    ],
)
def test_an_unknown_part_is_short_for_a_word_of_the_schemas(word: str, parts: str) -> None:
    said = {"close": 2, "date": 3, "closed": 1, "description": 1}
    assert " ".join(Cutter(said, said).cut(word)) == parts


@given(st.lists(st.text("abc", min_size=1, max_size=5), max_size=6), st.text("abc", max_size=14))
def test_cutting_keeps_every_letter(known: list[str], word: str) -> None:
    cutter = Cutter(known)
    parts = cutter.cut(word)
    assert "".join(parts) == word
    assert len(parts) == 1 or all(cutter.cut(part) == (part,) for part in parts)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("companies", "company"),
        ("cries", "cry"),
        ("ties", "tie"),
        ("employees", "employee"),
        ("boxes", "box"),
        ("axes", "axe"),
        ("classes", "class"),
        ("batches", "batch"),
        ("dishes", "dish"),
        ("cats", "cat"),
        ("gas", "gas"),
        ("status", "status"),
        ("boss", "boss"),
        ("axis", "axis"),
        ("owner", "owner"),
    ],
)
def test_plurals_become_singular(word: str, expected: str) -> None:
    assert singular(word) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("big a b", "big x"),
        ("a b c d", "y z d"),
        ("a", "a"),
        ("b a c", "b a c"),
        ("abbr", "long word"),
        ("a b items", "x item"),
    ],
)
def test_the_longest_synonym_replaces_its_words(words: str, expected: str) -> None:
    spelling = Spelling({"abbr": "long words"}, {"a b": "x", "a b c": "y z"})
    assert " ".join(spelling.words(words.split())) == expected
    assert Spelling({}, {}).words(("a",)) == ("a",)


def test_only_the_start_of_a_long_label_is_read() -> None:
    (text,) = read_all(Field(name="x", label="word " * 2000))
    assert text.readings[-1] == ("word",) * (TEXT_LIMIT // 5)
    (text,) = read_all(Field(name="_", label="Ä" + "x" * TEXT_LIMIT * 2))
    assert [len(phrase) for phrase in text.phrases] == [TEXT_LIMIT]


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


@pytest.mark.parametrize(
    ("names", "first"),
    [
        # At least five names, and six in ten.
        ("crm_name crm_phone crm_city crm_owner crm_stage id", "name"),
        ("crm_name crm_phone crm_city crm_owner id", "crm name"),
        ("crm_name crm_phone crm_city crm_owner crm_x id uid oid", "name"),
        ("crm_name crm_phone crm_city crm_owner crm_x id uid oid a", "crm name"),
        ("crm_name crm_phone crm_city crm_owner crm", "crm name"),
        ("crm.name crm.phone crm.city crm.owner crm.stage", "name"),
    ],
)
def test_a_first_word_of_most_names_is_dropped(names: str, first: str) -> None:
    found = read(*(Field(name=name) for name in names.split()))
    assert " ".join(found[0]) == first


@pytest.mark.parametrize(
    ("name", "label", "phrase"),
    [
        ("close_date", "Close date", "close date"),
        ("date", "Close date", "close date"),
        ("expected_close_date", "Close date", "expected close date"),
        ("stage", "Close date", "close date stage"),
        ("__", "Close date", "close date"),
    ],
)
def test_one_phrase_has_the_words_of_name_and_label(name: str, label: str, phrase: str) -> None:
    known = Field(name="known", label="Close date stage expected")
    text, _ = read_all(Field(name=name, label=label), known)
    assert text.phrases == (phrase,)


@pytest.mark.parametrize(
    ("name", "label", "first"),
    [
        ("x", "Phone", "phone"),
        ("77", "Phone", "phone"),
        ("zzz", "Phone", "phone"),
        ("zzz", "", "zzz"),
        ("hq", "Phone", "headquarter"),
        ("city", "Phone", "city"),
    ],
)
def test_a_name_needs_a_known_word(name: str, label: str, first: str) -> None:
    other = Field(name="other", label="City")
    text, _ = read_all(Field(name=name, label=label), other)
    assert text.readings[0] == (first,)


def test_words_of_name_and_label_are_read_once_each() -> None:
    field = Field(name="Order_Qty__c", label="Quantity")
    reader = Reader([field], cutter_of([field], VOCABULARY), VOCABULARY)
    assert reader.words(field) == (("order", "quantity"), ("quantity",))
    assert reader.read(field).words == {"order", "quantity"}
    assert reader.words(Field(name="_")) == ((), ())


def test_path_and_leaf_are_read_apart() -> None:
    (text,) = read_all(Field(name="Buyer/Address/City", label="City"))
    assert text.readings == (("buyer", "address", "city"), ("city",))
    assert text.path == ("buyer", "address")
    assert text.leaf == ("city",)


@given(st.text(min_size=1, max_size=300), st.text(max_size=300))
def test_any_text_can_be_read(name: str, label: str) -> None:
    field = Field(name=name, label=label, description=label)
    (text,) = read_all(field)
    assert all(word and word == word.casefold() for word in text.words)
