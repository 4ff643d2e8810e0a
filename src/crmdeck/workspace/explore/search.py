"""Find rows by words as the user types, the best match first. Pure.

The index keeps the texts of a row, folded and split into words, in one string, and searches it with
Python's own substring search. It searches for a word that grows only in the response to the shorter
word. If no row has the words, it compares the names themselves, so that a typo still finds its row.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import lru_cache
from heapq import nsmallest
from typing import Generic, NamedTuple, TypeVar

from rapidfuzz import fuzz, process
from rapidfuzz.distance import LCSseq

from crmdeck.matching.languages import fold
from crmdeck.matching.text import split_words, strip_platform

R = TypeVar("R")

MAPPED, USUAL, CUSTOM, STANDARD, SETUP = range(5)
"""Standings of an object or field: how close it is to an admin's work, the closest first."""

STEP = 256
"""Rows between two yields: well under a millisecond of work."""

STEPS_WITHOUT = 32
"""Steps between two yields if none of their rows has the word."""

NAMES_STEP = 2048
"""Names between two yields of a comparison of names: half a millisecond of work."""

REMEMBERED = 24
"""Number of responses kept, to narrow them, or to give them again when the user deletes letters."""

LEAST_ALIKE = 75
"""Least similarity (0 to 100) of a name to the words; two swapped letters of five make 80."""

LARGE = 20_000
"""Rows from which on a single letter finds only the names that begin with it.

Nearly every other row contains the letter somewhere.
"""

LONGEST_ABBREVIATION = 7
"""Letters of a word up to which it may abbreviate a name, such as `oppstg`."""

MOST_RESEMBLING = 200

# The first pair of marks encloses a name, the second pair another text: unsplit, and as words,
# each with a blank before it.
_NAME, _END_OF_NAME, _TEXT, _END_OF_TEXT = "\x02", "\x03", "\x04", "\x05"
_MARKS = dict.fromkeys(map(ord, (_NAME, _END_OF_NAME, _TEXT, _END_OF_TEXT)), " ")


class Searchable(NamedTuple):
    """The searched texts of a row, and its relevance.

    `within` is the name of the object that contains the row, so that `Account.Name` finds a field.
    Among equal matches, the least `relevance` comes first. Rows of `SETUP` and beyond come after
    all others, however well they match.
    """

    name: str
    within: str = ""
    texts: tuple[str, ...] = ()
    relevance: int = STANDARD


class _Texts(NamedTuple):
    """The rows, ordered by relevance and length of their names.

    `origins` are their indexes in the caller's rows, `ranks` relevance and length as one number.
    `names` are the names without blanks, `paths` the words of the object and of the name, and
    `sorted_paths` the same words by letter, for names typed the other way round.
    """

    texts: list[str]
    names: list[str]
    paths: list[str]
    sorted_paths: list[str]
    origins: list[int]
    ranks: array[int]
    setup_from: int


class SearchIndex(Generic[R]):
    """An index over `rows`; `searched` returns the searched texts of a row.

    The first search builds it in steps. `prepare` builds it in another thread.
    """

    def __init__(self, rows: Sequence[R], searched: Callable[[R], Searchable]) -> None:
        self.rows = rows
        self._searched = searched
        self._built: _Texts | None = None
        # The texts of each step as one, so that one test rules out all of them.
        self._blocks: Sequence[str] | None = None
        # The places of the names by their first letter, for a large index.
        self._initials: dict[str, list[int]] = {}
        self._answers: list[tuple[tuple[str, ...], list[int]]] = []

    def with_rows(self, rows: Sequence[R]) -> SearchIndex[R]:
        """Return an index over these rows and `rows`, without building this one again.

        If they match equally, `rows` come first; keep them few. Builds this index first if
        necessary. Thread-safe.
        """
        joined = SearchIndex((*self.rows, *rows), self._searched)
        few = SearchIndex(rows, self._searched)
        for index in (self, few):
            if index._built is None:
                _finish(index._build())
        built, more = self._built, few._built
        if built is None or more is None:
            return joined
        merged = _Texts([], [], [], [], [], array("Q"), built.setup_from + more.setup_from)
        done, offset = 0, len(self.rows)
        for place, rank in enumerate(more.ranks):
            until = bisect_left(built.ranks, rank, done)
            _extend(merged, built, done, until, 0)
            _extend(merged, more, place, place + 1, offset)
            done = until
        _extend(merged, built, done, len(built.ranks), 0)
        joined._built = merged
        joined.prepare()
        return joined

    def prepare(self) -> None:
        """Build the index unless it is built. Thread-safe."""
        if self._built is None:
            _finish(self._build())
        if self._blocks is None:
            _finish(self._join())

    def find(
        self, words: Sequence[str], *, tolerant: bool = False
    ) -> Generator[None, None, Sequence[int]]:
        """Return the indexes of the rows that contain all `words`, the best match first.

        The order: rows with that name, names that begin with the words, other texts that do, words
        that do, the rest. Each of these groups is ordered by relevance, then by length of the name.
        In a large index, a single letter finds the names that begin with it. With `tolerant`, and
        if no row contains the words, return the names that resemble them
        (`contct email`), or that one short word abbreviates (`oppstg`). Without words, return all
        rows in their own order. Advance it step by step, one search at a time.
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
        ranked = self._initials.get(wanted[0], []) if len(wanted) == 1 else []
        if not ranked:
            ranked = yield from self._ranked(built, wanted)
        if tolerant and not ranked:
            ranked = yield from _resembling(built, " ".join(wanted))
            letters = wanted[0]
            if not ranked and len(wanted) == 1 and 2 <= len(letters) <= LONGEST_ABBREVIATION:
                ranked = yield from _abbreviated(built, letters)
        origins = built.origins
        found: list[int] = []
        for start in range(0, len(ranked), 8 * STEP):
            found += [origins[place] for place in ranked[start : start + 8 * STEP]]
            yield
        return found

    def _build(self) -> Generator[None, None, None]:
        parts: list[tuple[str, str, str, str]] = []
        groups: dict[tuple[int, int], list[int]] = {}
        setup_from = 0
        for index, row in enumerate(self.rows):
            one = self._searched(row)
            parts.append(_parts(one))
            groups.setdefault((one.relevance, len(one.name)), []).append(index)
            setup_from += one.relevance < SETUP
            if index % STEP == STEP - 1:
                yield
        order = [index for key in sorted(groups) for index in groups[key]]
        yield
        ranks = array("Q")
        for relevance, length in sorted(groups):
            ranks.extend([relevance << 32 | length] * len(groups[relevance, length]))
        yield
        texts = [parts[index][0] for index in order]
        yield
        names = [parts[index][1] for index in order]
        yield
        paths = [parts[index][2] for index in order]
        yield
        sorted_paths = [parts[index][3] for index in order]
        yield
        self._built = _Texts(texts, names, paths, sorted_paths, order, ranks, setup_from)

    def _join(self) -> Generator[None, None, None]:
        blocks: list[str] = []
        initials: dict[str, list[int]] = {}
        texts = self._built.texts if self._built is not None else ()
        names = self._built.names if self._built is not None and len(texts) >= LARGE else ()
        # Each text ends with a mark that no word has, so no word is found across two texts.
        for start in range(0, len(texts), STEP):
            blocks.append("".join(texts[start : start + STEP]))
            for place, name in enumerate(names[start : start + STEP], start):
                if name:
                    initials.setdefault(name[0], []).append(place)
            yield
        self._blocks, self._initials = blocks, initials

    def _ranked(self, built: _Texts, wanted: tuple[str, ...]) -> Generator[None, None, list[int]]:
        """Return the places of the texts that contain all words, the best match first."""
        size = len(built.texts)
        smallest: list[int] | None = None
        for words, answer in self._answers:
            if words == wanted:
                return answer
            # Every row that contains the longer words contains the shorter ones.
            narrows = all(any(word in longer for longer in wanted) for word in words)
            if narrows and len(answer) < size:
                smallest, size = answer, len(answer)
        # A few ascending runs, which sorted() merges in linear time.
        pool = range(size) if smallest is None else sorted(smallest)
        yield
        text = " ".join(wanted)
        exact, begins, other = (
            f"{_NAME} {text} {_END_OF_NAME}",
            f"{_NAME} {text}",
            f"{_TEXT} {text}",
        )
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
            # Nearly every text contains a single letter: the setup rows keep their order.
            last = bisect_left(hits, setup_from) if len(text) == 1 else len(hits)
            setup[4].extend(hits[last:])
            for place in hits[:last]:
                one = texts[place]
                kinds = usual if place < setup_from else setup
                # Most texts have the word inside another one: the first test settles them.
                if start_of_longest not in one:
                    kinds[4].append(place)
                elif begins in one:
                    kinds[0 if exact in one else 1].append(place)
                elif other in one:
                    kinds[2].append(place)
                else:
                    kinds[3 if all(word in one for word in starts) else 4].append(place)
            yield
        ranked = [place for kinds in (usual, setup) for kind in kinds for place in kind]
        self._answers = [(wanted, ranked), *self._answers[: REMEMBERED - 1]]
        return ranked


def _resembling(built: _Texts, text: str) -> Generator[None, None, list[int]]:
    """Return the places of the names that resemble `text`, the most similar first.

    The user may still be typing, so a text too long to abbreviate a name may begin like it.
    """
    words = split_words(text)
    name, path = "".join(words), " ".join(sorted(words))
    compared: list[tuple[str, list[str], int | None]] = [
        (name, built.names, None),
        (path, built.sorted_paths, None),
    ]
    if len(text) > LONGEST_ABBREVIATION:
        # A typo often leaves out a letter.
        typed = " ".join(words)
        compared += [(name, built.names, len(name) + 1), (typed, built.paths, len(typed) + 1)]
    best: dict[int, float] = {}
    whole: dict[int, float] = {}
    for start in range(0, len(built.texts), NAMES_STEP):
        for typed, texts, length in compared:
            part = texts[start : start + NAMES_STEP]
            alike = process.extract(
                typed,
                part if length is None else [one[:length] for one in part],
                scorer=fuzz.ratio,
                score_cutoff=LEAST_ALIKE,
                limit=None,
            )
            for _, score, position in alike:
                place = start + position
                best[place] = max(score, best.get(place, 0))
                if length is None:
                    whole[place] = best[place]
            yield
    found = (
        (place >= built.setup_from, -score, -whole.get(place, 0), place)
        for place, score in best.items()
    )
    return [place for *_, place in nsmallest(MOST_RESEMBLING, found)]


def _abbreviated(built: _Texts, letters: str) -> Generator[None, None, list[int]]:
    """Return the places of the paths that contain `letters` in this order, from a word's start on.

    Paths whose words begin with the letters come first, then those whose letters are closest.
    """
    head, *rest = map(re.escape, letters)
    # The nearest letter is always as good as a later one. Atomic groups never backtrack, which
    # would take forever in a hostile name.
    pattern = re.compile(rf"\b{head}" + "".join(f"(?>.*?{one})" for one in rest))
    abbreviates = re.compile(rf"\b{head}" + "".join(f"(?>{one}|.*?\\b{one})" for one in rest))
    best: list[tuple[bool, bool, int, int]] = []
    for start in range(0, len(built.paths), NAMES_STEP):
        hits = process.extract(
            letters,
            built.paths[start : start + NAMES_STEP],
            scorer=LCSseq.similarity,
            score_cutoff=len(letters),
            limit=None,
        )
        yield
        for path, _, position in hits:
            if (match := pattern.search(path)) is not None:
                place = start + position
                length = match.end() - match.start()
                loose = length > len(letters) and abbreviates.search(path) is None
                best.append((place >= built.setup_from, loose, length, place))
        best = nsmallest(MOST_RESEMBLING, best)
        yield
    return [place for *_, place in best]


def _extend(merged: _Texts, built: _Texts, start: int, end: int, offset: int) -> None:
    """Append the rows of `built` from `start` to `end`; `offset` is added to their origins."""
    merged.texts.extend(built.texts[start:end])
    merged.names.extend(built.names[start:end])
    merged.paths.extend(built.paths[start:end])
    merged.sorted_paths.extend(built.sorted_paths[start:end])
    merged.origins.extend(offset + origin for origin in built.origins[start:end])
    merged.ranks.extend(built.ranks[start:end])


def _finish(steps: Iterable[None]) -> None:
    for _ in steps:
        pass


def _parts(one: Searchable) -> tuple[str, str, str, str]:
    """Return all searched texts as one, the name, the path, and the sorted words of the path."""
    plain, words = _folded_name(one.name)
    parts = [_marked(plain, words, _NAME, _END_OF_NAME)]
    around_words = ""
    if one.within:
        around, around_words = _folded_name(one.within)
        parts.append(_marked(f"{around}.{plain}", f"{around_words} {words}", _NAME, _END_OF_NAME))
    parts += [_folded_text(text) for text in one.texts if text]
    path = f"{around_words} {words}".strip()
    return "".join(parts), words.replace(" ", ""), path, " ".join(sorted(path.split()))


@lru_cache(maxsize=65_536)
def _folded_name(name: str) -> tuple[str, str]:
    """Return a name folded, and its words without a platform's suffixes and prefixes."""
    return _folded(name), " ".join(split_words(strip_platform(name)))


@lru_cache(maxsize=65_536)
def _folded_text(text: str) -> str:
    return _marked(_folded(text), " ".join(split_words(text)), _TEXT, _END_OF_TEXT)


def _marked(plain: str, words: str, begin: str, end: str) -> str:
    """Return both forms of a text between marks, or one if they are equal."""
    if words == plain or not words:
        return f"{begin} {plain} {end}"
    return f"{begin} {plain} {end}{begin} {words} {end}"


def _folded(text: str) -> str:
    folded = fold(text)
    return folded if folded.isprintable() else folded.translate(_MARKS)
