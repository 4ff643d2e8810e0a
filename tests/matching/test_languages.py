"""Other languages: cut, folded and translated, if a schema uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crmdeck.errors import UsageError
from crmdeck.matching import RankContext, rank
from crmdeck.matching.knowledge_files import parse_knowledge
from crmdeck.matching.languages import Language, Translator, fold, shown
from crmdeck.matching.lexicon import lexicon_of
from crmdeck.matching.text import Reader, cutter_of
from crmdeck.model import Field
from crmdeck.workspace.knowledge import MATCHING_FOLDER, load_knowledge

KNOWLEDGE = load_knowledge(None)
VOCABULARY = lexicon_of(KNOWLEDGE).vocabulary
TRANSLATORS = {one.name: one for one in VOCABULARY.languages}
ALL = ("German", "French", "Spanish", "Portuguese", "Italian", "Dutch", "Japanese")


def read(*labels: str, names: tuple[str, ...] = ()) -> list[list[str]]:
    fields = [
        Field(name=name, label=label) for name, label in zip(names or labels, labels, strict=True)
    ]
    reader = Reader(fields, cutter_of(fields, VOCABULARY), VOCABULARY)
    return [[" ".join(words) for words in reader.read(field).readings] for field in fields]


@pytest.mark.parametrize("language", ALL)
def test_each_language_is_broad_and_names_its_sources(language: str) -> None:
    shipped = next(one for one in KNOWLEDGE.languages.values() if one.name == language)
    assert shipped.source
    assert len({phrase for phrases in shipped.labels.values() for phrase in phrases}) >= 350


@pytest.mark.parametrize(
    ("language", "text", "english"),
    [
        ("German", "Kundenbewertung", "customer rating"),
        ("German", "Abschlusswahrscheinlichkeit", "probability"),
        ("Dutch", "Klantengroep", "customer group"),
        ("French", "date de clôture prévue", "close date"),
        ("Spanish", "Fecha de creación", "created date"),
        ("Portuguese", "Previsão de fechamento", "close date"),
        ("Italian", "Indirizzo di consegna", "shipping address"),
        ("Japanese", "請求先郵便番号", "billing postal code"),
        ("Japanese", "ＦＡＸ番号", "fax"),
        ("Japanese", "ﾒｰﾙｱﾄﾞﾚｽ", "email"),
    ],
)
def test_words_are_cut_and_translated(language: str, text: str, english: str) -> None:
    words = [fold(word) for word in text.split()]
    assert english in [" ".join(way) for way in TRANSLATORS[language].read(words)]


SWEDISH = Language(
    name="Swedish",
    labels={
        "kund": ("customer",),
        "bolag": ("company", "firm"),
        "namn": ("name",),
        "namn på bolag": ("company name",),
        "slut datum": ("close date",),
        "vad": ("what",),
    },
    small=frozenset({"på"}),
    joints=("s",),
)


def swedish(text: str, **changed: Any) -> list[str]:
    made = Translator(replace(SWEDISH, **changed), frozenset({"name", "datum"}))
    return [" ".join(way) for way in made.read([fold(word) for word in text.split()])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kund", ["customer"]),
        ("kund namn", ["customer name"]),
        ("okänd kund", ["okand customer"]),
        ("på", []),
        ("kund på", ["customer"]),
        ("bolag", ["company", "firm"]),
        # Labels are found without their small words, and as one word.
        ("namn på bolag", ["company name"]),
        ("namn bolag", ["company name"]),
        ("namnbolag", ["company name"]),
        ("slutdatum", ["close date"]),
        # Compounds are cut into known parts, with or without a joint.
        ("kundnamn", ["customer name"]),
        ("kundsnamn", ["customer name"]),
        ("kundvad", ["customer what"]),
        ("kunds", ["kunds"]),
        ("kundx", ["kundx"]),
    ],
)
def test_phrases_and_compounds_are_translated(text: str, expected: list[str]) -> None:
    assert swedish(text) == expected


def test_a_label_is_found_with_umlauts_written_out() -> None:
    for text in ("Över", "over", "oever", "OEVER"):
        assert swedish(text, labels={"Över": ("above",)}) == ["above"]


def test_the_first_of_equally_short_cuts_counts() -> None:
    labels = {"abc": ("one",), "defgh": ("two",), "abcd": ("three",), "efgh": ("four",)}
    assert swedish("abcdefgh", labels=labels) == ["one two"]


def test_run_together_words_are_cut_in_a_language_without_joints() -> None:
    assert swedish("kundnamn", joints=()) == swedish("kund namn", joints=())
    assert swedish("namnbolag", joints=()) == swedish("namn bolag", joints=())


def test_a_word_has_at_most_three_readings() -> None:
    labels = {"ord": ("a", "b", "c", "d")}
    assert swedish("ord", labels=labels) == ["a", "b", "c"]
    assert swedish("ord ord", labels={"ord": ("a", "b")}) == ["a a", "b a", "a b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("顧客名", ["customer name"]),
        ("顧客abc名", ["customer abc name"]),
        ("顧客未名", ["customer 未 name"]),
    ],
)
def test_text_without_spaces_is_cut(text: str, expected: list[str]) -> None:
    labels = {"顧客": ("customer",), "名": ("name",)}
    assert swedish(text, labels=labels, spaced=False, joints=()) == expected


def test_a_foreign_word_is_not_english() -> None:
    made = Translator(SWEDISH, frozenset({"name", "datum"}))
    assert [made.foreign(word) for word in ("kund", "kundnamn", "datum", "på", "xyzxyz")] == [
        *(True, True, False, False, False)
    ]
    assert made.foreign("vad")
    assert not Translator(replace(SWEDISH, labels={"ab": ("x",)}), frozenset()).foreign("ab")
    unspaced = Translator(replace(SWEDISH, labels={"名": ("x",)}, spaced=False), frozenset())
    assert unspaced.foreign("名前")
    assert not unspaced.foreign("name")


def used(*fields: str, translators: Sequence[Translator] | None = None) -> list[str]:
    made = translators or [Translator(SWEDISH, frozenset())]
    return [one.name for one in shown([field.split() for field in fields], made)]


def test_a_language_is_used_by_two_fields_and_eight_in_a_hundred() -> None:
    assert used("kund", "other") == []
    assert used("kund", "namn") == ["Swedish"]
    assert used("kund namn", "other") == []
    assert used("kund", "namn", *["other"] * 23) == ["Swedish"]
    assert used("kund", "namn", *["other"] * 24) == []


def test_word_belongs_to_two_languages_at_most() -> None:
    def language(name: str, *words: str) -> Translator:
        labels = dict.fromkeys(words, ("x",))
        return Translator(Language(name=name, labels=labels), frozenset())

    made = [
        language("few", "aaa", "bbb"),
        language("most", "aaa", "bbb", "ccc"),
        language("own", "ddd", "eee"),
        language("third", "fff", "ggg"),
    ]
    fields = ("aaa", "bbb", "ccc", "ddd", "eee")
    assert used(*fields, translators=made) == ["most", "own"]
    assert used(*fields, "fff", "ggg", translators=made) == ["most", "own"]


def test_a_foreign_field_keeps_its_original_phrase() -> None:
    fields = [Field(name=one, label=one) for one in ("Kundenname", "Betrag", "Straße")]
    reader = Reader(fields, cutter_of(fields, VOCABULARY), VOCABULARY)
    assert reader.read(fields[0]).phrases == ("company name", "kundenname")
    english = Field(name="amount", label="Amount")
    reader = Reader([english], cutter_of([english], VOCABULARY), VOCABULARY)
    assert reader.read(english).phrases == ("amount",)


def test_umlauts_are_read_both_ways() -> None:
    for spelled in ("Währung", "Waehrung", "WAHRUNG"):
        assert TRANSLATORS["German"].read([fold(spelled)])[0] == ("currency",)


def test_a_word_with_two_meanings_has_both_readings() -> None:
    country, *_ = read("Ort", "Straße", "Postleitzahl", "Vorname")
    assert {"city"} < set(country)


def test_language_applies_only_if_used() -> None:
    assert read("Land", "Art", "Amount", "Stage", "Close date") == [
        ["land"],
        ["art"],
        ["amount"],
        ["stage"],
        ["close date"],
    ]
    land, *_ = read("Land", "Art", "Betrag", "Phase", "Abschlussdatum")
    assert "country" in land


def test_labels_and_names_can_differ_in_language() -> None:
    name, *_ = read("取引先名", "電話", "従業員数", names=("Name", "Phone", "NumberOfEmployees"))
    assert name == ["name", "company name"]


def test_schemas_in_two_languages_are_matched() -> None:
    left = [Field(name=one) for one in ("Vorname", "Nachname", "Postleitzahl", "Geburtsdatum")]
    right = [Field(name=one) for one in ("生年月日", "郵便番号", "姓", "名", "備考")]
    found = rank(left, right, context=RankContext(), knowledge=KNOWLEDGE, encoder=None)
    assert [one.crm_field for one in found] == ["名", "姓", "郵便番号", "生年月日"]


def test_a_user_adds_a_language_and_more_words_of_a_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / MATCHING_FOLDER / "own.toml"
    own.parent.mkdir(parents=True)
    own.write_text(
        '[languages.swedish]\nname = "Swedish"\njoints = ["s"]\n[languages.swedish.labels]\n'
        '"close date" = ["slutdatum"]\n"amount" = ["belopp"]\n"currency" = ["valuta"]\n'
        '[languages.german.labels]\n"owner" = ["Kümmerer"]\n',
        "utf-8",
    )
    knowledge = load_knowledge(tmp_path)
    left = [Field(name=one) for one in ("slutdatum", "belopp", "valuta")]
    right = [Field(name=one) for one in ("Amount", "CloseDate", "Currency")]
    found = rank(left, right, context=RankContext(), knowledge=knowledge, encoder=None)
    assert [one.crm_field for one in found] == ["CloseDate", "Amount", "Currency"]
    assert knowledge.languages["german"].labels["Kümmerer"] == ("owner",)
    assert knowledge.languages["german"].labels["Betrag"] == ("amount",)


def test_a_broken_language_file_names_its_line() -> None:
    with pytest.raises(UsageError, match="line 2"):
        parse_knowledge("[languages.x]\nlables = {}\n", "own.toml")
