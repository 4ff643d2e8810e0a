"""The grammar of filters: words, `key:value`, quotes, and `!` to negate. Pure.

    amount                 the word is in a text of the row
    "close date"           the phrase is in a text of the row
    type:picklist          the value of the key starts with the word; commas mean "or"
    !custom:yes  !audit    negated

Each pane has its own keys. An unknown key is searched as text, with a hint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")

Predicate = Callable[[R], bool]
KeyTest = Callable[[R, str], bool]

_TERM = re.compile(r'(!?)(?:([A-Za-z][\w-]*):)?("[^"]*"?|[^\s"]+)')


@dataclass(frozen=True)
class Term:
    """A term of a filter: a word or phrase without a `key`. `value` is case-folded."""

    value: str
    key: str | None = None
    negated: bool = False


@dataclass(frozen=True)
class Filter(Generic[R]):
    """A compiled filter: its test, the words to highlight, and a hint for the user.

    `beside` tests only the rest of the filter, for rows in which an index has found the words.
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
            terms.append(Term(value, key.casefold() or None, bool(negation)))
    return tuple(terms)


def compile_filter(
    text: str,
    *,
    searched: Callable[[R], Iterable[str]],
    keys: Mapping[str, KeyTest[R]] | None = None,
) -> Filter[R]:
    """Return the filter for `text`.

    `searched` returns the texts of a row that words are searched in. `keys` are the tests of the
    keys, called with the row and a case-folded value.
    """
    known = keys or {}
    tests: list[Predicate[R]] = []
    beside: list[Predicate[R]] = []
    words: list[str] = []
    unknown: list[str] = []
    for term in parse(text):
        is_word = term.key is None or term.key not in known
        if term.key is not None and term.key in known:
            test = _key_test(known[term.key], term.value)
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


def yes_no(value: bool | None, wanted: str) -> bool:
    """True if a flag is `yes`, `no` or `unknown`, or what a prefix of these means."""
    word = "unknown" if value is None else "yes" if value else "no"
    return word.startswith(wanted) or (wanted in ("true", "false") and str(value).lower() == wanted)


def one_of(value: str, wanted: str) -> bool:
    """True if `value` starts with `wanted` in any case."""
    return value.casefold().startswith(wanted)


def _key_test(test: KeyTest[R], value: str) -> Predicate[R]:
    options = [option for option in value.split(",") if option]
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


def _hint(unknown: list[str], known: Mapping[str, KeyTest[R]]) -> str:
    if not unknown:
        return ""
    names = ", ".join(f"'{key}'" for key in dict.fromkeys(unknown))
    offer = f" Keys: {' '.join(f'{key}:' for key in sorted(known))}" if known else ""
    return f"Unknown filter key {names}, searched as text.{offer}"


def with_terms(text: str, terms: str, instead_of: Iterable[str]) -> str:
    """Return the filter with `terms`, and without the terms in `instead_of`."""
    others = {term for one in instead_of for term in one.split()}
    rest = [word for word in text.split() if word not in others]
    return " ".join([*terms.split(), *rest])


def has_terms(text: str, terms: str) -> bool:
    """True if all `terms` are in the filter."""
    return set(terms.split()) <= set(text.split())
