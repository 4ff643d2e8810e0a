"""Find rows by words while one types: folded once, the last answer narrowed, the best first. Pure.

A search never looks at a row's own texts again: all of them stand, folded and cut into words, in
one string a row, in which a word is found by Python's own substring search. A word that grows is
looked for among what the shorter one found.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import lru_cache
from heapq import nsmallest
from typing import Generic, NamedTuple, TypeVar

from crmdeck.matching.languages import fold
from crmdeck.matching.text import split_words, strip_platform

R = TypeVar("R")

MAPPED, USUAL, CUSTOM, STANDARD, SETUP = range(5)
"""How near an object or field is to what an operator works with, the nearest first."""

STEP = 256
"""Rows between two yields: well under a millisecond of work."""

STEPS_WITHOUT = 32
"""Steps between two yields where none of their rows has the word."""

REMEMBERED = 24
"""So many answers are kept to be narrowed, or to be given again as a word is taken back."""

MOST_SCATTERED = 200
_LONGEST_NAME = 1000
"""So many characters of a row are looked at for scattered letters."""

_COMMON = "zqjxkvbywgpfmucdlhrsnioate"
"""Letters, the more common ones last."""

# A name stands between the first pair of marks, another text between the second: as it is, and as
# words, each with a blank before it.
_NAME, _END_OF_NAME, _TEXT, _END_OF_TEXT = "\x02", "\x03", "\x04", "\x05"
_MARKS = dict.fromkeys(map(ord, (_NAME, _END_OF_NAME, _TEXT, _END_OF_TEXT)), " ")


class Searchable(NamedTuple):
    """What is looked for in a row, and how much the row matters.

    `name` is what it is called, `within` the name of what it is in (the object of a field), so
    that `Account.Name` finds it; `texts` are what else is said of it. Of equal matches the one
    with the least `standing` comes first; those of `SETUP` and beyond come after all others,
    however well they match.
    """

    name: str
    within: str = ""
    texts: tuple[str, ...] = ()
    standing: int = STANDARD


class _Texts(NamedTuple):
    """The rows by standing and length of their names: their texts, and where each came from.

    `ranks` holds both as one number of each row.
    """

    texts: Sequence[str]
    origins: Sequence[int]
    ranks: array[int]
    setup_from: int


class SearchIndex(Generic[R]):
    """An index over `rows`; `searched` tells of each what is looked for in it.

    It is built when it is first needed, in steps; `prepare` does so in another thread.
    """

    def __init__(self, rows: Sequence[R], searched: Callable[[R], Searchable]) -> None:
        self.rows = rows
        self._searched = searched
        self._built: _Texts | None = None
        # The texts of each step as one, so that what none of them has is known by one look.
        self._blocks: Sequence[str] | None = None
        self._answers: list[tuple[tuple[str, ...], list[int]]] = []
        self._scattered: tuple[str, list[int]] = ("", [])

    def with_rows(self, rows: Sequence[R]) -> SearchIndex[R]:
        """Return an index over these rows and, after them, `rows`, without building it anew.

        Where they match alike, `rows` come first; they are to be few. This index is built first
        if it is not yet; may be called from any thread.
        """
        joined = SearchIndex((*self.rows, *rows), self._searched)
        few = SearchIndex(rows, self._searched)
        for index in (self, few):
            if index._built is None:
                _finish(index._build())
        built, more = self._built, few._built
        if built is None or more is None:
            return joined
        texts: list[str] = []
        origins: list[int] = []
        ranks = array("Q")
        done, offset = 0, len(self.rows)
        for text, origin, rank in zip(more.texts, more.origins, more.ranks, strict=True):
            until = bisect_left(built.ranks, rank, done)
            texts += built.texts[done:until]
            origins += built.origins[done:until]
            ranks += built.ranks[done:until]
            texts.append(text)
            origins.append(offset + origin)
            ranks.append(rank)
            done = until
        texts += built.texts[done:]
        origins += built.origins[done:]
        ranks += built.ranks[done:]
        setup_from = built.setup_from + more.setup_from
        joined._built = _Texts(texts, origins, ranks, setup_from)
        joined.prepare()
        return joined

    def prepare(self) -> None:
        """Build the index, unless it is; may be called from any thread."""
        if self._built is None:
            _finish(self._build())
        if self._blocks is None:
            _finish(self._join())

    def find(
        self, words: Sequence[str], *, scattered: bool = False
    ) -> Generator[None, None, Sequence[int]]:
        """Return the indexes of the rows in which all `words` occur, the best match first.

        First what is called so, then names that begin so, other texts that do, words that begin
        so, and what has it inside; those of one kind by their standing, then the shorter name,
        then as they came. With `scattered`, where nothing is found, it is names that have the
        letters of the words in their order (`oppstg`). Without words, or with empty ones, it is
        all rows as they came. To be advanced step by step, one search at a time.
        """
        wanted = tuple(filter(None, (_folded(word).strip() for word in words)))
        if not wanted:
            return range(len(self.rows))
        if self._built is None:
            yield from self._build()
        if self._blocks is None:
            yield from self._join()
        built = self._built
        if built is None:
            return ()
        ranked = yield from self._ranked(built, wanted)
        if scattered and not ranked:
            ranked = yield from self._find_scattered(built, "".join(wanted))
        origins = built.origins
        found: list[int] = []
        for start in range(0, len(ranked), 8 * STEP):
            found += [origins[place] for place in ranked[start : start + 8 * STEP]]
            yield
        return found

    def _build(self) -> Generator[None, None, None]:
        texts: list[str] = []
        groups: dict[tuple[int, int], list[int]] = {}
        setup_from = 0
        for index, row in enumerate(self.rows):
            one = self._searched(row)
            texts.append(_text(one))
            groups.setdefault((one.standing, len(one.name)), []).append(index)
            setup_from += one.standing < SETUP
            if index % STEP == STEP - 1:
                yield
        order = [index for key in sorted(groups) for index in groups[key]]
        yield
        ranks = array("Q")
        for key in sorted(groups):
            ranks.extend([_rank(*key)] * len(groups[key]))
        yield
        ordered = [texts[index] for index in order]
        yield
        self._built = _Texts(ordered, order, ranks, setup_from)

    def _join(self) -> Generator[None, None, None]:
        blocks: list[str] = []
        texts = self._built.texts if self._built is not None else ()
        # Each text ends with a mark that no word has, so none is found across two.
        for start in range(0, len(texts), STEP):
            blocks.append("".join(texts[start : start + STEP]))
            yield
        self._blocks = blocks

    def _ranked(self, built: _Texts, wanted: tuple[str, ...]) -> Generator[None, None, list[int]]:
        """Return the places of the texts with all words, by how they match, then in order."""
        size = len(built.texts)
        smallest: list[int] | None = None
        for words, answer in self._answers:
            if words == wanted:
                return answer
            if _narrows(wanted, words) and len(answer) < size:
                smallest, size = answer, len(answer)
        # A few runs that each ascend: merged at once.
        pool = range(size) if smallest is None else sorted(smallest)
        yield
        text = " ".join(wanted)
        exact, begins, told = f"{_NAME} {text} {_END_OF_NAME}", f"{_NAME} {text}", f"{_TEXT} {text}"
        # The longest word leaves the least to do for the others.
        longest, *others = sorted(wanted, key=len, reverse=True)
        start_of_longest, *starts = (f" {word}" for word in (longest, *others))
        usual: tuple[list[int], ...] = ([], [], [], [], [])
        setup: tuple[list[int], ...] = ([], [], [], [], [])
        texts, setup_from, blocks = built.texts, built.setup_from, self._blocks or ()
        for number, start in enumerate(range(0, size, STEP)):
            if smallest is None and longest not in blocks[number]:
                if number % STEPS_WITHOUT == STEPS_WITHOUT - 1:
                    yield
                continue
            hits = [place for place in pool[start : start + STEP] if longest in texts[place]]
            for word in others:
                hits = [place for place in hits if word in texts[place]]
            # One letter is in all that there is: what comes last stays in its order.
            last = bisect_left(hits, setup_from) if len(text) == 1 else len(hits)
            setup[4].extend(hits[last:])
            for place in hits[:last]:
                one = texts[place]
                kinds = usual if place < setup_from else setup
                # Most have it inside only, and are known by the first look.
                if start_of_longest not in one:
                    kinds[4].append(place)
                elif begins in one:
                    kinds[0 if exact in one else 1].append(place)
                elif told in one:
                    kinds[2].append(place)
                else:
                    kinds[3 if all(word in one for word in starts) else 4].append(place)
            yield
        ranked = [place for kinds in (usual, setup) for kind in kinds for place in kind]
        self._answers = [(wanted, ranked), *self._answers[: REMEMBERED - 1]]
        return ranked

    def _find_scattered(self, built: _Texts, letters: str) -> Generator[None, None, list[int]]:
        """Return names in which `letters` occur in their order.

        Those that the letters abbreviate, each word by its beginning, come first, then those in
        which they stand the closest together.
        """
        if len(letters) < 2:
            return []
        before, narrowed = self._scattered
        texts = built.texts
        pool: Sequence[int] = range(len(texts))
        if before and letters.startswith(before):
            pool = narrowed
        # Most texts lack one of the letters, the rare ones first.
        rare_first = sorted(set(letters), key=_COMMON.find)
        # From the beginning of a word on: a letter in the middle of one abbreviates nothing.
        first = f" {letters[0]}"
        between = f"[^{_END_OF_NAME}{_TEXT}]*?"
        head, *rest = (re.escape(letter) for letter in letters)
        # The nearest letter is always as good: atomic groups never go back for another one, which
        # in a hostile name would take for ever.
        pattern = re.compile(f" {head}" + "".join(f"(?>{between}{one})" for one in rest))
        abbreviates = re.compile(f" {head}" + "".join(f"(?>{one}|{between} {one})" for one in rest))
        found: list[tuple[bool, bool, int, int]] = []
        for start in range(0, len(pool), STEP):
            hits: Sequence[int] = pool[start : start + STEP]
            for letter in rare_first:
                hits = [place for place in hits if letter in texts[place]]
            for place in hits:
                one = texts[place]
                if first in one and (match := pattern.search(one, 0, _LONGEST_NAME)) is not None:
                    length = match.end() - match.start()
                    loose = abbreviates.search(one, 0, _LONGEST_NAME) is None
                    found.append((place >= built.setup_from, loose, length, place))
            yield
        self._scattered = letters, [place for *_, place in found]
        return [place for *_, place in nsmallest(MOST_SCATTERED, found)]


def _finish(steps: Iterable[None]) -> None:
    for _ in steps:
        pass


def _rank(standing: int, length: int) -> int:
    return standing << 32 | length


def _narrows(wanted: Sequence[str], words: Sequence[str]) -> bool:
    """Return whether what has the words of `wanted` is among what has `words`."""
    return all(any(word in longer for longer in wanted) for word in words)


def _text(one: Searchable) -> str:
    """Return all that is looked for in a row as one text."""
    plain, words = _folded_name(one.name)
    parts = [_marked(plain, words, _NAME, _END_OF_NAME)]
    if one.within:
        around, around_words = _folded_name(one.within)
        parts.append(_marked(f"{around}.{plain}", f"{around_words} {words}", _NAME, _END_OF_NAME))
    parts += [_folded_text(text) for text in one.texts if text]
    return "".join(parts)


@lru_cache(maxsize=65_536)
def _folded_name(name: str) -> tuple[str, str]:
    """Return a name folded, and as words without what a platform adds to names."""
    return _folded(name), " ".join(split_words(strip_platform(name)))


@lru_cache(maxsize=65_536)
def _folded_text(text: str) -> str:
    return _marked(_folded(text), " ".join(split_words(text)), _TEXT, _END_OF_TEXT)


def _marked(plain: str, words: str, begin: str, end: str) -> str:
    """Return both forms of a text between marks, one where they are the same."""
    if words == plain or not words:
        return f"{begin} {plain} {end}"
    return f"{begin} {plain} {end}{begin} {words} {end}"


def _folded(text: str) -> str:
    folded = fold(text)
    return folded if folded.isprintable() else folded.translate(_MARKS)
