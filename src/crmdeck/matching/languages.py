"""Translate the words of a schema in another language into English.

The dictionaries are `crmdeck/knowledge/matching/languages`. Compound words are cut, and so is text
in languages without spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Words = tuple[str, ...]

# Fields with words of a language, by number and by part, that show that a side uses it.
_MIN_FIELDS = 2
_MIN_PART = 0.08
_MAX_LANGUAGES = 2
_MAX_READINGS = 3
_MIN_COMPOUND, _MAX_COMPOUND = 6, 40
_MIN_PART_OF_COMPOUND = 3
_MIN_FOREIGN = 3
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_SCRIPTS = re.compile(r"[a-z0-9]+|[^\Wa-z0-9_]+")
_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Return `text` in compatible, case-folded form without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


@dataclass(frozen=True)
class Language:
    """A dictionary from labels to their English phrases.

    `small` words have no meaning of their own. `joints` are letters between the parts of compound
    words. `spaced` is False for scripts without spaces.
    """

    name: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    small: frozenset[str] = frozenset()
    joints: tuple[str, ...] = ()
    spaced: bool = True
    source: str = ""


class Translator:
    """Translates words of one language. `english` are the words that English has as well."""

    def __init__(self, language: Language, english: frozenset[str]) -> None:
        self.name = language.name
        # Words are compared folded. In Japanese that would turn one small word into another word.
        self._small = frozenset(map(fold, language.small)) if language.spaced else language.small
        self._joints = language.joints
        self._spaced = language.spaced
        self._english = english
        self._index = _indexed(language, self._small)
        self._longest = max(map(len, self._index), default=0) + 2
        # The meaningful words of all labels.
        self._words = frozenset(
            word for key in self._index for word in key if not word.isdecimal()
        ).difference(self._small)
        self._parts = frozenset(key[0] for key in self._index if len(key) == 1) | {
            word for word in english if len(word) > _MIN_PART_OF_COMPOUND
        }
        self._cut: dict[str, Words] = {}

    def foreign(self, word: str) -> bool:
        """True if a word belongs to this language and not to English."""
        if not self._spaced:
            return not word.isascii() and not self._words.isdisjoint(self._segments(word))
        if len(word) < _MIN_FOREIGN or word in self._english:
            return False
        return word in self._words or bool(self._compound(word))

    def read(self, words: Sequence[str]) -> list[Words]:
        """Return the English readings of folded `words`, the most common first."""
        if not self._spaced:
            words = [part for word in words for part in self._segments(word)]
        found = list(self._phrases(words))
        if not found:
            return []
        readings = [_joined(choices[0] for choices in found)]
        for place, choices in enumerate(found):
            for other in choices[1:]:
                parts = [choices[0] for choices in found]
                parts[place] = other
                readings.append(_joined(parts))
        return list(dict.fromkeys(readings))[:_MAX_READINGS]

    def _phrases(self, words: Sequence[str]) -> Iterator[tuple[Words, ...]]:
        """Yield the meanings of each phrase, the longest phrase first; unknown words unchanged."""
        place = 0
        while place < len(words):
            for end in range(min(len(words), place + self._longest), place, -1):
                if meant := self._meant(words[place:end]):
                    yield meant
                    place = end
                    break
            else:
                word = words[place]
                if word not in self._small:
                    for part in self._compound(word) or (word,):
                        yield self._index.get((part,), ((part,),))
                place += 1

    def _meant(self, words: Sequence[str]) -> tuple[Words, ...]:
        found = self._index.get(tuple(words), ())
        if found or words[0] in self._small or words[-1] in self._small:
            return found
        return self._index.get(tuple(word for word in words if word not in self._small), ())

    def _compound(self, word: str) -> Words:
        if not self._spaced or not _MIN_COMPOUND <= len(word) <= _MAX_COMPOUND:
            return ()
        if word not in self._cut:
            self._cut[word] = self._fewest_parts(word)
        return self._cut[word]

    def _fewest_parts(self, word: str) -> Words:
        best: list[Words | None] = [()] + [None] * len(word)
        for start in range(len(word) - _MIN_PART_OF_COMPOUND + 1):
            before = best[start]
            if before is None:
                continue
            for end in range(start + _MIN_PART_OF_COMPOUND, len(word) + 1):
                if word[start:end] not in self._parts:
                    continue
                parts = (*before, word[start:end])
                for joint in ("", *self._joints):
                    after = end + len(joint)
                    if (joint and after >= len(word)) or not word.startswith(joint, end):
                        continue
                    known = best[after]
                    if known is None or len(parts) < len(known):
                        best[after] = parts
        found = best[len(word)] or ()
        return found if any(part not in self._english for part in found) else ()

    def _segments(self, text: str) -> list[str]:
        """Return the words of a text without spaces; unknown text stays in one piece."""
        found: list[str] = []
        for run in _SCRIPTS.findall(text):
            place = 0 if not run.isascii() else len(run)
            unknown = run[:place]
            while place < len(run):
                end = next(
                    (
                        end
                        for end in range(len(run), place, -1)
                        if (run[place:end],) in self._index or run[place:end] in self._small
                    ),
                    place,
                )
                if end == place:
                    unknown += run[place]
                    place += 1
                    continue
                found += [unknown, run[place:end]]
                unknown, place = "", end
            found.append(unknown)
        return [part for part in found if part]


def _joined(parts: Iterable[Words]) -> Words:
    return tuple(word for part in parts for word in part)


def _indexed(language: Language, small: frozenset[str]) -> dict[Words, tuple[Words, ...]]:
    """Return the English meanings of every label, by its words.

    Labels are indexed without their small words too, and as compounds if the language has them.
    """
    whole: dict[Words, dict[Words, None]] = {}
    shorter: dict[Words, dict[Words, None]] = {}
    for label, phrases in language.labels.items():
        meant = dict.fromkeys(tuple(phrase.split()) for phrase in phrases)
        spelled = {label, label.lower().translate(_UMLAUTS)} if language.joints else {label}
        for text in spelled:
            words = tuple(fold(word) for word in _WORD.findall(text))
            if not language.spaced:
                words = tuple(part for word in words for part in _SCRIPTS.findall(word))
            whole.setdefault(words, {}).update(meant)
            less = tuple(word for word in words if word not in small)
            if less and less != words:
                shorter.setdefault(less, {}).update(meant)
            if len(less) > 1 and language.spaced:
                shorter.setdefault(("".join(less),), {}).update(meant)
    return {key: tuple(found) for key, found in {**shorter, **whole}.items() if key}


def shown(
    fields: Sequence[Iterable[str]], translators: Sequence[Translator]
) -> tuple[Translator, ...]:
    """Return the languages that a side uses, the most frequent first.

    `fields` are the folded words of each field. A language counts if enough fields have words
    that belong to it, and neither to English nor to a language found before.
    """
    left = [set(words) for words in fields]
    remaining = {
        one: {word for word in set().union(*left) if one.foreign(word)} for one in translators
    }
    found: list[Translator] = []
    while remaining and len(found) < _MAX_LANGUAGES:
        counts = {
            one: sum(not words.isdisjoint(explained) for words in left)
            for one, explained in remaining.items()
        }
        best = max(counts, key=lambda one: counts[one])
        if counts[best] < max(_MIN_FIELDS, _MIN_PART * len(fields)):
            break
        explained = remaining.pop(best)
        found.append(best)
        left = [words - explained for words in left]
    return tuple(found)
