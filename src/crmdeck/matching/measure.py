"""Measure all signals of two field lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching.context import Homes, RankContext
from crmdeck.matching.encoder import Encoder
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.lexicon import homes_of, lexicon_of
from crmdeck.matching.signals import concepts, kinds, meaning, penalties, words
from crmdeck.matching.signals.objects import Objects, objects_of
from crmdeck.matching.text import FieldText, Reader, cutter_of, split_words, with_help
from crmdeck.model import Field, FieldType

Matrix = NDArray[np.float32]

RECORD_ID = "record.id"
# The part of known words from which a list is English, and its distance to the fully foreign.
_ENGLISH, _SPAN = 0.6, 0.5


@dataclass(frozen=True)
class Measured:
    """Every signal for and against each pair, and the words of the fields.

    `signals` also has `record_id`, 1 if both fields are record IDs. It has no weight in a score.
    `foreign` is 0 for a left side in English, 1 for one without a known word.
    """

    signals: Mapping[str, Matrix]
    against: Mapping[str, Matrix]
    left: tuple[FieldText, ...]
    right: tuple[FieldText, ...]
    left_concepts: Sequence[concepts.Strengths]
    right_concepts: Sequence[concepts.Strengths]
    homes: Homes
    objects: Objects | None
    foreign: float


def read_texts(
    left: Sequence[Field], right: Sequence[Field], knowledge: Knowledge
) -> tuple[tuple[FieldText, ...], tuple[FieldText, ...]]:
    """Return the words of both sides, cut with their shared vocabulary.

    If name and label say nothing, the words are those of the help text.
    """
    vocabulary = lexicon_of(knowledge).vocabulary
    cutter = cutter_of([*left, *right], vocabulary)
    left, right = (with_help(side, cutter, vocabulary) for side in (left, right))
    ours, yours = Reader(left, cutter, vocabulary), Reader(right, cutter, vocabulary)
    return tuple(map(ours.read, left)), tuple(map(yours.read, right))


def measure(
    left: Sequence[Field],
    right: Sequence[Field],
    *,
    context: RankContext,
    knowledge: Knowledge,
    encoder: Encoder | None,
) -> Measured:
    """Return every signal of each pair; the meaning needs an encoder."""
    ours, yours = read_texts(left, right, knowledge)
    lexicon = lexicon_of(knowledge)
    homes = homes_of(left, right, context, knowledge)
    left_home, right_home = homes
    names = [context.partner_object, context.crm_object]
    names += [home.object_type for home in homes if home is not None]
    spelling = lexicon.vocabulary.spelling
    object_words = {word for name in names for word in spelling.words(split_words(name))}
    left_concepts = concepts.concepts_of(left, ours, knowledge, left_home, object_words)
    right_concepts = concepts.concepts_of(right, yours, knowledge, right_home, object_words)
    left_readings, left_starts = words.readings_of(ours)
    right_readings, right_starts = words.readings_of(yours)
    weights = words.WordWeights([*ours, *yours], object_words)

    signals: dict[str, Matrix] = {
        "concept": concepts.concept_fit(left_concepts, right_concepts, knowledge),
        "closest": words.best_of_readings(
            words.overlap(left_readings, right_readings, weights), left_starts, right_starts
        ),
        "type": kinds.type_fit(left, right, knowledge),
        "record_id": np.outer(
            _record_ids(left, left_concepts), _record_ids(right, right_concepts)
        ).astype(np.float32),
    }
    if encoder is not None:
        signals["csls"] = meaning.nearness(ours, yours, encoder)
        signals["soft"] = meaning.word_nearness(ours, yours, weights, encoder)
    shell = np.maximum(penalties.shells(right)[None, :] - penalties.shells(left)[:, None], 0)
    left_twin = penalties.twins(left, ours, left_concepts)
    right_twin = penalties.twins(right, yours, right_concepts)
    not_main = knowledge.groups.get("secondary", frozenset())
    left_second, right_second = (penalties.secondary(side, not_main) for side in (ours, yours))
    against: dict[str, Matrix] = {
        "shell": shell,
        "twin": np.maximum(left_twin[:, None], right_twin[None, :]),
        "secondary": np.abs(left_second[:, None] - right_second[None, :]),
        "locked": np.broadcast_to(penalties.locked(right), (len(left), len(right))),
    }
    return Measured(
        signals=signals,
        against=against,
        left=ours,
        right=yours,
        left_concepts=left_concepts,
        right_concepts=right_concepts,
        homes=homes,
        objects=objects_of(left, right, yours, right_concepts, lexicon),
        foreign=_foreignness(ours, lexicon.vocabulary.words),
    )


def _foreignness(fields: Iterable[FieldText], english: frozenset[str]) -> float:
    """Return 0 to 1, the higher the fewer words of a field are English on average."""
    read = [[word for word in text.words if len(word) > 1 and word.isalpha()] for text in fields]
    known = [sum(word in english for word in words) / len(words) for words in read if words]
    return float(np.clip((_ENGLISH - np.mean(known)) / _SPAN, 0, 1)) if known else 0.0


def _record_ids(fields: Sequence[Field], known: Iterable[concepts.Strengths]) -> list[bool]:
    return [
        field.type is FieldType.ID or RECORD_ID in strengths
        for field, strengths in zip(fields, known, strict=True)
    ]
