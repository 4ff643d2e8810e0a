"""The filter grammar: words, `key:value`, quotes, and `!` to negate. Pure.

    amount                 the word occurs in some searchable text of the row
    "close date"           the phrase occurs
    type:picklist          the key's value is, or starts with, the word; commas mean "or"
    !custom:yes  !audit    negated

A pane says which keys it knows; an unknown key is a hint to the user, never an error.
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
    """One term of a filter; `key` is None for a word or phrase. `value` is case-folded."""

    value: str
    key: str | None = None
    negated: bool = False


@dataclass(frozen=True)
class Filter(Generic[R]):
    """A compiled filter: what passes, what to highlight, and what the user should know.

    `beside` is what has to pass where an index has found the words already.
    """

    text: str
    predicate: Predicate[R] | None
    beside: Predicate[R] | None
    words: tuple[str, ...]
    hint: str = ""


def parse(text: str) -> tuple[Term, ...]:
    """Return the terms of `text`, in order. Never fails: what is not a term is a word."""
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
    """Return the filter that `text` means.

    `searched` gives the texts of a row in which words are looked for, `keys` the tests of
    the keys (called with the row and one case-folded value). A term with an unknown key is
    looked for as the text it is, and the hint says so.
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
    """Return whether a flag is what `yes`, `no` or `unknown` asks for; prefixes count."""
    word = "unknown" if value is None else "yes" if value else "no"
    return word.startswith(wanted) or (wanted in ("true", "false") and str(value).lower() == wanted)


def one_of(value: str, wanted: str) -> bool:
    """Return whether `value` starts with `wanted`, whatever the case."""
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
    named = ", ".join(f"{key}:" for key in dict.fromkeys(unknown))
    offer = f"; known: {' '.join(f'{key}:' for key in sorted(known))}" if known else ""
    return f"{named} is no filter key here, looked for as text{offer}"


def with_terms(text: str, terms: str, instead_of: Iterable[str]) -> str:
    """Return the filter with `terms` in it, and without those `instead_of` which it came."""
    others = {term for one in instead_of for term in one.split()}
    rest = [word for word in text.split() if word not in others]
    return " ".join([*terms.split(), *rest])


def has_terms(text: str, terms: str) -> bool:
    """Return whether every one of `terms` is in the filter."""
    return set(terms.split()) <= set(text.split())
