"""The lexicon: known objects by their fields, and concepts by their words."""

from __future__ import annotations

import pytest

from crmdeck.matching.context import Home, RankContext
from crmdeck.matching.knowledge import Concept, FieldRef, Knowledge, System
from crmdeck.matching.lexicon import field_words, homes_of, lexicon_of, own_concept
from crmdeck.model import Field

SIZE = 20
KNOWN = Knowledge(
    abbreviations={"qty": "quantity"},
    systems={"crm": System("crm", objects={"opportunity": "deal"})},
    concepts={
        **{
            f"deal{n}": Concept(f"deal{n}", "", fields=(FieldRef("crm", "Deal", f"d{n}"),))
            for n in range(SIZE)
        },
        **{
            f"lead{n}": Concept(f"lead{n}", "", fields=(FieldRef("crm", "Lead", f"l{n}"),))
            for n in range(SIZE + 1)
        },
        "owner": Concept(
            "owner", "Owner", phrases=("record owner",), fields=(FieldRef("crm", "*", "OwnerId"),)
        ),
    },
)


def located(*names: str, hint: Home | None = None) -> str | None:
    home = lexicon_of(KNOWN).locate([Field(name=name) for name in names], hint)
    return home.object_type if home is not None else None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # Four fields of the object, and a fifth of all that it has.
        ("d0 d1 d2 d3", "deal"),
        ("D0 D1 D2 D3 other", "deal"),
        ("d0 d1 d2 d2 ownerid", None),
        ("l0 l1 l2 l3", None),
        ("l0 l1 l2 l3 l4", "lead"),
        ("l0 l1 l2 l3 l4 l5 d0 d1 d2 d3", "lead"),
        ("", None),
    ],
)
def test_an_object_is_located_by_its_fields(names: str, expected: str | None) -> None:
    assert located(*names.split()) == expected


def test_a_known_hint_wins() -> None:
    fields = ("d0", "d1", "d2", "d3")
    assert located(*fields, hint=Home("CRM", "Lead")) == "lead"
    assert located(hint=Home("crm", "Opportunity")) == "deal"
    assert located(*fields, hint=Home("crm", "Unknown")) == "deal"
    assert located(*fields, hint=Home("other", "Lead")) == "deal"
    left = [Field(name=name) for name in fields]
    assert homes_of(left, [], RankContext("", "Lead", "crm"), KNOWN) == (
        Home("crm", "deal"),
        Home("crm", "lead"),
    )


def test_a_home_needs_a_name_and_a_platform() -> None:
    assert RankContext("deal", "Lead", "crm").left_home == Home("partneros", "deal")
    assert RankContext().left_home is None
    assert RankContext("deal", "Lead").right_home is None
    assert RankContext("deal", "", "crm").right_home is None


def test_words_name_a_concept_in_any_order_and_without_articles() -> None:
    lexicon = lexicon_of(KNOWN)
    for words in (("record", "owner"), ("owner", "of", "the", "record")):
        assert set(lexicon.concepts_of(words)) == {"owner"}
    assert set(lexicon.concepts_of(("owner", "by", "record"))) == set()
    assert lexicon_of(KNOWN) is lexicon


def test_a_field_has_its_own_concept_in_a_known_object() -> None:
    home = Home("crm", "deal")
    assert own_concept(Field(name="d0"), home, KNOWN) == "deal0"
    assert own_concept(Field(name="_ownerid_value"), home, KNOWN) == "owner"
    assert own_concept(Field(name="x"), home, KNOWN) is None
    assert own_concept(Field(name="d0"), None, KNOWN) is None


def test_field_words_are_spelled_alike() -> None:
    fields = [Field(name="Order_Qty__c", label="Order quantities"), Field(name="x")]
    assert field_words(fields, KNOWN) == [
        (("order", "quantity"), ("order", "quantity")),
        (("x",), ()),
    ]


def test_equal_concepts_keep_knowledge_order() -> None:
    concepts = {f"c{n}": Concept(f"c{n}", "", phrases=("language",)) for n in range(SIZE)}
    lexicon = lexicon_of(Knowledge(concepts=concepts))
    assert list(lexicon.concepts_of(["language"])) == list(concepts)
