"""Suggest a CRM picklist value for each PartnerOS picklist value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from crmdeck.matching.knowledge import Knowledge, phrase_key
from crmdeck.matching.languages import fold
from crmdeck.model import (
    Field,
    FieldType,
    PicklistValue,
    ValueMap,
    ValueMatch,
    ValuePair,
)

if TYPE_CHECKING:
    # At run time it would import numpy.
    from crmdeck.matching.encoder import Encoder

NORMALIZED_CONFIDENCE = 0.95
SYNONYM_CONFIDENCE = 0.85
MIN_COSINE = 0.7
MAX_ENCODED = 500
# Part of the values of both fields from which they are the codes and names of one table.
_SAME_TABLE = 0.8
_LOCALE = re.compile(r"^([a-z]{2})[-_][a-z]{2}$", re.IGNORECASE)

_CHOICES = frozenset({FieldType.PICKLIST, FieldType.MULTIPICKLIST})
_YES_AND_NO = (
    PicklistValue(value="true", label="Yes"),
    PicklistValue(value="false", label="No"),
)

Keys = Callable[[PicklistValue], Iterable[str]]


def suggest_value_map(
    left: Field,
    right: Field,
    *,
    knowledge: Knowledge,
    codes: Sequence[Mapping[str, str]] = (),
    encoder: Encoder | None = None,
) -> ValueMap:
    """Return a counterpart in `right` for each active value of `left`, in the order of `left`.

    Equal values win over those that differ in case and punctuation, then come synonyms, then
    values that the encoder finds close in meaning. Values may share a counterpart by name or
    synonym (`submitted` and `new`), but by meaning only if there are fewer counterparts. If both
    fields have the values of one table of `codes`, only the table counts: NO is Norway then.
    """
    values = _values(left)
    if not values or not (right.type in _CHOICES or right.type is FieldType.BOOLEAN):
        return ValueMap()
    targets = _values(right)
    tables = [one for one in codes if _is_of(one, values) and _is_of(one, targets)]
    table = max(tables, key=lambda one: _shared(one, values, targets), default=None)
    synonyms = _synonym_keys(knowledge) if table is None else _code_keys(table, targets)
    found: dict[int, ValuePair] = {}
    for how, keys, confidence in (
        (ValueMatch.EXACT, _exact_keys, 1.0),
        (ValueMatch.NORMALIZED, _normalized_keys, NORMALIZED_CONFIDENCE),
        (ValueMatch.SYNONYM, synonyms, SYNONYM_CONFIDENCE),
    ):
        _match(values, targets, found, keys, how, confidence)
    if encoder is not None and table is None:
        _match_meaning(values, targets, found, encoder)
    pairs = tuple(
        found.get(row, ValuePair(partner_value=value.value, crm_value=None))
        for row, value in enumerate(values)
    )
    return ValueMap(pairs=pairs, complete=len(found) == len(values))


def _values(field: Field) -> tuple[PicklistValue, ...]:
    active = tuple(value for value in field.picklist if value.active)
    return _YES_AND_NO if field.type is FieldType.BOOLEAN and not active else active


def _match(
    values: Sequence[PicklistValue],
    targets: Sequence[PicklistValue],
    found: dict[int, ValuePair],
    keys: Keys,
    how: ValueMatch,
    confidence: float,
) -> None:
    by_key: dict[str, str] = {}
    for target in targets:
        for key in keys(target):
            by_key.setdefault(key, target.value)
    for row, value in enumerate(values):
        if row in found:
            continue
        match = next((by_key[key] for key in keys(value) if key in by_key), None)
        if match is not None:
            found[row] = ValuePair(
                partner_value=value.value, crm_value=match, how=how, confidence=confidence
            )


def _exact_keys(value: PicklistValue) -> tuple[str, ...]:
    # A number is a code of one system: the same number means something else in another.
    if value.value.isdecimal() and value.label:
        return (value.label,)
    return (value.value,)


def _normalized_keys(value: PicklistValue) -> list[str]:
    texts = (*_exact_keys(value), value.label)
    return [key for text in texts if (key := phrase_key(text))]


def _synonym_keys(knowledge: Knowledge) -> Keys:
    def keys(value: PicklistValue) -> list[str]:
        return [knowledge.canonical_value(key) for key in _normalized_keys(value)]

    return keys


def parse_codes(text: str) -> dict[str, str]:
    """Return the first name of each line of a table by the key of each of its names."""
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return {code_key(name): row[0] for row in rows for name in row}


def code_key(text: str) -> str:
    """Return the key of a code or a name, without accents; all locales of a language share one."""
    return fold(phrase_key(_LOCALE.sub(r"\1-XX", text.strip())))


def _meanings(table: Mapping[str, str], value: PicklistValue) -> list[str]:
    keys = map(code_key, (value.value, value.label))
    return [table[key] for key in keys if key in table]


def _is_of(table: Mapping[str, str], values: Sequence[PicklistValue]) -> bool:
    known = sum(bool(_meanings(table, value)) for value in values)
    return len(values) > 1 and known >= _SAME_TABLE * len(values)


def _shared(
    table: Mapping[str, str], left: Iterable[PicklistValue], right: Iterable[PicklistValue]
) -> int:
    ours, yours = (
        {one for value in side for one in _meanings(table, value)} for side in (left, right)
    )
    return len(ours & yours)


def _code_keys(table: Mapping[str, str], targets: Sequence[PicklistValue]) -> Keys:
    """Return the keys of a table, without meanings that several targets have."""
    counts = Counter(one for target in targets for one in {*_meanings(table, target)})
    return lambda value: [one for one in _meanings(table, value) if counts[one] < 2]


def _match_meaning(
    values: Sequence[PicklistValue],
    targets: Sequence[PicklistValue],
    found: dict[int, ValuePair],
    encoder: Encoder,
) -> None:
    must_share = len(values) > len(targets)
    taken = set() if must_share else {pair.crm_value for pair in found.values()}
    rows = [row for row in range(len(values)) if row not in found]
    free = [target for target in targets if target.value not in taken]
    if not rows or not free or max(len(rows), len(free)) > MAX_ENCODED:
        return
    cosines = encoder.encode([_words(values[row]) for row in rows]) @ (
        encoder.encode([_words(target) for target in free]).T
    )
    ranked = sorted(
        (-float(cosines[i, j]), i, j)
        for i in range(len(rows))
        for j in range(len(free))
        if cosines[i, j] >= MIN_COSINE
    )
    used: set[int] = set()
    for negative, i, j in ranked:
        if rows[i] not in found and (must_share or j not in used):
            used.add(j)
            found[rows[i]] = ValuePair(
                partner_value=values[rows[i]].value,
                crm_value=free[j].value,
                how=ValueMatch.EMBEDDING,
                confidence=round(min(-negative, 1.0), 4),
            )


def _words(value: PicklistValue) -> str:
    return phrase_key(value.label or value.value)
