"""Validation rules and formula fields of the sandbox's own org, evaluated on one record.

The end-to-end test of preflight compares this evaluator with crmdeck's own. It has the functions
that the sandbox's rules use. A formula that it can't read is a mistake in the sandbox.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

FieldValue: TypeAlias = str | bool | Decimal | date | time | None
"""What a field of a record stores; a datetime is a date."""

_TOKEN = re.compile(
    r"""\s+|(?P<number>\d+(?:\.\d+)?)|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'"""
    r"""|(?P<name>\$?[A-Za-z][\w.]*)|(?P<sign>&&|\|\||<>|!=|==|<=|>=|[-+*/&=<>!(),])"""
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "<>": operator.ne, "!=": operator.ne,
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
_LEVELS = (("||",), ("&&",), tuple(_COMPARISONS), ("&", "+", "-"), ("*", "/"))


@dataclass(frozen=True)
class Write:
    """A record at a write. `before` is the stored record, None for a new one.

    `facts` has what formulas read besides fields, such as `$permission.deal_desk`.
    """

    values: Mapping[str, FieldValue]
    before: Mapping[str, FieldValue] | None
    now: datetime
    facts: Mapping[str, FieldValue]
    formulas: Mapping[str, str]

    def read(self, name: str) -> FieldValue:
        """Return the value of a name in a formula. Raises KeyError for an unknown one."""
        key = name.lower()
        if key in self.facts:
            return self.facts[key]
        if key in self.formulas:
            return evaluate(self.formulas[key], self)
        return self.values[key]


class _Call(NamedTuple):
    name: str
    arguments: tuple[_Tree, ...]


class _Name(NamedTuple):
    name: str


class _Text(NamedTuple):
    text: str


# A plain text is a sign.
_Tree: TypeAlias = "_Call | _Name | _Text | Decimal | str"


def is_broken(formula: str, write: Write) -> bool:
    """Return True if a record breaks the rule with this formula."""
    return evaluate(formula, write) is True


def evaluate(formula: str, write: Write) -> FieldValue:
    """Return the value of a formula. Raises ValueError for an unreadable one."""
    return _value(_Parser(formula).parse(), write)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[_Tree] = []
        place = 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise ValueError(f"unreadable formula at {text[place : place + 20]!r}")
            place = match.end()
            if match["number"]:
                self._tokens.append(Decimal(match["number"]))
            elif match["double"] is not None or match["single"] is not None:
                inside = match["double"] if match["double"] is not None else match["single"]
                self._tokens.append(_Text(re.sub(r"\\(.)", r"\1", inside)))
            elif match["name"]:
                self._tokens.append(_Name(match["name"]))
            elif match["sign"]:
                self._tokens.append(match["sign"])
        self._place = 0

    def parse(self) -> _Tree:
        tree = self._level(0)
        if self._place != len(self._tokens):
            raise ValueError(f"unexpected {self._tokens[self._place]!r}")
        return tree

    def _next(self) -> _Tree | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _take(self) -> _Tree:
        self._place += 1
        return self._tokens[self._place - 1]

    def _level(self, level: int) -> _Tree:
        if level == len(_LEVELS):
            return self._atom()
        left = self._level(level + 1)
        while isinstance(sign := self._next(), str) and sign in _LEVELS[level]:
            self._take()
            left = _Call(sign, (left, self._level(level + 1)))
        return left

    def _atom(self) -> _Tree:
        taken = self._take()
        if taken == "(":
            inside = self._level(0)
            self._take()
            return inside
        if taken in ("!", "-"):
            return _Call("NOT" if taken == "!" else "MINUS", (self._atom(),))
        if isinstance(taken, _Name) and self._next() == "(":
            self._take()
            arguments = []
            while self._next() != ")":
                arguments.append(self._level(0))
                if self._next() == ",":
                    self._take()
            self._take()
            return _Call(taken.name.upper(), tuple(arguments))
        return taken


def _value(tree: _Tree, write: Write) -> FieldValue:
    if isinstance(tree, _Name):
        words = {"true": True, "false": False, "null": None}
        key = tree.name.lower()
        return words[key] if key in words else write.read(tree.name)
    if isinstance(tree, _Text):
        return tree.text
    if not isinstance(tree, _Call):
        return tree
    if tree.name in ("ISCHANGED", "PRIORVALUE", "ISNEW"):
        return _of_history(tree, write)
    if tree.name in ("IF", "CASE"):
        return _branch(tree, write)
    values = [_value(each, write) for each in tree.arguments]
    if tree.name in ("AND", "&&"):
        return all(each is True for each in values)
    if tree.name in ("OR", "||"):
        return any(each is True for each in values)
    if tree.name in ("TODAY", "NOW"):
        moment = write.now.replace(tzinfo=None)
        return moment.date() if tree.name == "TODAY" else moment
    if tree.name not in _FUNCTIONS:
        if tree.name not in _COMPARISONS:
            raise ValueError(f"unknown function {tree.name}")
        return _compare(tree.name, values)
    return _FUNCTIONS[tree.name](*values)


def _of_history(tree: _Call, write: Write) -> FieldValue:
    if tree.name == "ISNEW":
        return write.before is None
    field = tree.arguments[0]
    now = before = _value(field, write)
    if write.before is not None and isinstance(field, _Name):
        before = write.before.get(field.name.lower())
    return before if tree.name == "PRIORVALUE" else now != before


def _branch(tree: _Call, write: Write) -> FieldValue:
    first, *rest = tree.arguments
    if tree.name == "IF":
        return _value(rest[0] if _value(first, write) is True else rest[1], write)
    subject = _value(first, write)
    for case, answer in zip(rest[:-1:2], rest[1::2], strict=False):
        if _value(case, write) == subject:
            return _value(answer, write)
    return _value(rest[-1], write)


def _compare(sign: str, values: list[FieldValue]) -> bool | None:
    left, right = values
    # A blank text equals the empty text. Any other comparison with a blank has no answer.
    if isinstance(left, str) or isinstance(right, str):
        return _COMPARISONS[sign](left or "", right or "")
    if left is None or right is None:
        return None
    return _COMPARISONS[sign](left, right)


def _unless_blank(function: Callable[..., FieldValue]) -> Callable[..., FieldValue]:
    def called(*values: FieldValue) -> FieldValue:
        return None if any(each is None for each in values) else function(*values)

    return called


def _sum(left: FieldValue, right: FieldValue) -> FieldValue:
    if isinstance(left, str) or isinstance(right, str):
        return f"{left}{right}"
    if isinstance(left, date) and isinstance(right, Decimal):
        return date.fromordinal(left.toordinal() + int(right))
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return left + right
    raise TypeError(f"can't add {left!r} and {right!r}")


def _difference(left: FieldValue, right: FieldValue) -> FieldValue:
    if isinstance(left, date) and isinstance(right, Decimal):
        return date.fromordinal(left.toordinal() - int(right))
    if isinstance(left, date) and isinstance(right, date):
        return Decimal(left.toordinal() - right.toordinal())
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return left - right
    raise TypeError(f"can't subtract {right!r} from {left!r}")


def _text(value: FieldValue) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)


_FUNCTIONS: Mapping[str, Callable[..., FieldValue]] = {
    "NOT": lambda value: None if value is None else not value,
    "MINUS": _unless_blank(operator.neg),
    "ISBLANK": lambda value: value in (None, ""),
    "ISNULL": lambda value: value is None,
    "ISPICKVAL": lambda value, wanted: (value or "") == wanted,
    "INCLUDES": lambda value, wanted: wanted in (value or "").split(";"),
    "CONTAINS": _unless_blank(lambda value, part: part in value),
    "BEGINS": _unless_blank(lambda value, part: value.startswith(part)),
    "LEN": lambda value: Decimal(len(value or "")),
    "TEXT": _text,
    "TRIM": lambda value: (value or "").strip(),
    "UPPER": lambda value: (value or "").upper(),
    "LOWER": lambda value: (value or "").lower(),
    "LEFT": lambda value, count: (value or "")[: int(count)],
    "RIGHT": lambda value, count: (value or "")[-int(count) :],
    "REGEX": lambda value, pattern: re.fullmatch(pattern, value or "") is not None,
    "BLANKVALUE": lambda value, other: other if value in (None, "") else value,
    "VALUE": _unless_blank(Decimal),
    "ABS": _unless_blank(abs),
    "YEAR": _unless_blank(lambda value: Decimal(value.year)),
    "MONTH": _unless_blank(lambda value: Decimal(value.month)),
    "&": lambda left, right: f"{left or ''}{right or ''}",
    "+": _unless_blank(_sum),
    "-": _unless_blank(_difference),
    "*": _unless_blank(operator.mul),
    "/": _unless_blank(operator.truediv),
}
