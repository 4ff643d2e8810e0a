"""The matcher's knowledge of CRMs: words, values, types and concepts, with lookups.

The data is in `crmdeck/knowledge/matching` and in users' files of the same form, which
`knowledge_files` parses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from crmdeck.matching.languages import Language
from crmdeck.model import FieldType

ANY_OBJECT = "*"

_CASE_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[\W_]+")


def phrase_key(text: str) -> str:
    """Return `text` as a lookup key: lower-case words separated by single spaces.

    `expectedCloseDate`, `Expected_Close_Date` and `expected close-date` have the same key.
    """
    return _NOT_WORD.sub(" ", _CASE_BOUNDARY.sub(" ", text)).strip().casefold()


@dataclass(frozen=True)
class FieldRef:
    """A field of an object type in a system: `salesforce`, `Account`, `Name`.

    `object_type` is `*` for a field of every object type.
    """

    system: str
    object_type: str
    name: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.system.casefold(), self.object_type.casefold(), self.name.casefold()


@dataclass(frozen=True)
class Concept:
    """One meaning with different names in CRMs, such as `company.employees`.

    `phrases` are its names as phrase keys, `related` the concepts often used instead (a domain
    for a website). Systems set `computed` concepts themselves.
    """

    id: str
    label: str
    phrases: tuple[str, ...] = ()
    fields: tuple[FieldRef, ...] = ()
    related: frozenset[str] = frozenset()
    computed: bool = False


@dataclass(frozen=True)
class System:
    """A CRM in the lexicon. `source` is the document that the facts are from.

    `objects` maps another name of an object type, in lower case, to the lexicon's own name.
    """

    name: str
    source: str = ""
    objects: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Knowledge:
    """The content of the knowledge files; an empty one has no effect.

    `abbreviations` maps a lower-case token to its expansion. `synonyms` and `values` map a phrase
    key to the head of its group. `groups` are words with the same role, such as marking
    a field as secondary.
    """

    abbreviations: Mapping[str, str] = field(default_factory=dict)
    synonyms: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[frozenset[FieldType], float] = field(default_factory=dict)
    systems: Mapping[str, System] = field(default_factory=dict)
    concepts: Mapping[str, Concept] = field(default_factory=dict)
    languages: Mapping[str, Language] = field(default_factory=dict)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __hash__(self) -> int:
        # Mappings can't be hashed. Their sizes are enough to cache a lexicon.
        return hash((len(self.synonyms), len(self.values), len(self.concepts), len(self.languages)))

    def canonical_value(self, value: str) -> str:
        """Return the phrase key that a picklist value shares with its synonyms."""
        key = phrase_key(value)
        return self.values.get(key, key)

    def type_compatibility(self, left: FieldType, right: FieldType) -> float:
        """Return the fit of two types, 0 to 1; 0.5 for an unknown type (`other`)."""
        if FieldType.OTHER in (left, right):
            return 0.5
        if left is right:
            return 1.0
        return self.types.get(frozenset((left, right)), 0.0)

    def concept_of(self, system: str, object_type: str, field_name: str) -> str | None:
        """Return the ID of a field's concept, or None; case is ignored."""
        system = system.casefold()
        object_key = object_type.casefold()
        if known := self.systems.get(system):
            object_key = known.objects.get(object_key, object_key)
        name = field_name.casefold()
        return self._by_field.get((system, object_key, name)) or self._by_field.get(
            (system, ANY_OBJECT, name)
        )

    def concepts_named(self, field_name: str) -> frozenset[str]:
        """Return the concepts of all fields of that name in any system; case is ignored."""
        return self._by_name.get(field_name.casefold(), frozenset())

    def is_computed(self, field_name: str) -> bool:
        """True if every system with a field of that name sets it itself."""
        ids = self.concepts_named(field_name)
        return bool(ids) and all(self.concepts[id_].computed for id_ in ids)

    def affinity(self, left: str, right: str) -> float:
        """Return 1 for the same concept, 0.5 for related ones, else 0."""
        if left == right:
            return 1.0
        one, other = self.concepts.get(left), self.concepts.get(right)
        if (one and right in one.related) or (other and left in other.related):
            return 0.5
        return 0.0

    def akin(self, concept: str) -> frozenset[str]:
        """Return the concept itself and those related to it in either direction."""
        return self._akin.get(concept, frozenset((concept,)))

    def extend(self, other: Knowledge) -> Knowledge:
        """Return both combined; `other` wins on a contradiction.

        A concept of both has the phrases and fields of both. A field that `other` gives to a
        concept leaves its previous concept.
        """
        claimed = {ref.key for concept in other.concepts.values() for ref in concept.fields}
        return Knowledge(
            abbreviations={**self.abbreviations, **other.abbreviations},
            synonyms=_merge_groups(self.synonyms, other.synonyms),
            values=_merge_groups(self.values, other.values),
            types={**self.types, **other.types},
            systems=_merge(self.systems, other.systems, _merge_systems),
            concepts=_merge(_without(self.concepts, claimed), other.concepts, _merge_concepts),
            languages=_merge(self.languages, other.languages, _merge_languages),
            groups=_merge(self.groups, other.groups, frozenset.union),
        )

    @cached_property
    def _akin(self) -> dict[str, frozenset[str]]:
        pairs = [(id_, id_) for id_ in self.concepts]
        for id_, concept in self.concepts.items():
            pairs += [pair for one in concept.related for pair in ((id_, one), (one, id_))]
        return _index(pairs)

    @cached_property
    def _by_field(self) -> dict[tuple[str, str, str], str]:
        return {ref.key: id_ for id_, concept in self.concepts.items() for ref in concept.fields}

    @cached_property
    def _by_name(self) -> dict[str, frozenset[str]]:
        return _index((key[2], id_) for key, id_ in self._by_field.items())


T = TypeVar("T")


def _index(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for key, id_ in pairs:
        found.setdefault(key, set()).add(id_)
    return {key: frozenset(ids) for key, ids in found.items()}


def _merge(
    ours: Mapping[str, T], theirs: Mapping[str, T], combine: Callable[[T, T], T]
) -> dict[str, T]:
    merged = dict(ours)
    for key, value in theirs.items():
        known = merged.get(key)
        merged[key] = value if known is None else combine(known, value)
    return merged


def _without(
    concepts: Mapping[str, Concept], claimed: Collection[tuple[str, str, str]]
) -> dict[str, Concept]:
    return {
        id_: concept
        if not any(ref.key in claimed for ref in concept.fields)
        else replace(concept, fields=tuple(ref for ref in concept.fields if ref.key not in claimed))
        for id_, concept in concepts.items()
    }


def _merge_groups(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    # A new group whose head is in an old group joins that group. A new group that contains the
    # head of an old group also gets its members.
    joined = {phrase: ours.get(head, head) for phrase, head in theirs.items()}
    moved = {phrase: joined.get(head, head) for phrase, head in ours.items()}
    return {**moved, **joined}


def _merge_systems(ours: System, theirs: System) -> System:
    return System(
        name=theirs.name,
        source=theirs.source or ours.source,
        objects={**ours.objects, **theirs.objects},
    )


def _merge_concepts(ours: Concept, theirs: Concept) -> Concept:
    return Concept(
        id=theirs.id,
        label=theirs.label or ours.label,
        phrases=tuple(dict.fromkeys((*ours.phrases, *theirs.phrases))),
        fields=tuple(dict.fromkeys((*ours.fields, *theirs.fields))),
        related=ours.related | theirs.related,
        computed=ours.computed or theirs.computed,
    )


def _merge_languages(ours: Language, theirs: Language) -> Language:
    labels = dict(ours.labels)
    for label, phrases in theirs.labels.items():
        labels[label] = tuple(dict.fromkeys((*phrases, *labels.get(label, ()))))
    return Language(
        name=theirs.name,
        labels=labels,
        small=ours.small | theirs.small,
        joints=tuple(dict.fromkeys((*ours.joints, *theirs.joints))),
        spaced=ours.spaced and theirs.spaced,
        source=theirs.source or ours.source,
    )
