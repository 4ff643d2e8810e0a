"""The knowledge indexed for the ranker: by the words of a phrase, and by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from crmdeck.matching.context import Home, Homes, RankContext
from crmdeck.matching.knowledge import ANY_OBJECT, Knowledge
from crmdeck.matching.languages import Translator
from crmdeck.matching.text import (
    Reader,
    Spelling,
    Vocabulary,
    Words,
    cutter_of,
    singular,
    split_words,
    strip_lookup,
)
from crmdeck.model import Field

# Words without effect on the meaning of a phrase, unlike "by" in "created by".
_ARTICLES = frozenset({"of", "the", "a", "an", "s"})
# Fields that a schema must share with a known object to be recognized, by number and by part.
_MIN_FIELDS = 4
_MIN_PART = 0.2


class Lexicon:
    """An index of `Knowledge`, built once for each."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        spelling = Spelling(knowledge.abbreviations, knowledge.synonyms)
        phrases = [
            (split_words(phrase), concept.id)
            for concept in knowledge.concepts.values()
            for phrase in concept.phrases
        ]
        texts = [*knowledge.synonyms, *knowledge.abbreviations.values()]
        english = frozenset(word for text in texts for word in split_words(text)).union(
            spelling.abbreviations,
            knowledge.groups.get("english", ()),
            *(words for words, _ in phrases),
        )
        self.vocabulary = Vocabulary(
            spelling,
            english,
            tuple(Translator(language, english) for language in knowledge.languages.values()),
            knowledge.groups.get("placeholder", frozenset()),
        )
        # As keys, to keep their order: a suggestion names the first one in its reasons.
        self._concepts: dict[frozenset[str], dict[str, None]] = {}
        for words, concept_id in phrases:
            key = _key(spelling.words(words))
            self._concepts.setdefault(key, {})[concept_id] = None
        types = {ref.key[1] for one in knowledge.concepts.values() for ref in one.fields}
        parts = [split_words(one) for one in types - {ANY_OBJECT}]
        self._objects = {singular("".join(words)) for words in parts}
        self._translated_objects = {"".join(spelling.words(words)) for words in parts}
        self._owners: dict[str, set[tuple[str, str]]] = {}
        self._sizes: Counter[tuple[str, str]] = Counter()
        for concept in knowledge.concepts.values():
            for ref in concept.fields:
                system, object_type, name = ref.key
                if object_type != ANY_OBJECT:
                    self._sizes[system, object_type] += 1
                self._owners.setdefault(name, set()).add((system, object_type))

    def concepts_of(self, words: Sequence[str]) -> Iterable[str]:
        """Return the concepts named by these words, in any order of the words.

        In the order of the knowledge.
        """
        return self._concepts.get(_key(words), ())

    def is_object(self, name: str, read: Words) -> bool:
        """True if `name` is an object type; `read` are its words in English."""
        words = split_words(name)
        if singular("".join(words)) in self._objects:
            return True
        return (
            self.vocabulary.words.isdisjoint(words)
            and read[:1] != ()
            and (read[0] in self._translated_objects)
        )

    def locate(self, fields: Sequence[Field], hint: Home | None = None) -> Home | None:
        """Return the known object that has these fields, or None.

        `hint` is the object that the caller knows; it wins if the lexicon has it.
        """
        if hint is not None:
            known = self._knowledge.systems.get(hint.system.casefold())
            key = hint.object_type.casefold()
            place = (
                hint.system.casefold(),
                known.objects.get(key, key).casefold() if known else key,
            )
            if place in self._sizes:
                return Home(*place)
        hits: Counter[tuple[str, str]] = Counter()
        shared: Counter[str] = Counter()
        for name in {field.name.casefold() for field in fields}:
            for system, object_type in self._owners.get(name, ()):
                if object_type == ANY_OBJECT:
                    shared[system] += 1
                else:
                    hits[system, object_type] += 1
        scored = [
            (count + shared[place[0]], count / self._sizes[place], place)
            for place, count in hits.items()
            if count >= _MIN_FIELDS and count >= _MIN_PART * self._sizes[place]
        ]
        return Home(*max(scored)[2]) if scored else None


@lru_cache(maxsize=4)
def lexicon_of(knowledge: Knowledge) -> Lexicon:
    return Lexicon(knowledge)


def homes_of(
    left: Sequence[Field], right: Sequence[Field], context: RankContext, knowledge: Knowledge
) -> Homes:
    lexicon = lexicon_of(knowledge)
    return lexicon.locate(left, context.left_home), lexicon.locate(right, context.right_home)


def own_concept(field: Field, home: Home | None, knowledge: Knowledge) -> str | None:
    """Return the concept of a known object's field by its name, or None."""
    if home is None:
        return None
    place = (home.system, home.object_type)
    return knowledge.concept_of(*place, field.name) or knowledge.concept_of(
        *place, strip_lookup(field.name)
    )


def field_words(fields: Sequence[Field], knowledge: Knowledge) -> list[tuple[Words, Words]]:
    """Return the words of each field's name and of its label, in English if possible."""
    reader = reader_of(fields, knowledge)
    return [reader.words(field) for field in fields]


def reader_of(fields: Sequence[Field], knowledge: Knowledge) -> Reader:
    """Return the reader of the names and labels of fields, by the words of all of them."""
    vocabulary = lexicon_of(knowledge).vocabulary
    return Reader(fields, cutter_of(fields, vocabulary), vocabulary)


def _key(words: Sequence[str]) -> frozenset[str]:
    return frozenset(words) - _ARTICLES
