"""Knowledge: lookups, extension, invalid files, and the shipped files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import crmdeck
from crmdeck.errors import UsageError
from crmdeck.matching.knowledge import Concept, FieldRef, Knowledge, System, phrase_key
from crmdeck.matching.knowledge_files import parse_knowledge
from crmdeck.matching.languages import Language
from crmdeck.matching.partner_catalog import combine, parse_catalog
from crmdeck.model import Field, FieldType
from crmdeck.workspace import knowledge as files
from crmdeck.workspace.knowledge import MATCHING_FOLDER, load_catalog, load_knowledge

SHIPPED = load_knowledge(None)
CATALOG = load_catalog(None)

USERS_FILE = """
[abbreviations]
acct = "accounting"
[synonyms]
employees = ["crew"]
[types]
date = { time = 0.4 }
[concepts."company.vat_number"]
label = "VAT number"
phrases = ["tax id"]
salesforce = ["Account.VAT_No__c"]
partneros = ["partner.vatNumber"]
[concepts."company.industry"]
salesforce = ["Account.Branche__c", "Account.SicDesc"]
"""


@pytest.mark.parametrize(
    "text",
    ["expectedCloseDate", "Expected_Close_Date", " expected close-date ", "EXPECTED CLOSE DATE"],
)
def test_spellings_of_a_phrase_have_one_key(text: str) -> None:
    assert phrase_key(text) == "expected close date"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("partneros", "deal_registration", "accountName"), ("salesforce", "Lead", "Company")),
        (("partneros", "deal_registration", "estimatedValue"), ("hubspot", "0-3", "amount")),
        (("partneros", "partner", "employees"), ("dynamics", "Accounts", "NumberOfEmployees")),
        (("partneros", "deal", "updatedAt"), ("salesforce", "Anything__c", "LastModifiedDate")),
        (("pipedrive", "deal", "expected_close_date"), ("zoho", "Deals", "Closing_Date")),
    ],
)
def test_fields_of_two_systems_are_one_concept(
    left: tuple[str, str, str], right: tuple[str, str, str]
) -> None:
    one, other = SHIPPED.concept_of(*left), SHIPPED.concept_of(*right)
    assert one is not None
    assert other is not None
    assert SHIPPED.affinity(one, other) == 1.0


def test_related_concepts_are_near_and_others_are_not() -> None:
    assert SHIPPED.affinity("company.domain", "company.website") == 0.5
    assert SHIPPED.affinity("company.website", "company.domain") == 0.5
    assert SHIPPED.affinity("company.domain", "deal.amount") == 0.0


def test_type_compatibility_is_symmetric_and_bounded() -> None:
    for left in FieldType:
        for right in FieldType:
            score = SHIPPED.type_compatibility(left, right)
            assert 0.0 <= score <= 1.0
            assert score == SHIPPED.type_compatibility(right, left)
    assert SHIPPED.type_compatibility(FieldType.DATE, FieldType.DATETIME) > 0.8
    assert SHIPPED.type_compatibility(FieldType.DATE, FieldType.BOOLEAN) == 0.0
    assert SHIPPED.type_compatibility(FieldType.OTHER, FieldType.DATE) == 0.5


def test_every_reference_in_the_lexicon_exists() -> None:
    owners: dict[tuple[str, str, str], str] = {}
    for id_, concept in SHIPPED.concepts.items():
        assert concept.label, id_
        assert concept.related <= SHIPPED.concepts.keys(), id_
        for ref in concept.fields:
            assert SHIPPED.systems[ref.system].source, ref
            assert owners.setdefault(ref.key, id_) == id_, ref


def test_lexicon_covers_catalog_fields_exactly() -> None:
    for name, partner in CATALOG.items():
        for field in partner.fields:
            assert SHIPPED.concept_of("partneros", name, field.name), (name, field.name)
    named = {
        (ref.object_type, ref.name)
        for concept in SHIPPED.concepts.values()
        for ref in concept.fields
        if ref.system == "partneros" and ref.object_type != "*"
    }
    assert named <= {(n, f.name) for n, partner in CATALOG.items() for f in partner.fields}


def test_fields_that_every_system_sets_itself() -> None:
    assert SHIPPED.is_computed("CreatedDate")
    assert SHIPPED.is_computed("hs_lastmodifieddate")
    assert not SHIPPED.is_computed("Industry")
    assert not SHIPPED.is_computed("NobodyKnowsThis")


def test_user_file_extends_shipped_knowledge() -> None:
    extended = SHIPPED.extend(parse_knowledge(USERS_FILE, "mine.toml"))
    assert extended.abbreviations["acct"] == "accounting"
    assert extended.synonyms["crew"] == extended.synonyms["headcount"] == "employees"
    assert extended.type_compatibility(FieldType.TIME, FieldType.DATE) == 0.4
    assert "tax id" in extended.concepts["company.vat_number"].phrases
    assert extended.concept_of("salesforce", "Account", "branche__c") == "company.industry"
    assert extended.concept_of("salesforce", "Account", "Industry") == "company.industry"
    assert extended.concept_of("salesforce", "Account", "SicDesc") == "company.industry"
    assert extended.concepts["company.sic.description"].fields == ()
    assert SHIPPED.abbreviations["acct"] == "account"


def test_a_users_group_joins_the_shipped_group_that_has_its_head() -> None:
    mine = parse_knowledge("[synonyms]\nheadcount = ['crew']\n'deal book' = ['amount']\n", "m.toml")
    extended = SHIPPED.extend(mine)
    assert extended.synonyms["crew"] == extended.synonyms["employees"]
    assert extended.synonyms["deal value"] == "deal book"


def test_empty_knowledge_has_no_effect() -> None:
    assert Knowledge().extend(SHIPPED) == SHIPPED
    assert SHIPPED.extend(Knowledge()) == SHIPPED


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("[abbreviations]\namt = \n", 2, "TOML"),
        ("\n[abreviations]\namt = 'amount'\n", 2, "abreviations"),
        ("[abbreviations]\namt = 3\n", 2, "amt"),
        ("[synonyms]\na = ['x']\nb = ['x']\n", 3, "two groups"),
        ("[types]\ndate = { moment = 0.5 }\n", 2, "moment"),
        ("[types]\ndate = { time = 7 }\n", 2, "0 to 1"),
        ("[concepts.'a.b']\nlabel = 'B'\nsalesforce = ['Industry']\n", 3, "Industry"),
        ("[concepts.'a.b']\ncomputed = 'yes'\n", 2, "true or false"),
    ],
)
def test_an_error_in_a_file_names_the_line_and_the_remedy(
    tmp_path: Path, text: str, line: int, cause: str
) -> None:
    path = tmp_path / MATCHING_FOLDER / "mine.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        load_knowledge(tmp_path)
    assert caught.value.message == f"Can't use {path}, line {line}."
    assert cause in str(caught.value.cause)
    assert caught.value.remedy
    assert caught.value.code == "BAD_KNOWLEDGE_FILE"


def test_changed_file_is_reread_and_binary_rejected(tmp_path: Path) -> None:
    path = tmp_path / MATCHING_FOLDER / "mine.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[abbreviations]\nxy = 'first'\n", "utf-8")
    assert load_knowledge(tmp_path).abbreviations["xy"] == "first"
    path.write_text("[abbreviations]\nxy = 'another'\n", "utf-8")
    assert load_knowledge(tmp_path).abbreviations["xy"] == "another"
    path.write_bytes(b"[abbreviations]\nxy = '\xff'\n")
    with pytest.raises(UsageError, match="line 2"):
        load_knowledge(tmp_path)


def test_matcher_ignores_other_knowledge_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    shutil.copytree(Path(crmdeck.__file__).parent / "knowledge", package / "knowledge")
    for folder in (package, tmp_path):
        (folder / "knowledge").mkdir(exist_ok=True)
        (folder / "knowledge" / "strange.toml").write_text("[strange]\nkey = 1\n", "utf-8")
    monkeypatch.setattr("importlib.resources.files", lambda _: package)
    files._shipped_knowledge.cache_clear()
    files._knowledge.cache_clear()
    assert load_knowledge(tmp_path) == SHIPPED


def test_catalog_lists_choices_and_computed_fields() -> None:
    fields = {n: {f.name: f for f in partner.fields} for n, partner in CATALOG.items()}
    assert [v.value for v in fields["deal_registration"]["status"].picklist] == [
        "submitted",
        "under_review",
        "converted",
        "rejected",
        "expired",
    ]
    assert [v.value for v in fields["partner"]["tier"].picklist] == [
        "Platinum",
        "Gold",
        "Silver",
        "Bronze",
        "Registered",
    ]
    assert len(fields["partner"]["type"].picklist) == 7
    assert len(fields["partner"]["category"].picklist) == 3
    computed = {(n, f.name) for n, o in CATALOG.items() for f in o.fields if f.calculated}
    assert {("partner", "fitScore"), ("deal_registration", "convertedDeal")} <= computed
    for partner in CATALOG.values():
        for field in partner.fields:
            assert field.label
            assert field.description
            assert field.type.value == field.native_type
            assert field.updateable is not field.calculated


def test_a_users_catalog_file_extends_or_replaces_an_object(tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "a.toml").write_text(
        "object = 'partner'\n[fields.vatNumber]\nlabel = 'VAT number'\n"
        "[fields.industry]\nlabel = 'Industry'\ntype = 'picklist'\npicklist = ['Energy']\n",
        "utf-8",
    )
    (folder / "b.toml").write_text(
        "object = 'deal'\nlabel = 'Deal'\nreplace = true\n[fields.title]\nrequired = true\n",
        "utf-8",
    )
    catalog = load_catalog(tmp_path)
    partner = {field.name: field for field in catalog["partner"].fields}
    assert partner["industry"].type is FieldType.PICKLIST
    assert list(partner)[-1] == "vatNumber"
    assert catalog["partner"].description == CATALOG["partner"].description
    assert [field.name for field in catalog["deal"].fields] == ["title"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("label = 'x'\n", 1),
        ("object = 'x'\n[fields.a]\ntype = \"strin\"\n", 3),
        ("object = 'x'\n[fields.a]\nrequird = true\n", 3),
        ("object = 'x'\n[fields.b]\n[fields.a]\nlength = 'long'\n", 3),
    ],
)
def test_a_broken_catalog_file_is_named_with_its_line(text: str, line: int) -> None:
    with pytest.raises(UsageError, match=f"line {line}\\.") as caught:
        combine((parse_catalog(text, "mine.toml"),))
    assert caught.value.code == "BAD_CATALOG_FILE"
    assert caught.value.remedy


def concept(id_: str, *fields: FieldRef, **more: Any) -> Concept:
    return Concept(id_, more.pop("label", id_), fields=fields, **more)


def known(*concepts: Concept, **more: Any) -> Knowledge:
    return Knowledge(concepts={one.id: one for one in concepts}, **more)


def test_object_concept_wins_over_general_one() -> None:
    made = known(
        concept("owner", FieldRef("crm", "*", "OwnerId")),
        concept("deal.owner", FieldRef("crm", "Deal", "OwnerId")),
        systems={"crm": System("CRM", objects={"opportunity": "deal"})},
    )
    assert made.concept_of("CRM", "Deal", "ownerid") == "deal.owner"
    assert made.concept_of("crm", "Opportunity", "OWNERID") == "deal.owner"
    assert made.concept_of("crm", "Account", "OwnerId") == "owner"
    assert made.concept_of("other", "Account", "OwnerId") is None
    assert made.concepts_named("ownerid") == {"owner", "deal.owner"}
    assert made.concepts_named("nothing") == frozenset()


def test_a_name_is_computed_if_every_concept_of_it_is() -> None:
    def computed(other: bool) -> bool:
        made = known(
            concept("a", FieldRef("x", "X", "Date"), computed=True),
            concept("b", FieldRef("y", "Y", "Date"), computed=other),
        )
        return made.is_computed("date")

    assert (computed(True), computed(False)) == (True, False)


def test_concepts_are_akin_in_both_directions() -> None:
    made = known(concept("a", related=frozenset({"b"})), concept("b"), concept("c"))
    assert made.akin("a") == made.akin("b") == {"a", "b"}
    assert made.akin("c") == {"c"}
    assert made.akin("unknown") == {"unknown"}
    pairs = (("a", "a"), ("a", "b"), ("b", "a"), ("a", "c"), ("x", "a"))
    assert [made.affinity(*pair) for pair in pairs] == [1.0, 0.5, 0.5, 0.0, 0.0]


def test_extending_combines_every_part() -> None:
    first = known(
        concept("a", FieldRef("s", "O", "x"), FieldRef("s", "O", "y"), phrases=("one",)),
        concept("b", FieldRef("s", "O", "z"), computed=True),
        systems={"s": System("First", "doc", {"alias": "o"})},
        languages={"l": Language("L", {"x": ("one",)}, frozenset({"i"}), ("s",), source="book")},
        groups={"secondary": frozenset({"old"})},
    )
    second = known(
        concept("b", FieldRef("S", "o", "X"), phrases=("two",), label=""),
        systems={"s": System("Second", objects={"other": "p"})},
        languages={"l": Language("L2", {"x": ("two", "one")}, frozenset({"j"}), ("n",), False)},
        groups={"secondary": frozenset({"backup"})},
    )
    both = first.extend(second)
    assert [ref.name for ref in both.concepts["a"].fields] == ["y"]
    assert [ref.name for ref in both.concepts["b"].fields] == ["z", "X"]
    assert (both.concepts["b"].label, both.concepts["b"].computed) == ("b", True)
    assert both.concepts["b"].phrases == ("two",)
    assert both.systems["s"] == System("Second", "doc", {"alias": "o", "other": "p"})
    assert both.languages["l"] == Language(
        "L2", {"x": ("two", "one")}, frozenset("ij"), ("s", "n"), False, "book"
    )
    assert both.groups["secondary"] == {"old", "backup"}
    assert hash(first) == hash(known(*first.concepts.values(), languages=first.languages))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("synonyms = 1", "'synonyms' must be a table."),
        ("[synonyms]\na = 'x'", "'a' must be a list of texts."),
        ("[synonyms]\na = [' ']", "'a' must be text."),
        ("[types]\ndate = 1", "'date' must be a table of types."),
        ("[types]\ndate = { time = true }", None),
        ("[types]\ndate = { time = -0.1 }", "The score of date and time must be a number"),
        ("[types]\ndate = { time = '1' }", "The score of date and time must be a number"),
        ("[systems.x]\nnam = 'X'", "The system 'x' has no key 'nam'."),
        ("[concepts.x]\nsalesforce = ['Account.']", "'Account.' isn't a field."),
        ("[concepts.x]\nsalesforce = ['.Name']", "'.Name' isn't a field."),
        ("[words]\nx = 'a'", "'x' must be a list of texts."),
    ],
)
def test_each_mistake_has_its_cause(text: str, cause: str | None) -> None:
    if cause is None:
        parse_knowledge(text, "mine.toml")
        return
    with pytest.raises(UsageError) as caught:
        parse_knowledge(text, "mine.toml")
    assert str(caught.value.cause).startswith(cause)


def test_every_table_of_a_file_is_parsed() -> None:
    made = parse_knowledge(
        """
        [abbreviations]
        QTY = " Quantity "
        [types]
        date = { time = 0, datetime = 1 }
        [systems.ACME.objects]
        Firm = "Customers"
        [concepts.a]
        label = "Close date"
        phrases = ["closeDate", "end"]
        ACME = ["*.End", "Deal.Close.Date"]
        related = ["b"]
        computed = true
        [concepts.b]
        phrases = ["x"]
        [languages.l]
        small = ["of"]
        spaced = false
        labels = { "close date" = ["slut"], "end" = ["slut"] }
        """,
        "mine.toml",
    )
    assert made.abbreviations == {"qty": "quantity"}
    assert made.type_compatibility(FieldType.DATETIME, FieldType.DATE) == 1.0
    assert made.systems == {"acme": System("ACME", objects={"firm": "customers"})}
    assert made.concepts["a"].phrases == ("close date", "end")
    assert [ref.key for ref in made.concepts["a"].fields] == [
        ("acme", "*", "end"),
        ("acme", "deal", "close.date"),
    ]
    assert {ref.system for ref in made.concepts["a"].fields} == {"acme"}
    assert made.concepts["a"].related == {"b"}
    assert made.concepts["a"].computed
    assert (made.concepts["b"].label, made.concepts["b"].phrases) == ("", ("x",))
    language = made.languages["l"]
    assert language.labels == {"slut": ("close date", "end")}
    assert language.small == {"of"}
    assert (language.name, language.spaced) == ("l", False)


def test_an_error_names_the_line_of_its_key() -> None:
    for text, line in (("\n\n[abbreviations]\nx = 1\n", 4), ("[abbreviations", 1)):
        with pytest.raises(UsageError) as caught:
            parse_knowledge(text, "mine.toml")
        assert caught.value.message == f"Can't use mine.toml, line {line}."


def test_a_catalog_file_extends_or_replaces_its_object() -> None:
    def table(*lines: str) -> Field:
        text = "\n".join(["object = 'o'", "[fields.a]", *lines])
        (found,) = parse_catalog(text, "o.toml").object.fields
        return found

    def field(**attributes: Any) -> Field:
        return table(*(f"{name} = {json.dumps(value)}" for name, value in attributes.items()))

    plain = field()
    assert (plain.label, plain.type, plain.required) == ("a", FieldType.STRING, False)
    assert (plain.readable, plain.createable, plain.updateable) == (True, True, True)
    computed = field(calculated=True)
    assert (computed.createable, computed.updateable) == (False, False)
    listed, labeled = field(picklist=["x"]), table("[fields.a.picklist]", "x = 'X'")
    assert [(one.value, one.label) for one in listed.picklist] == [("x", "x")]
    assert [(one.value, one.label) for one in labeled.picklist] == [("x", "X")]
    first = parse_catalog("object = 'o'\nlabel = 'O'\ndescription = 'D'\n[fields.a]\n", "1")
    second = parse_catalog("object = 'o'\n[fields.b]\n[fields.a]\nlabel = 'A'\n", "2")
    third = parse_catalog("object = 'o'\nreplace = true\n", "3")
    extended = combine((first, second))["o"]
    assert [(one.name, one.label) for one in extended.fields] == [("a", "A"), ("b", "b")]
    assert (extended.label, extended.description) == ("O", "D")
    replaced = combine((first, third))["o"]
    assert (replaced.label, replaced.description, replaced.fields) == ("o", "", ())
    assert combine((first,)) == {"o": first.object}
