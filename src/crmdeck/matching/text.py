"""Names, labels and descriptions as words that can be compared.

`AccountName__c`, `account_name` and `accountname` say the same in three spellings. Here they
become the same tokens, in any script: split, freed of what a platform adds, abbreviations
written out, run-together names cut with the words that both schemas use elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from crmdeck.model.schema import Field

# What is beyond these many characters is not read.
TEXT_LIMIT = 400

# What platforms add to a name: Salesforce custom suffixes, HubSpot's `hs_`, the lookup
# notation of Dynamics (`_ownerid_value`).
_SUFFIX = re.compile(r"__(?:c|pc|r|pr|e|x|b|mdt|s|latitude__s|longitude__s)$", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:hs_|hubspot_)(?=[^\W_])", re.IGNORECASE)
_LOOKUP = re.compile(r"^_(\w+)_value$")
_CAMEL = re.compile(
    r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])"
    r"|(?<=[A-ZÀ-ÖØ-Þ])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ])"
)
_WORD = re.compile(r"[^\W_]+")

# Words too common in field names to say anything on their own.
FILLERS = frozenset({"of", "the", "a", "an", "for", "to", "in", "on", "at", "by", "and", "or", "s"})

# Two-letter words that a run-together name may hold; any other part has three letters or more.
_SHORT_PARTS = frozenset({"of", "on", "by", "to", "is", "id", "do", "or", "at", "in", "up"})
_MIN_CUT = 6
_MAX_CUT = 60


def fold(text: str) -> str:
    """Return `text` in compatible, case-folded form without accents, so that it compares."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def strip_lookup(name: str) -> str:
    """Return the field that a Dynamics lookup name (`_ownerid_value`) stands for."""
    return _LOOKUP.sub(r"\1", name)


def strip_platform(name: str) -> str:
    """Return a field's name without what its platform adds: `hs_`, `__c`, `_..._value`."""
    name = strip_lookup(name)
    return _PREFIX.sub("", _SUFFIX.sub("", name)) or name


@lru_cache(maxsize=65_536)
def split_words(text: str) -> tuple[str, ...]:
    """Return the folded words of a text, split at camel humps, digits and signs."""
    parts = (_CAMEL.sub(" ", word) for word in _WORD.findall(text[:TEXT_LIMIT]))
    return tuple(fold(part) for word in parts for part in word.split())


def singular(word: str) -> str:
    """Return an English plural without its ending; any other word as it is."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


class Cutter:
    """Cuts run-together words into words that are known from elsewhere.

    `known` are words that stand on their own somewhere: in labels, in names with separators, in
    the knowledge files. A word that is itself known stays whole.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known = (
            frozenset(word for word in known if len(word) > 2 and word.isalpha()) | _SHORT_PARTS
        )
        self._longest = max(map(len, self._known))
        self._cut: dict[str, tuple[str, ...]] = {}

    def cut(self, word: str) -> tuple[str, ...]:
        """Return the parts of `word`, or `word` alone where it can't be cut cleanly."""
        if not _MIN_CUT <= len(word) <= _MAX_CUT or word in self._known:
            return (word,)
        parts = self._cut.get(word)
        if parts is None:
            parts = self._cut[word] = self._search(word)
        return parts

    def _search(self, word: str) -> tuple[str, ...]:
        # best[i]: the fewest parts that spell word[:i], the longer ones last.
        best: list[tuple[int, int] | None] = [(0, 0)] + [None] * len(word)
        for end in range(2, len(word) + 1):
            for start in range(max(0, end - self._longest), end - 1):
                before = best[start]
                if before is not None and word[start:end] in self._known:
                    short = end - start < 3
                    count = before[0] + (2 if short else 1)
                    current = best[end]
                    if current is None or count < current[0]:
                        best[end] = (count, start)
        if best[len(word)] is None:
            return (word,)
        parts: list[str] = []
        end = len(word)
        while end:
            step = best[end]
            assert step is not None  # noqa: S101  every prefix on the path was reached
            parts.append(word[step[1] : end])
            end = step[1]
        if max(map(len, parts)) < 4:
            return (word,)
        return tuple(reversed(parts))


@dataclass(frozen=True, slots=True)
class FieldText:
    """What one field says of itself, in words: name, label, the start of its description."""

    name: tuple[str, ...]
    label: tuple[str, ...]
    description: tuple[str, ...]

    @property
    def short(self) -> str:
        """The name and the label as one phrase, nothing said twice."""
        name, label = " ".join(self.name), " ".join(self.label)
        if not label or set(self.name) == set(self.label):
            return name
        if set(self.name) <= set(self.label):
            return label
        return name if set(self.label) <= set(self.name) else f"{label} {name}"


class Spelling:
    """Writes words in one form: abbreviations written out, synonyms replaced, plurals singular.

    `abbreviations` leads from a token to the words it stands for, `synonyms` from a phrase to
    the phrase that stands for its group.
    """

    def __init__(self, abbreviations: Mapping[str, str], synonyms: Mapping[str, str]) -> None:
        self.abbreviations = {
            fold(short): split_words(words) for short, words in abbreviations.items()
        }
        self._synonyms = synonyms
        self._longest = max((key.count(" ") + 1 for key in synonyms), default=0)

    def words(self, words: Iterable[str]) -> tuple[str, ...]:
        """Return folded words in their one form."""
        spelled = [part for word in words for part in self.abbreviations.get(word, (word,))]
        return tuple(singular(word) for word in self._rewrite(spelled))

    def _rewrite(self, words: Sequence[str]) -> Iterator[str]:
        """Yield `words` with each synonym, the longest first, in its group's own form."""
        place = 0
        while place < len(words):
            for length in range(min(self._longest, len(words) - place), 0, -1):
                head = self._synonyms.get(" ".join(words[place : place + length]))
                if head is not None:
                    yield from head.split()
                    place += length
                    break
            else:
                yield words[place]
                place += 1


class Reader:
    """Turns fields into words, with one vocabulary for both sides.

    `known` are words to cut run-together names with, besides those that the fields separate.
    """

    def __init__(
        self, fields: Sequence[Field], spelling: Spelling, known: Iterable[str] = ()
    ) -> None:
        self._spelling = spelling
        words = {*known, *spelling.abbreviations}
        for field in fields:
            words.update(_separated(field))
        self._cutter = Cutter(words)

    def read(self, field: Field) -> FieldText:
        """Return the words of `field`. A field that says nothing has no words."""
        name = self._tokens(strip_platform(field.name))
        label = self._tokens(field.label)
        description = split_words((field.description or "")[:TEXT_LIMIT])
        return FieldText(name=name or label, label=label, description=description)

    def _tokens(self, text: str) -> tuple[str, ...]:
        return self._spelling.words(
            part for word in split_words(text) for part in self._cutter.cut(word)
        )


def _separated(field: Field) -> Iterable[str]:
    """Yield the words of a field that its author separated."""
    name = split_words(strip_platform(field.name))
    if len(name) > 1:
        yield from name
    label = split_words(field.label)
    if label != name:
        yield from label
