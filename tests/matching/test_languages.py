"""Other languages: cut, folded and translated, if a schema uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmdeck.errors import UsageError
from crmdeck.matching import RankContext, rank
from crmdeck.matching.knowledge_files import parse_knowledge
from crmdeck.matching.languages import fold
from crmdeck.matching.lexicon import lexicon_of
from crmdeck.matching.text import Reader
from crmdeck.model import Field
from crmdeck.workspace.mappings.knowledge import load_knowledge

KNOWLEDGE = load_knowledge(None)
VOCABULARY = lexicon_of(KNOWLEDGE).vocabulary
TRANSLATORS = {one.name: one for one in VOCABULARY.languages}
ALL = ("German", "French", "Spanish", "Portuguese", "Italian", "Dutch", "Japanese")


def read(*labels: str, names: tuple[str, ...] = ()) -> list[list[str]]:
    fields = [
        Field(name=name, label=label) for name, label in zip(names or labels, labels, strict=True)
    ]
    reader = Reader(fields, fields, VOCABULARY)
    return [[" ".join(words) for words in reader.read(field).readings] for field in fields]


@pytest.mark.parametrize("language", ALL)
def test_each_language_is_broad_and_names_its_sources(language: str) -> None:
    shipped = next(one for one in KNOWLEDGE.languages.values() if one.name == language)
    assert shipped.source
    assert len({phrase for phrases in shipped.labels.values() for phrase in phrases}) >= 400


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


def test_umlauts_are_read_both_ways() -> None:
    for spelled in ("Währung", "Waehrung", "WAHRUNG"):
        assert TRANSLATORS["German"].read([fold(spelled)])[0] == ("currency",)


def test_a_word_with_two_meanings_has_both_readings() -> None:
    country, *_ = read("Ort", "Straße", "Postleitzahl", "Vorname")
    assert {"city"} < set(country)


def test_a_language_counts_only_if_the_schema_uses_it() -> None:
    assert read("Land", "Art", "Amount", "Stage", "Close date") == [
        ["land"],
        ["art"],
        ["amount"],
        ["stage"],
        ["close date"],
    ]
    land, *_ = read("Land", "Art", "Betrag", "Phase", "Abschlussdatum")
    assert "country" in land


def test_labels_of_one_language_and_names_of_another_are_both_read() -> None:
    name, *_ = read("取引先名", "電話", "従業員数", names=("Name", "Phone", "NumberOfEmployees"))
    assert name == ["name", "company name"]


def test_schemas_in_two_languages_are_matched() -> None:
    left = [Field(name=one) for one in ("Vorname", "Nachname", "Postleitzahl", "Geburtsdatum")]
    right = [Field(name=one) for one in ("生年月日", "郵便番号", "姓", "名", "備考")]
    found = rank(left, right, context=RankContext(), knowledge=KNOWLEDGE, encoder=None)
    assert [one.crm_field for one in found] == ["名", "姓", "郵便番号", "生年月日"]


def test_a_user_adds_a_language_and_more_words_of_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "knowledge" / "own.toml").write_text(
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
