"""All signals of two field lists, measured at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.context import Home, RankContext
from crmdeck.matching.encoder import Encoder
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.lexicon import lexicon_of
from crmdeck.matching.signals import concepts, kinds, meaning, standing, tfidf, words
from crmdeck.matching.text import FieldText, Reader, split_words
from crmdeck.model import Field

Matrix = NDArray[np.float32]

# The order in which equal shares are told.
LEXICAL = ("concept", "closest", "union", "label", "letters", "words", "type", "values")
MEANING = ("short_cosine", "long_cosine")
AGAINST = ("conflict", "shell", "twin", "secondary", "locked")


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
    right_values: Mapping[int, frozenset[str]]


def read_texts(
    left: Sequence[Field], right: Sequence[Field], knowledge: Knowledge
) -> tuple[tuple[FieldText, ...], tuple[FieldText, ...]]:
    """Return the words of both sides, cut with the vocabulary of both."""
    lexicon = lexicon_of(knowledge)
    reader = Reader([*left, *right], lexicon.spelling, lexicon.words)
    return tuple(map(reader.read, left)), tuple(map(reader.read, right))


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
    lexicon = lexicon_of(knowledge)
    left_home = lexicon.locate(left, context.left_home)
    right_home = lexicon.locate(right, context.right_home)
    names = [context.partner_object, context.crm_object]
    names += [home.object_type for home in (left_home, right_home) if home is not None]
    object_words = {word for name in names for word in lexicon.spelling.words(split_words(name))}
    overlap = words.overlap(ours, yours, words.WordWeights([*ours, *yours], object_words))
    left_concepts = concepts.concepts_of(left, ours, knowledge, left_home, object_words)
    right_concepts = concepts.concepts_of(right, yours, knowledge, right_home, object_words)
    fit = concepts.concept_fit(left_concepts, right_concepts, knowledge)
    right_values = kinds.value_sets(right, knowledge)
    shape = (len(left), len(right))
    signals: dict[str, Matrix] = {
        "concept": fit.agree,
        "closest": overlap.closest,
        "union": overlap.union,
        "label": words.label_similarity(ours, yours),
        "letters": tfidf.letters(ours, yours),
        "words": tfidf.words(ours, yours),
        "type": kinds.type_fit(left, right, knowledge),
        "values": kinds.shared_values(kinds.value_sets(left, knowledge), right_values, shape),
    }
    if encoder is not None:
        signals["short_cosine"], signals["long_cosine"] = meaning.cosines(ours, yours, encoder)
    shell = np.maximum(standing.shells(right)[None, :] - standing.shells(left)[:, None], 0)
    left_twin = standing.twins(left, ours, left_concepts)
    right_twin = standing.twins(right, yours, right_concepts)
    left_second, right_second = standing.secondary(ours), standing.secondary(yours)
    against: dict[str, Matrix] = {
        "conflict": fit.conflict,
        "shell": shell,
        "twin": np.maximum(left_twin[:, None], right_twin[None, :]),
        "secondary": np.abs(left_second[:, None] - right_second[None, :]),
        "locked": np.broadcast_to(standing.locked(right), shape),
    }
    return Measured(
        signals=signals,
        against=against,
        left=ours,
        right=yours,
        left_concepts=left_concepts,
        right_concepts=right_concepts,
        right_home=right_home,
        right_values=right_values,
    )
