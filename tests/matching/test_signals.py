"""Each signal for and against a field pair on its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crmdeck.matching.context import Home
from crmdeck.matching.knowledge import Concept, FieldRef, Knowledge, System
from crmdeck.matching.lexicon import Lexicon
from crmdeck.matching.signals import concepts, kinds, meaning, penalties, words
from crmdeck.matching.signals.objects import Objects, objects_of, prefer
from crmdeck.matching.text import FieldText
from crmdeck.model import Field, FieldType


def text(*readings: str, path: str = "", leaf: str = "", phrases: str = "") -> FieldText:
    return FieldText(
        readings=tuple(tuple(one.split()) for one in readings),
        phrases=tuple(filter(None, phrases.split("|"))),
        path=tuple(path.split()),
        leaf=tuple(leaf.split()),
    )


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("state", "state", 1.0),
        ("state", "status", 0.0),
        ("organisation", "organization", 11 / 12),
        ("expiry", "expiration", 0.85),
        ("expir", "expiration", 0.0),
        ("abcdeF", "abcdeghijk", 0.85),
        ("abcdefgXYZ", "abcdefguvwxy", 0.85),
        ("abcdefgWXYZ", "abcdefguvwst", 0.0),
    ],
)
def test_words_are_similar_by_spelling_or_stem(left: str, right: str, expected: float) -> None:
    found = words.word_similarity([left], [right])
    assert float(found[0, 0]) == pytest.approx(expected, abs=1e-6)
    assert words.word_similarity([right], [left])[0, 0] == found[0, 0]


def test_rare_words_weigh_more_and_fillers_and_object_names_less() -> None:
    texts = [text("deal name"), text("deal date"), text("deal of name"), text("rare")]
    weight = words.WordWeights(texts, {"deal"})
    assert weight("rare") == pytest.approx(np.log1p(4))
    assert weight("unknown") == weight("rare")
    assert weight("name") == pytest.approx(np.log1p(2))
    assert weight("deal") == pytest.approx(0.35 * np.log1p(4 / 3))
    assert weight("of") == pytest.approx(0.15 * np.log1p(4))


def test_long_reading_is_cut_and_missing_one_empty() -> None:
    long = " ".join(f"w{n}" for n in range(20))
    readings, starts = words.readings_of([text("a", "b c"), text(), text(long)])
    assert readings[:3] == [("a",), ("b", "c"), ()]
    assert len(readings[3]) == words.MAX_TOKENS
    assert starts.tolist() == [0, 2, 3]
    plane = np.array([[0.1, 0.2], [0.4, 0.3], [0.5, 0.0], [0.0, 0.9]], np.float32)
    best = words.best_of_readings(plane, starts, np.array([0, 1]))
    assert best.tolist() == np.array([[0.4, 0.3], [0.5, 0.0], [0.0, 0.9]], np.float32).tolist()


def test_shared_words_count_by_their_part_of_both_readings() -> None:
    found = words.overlap(
        [("close", "date"), ("date",), ()],
        [("close", "date"), ("amount",)],
        words.WordWeights([text("close date"), text("amount")]),
    )
    assert found[:, 0].tolist() == [1.0, pytest.approx(2 / 3), 0.0]
    assert found[:, 1].tolist() == [0.0, 0.0, 0.0]
    assert words.overlap([()], [("a",)], words.WordWeights([])).tolist() == [[0.0]]
    assert words.overlap([("a",)], [()], words.WordWeights([])).tolist() == [[0.0]]


WORD = st.text("abc", min_size=1, max_size=4)
READING = st.lists(WORD, max_size=5).map(tuple)


@given(st.lists(READING, min_size=1, max_size=4), st.lists(READING, min_size=1, max_size=4))
def test_overlap_is_symmetric_and_bounded(
    left: list[tuple[str, ...]], right: list[tuple[str, ...]]
) -> None:
    weights = words.WordWeights([FieldText(tuple(left), ()), FieldText(tuple(right), ())])
    found, mirrored = (words.overlap(*sides, weights) for sides in ((left, right), (right, left)))
    assert np.allclose(found, mirrored.T, atol=1e-5)
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-5


def test_types_are_compared_by_the_knowledge() -> None:
    known = Knowledge(types={frozenset((FieldType.DATE, FieldType.DATETIME)): 0.9})
    left = [Field(name="a", type=FieldType.DATE), Field(name="b", type=FieldType.OTHER)]
    right = [Field(name="x", type=FieldType.DATETIME), Field(name="y", type=FieldType.DATE)]
    found = kinds.type_fit(left, [*right, Field(name="z", type=FieldType.URL)], known)
    assert np.allclose(found, [[0.9, 1.0, 0.0], [0.5, 0.5, 0.5]])


def test_compound_locked_and_archived_fields_are_marked() -> None:
    fields = [
        Field(name="a", type=FieldType.COMPOUND),
        Field(name="b", archived=True),
        Field(name="c", calculated=True),
        Field(name="d", createable=False, updateable=False),
        Field(name="e", createable=False, updateable=True),
        Field(name="f", createable=True, updateable=False),
        Field(name="g"),
    ]
    assert penalties.shells(fields).tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert penalties.locked(fields).tolist() == [0, 1, 1, 1, 0, 0, 0]


def test_secondary_words_mark_a_field() -> None:
    found = penalties.secondary(
        [text("main phone"), text("phone", "backup")], frozenset({"backup"})
    )
    assert found.tolist() == [0, 1]


def test_custom_field_like_standard_one_is_a_twin() -> None:
    fields = [
        Field(name="CloseDate", custom=False),
        Field(name="Close_Date__c"),
        Field(name="own", custom=True),
        Field(name="Other__c", custom=True),
        Field(name="Empty__c", custom=True),
        Field(name="Plain", custom=False),
    ]
    texts = [text("close date"), text("date", "close date"), text("x"), text("y"), text(), text()]
    strengths = [
        {"deal.close": concepts.OWN_FIELD, "maybe": 0.9},
        {},
        {"deal.close": 0.75},
        {"maybe": 0.9},
        {},
        {},
    ]
    assert penalties.twins(fields, texts, strengths).tolist() == [0, 1, 1, 0, 0, 0]


LEXICON = Knowledge(
    systems={"crm": System("crm")},
    concepts={
        "phone": Concept(
            "phone",
            "Phone",
            phrases=("phone number", "tel"),
            fields=(FieldRef("crm", "Account", "PhoneNo"),),
            related=frozenset({"fax"}),
        ),
        "fax": Concept("fax", "Fax", phrases=("fax",)),
    },
)


def strengths(field: Field, words: FieldText, home: Home | None = None) -> dict[str, float]:
    (found,) = concepts.concepts_of([field], [words], LEXICON, home, {"account"})
    return dict(found)


def test_concept_order_is_equal_in_each_process() -> None:
    known = {f"c{n:02}": (FieldRef("crm", f"O{n}", "Region"),) for n in range(20)}
    lexicon = Knowledge(concepts={id_: Concept(id_, "", fields=at) for id_, at in known.items()})
    (found,) = concepts.concepts_of([Field(name="Region")], [text()], lexicon, None)
    assert list(found) == list(known)


def test_a_concept_is_stronger_the_surer_its_name() -> None:
    home = Home("crm", "account")
    assert strengths(Field(name="PhoneNo"), text("phone no"), home) == {"phone": 1.0}
    assert strengths(Field(name="x"), text("number of phone"), home) == {"phone": 0.9}
    assert strengths(Field(name="x"), text("work tel", leaf="tel")) == {"phone": 0.75}
    assert strengths(Field(name="x"), text("account tel")) == {"phone": 0.75}
    assert strengths(Field(name="x"), text("account")) == {}
    assert strengths(Field(name="phoneno"), text("phoneno")) == {"phone": 0.6}
    assert strengths(Field(name="phoneno"), text("fax")) == {"fax": 0.9}
    assert strengths(Field(name="x"), text("tel", "fax", leaf="fax")) == {"phone": 0.9, "fax": 0.9}
    assert strengths(Field(name="x"), text("other")) == {}


def test_the_strongest_shared_or_related_concept_counts() -> None:
    left = [{"phone": 0.9}, {"fax": 0.5, "phone": 0.2}, {}]
    right = [{"phone": 1.0}, {"fax": 0.6}]
    found = concepts.concept_fit(left, right, LEXICON)
    assert np.allclose(found, [[0.9, 0.27], [0.25, 0.3], [0.0, 0.0]])
    assert np.allclose(concepts.certainty(left), [0.9, 0.5, 0])


class Angles:
    """An encoder whose vectors have the angle that the text names, in degrees."""

    name = "angles"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        angles = np.radians([float(text or 0) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_meaning_is_the_best_cosine_beyond_the_neighbors() -> None:
    left = [text(phrases="0|80"), text(phrases="0")]
    right = [text(phrases="60"), text(phrases="90")]
    cosine = np.cos(np.radians([[20, 10], [60, 90]]))
    means = cosine.mean(axis=1, keepdims=True) + cosine.mean(axis=0, keepdims=True)
    found = meaning.nearness(left, right, Angles())
    assert np.allclose(found, np.clip(2 * cosine - means, -0.5, 1), atol=1e-6)


def test_fields_without_words_have_no_meaning() -> None:
    found = meaning.nearness([text(), text(phrases="9")], [text(), text("")], Angles())
    assert not found.any()


def test_words_are_compared_one_by_one() -> None:
    left, right = [text(phrases="0 90 of")], [text(phrases="90 0"), text(phrases="180"), text()]
    weights = words.WordWeights([text("0 90 of"), text("90 0"), text("180"), text()])
    found = meaning.word_nearness(left, right, weights, Angles())
    assert found[0, 0] > found[0, 1] >= found[0, 2]
    assert found.shape == (1, 3)


def test_a_text_near_to_everything_is_beyond_no_neighbor() -> None:
    left = [text(phrases="0"), text(phrases="10"), text(phrases="20")]
    beyond = meaning.nearness(left, [text(phrases="10"), text(phrases="95")], Angles())
    # The first right text is near to all three, the second is far from all but nearest to the last.
    assert beyond[2, 1] > beyond[0, 1]
    assert beyond[1, 0] - beyond[0, 0] < 0.1


OBJECTS = Lexicon(
    Knowledge(
        synonyms={"firm": "firm", "company": "firm"},
        concepts={
            "name": Concept(
                "name",
                "Name",
                fields=tuple(FieldRef("crm", one, "x") for one in ("deal", "firm", "company")),
            )
        },
    )
)


def bundle() -> tuple[list[Field], list[FieldText], Objects]:
    names = [f"{one}.{part}" for one in ("Deals", "Firm") for part in ("Name", "Owner", "City")]
    right = [Field(name=name) for name in (*names, "Deals.Stage")]
    texts = [text(leaf=field.name.rpartition(".")[2].lower()) for field in right]
    left = [Field(name=name) for name in "abcde"]
    found = objects_of(left, right, texts, [{}] * len(right), OBJECTS)
    assert found is not None
    # Deals.Stage has no field of the same name in the other object.
    assert {tuple(columns.tolist()) for columns in found.homonyms} == {(0, 3), (1, 4), (2, 5)}
    return right, texts, found


def test_homonym_prefers_object_of_other_fields() -> None:
    *_, objects = bundle()
    score = np.zeros((5, 7), np.float32)
    score[:3, 6] = 6
    found = prefer(objects, score, {})
    assert found.against[3].tolist()[:3] == [0, 0, 0]
    assert min(found.against[3, 3:6]) > 0.5
    assert found.against[3, 6] == 0
    assert found.ahead[3, 0] > 0 > found.ahead[3, 3]
    assert found.agreed == [None] * 5


def test_accepted_fields_teach_the_object_once_they_agree() -> None:
    *_, objects = bundle()
    score = np.zeros((5, 7), np.float32)
    score[:, 6] = 3
    spread = prefer(objects, score, {0: 3, 1: 4, 2: 1, 3: 6})
    assert spread.agreed == [None] * 5
    assert np.array_equal(spread.against, prefer(objects, score, {}).against)
    agreed = prefer(objects, score, {0: 3, 1: 4, 2: 5})
    assert agreed.agreed[4] is not None
    assert (agreed.agreed[4].name, agreed.agreed[4].count) == ("Firm", 3)
    assert agreed.against[4, 0] > 0 == agreed.against[4, 3]
    assert agreed.against[4, 6] == 1


def test_fields_accepted_in_one_group_teach_no_other_group() -> None:
    right, texts, _ = bundle()
    left = [Field(name=f"{one}_{part}") for one in ("firm", "deal") for part in "abcd"]
    objects = objects_of(left, right, texts, [{}] * len(right), OBJECTS)
    assert objects is not None
    score = np.zeros((8, 7), np.float32)
    found = prefer(objects, score, {0: 3, 1: 4, 2: 5}).agreed
    assert [one is not None for one in found] == [True] * 4 + [False] * 4
    both = prefer(objects, score, {0: 3, 1: 4, 4: 5}).agreed
    assert {one.name for one in both if one is not None} == {"Firm"}
    assert None not in both


def test_a_list_of_one_object_has_no_objects() -> None:
    right, texts, _ = bundle()
    assert objects_of([], right[:3], texts[:3], [{}] * 3, OBJECTS) is None


def test_nested_record_parts_are_not_objects() -> None:
    right = [Field(name=f"{one}.{part}") for one in ("buyer", "deal") for part in "abc"]
    texts = [text(path=field.name.partition(".")[0]) for field in right]
    assert objects_of([], right, texts, [{}] * 6, OBJECTS) is None
    # In another language, they are objects by their translation.
    foreign = [text(path="deal" if n > 2 else "firm") for n in range(6)]
    right = [Field(name=f"{one}.{part}") for one in ("firma", "geschaft") for part in "abc"]
    assert objects_of([], right, foreign, [{}] * 6, OBJECTS) is not None
