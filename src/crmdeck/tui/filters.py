"""The grammar of filters: words, `key:value`, quotes, and `!` to negate. Pure.

    amount                 the word is in a text of the row
    "close date"           the phrase is in a text of the row
    type:picklist          the value of the key starts with the word; commas mean "or"
    !custom:yes  !audit    negated

Each pane has its own keys. An unknown key is searched as text, with a hint.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

R = TypeVar("R")

Predicate = Callable[[R], bool]
KeyTest = Callable[[R, str], bool]

AGO = ("7d", "24h")
"""Examples of times before now."""

_AGO = re.compile(r"(\d{1,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}

MOST_OFFERS = 40
"""Number of offers to complete a filter with. The most frequent values come first."""

# Its quote may still be open.
_LAST_TERM = re.compile(r'(?:^|(?<=\s))(!?)(?:([A-Za-z][\w-]*):)?("[^"]*|[^\s"]*)$')
_TERM = re.compile(r'(!?)(?:([A-Za-z][\w-]*):)?("[^"]*"?|[^\s"]+)')


@dataclass(frozen=True)
class Term:
    """A term of a filter: a word or phrase without a `key`. `value` is case-folded.

    Commas separate values, but not in a `quoted` one.
    """

    value: str
    key: str | None = None
    negated: bool = False
    quoted: bool = False


class FilterKey(NamedTuple, Generic[R]):
    """A key of a filter: its test, and the values of a row to offer while the user types.

    `examples` are offered too, such as `7d` for `since:`. An `old` key still works, in saved views,
    but is not offered. `words` returns what the screen shows for a value.
    """

    test: KeyTest[R]
    values: Callable[[R], Iterable[str]] = lambda _row: ()
    examples: tuple[str, ...] = ()
    old: bool = False
    words: Callable[[str], str] = str


FilterKeys = Mapping[str, FilterKey[R]]


class FilterSource(NamedTuple, Generic[R]):
    """The rows that a filter chooses from, and its keys."""

    rows: Iterable[R]
    keys: FilterKeys[R]

    def complete(self, text: str) -> tuple[Completion, ...]:
        """Return the completions of the last term of `text`: keys, or values of its key.

        The start of a single key brings its values. Keys come in their order, values with the most
        rows first. Reads all rows for values.
        """
        term = _LAST_TERM.search(text)
        if term is None:
            return ()
        _, name, typed = term.groups()
        start, shown = text[: term.start(3)], ""
        if name is None:
            found = self._keys_from(typed)
            if len(found) != 1:
                return tuple(Completion(f"{key}:", f"{start}{key}:") for key in found)
            name, typed = found[0], ""
            shown, start = f"{name}:", f"{start}{name}:"
        key = self.keys.get(name.casefold())
        if key is None:
            return ()
        before, comma, last = (
            typed.rpartition(",") if not typed.startswith('"') else ("", "", typed)
        )
        wanted = last.strip('"').casefold()
        counts = Counter(value for row in self.rows for value in set(key.values(row)) if value)
        values = [
            Completion(f"{shown}{value}", f"{start}{before}{comma}{_quoted(value)} ", number)
            for value, number in counts.most_common()
            if value.casefold().startswith(wanted)
        ]
        examples = [
            Completion(f"{shown}{one}", f"{start}{before}{comma}{one} ")
            for one in key.examples
            if one.startswith(wanted)
        ]
        offers = (*examples, *values[:MOST_OFFERS])
        return offers or ((Completion(shown, start),) if shown else ())

    def without_half_key(self, text: str) -> str:
        """Return `text` without a last word that may become a key."""
        term = _LAST_TERM.search(text)
        half = term is not None and term[2] is None and bool(term[3]) and self._keys_from(term[3])
        return text[: term.start()] if term is not None and half else text

    def _keys_from(self, typed: str) -> list[str]:
        wanted = typed.casefold()
        return [key for key, one in self.keys.items() if key.startswith(wanted) and not one.old]


class Completion(NamedTuple):
    """A key or value that completes the term at the end of a filter.

    `text` is the whole filter with it. A value has the number of its rows.
    """

    shown: str
    text: str
    rows: int | None = None


@dataclass(frozen=True)
class Filter(Generic[R]):
    """A compiled filter: its test, the words to highlight, and a hint for the user.

    `beside` tests everything except the words, for rows that an index found by the words.
    """

    text: str
    predicate: Predicate[R] | None
    beside: Predicate[R] | None
    words: tuple[str, ...]
    hint: str = ""


def parse(text: str) -> tuple[Term, ...]:
    """Return the terms of `text`, in order; everything else is a word."""
    terms = []
    for negation, key, raw in _TERM.findall(text):
        value = raw.strip('"').casefold()
        if value:
            terms.append(Term(value, key.casefold() or None, bool(negation), raw.startswith('"')))
    return tuple(terms)


def compile_filter(
    text: str,
    *,
    searched: Callable[[R], Iterable[str]],
    keys: FilterKeys[R] | None = None,
) -> Filter[R]:
    """Return the filter for `text`.

    `searched` returns the texts of a row in which words are searched. `keys` are the tests of the
    keys, called with the row and a case-folded value.
    """
    known = keys or {}
    tests: list[Predicate[R]] = []
    beside: list[Predicate[R]] = []
    words: list[str] = []
    unknown: list[str] = []
    for term in parse(text):
        if term.key is None and term.value.removesuffix(":") in known and term.value[-1] == ":":
            continue  # The user is still typing the value.
        is_word = term.key is None or term.key not in known
        if term.key is not None and term.key in known:
            test = _key_test(known[term.key].test, term)
        else:
            value = term.value if term.key is None else f"{term.key}:{term.value}"
            if term.key is not None:
                unknown.append(term.key)
            if not term.negated:
                words.append(value)
            test = _word_test(value, searched)
        tests.append(_negated(test) if term.negated else test)
        if term.negated or not is_word:
            beside.append(tests[-1])
    return Filter(
        text.strip(), _all_of(tests), _all_of(beside), tuple(words), _hint(unknown, known)
    )


def text_key(read: Callable[[R], str | None], words: Callable[[str], str] = str) -> FilterKey[R]:
    """Return the key of a text; a value matches texts that begin with it."""
    return FilterKey(
        lambda row, wanted: one_of(read(row) or "", wanted),
        lambda row: filter(None, (read(row),)),
        words=words,
    )


def words_key(read: Callable[[R], Iterable[str]]) -> FilterKey[R]:
    """Return the key of several texts; a value matches if one begins with it."""
    return FilterKey(lambda row, wanted: any(one_of(text, wanted) for text in read(row)), read)


def flag_key(read: Callable[[R], bool | None]) -> FilterKey[R]:
    """Return the key of a flag: `yes`, `no` or `unknown`."""
    return FilterKey(
        lambda row, wanted: yes_no(read(row), wanted), lambda row: (flag_word(read(row)),)
    )


def flag_word(value: bool | None) -> str:
    """Return `yes`, `no` or `unknown`."""
    return "unknown" if value is None else "yes" if value else "no"


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"[\s,]", value) and '"' not in value else value


def yes_no(value: bool | None, wanted: str) -> bool:
    """True if a flag is `yes`, `no` or `unknown`, or what a prefix of these means."""
    return flag_word(value).startswith(wanted) or (
        wanted in ("true", "false") and str(value).lower() == wanted
    )


def moment_of(text: str, now: datetime) -> datetime | None:
    """Return the time that `7d`, `12h` or `2026-05-01` means, or None while it is incomplete."""
    ago = _AGO.fullmatch(text)
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def one_of(value: str, wanted: str) -> bool:
    """True if `value` starts with `wanted` in any case."""
    return value.casefold().startswith(wanted)


def _key_test(test: KeyTest[R], term: Term) -> Predicate[R]:
    # A function, as the next two: a lambda in the loop over the terms would test the last one.
    options = [term.value] if term.quoted else [one for one in term.value.split(",") if one]
    return lambda row: any(test(row, option) for option in options)


def _word_test(word: str, searched: Callable[[R], Iterable[str]]) -> Predicate[R]:
    return lambda row: any(word in text.casefold() for text in searched(row))


def _negated(test: Predicate[R]) -> Predicate[R]:
    return lambda row: not test(row)


def _all_of(tests: list[Predicate[R]]) -> Predicate[R] | None:
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def _hint(unknown: list[str], known: FilterKeys[R]) -> str:
    if not unknown:
        return ""
    names = ", ".join(f"'{key}'" for key in dict.fromkeys(unknown))
    offered = sorted(key for key, one in known.items() if not one.old)
    offer = f" Keys: {' '.join(f'{key}:' for key in offered)}" if offered else ""
    return f"Unknown filter key {names}, searched as text.{offer}"


def with_terms(text: str, terms: str, instead_of: Iterable[str]) -> str:
    """Return the filter with `terms`, and without the terms in `instead_of`."""
    others = {term for one in instead_of for term in one.split()}
    rest = [word for word in text.split() if word not in others]
    return " ".join([*terms.split(), *rest])


def with_value(text: str, key: str, value: str) -> str:
    """Return the filter with `key:value` instead of other values of the key."""
    rest = [
        term[0] for term in _TERM.finditer(text) if term[1] or (term[2] or "").casefold() != key
    ]
    return " ".join([*rest, f"{key}:{_quoted(value)}"])


def has_terms(text: str, terms: str) -> bool:
    """True if all `terms` are in the filter."""
    return set(terms.split()) <= set(text.split())
