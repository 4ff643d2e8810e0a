"""Find CRM fields by what they mean, in all connections. Ranks and reasons, no percentages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmdeck.errors import UsageError
from crmdeck.matching import EncoderUnavailableError, SentenceEncoder
from crmdeck.matching.encoder import DIMENSIONS
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.lexicon import reader_of
from crmdeck.model import Field, FieldRow, FieldType
from crmdeck.model.wire import wire_record
from crmdeck.text import count
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.explore.relevance import field_relevance
from crmdeck.workspace.knowledge import load_knowledge

MOST_FOUND = 50
MOST_ENCODED = 1_000
"""Labels per search that get a new vector; about a second of work."""

_LEAST_SHARED = 0.5
_LEAST_ALIKE = 0.5
_FILLERS = frozenset({"of", "the", "a", "an", "is", "to", "for", "in", "and", "id"})


class FoundField(NamedTuple):
    """A field that may have the meaning, and why."""

    connection: str
    field: FieldRow
    reasons: tuple[str, ...]


class FoundFields(NamedTuple):
    """Fields by meaning, the best first, and sentences about what was not compared."""

    fields: tuple[FoundField, ...]
    not_checked: tuple[str, ...]

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


def find_by_meaning(context: Context, meaning: str, refs: Sequence[str]) -> FoundFields:
    """Return the fields with a name or label that means `meaning`; `refs` is empty for all.

    Words are compared with their synonyms, abbreviations and translations, and labels by the
    sentence encoder. Raises NotFoundError, and UsageError for a text without words.
    """
    with context.store.read() as session:
        every = session.connections.all()
        wanted = [find_connection(session, ref) for ref in refs] or list(every)
        rows = [(one.name, row) for one in wanted for row in session.snapshots.field_rows(one.id)]
    index = _index_of(tuple(row for _, row in rows), load_knowledge(context.home))
    words = index.read(meaning)
    if not words:
        raise UsageError(
            "Nothing to search for.",
            cause="The text has no words that can describe a field.",
            remedy="Describe the field in words, such as: partner tier",
            code="NO_WORDS",
        )
    # A rare word says more about a field than one that most fields have.
    weights = {word: math.log((len(rows) + 1) / (index.frequency[word] + 0.5)) for word in words}
    all_weights = sum(weights.values())
    shared = [
        sum(weights[word] for word in words if word in found)
        / all_weights
        # A name with many other words is less likely to mean the text.
        / math.sqrt(max(1, size / len(words)))
        for found, size in zip(index.words, index.sizes, strict=True)
    ]
    alike, skipped = index.compare(context, meaning)
    relevances = index.relevances
    hits = sorted(
        (
            (-(shared[place] + max(0.0, alike[place] - 0.4)), relevances[place], place)
            for place in range(len(rows))
            if shared[place] >= _LEAST_SHARED or alike[place] >= _LEAST_ALIKE
        ),
    )
    found = []
    for *_, place in hits[:MOST_FOUND]:
        name, row = rows[place]
        common = [word for word in words if word in index.words[place]]
        reasons = [f"same words: {', '.join(common)}"] if common else []
        reasons += ["similar meaning"] if alike[place] >= _LEAST_ALIKE else []
        found.append(FoundField(name, row, tuple(reasons)))
    unread = [one.name for one in wanted if one.name not in {name for name, _ in rows}]
    sentences = [f"{name} was never refreshed: its fields are unknown." for name in unread]
    if skipped:
        sentences.append(f"{count(skipped, 'label')} were compared by their words, not by meaning.")
    return FoundFields(tuple(found), tuple(sentences))


class _FieldIndex:
    """The words of fields, and the vectors of their labels as far as searches made them."""

    def __init__(self, rows: Sequence[FieldRow], knowledge: Knowledge) -> None:
        fields = [
            Field.model_construct(name=row.name, label=row.label, type=row.type) for row in rows
        ]
        self._reader = reader_of(fields, knowledge)
        self.words = [
            frozenset(word for words in self._reader.words(field) for word in words)
            for field in fields
        ]
        self.sizes = [len(words - _FILLERS) for words in self.words]
        self.frequency = Counter(word for words in self.words for word in words)
        self.relevances = [
            field_relevance(
                row.object_type,
                custom_object=row.object_type.endswith("__c"),
                custom=bool(row.custom),
                mapped=False,
            )
            for row in rows
        ]
        # If there are too many labels, those closest to an admin's work get a vector first.
        by_relevance = sorted(range(len(rows)), key=lambda place: self.relevances[place])
        labels = [row.label or row.name for row in rows]
        texts = dict.fromkeys(labels[place] for place in by_relevance)
        self._missing = {text: place for place, text in enumerate(texts)}
        self._places = np.array([self._missing[label] for label in labels], np.intp)
        self._vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        self._lock = Lock()

    def read(self, meaning: str) -> tuple[str, ...]:
        """Return the words of a text, each once, without fillers."""
        _, words = self._reader.words(
            Field.model_construct(name="", label=meaning, type=FieldType.STRING)
        )
        return tuple(dict.fromkeys(word for word in words if word not in _FILLERS))

    def compare(self, context: Context, meaning: str) -> tuple[Sequence[float], int]:
        """Return the labels' similarity to a text, and the number of labels without a vector."""
        model = SentenceEncoder()
        with self._lock:
            if self._missing:
                with context.store.read() as session:
                    self._keep(session.vectors.get(model.name, list(self._missing)))
            unread = list(self._missing)[:MOST_ENCODED]
            try:
                target, *made = model.encode([meaning, *unread])
            except EncoderUnavailableError:
                return [0.0] * len(self._places), len(self._vectors)
            fresh = dict(zip(unread, made, strict=True))
            if fresh and not context.read_only:
                with context.store.write() as session:
                    session.vectors.put(model.name, fresh)
            self._keep(fresh)
            alike = (self._vectors @ target)[self._places].tolist()
            return alike, len(self._missing)

    def _keep(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        for text, vector in vectors.items():
            self._vectors[self._missing.pop(text)] = vector


# A server answers assistants about two organizations at a time; each index of 18,000 fields
# takes 50 MB.
@lru_cache(maxsize=2)
def _index_of(rows: tuple[FieldRow, ...], knowledge: Knowledge) -> _FieldIndex:
    return _FieldIndex(rows, knowledge)
