"""Turn names and labels into words that can be compared.

`AccountName__c`, `account_name` and `accountname` become the same words. Names in any script are
split, platform affixes are removed, abbreviations expanded, run-together names cut, and other
languages translated into English. A field can have several readings: its name, its label, or a
second meaning of a foreign word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from crmdeck.matching.languages import Translator, fold, shown
from crmdeck.model import Field, FieldType

Words = tuple[str, ...]

# Characters of a text that are read.
TEXT_LIMIT = 400

# Platform affixes: custom suffixes and package namespaces of Salesforce, `hs_` of HubSpot, lookup
# names of Dynamics (`_ownerid_value`).
_SUFFIX = re.compile(r"__(?:c|pc|r|pr|e|x|b|mdt|s|latitude__s|longitude__s)$", re.IGNORECASE)
_NAMESPACE = re.compile(r"^[a-z][a-z0-9_]{0,14}?__(?=\w+__\w+$)", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:hs_|hubspot_)(?=[^\W_])", re.IGNORECASE)
_LOOKUP = re.compile(r"^_(\w+)_value$")
_PATH = re.compile(r"->|::|[./\\:>\[\]]+")
_CAMEL = re.compile(
    r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])"
    r"|(?<=[A-ZÀ-ÖØ-Þ])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ])"
)
_WORD = re.compile(r"[^\W_]+")
# Soft hyphens, zero-width characters and direction marks.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")

_SENTENCE = re.compile(r"[.!?:;](?=\s)|[\n。！？]")
# Letters of a word that says something, and words of a help text that are read.
_MIN_TOLD = 3
_MAX_HELP = 8

# Words that mean something only inside a phrase.
FILLERS = frozenset({"of", "the", "a", "an", "for", "to", "in", "on", "at", "by", "and", "or", "s"})

# Two-letter words allowed in a run-together name; any other part has three letters or more.
_SHORT_PARTS = frozenset({"of", "on", "by", "to", "is", "id", "do", "or", "at", "in", "up"})
_MIN_CUT = 6
_MAX_CUT = 60
# Letters of a shortened word inside a run-together one; one by itself has more.
_MIN_SHORT = 3
# Cost of a shortened part; a whole one costs 1.
_SHORTENED = 1.5
# A first word shared by this part of the names is a namespace.
_EVERYWHERE = 0.6
_MIN_NAMES = 5


def strip_lookup(name: str) -> str:
    """Return the field of a Dynamics lookup name, `ownerid` for `_ownerid_value`."""
    return _LOOKUP.sub(r"\1", name)


def strip_platform(name: str) -> str:
    """Return a field's name without platform affixes: `hs_`, `__c`, `_..._value`."""
    name = _NAMESPACE.sub("", strip_lookup(name))
    return _PREFIX.sub("", _SUFFIX.sub("", name)) or name


def path_of(name: str) -> list[str]:
    """Return the parts of the path before a field's name."""
    return [part for part in _PATH.split(strip_platform(name)) if part.strip()][:-1]


@lru_cache(maxsize=65_536)
def split_words(text: str) -> Words:
    """Return the folded words of a text, split at capitals, digits and punctuation."""
    visible = _INVISIBLE.sub("", text[:TEXT_LIMIT])
    parts = (_CAMEL.sub(" ", word) for word in _WORD.findall(visible))
    return tuple(fold(part) for word in parts for part in word.split())


def singular(word: str) -> str:
    """Return the singular of an English plural; any other word unchanged."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


class Cutter:
    """Cuts run-together words into known words.

    `known` are the words of labels, of names with separators and of the knowledge files. A known
    word stays whole. `said` are the words of the two schemas with their counts: an unknown part
    that one of them begins with is short for it.
    """

    def __init__(
        self, known: Iterable[str], said: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._known = (
            frozenset(word for word in known if len(word) > 2 and word.isalpha()) | _SHORT_PARTS
        )
        self._longest = max(map(len, self._known))
        self._cut: dict[str, Words] = {}
        self._whole: dict[str, str] = {}
        for word in sorted(said, key=lambda word: (-said[word], word)):
            if word.isascii() and word.isalpha():
                for end in range(_MIN_SHORT, len(word) - 1):
                    if word[:end] not in self._known:
                        self._whole.setdefault(word[:end], word)

    def cut(self, word: str) -> Words:
        """Return the parts of `word`, or `word` alone if it can't be cut completely."""
        if word in self._known:
            return (word,)
        if not _MIN_CUT <= len(word) <= _MAX_CUT:
            return (self._whole.get(word, word),) if len(word) > _MIN_SHORT else (word,)
        parts = self._cut.get(word)
        if parts is None:
            parts = self._cut[word] = self._search(word)
        return parts

    def _search(self, word: str) -> Words:
        # best[i]: the cost of the fewest parts that spell word[:i], and the start of the last one.
        best: list[tuple[float, int] | None] = [(0, 0)] + [None] * len(word)
        for end in range(2, len(word) + 1):
            for start in range(max(0, end - self._longest), end - 1):
                before = best[start]
                part = word[start:end]
                if before is not None and (part in self._known or part in self._whole):
                    # A two-letter word costs as much as two others: it is in many words by chance.
                    is_known = part in self._known
                    count = before[0] + (_SHORTENED if not is_known else 2 if len(part) < 3 else 1)
                    current = best[end]
                    if current is None or count < current[0]:
                        best[end] = (count, start)
        if best[len(word)] is None:
            return (word,)
        parts: list[str] = []
        end = len(word)
        while end:
            step = best[end]
            assert step is not None  # noqa: S101  every prefix on the path has an entry
            part = word[step[1] : end]
            parts.append(self._whole.get(part, part))
            end = step[1]
        # Parts of three letters spell many words by chance.
        if max(map(len, parts)) < 4:
            return (word,)
        return tuple(reversed(parts))


@dataclass(frozen=True, slots=True)
class FieldText:
    """The words of one field.

    `readings` are the distinct readings of its name and its label, the name's first. `phrases`
    are the texts to encode: in English, and in the original language. `path` are the words of
    the path before the name, and `leaf` those after it.
    """

    readings: tuple[Words, ...]
    phrases: Words
    path: Words = ()
    leaf: Words = ()

    @property
    def words(self) -> frozenset[str]:
        return frozenset(word for reading in self.readings for word in reading)


class Spelling:
    """Writes words in one form: abbreviations expanded, synonyms replaced, plurals singular.

    `abbreviations` maps a token to its words, `synonyms` a phrase to the head of its group.
    """

    def __init__(self, abbreviations: Mapping[str, str], synonyms: Mapping[str, str]) -> None:
        self.abbreviations = {
            fold(short): split_words(words) for short, words in abbreviations.items()
        }
        self._synonyms = synonyms
        self._longest = max((key.count(" ") + 1 for key in synonyms), default=0)

    def words(self, words: Iterable[str]) -> Words:
        spelled = [part for word in words for part in self.abbreviations.get(word, (word,))]
        return tuple(singular(word) for word in self._rewrite(spelled))

    def _rewrite(self, words: Sequence[str]) -> Iterator[str]:
        """Yield `words` with each synonym, the longest first, replaced by the head of its group."""
        place = 0
        while place < len(words):
            for length in range(self._longest, 0, -1):
                head = self._synonyms.get(" ".join(words[place : place + length]))
                if head is not None:
                    yield from head.split()
                    place += length
                    break
            else:
                yield words[place]
                place += 1


@dataclass(frozen=True)
class Vocabulary:
    """The words known before a schema is read.

    `words` are the English words of the knowledge files. `languages` are translated into English
    if a schema uses them. `placeholders` say nothing about a field, like `custom` and `value`.
    """

    spelling: Spelling
    words: frozenset[str]
    languages: tuple[Translator, ...] = ()
    placeholders: frozenset[str] = frozenset()


def with_help(fields: Iterable[Field], cutter: Cutter, vocabulary: Vocabulary) -> list[Field]:
    """Return the fields with the start of their help text for a label that says nothing."""
    return [
        field.model_copy(update={"label": _summary(field.description)})
        if field.description and not _says_something(field, cutter, vocabulary)
        else field
        for field in fields
    ]


def _says_something(field: Field, cutter: Cutter, vocabulary: Vocabulary) -> bool:
    """True if the name has a known word, or the label any word, that isn't a placeholder."""
    if field.type is FieldType.ID:
        return True
    name = strip_platform(field.name)
    label = (
        "" if field.label.casefold() in (name.casefold(), field.name.casefold()) else field.label
    )
    return any(
        word not in vocabulary.placeholders
        and (
            not word.isascii()
            or (
                len(word) >= _MIN_TOLD
                and not word.isdecimal()
                and (
                    is_label
                    or word in vocabulary.words
                    or cutter.cut(word) != (word,)
                    or any(one.foreign(word) for one in vocabulary.languages)
                )
            )
        )
        for is_label, text in ((True, label), (False, name))
        for word in split_words(text)
    )


def _summary(description: str) -> str:
    """Return the first words of the first sentence."""
    return " ".join(_SENTENCE.split(description[:TEXT_LIMIT].strip())[0].split()[:_MAX_HELP])


def cutter_of(fields: Iterable[Field], vocabulary: Vocabulary) -> Cutter:
    """Return the cutter for the fields of both sides, whose words are shared."""
    said = Counter(word for field in fields for word in _separated(field))
    return Cutter(vocabulary.words.union(said), said)


class Reader:
    """Reads the fields of one side."""

    def __init__(self, fields: Sequence[Field], cutter: Cutter, vocabulary: Vocabulary) -> None:
        self._spelling = vocabulary.spelling
        self._english = vocabulary.words
        self._cutter = cutter
        names = [split_words(strip_platform(field.name)) for field in fields]
        labels = [split_words(field.label) for field in fields]
        self._languages = shown(
            [(*name, *label) for name, label in zip(names, labels, strict=True)],
            vocabulary.languages,
        )
        self._said = Counter(word for label in labels for word in set(label))
        self._namespace = _namespace(names)
        self._spelled: dict[Words, Words] = {}

    def read(self, field: Field) -> FieldText:
        """Return the words of `field`; a field without any has no readings."""
        path, leaf = self._parts(strip_platform(field.name))
        label = split_words(field.label)
        name = (*path, *leaf)
        if label and label != name and not self._is_meaningful(name, label):
            path, leaf, name = (), label, label
        ways = [*self._ways(name), *self._ways(label)]
        readings = tuple(dict.fromkeys(way for way in ways if way))
        whole = _merged([self._first_way(name), self._first_way(label)])
        said = whole if ways == [self._spell(name), self._spell(label)] else _original(field)
        return FieldText(
            readings=readings,
            phrases=tuple(dict.fromkeys(text for text in (whole, said) if text and readings)),
            path=self._first_way(path),
            leaf=self._first_way(leaf),
        )

    def words(self, field: Field) -> tuple[Words, Words]:
        """Return the first reading of a field's name and of its label."""
        return (
            self._first_way(split_words(strip_platform(field.name))),
            self._first_way(split_words(field.label)),
        )

    def _parts(self, name: str) -> tuple[Words, Words]:
        """Return the words of the path before a name, and of the name itself."""
        *path, leaf = [split_words(part) for part in _PATH.split(name) if part.strip()] or [()]
        words = tuple(word for part in path for word in part)
        if self._namespace and (*words, *leaf)[:1] == (self._namespace,):
            words, leaf = (words[1:], leaf) if words else ((), leaf[1:])
        return words, leaf

    def _is_meaningful(self, name: Words, label: Words) -> bool:
        return any(
            len(word) > 1
            and not word.isdecimal()
            and (
                word in label
                or word in self._said
                or any(part in self._english for part in self._cutter.cut(word))
                or any(one.foreign(word) for one in self._languages)
            )
            for word in name
        )

    def _ways(self, words: Words) -> list[Words]:
        """Return the readings of words, in English if the side uses another language."""
        foreign = [one for one in self._languages if any(one.foreign(word) for word in words)]
        if foreign:
            return [self._spell(way) for way in foreign[0].read(words)]
        plain = [self._spell(words)] if words else []
        if self._languages and words:
            # A word that looks English may be a word of the side's language.
            plain += [self._spell(way) for way in self._languages[0].read(words)]
        return plain

    def _first_way(self, words: Words) -> Words:
        return next(iter(self._ways(words)), ())

    def _spell(self, words: Words) -> Words:
        spelled = self._spelled.get(words)
        if spelled is None:
            parts = [part for word in words for part in self._cutter.cut(word)]
            spelled = self._spelled[words] = self._spelling.words(parts)
        return spelled


def _original(field: Field) -> str:
    return unicodedata.normalize("NFKC", field.label or field.name)[:TEXT_LIMIT].lower()


def _merged(readings: Sequence[Words]) -> str:
    """Return the first and the last reading as one phrase, without repeating one in the other."""
    said = [reading for reading in readings if reading]
    if not said:
        return ""
    name, label = said[0], said[-1]
    if set(name) <= set(label):
        return " ".join(label)
    return " ".join(name) if set(label) <= set(name) else " ".join((*label, *name))


def _namespace(names: Sequence[Words]) -> str | None:
    firsts = Counter(name[0] for name in names if len(name) > 1)
    if not firsts:
        return None
    word, count = firsts.most_common(1)[0]
    return word if count >= max(_MIN_NAMES, _EVERYWHERE * len(names)) else None


def _separated(field: Field) -> Iterable[str]:
    name = split_words(strip_platform(field.name))
    if len(name) > 1:
        yield from name
    label = split_words(field.label)
    if label != name:
        yield from label
