"""Parse the text of a knowledge file (TOML) into `Knowledge`.

A file has any of the tables `abbreviations`, `synonyms`, `values`, `types`, `systems`,
`concepts`, `languages` and `words`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence

from crmdeck.errors import UsageError
from crmdeck.matching.knowledge import Concept, FieldRef, Knowledge, System, phrase_key
from crmdeck.matching.languages import Language
from crmdeck.model import FieldType
from crmdeck.toml import parse_toml

_TABLES = frozenset(
    {"abbreviations", "synonyms", "values", "types", "systems", "concepts", "languages", "words"}
)
_LANGUAGE_KEYS = frozenset({"name", "source", "small", "joints", "spaced", "labels"})
_CONCEPT_KEYS = frozenset({"label", "phrases", "related", "computed"})
_SYSTEM_KEYS = frozenset({"name", "source", "objects"})
_LINE = re.compile(r"at line (\d+)")


def parse_knowledge(text: str, origin: str) -> Knowledge:
    """Return the content of a knowledge file; `origin` names it in errors.

    Raises UsageError (`BAD_KNOWLEDGE_FILE`) with the file, the line and the correct form.
    """
    document = Document(text, origin)
    document.allow(document.data, _TABLES, "The file")
    systems = _systems(document)
    return Knowledge(
        abbreviations={
            key.casefold(): document.text(value, key).casefold()
            for key, value in document.table("abbreviations").items()
        },
        synonyms=_groups(document, "synonyms"),
        values=_groups(document, "values"),
        types=_types(document),
        systems=systems,
        concepts=_concepts(document),
        languages=_languages(document),
        groups={
            group: frozenset(document.texts(words, group))
            for group, words in document.table("words").items()
        },
    )


class Document:
    """A TOML document whose errors name the line."""

    code = "BAD_KNOWLEDGE_FILE"

    def __init__(self, text: str, origin: str, code: str = code) -> None:
        self.origin = origin
        self.code = code
        self._lines = text.splitlines()
        try:
            self.data: dict[str, object] = parse_toml(text)
        except tomllib.TOMLDecodeError as error:
            found = _LINE.search(str(error))
            raise self.error(
                f"The file isn't valid TOML: {error}.",
                "Correct that line, or move the file out of the folder.",
                line=int(found[1]) if found else len(self._lines),
            ) from None

    def error(
        self, cause: str, remedy: str, *, at: str | None = None, line: int | None = None
    ) -> UsageError:
        """Return the error to raise; `at` is the key or value whose line it names."""
        line = line or self._line_of(at or "")
        return UsageError(
            f"Can't use {self.origin}, line {line}.",
            cause=cause,
            remedy=remedy,
            code=self.code,
        )

    def allow(self, table: Mapping[str, object], keys: frozenset[str], where: str) -> None:
        for key in table:
            if key not in keys:
                raise self.error(
                    f"{where} has no key '{key}'.",
                    f"Use one of: {', '.join(sorted(keys))}.",
                    at=key,
                )

    def table(self, key: str, within: Mapping[str, object] | None = None) -> dict[str, object]:
        """Return the table `key`, empty if it is missing."""
        value = (self.data if within is None else within).get(key, {})
        if not isinstance(value, dict):
            raise self.error(
                f"'{key}' must be a table.", f"Write [{key}] above its entries", at=key
            )
        return value

    def text(self, value: object, key: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"'{key}' must be text.", f'Write {key} = "..." in quotes.', at=key)
        return value.strip()

    def texts(self, value: object, key: str) -> list[str]:
        if not isinstance(value, list):
            raise self.error(
                f"'{key}' must be a list of texts.", f'Write {key} = ["...", "..."].', at=key
            )
        return [self.text(item, key) for item in value]

    def flag(self, value: object, key: str) -> bool:
        if not isinstance(value, bool):
            raise self.error(f"'{key}' must be true or false.", f"Write {key} = true.", at=key)
        return value

    def _line_of(self, word: str) -> int:
        return next((n for n, line in enumerate(self._lines, 1) if word and word in line), 1)


def _groups(document: Document, table: str) -> dict[str, str]:
    heads: dict[str, str] = {}
    for canonical, phrases in document.table(table).items():
        head = phrase_key(canonical)
        for phrase in (canonical, *document.texts(phrases, canonical)):
            key = phrase_key(phrase)
            if heads.setdefault(key, head) != head:
                raise document.error(
                    f"'{phrase}' is in two groups of {table}: '{heads[key]}' and '{head}'.",
                    "Remove it from one of them.",
                    at=canonical,
                )
    return heads


def _types(document: Document) -> dict[frozenset[FieldType], float]:
    known = frozenset(FieldType)
    scores: dict[frozenset[FieldType], float] = {}
    for left, row in document.table("types").items():
        if not isinstance(row, dict):
            raise document.error(
                f"'{left}' must be a table of types.",
                f"Write {left} = {{ text = 0.9 }}.",
                at=left,
            )
        for right, score in row.items():
            document.allow({left: score, right: score}, known, "The list of field types")
            if not isinstance(score, int | float) or not 0 <= score <= 1:
                raise document.error(
                    f"The score of {left} and {right} must be a number from 0 to 1.",
                    f"Write a number such as {left} = {{ {right} = 0.5 }}.",
                    at=left,
                )
            scores[frozenset((FieldType(left), FieldType(right)))] = float(score)
    return scores


def _systems(document: Document) -> dict[str, System]:
    systems = {}
    for key, entry in document.table("systems").items():
        entry = document.table(key, document.table("systems"))
        document.allow(entry, _SYSTEM_KEYS, f"The system '{key}'")
        systems[key.casefold()] = System(
            name=document.text(entry.get("name", key), "name"),
            source=str(entry.get("source", "")),
            objects={
                alias.casefold(): document.text(name, alias).casefold()
                for alias, name in document.table("objects", entry).items()
            },
        )
    return systems


def _languages(document: Document) -> dict[str, Language]:
    languages = {}
    for key in document.table("languages"):
        entry = document.table(key, document.table("languages"))
        document.allow(entry, _LANGUAGE_KEYS, f"The language '{key}'")
        labels: dict[str, tuple[str, ...]] = {}
        for phrase, said in document.table("labels", entry).items():
            for label in document.texts(said, phrase):
                labels[label] = (*labels.get(label, ()), phrase_key(phrase))
        languages[key] = Language(
            name=document.text(entry.get("name", key), "name"),
            labels=labels,
            small=frozenset(document.texts(entry.get("small", []), "small")),
            joints=tuple(document.texts(entry.get("joints", []), "joints")),
            spaced=document.flag(entry.get("spaced", True), "spaced"),
            source=str(entry.get("source", "")),
        )
    return languages


def _concepts(document: Document) -> dict[str, Concept]:
    concepts = {}
    entries = document.table("concepts")
    for id_ in entries:
        entry = document.table(id_, entries)
        label = document.text(entry["label"], "label") if "label" in entry else ""
        phrases = document.texts(entry.get("phrases", []), "phrases")
        concepts[id_] = Concept(
            id=id_,
            label=label,
            phrases=_keys([label, *phrases] if label else phrases),
            fields=tuple(
                _field(document, system, text)
                for system, names in entry.items()
                if system not in _CONCEPT_KEYS
                for text in document.texts(names, system)
            ),
            related=frozenset(document.texts(entry.get("related", []), "related")),
            computed=document.flag(entry.get("computed", False), "computed"),
        )
    return concepts


def _keys(phrases: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(phrase_key(phrase) for phrase in phrases))


def _field(document: Document, system: str, text: str) -> FieldRef:
    object_type, separator, name = text.partition(".")
    if not (separator and object_type and name):
        raise document.error(
            f"'{text}' isn't a field.",
            "Write OBJECT.FIELD, such as Account.Industry, or *.FIELD for every object.",
            at=text,
        )
    return FieldRef(system.casefold(), object_type, name)
