"""All signals of two field lists, measured at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.context import Home, RankContext
from crmdeck.matching.encoder import Encoder
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.signals import concepts, kinds, meaning, standing, tfidf, words
from crmdeck.matching.text import FieldText, Reader, singular, split_words
from crmdeck.model import Field

Matrix = NDArray[np.float32]

# The order in which equal shares are told.
LEXICAL = ("concept", "closest", "union", "label", "letters", "words", "type", "values")
MEANING = ("short_cosine", "long_cosine")
AGAINST = ("conflict", "shell", "twin", "locked")


@dataclass(frozen=True)
class Measured:
    """Every signal for and against each pair, and the words that were read."""

    signals: Mapping[str, Matrix]
    against: Mapping[str, Matrix]
    left: tuple[FieldText, ...]
    right: tuple[FieldText, ...]
    left_concepts: Sequence[Mapping[str, float]]
    right_concepts: Sequence[Mapping[str, float]]
    right_home: Home | None


def read_texts(
    left: Sequence[Field], right: Sequence[Field], knowledge: Knowledge
) -> tuple[tuple[FieldText, ...], tuple[FieldText, ...]]:
    """Return the words of both sides, cut with the vocabulary of both."""
    reader = Reader(
        [*left, *right],
        abbreviations=knowledge.abbreviations,
        synonyms=knowledge.synonyms,
        known=known_words(knowledge),
    )
    return tuple(map(reader.read, left)), tuple(map(reader.read, right))


def known_words(knowledge: Knowledge) -> frozenset[str]:
    """Return the words that the knowledge files write on their own."""
    phrases: list[str] = [*knowledge.synonyms, *knowledge.abbreviations.values()]
    for concept in knowledge.concepts.values():
        phrases.extend(concept.phrases)
    return frozenset(word for phrase in phrases for word in split_words(phrase))


def measure(
    left: Sequence[Field],
    right: Sequence[Field],
    *,
    context: RankContext,
    knowledge: Knowledge,
    encoder: Encoder | None,
) -> Measured:
    """Return every signal of each pair; the two cosines are left out without an encoder."""
    ours, yours = read_texts(left, right, knowledge)
    object_words = context_words(context)
    left_home = concepts.locate(left, knowledge, context.left_home)
    right_home = concepts.locate(right, knowledge, context.right_home)
    for home in (left_home, right_home):
        if home is not None:
            object_words |= set(split_words(home.object_type))
    overlap = words.overlap(ours, yours, words.WordWeights([*ours, *yours], object_words))
    left_concepts = concepts.concepts_of(left, ours, knowledge, left_home, object_words)
    right_concepts = concepts.concepts_of(right, yours, knowledge, right_home, object_words)
    fit = concepts.concept_fit(left_concepts, right_concepts, knowledge)
    signals: dict[str, Matrix] = {
        "concept": fit.agree,
        "closest": overlap.closest,
        "union": overlap.union,
        "label": words.label_similarity(ours, yours),
        "letters": tfidf.letters(ours, yours),
        "words": tfidf.words(ours, yours),
        "type": kinds.type_fit(left, right, knowledge),
        "values": kinds.shared_values(left, right, knowledge),
    }
    if encoder is not None:
        signals["short_cosine"], signals["long_cosine"] = meaning.cosines(ours, yours, encoder)
    shape = (len(left), len(right))
    shell = np.maximum(standing.shells(right)[None, :] - standing.shells(left)[:, None], 0)
    twin = np.maximum(standing.twins(right, yours)[None, :], standing.twins(left, ours)[:, None])
    against: dict[str, Matrix] = {
        "conflict": fit.conflict,
        "shell": np.broadcast_to(shell, shape),
        "twin": np.broadcast_to(twin, shape),
        "locked": np.broadcast_to(standing.locked(right)[None, :], shape),
    }
    return Measured(signals, against, ours, yours, left_concepts, right_concepts, right_home)


def context_words(context: RankContext) -> set[str]:
    """Return the words of the two objects' names: they say little inside the objects."""
    names = (context.partner_object, context.crm_object)
    return {singular(word) for name in names for word in split_words(name)}
