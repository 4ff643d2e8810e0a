"""Find CRM fields by what they mean, in all connections. Ranks and reasons, no percentages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from crmdeck.errors import UsageError
from crmdeck.matching import EncoderUnavailableError, SentenceEncoder
from crmdeck.matching.lexicon import field_words
from crmdeck.model import Field, FieldRow, FieldType
from crmdeck.model.wire import wire_record
from crmdeck.text import count
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.explore.standing import field_standing
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
    fields = [Field.model_construct(name="", label=meaning, type=FieldType.STRING)]
    fields += [
        Field.model_construct(name=row.name, label=row.label, type=row.type) for _, row in rows
    ]
    (_, asked), *read = field_words(fields, load_knowledge(context.home))
    words = dict.fromkeys(word for word in asked if word not in _FILLERS)
    if not words:
        raise UsageError(
            "Nothing to search for.",
            cause="The text has no words that can name a field.",
            remedy="Describe the field in words, such as: partner tier",
            code="NO_WORDS",
        )
    of_fields = [frozenset((*name, *label)) for name, label in read]
    frequency = Counter(word for found in of_fields for word in found)
    # A rare word says more about a field than one that most fields have.
    weights = {word: math.log((len(rows) + 1) / (frequency[word] + 0.5)) for word in words}
    all_weights = sum(weights.values())
    shared = [
        sum(weights[word] for word in words if word in found)
        / all_weights
        # A name with many other words is less likely to mean the text.
        / math.sqrt(max(1, len(found - _FILLERS) / len(words)))
        for found in of_fields
    ]
    standings = [
        field_standing(
            row.object_type,
            custom_object=row.object_type.endswith("__c"),
            custom=bool(row.custom),
            mapped=False,
        )
        for _, row in rows
    ]
    alike, skipped = _alike(context, meaning, [row for _, row in rows], standings)
    hits = sorted(
        (
            (-(shared[place] + max(0.0, alike[place] - 0.4)), standings[place], place)
            for place in range(len(rows))
            if shared[place] >= _LEAST_SHARED or alike[place] >= _LEAST_ALIKE
        ),
    )
    found = []
    for *_, place in hits[:MOST_FOUND]:
        name, row = rows[place]
        common = [word for word in words if word in of_fields[place]]
        reasons = [f"same words: {', '.join(common)}"] if common else []
        reasons += ["similar meaning"] if alike[place] >= _LEAST_ALIKE else []
        found.append(FoundField(name, row, tuple(reasons)))
    unread = [one.name for one in wanted if one.name not in {name for name, _ in rows}]
    sentences = [f"{name} was never refreshed: its fields are unknown." for name in unread]
    if skipped:
        sentences.append(f"{count(skipped, 'label')} were compared by their words, not by meaning.")
    return FoundFields(tuple(found), tuple(sentences))


def _alike(
    context: Context, meaning: str, rows: Sequence[FieldRow], standings: Sequence[int]
) -> tuple[Sequence[float], int]:
    """Return how alike the labels are to the text, and how many labels have no vector yet."""
    # If there are too many labels, those closest to an admin's work get a vector first.
    by_standing = sorted(range(len(rows)), key=lambda place: standings[place])
    texts = list(dict.fromkeys(rows[place].label or rows[place].name for place in by_standing))
    model = SentenceEncoder()
    with context.store.read() as session:
        vectors = session.vectors.get(model.name, texts)
    missing = [text for text in texts if text not in vectors]
    try:
        target, *made = model.encode([meaning, *missing[:MOST_ENCODED]])
    except EncoderUnavailableError:
        return [0.0] * len(rows), len(texts)
    fresh = dict(zip(missing, made, strict=False))
    if fresh and not context.read_only:
        with context.store.write() as session:
            session.vectors.put(model.name, fresh)
    vectors = {**vectors, **fresh}
    known = list(vectors)
    similarities = np.stack([vectors[text] for text in known]) @ target if known else np.zeros(0)
    by_text = dict(zip(known, map(float, similarities), strict=True))
    alike = [by_text.get(row.label or row.name, 0.0) for row in rows]
    return alike, len(missing) - len(fresh)
