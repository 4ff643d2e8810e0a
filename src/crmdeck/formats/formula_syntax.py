"""Parse Salesforce formulas into trees.

The grammar is that of Salesforce's open formula engine: `^` binds looser than `*` and `/`, and
names contain `.`, `:`, `#` and `$`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple


class FormulaError(ValueError):
    """A formula that can't be parsed; the message names the place."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, TRUE, FALSE or NULL."""

    value: Decimal | str | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A field, its path over lookups, or a global such as `$User.Id`."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; operators are calls too, named by their sign."""

    function: str
    arguments: tuple[Node, ...]


Node = Literal | Name | Call

_TOKEN = re.compile(
    r"""\s+|/\*.*?(?:\*/|\Z)
    |(?P<number>\d+(?:\.\d*)?|\.\d+)
    |(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    |(?P<name>[^\W\d][\w.:\#$]*|\$[\w.:\#$]+)
    |(?P<sign>&&|\|\||<>|!=|==|<=|>=|[-+*/^&=<>!(),])""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_WORDS: dict[str, bool | None] = {"TRUE": True, "FALSE": False, "NULL": None}

# How strongly each infix operator binds to its left side.
_INFIX = {
    "||": 1, "&&": 2,
    "=": 3, "==": 3, "<>": 3, "!=": 3,
    "<": 4, ">": 4, "<=": 4, ">=": 4,
    "+": 5, "-": 5, "&": 5,
    "^": 6,
    "*": 7, "/": 7,
}  # fmt: skip
_PREFIX_STRENGTH = 8
_SAME = {"==": "=", "!=": "<>", "&&": "AND", "||": "OR"}
# A formula of Salesforce has at most 3,900 characters; its deepest trees seen have 54 levels.
_DEEPEST = 200


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


# The same few rules are judged for each record and each edge value.
@lru_cache(maxsize=1024)
def parse_formula(formula: str) -> Node:
    """Return the tree of a formula. Raise FormulaError if it isn't a formula."""
    return _Parser(formula).whole()


def names_in(tree: Node) -> tuple[Name, ...]:
    """Return the names that a tree reads, each once, in order."""
    found: dict[Name, None] = {}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Name):
            found[node] = None
        elif isinstance(node, Call):
            # The last one on the stack is visited next.
            waiting += reversed(node.arguments)
    return tuple(found)


def calls_in(tree: Node) -> tuple[Call, ...]:
    """Return all calls of a tree, outermost first."""
    found = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Call):
            found.append(node)
            waiting += reversed(node.arguments)
    return tuple(found)


def literal_of(formula: str) -> Literal | None:
    """Return the literal that a formula consists of; None for any other text."""
    try:
        tree = parse_formula(formula)
    except FormulaError:
        return None
    if isinstance(tree, Call) and tree.function == "prefix -":
        (inner,) = tree.arguments
        number = inner.value if isinstance(inner, Literal) else None
        return Literal(-number) if isinstance(number, Decimal) else None
    return tree if isinstance(tree, Literal) else None


class _Parser:
    """A Pratt parser: one function for prefixes, one loop for what follows."""

    def __init__(self, formula: str) -> None:
        self.formula = formula
        self.tokens = self._tokens()
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        tree = self._expression(0)
        if self._token.kind != "end":
            raise self._error(f"'{self._token.text}' is unexpected")
        return tree

    def _expression(self, strength: int) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._error("the formula is nested too deeply")
        left = self._prefix()
        while (found := _INFIX.get(self._token.text, 0)) > strength and self._token.kind == "sign":
            sign = self._next().text
            left = Call(_SAME.get(sign, sign), (left, self._expression(found)))
        self.depth -= 1
        return left

    def _prefix(self) -> Node:
        token = self._next()
        if token.kind == "number":
            return Literal(Decimal(token.text))
        if token.kind == "text":
            return Literal(_ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[1]), token.text[1:-1]))
        if token.kind == "name":
            return self._name(token.text)
        if token.text == "(":
            inner = self._expression(0)
            self._expect(")")
            return inner
        if token.text in ("-", "+", "!"):
            inner = self._expression(_PREFIX_STRENGTH)
            return Call("NOT" if token.text == "!" else f"prefix {token.text}", (inner,))
        is_end = token.kind == "end"
        if not is_end:
            self.at -= 1
        raise self._error("the formula ends early" if is_end else f"'{token.text}' is unexpected")

    def _name(self, name: str) -> Node:
        folded = name.upper()
        if self._token.text != "(":
            if folded in _WORDS:
                return Literal(_WORDS[folded])
            # NOT can be a prefix without parentheses as well.
            if folded == "NOT":
                return Call("NOT", (self._expression(_PREFIX_STRENGTH),))
            return Name(tuple(name.split(".")))
        self._next()
        arguments: list[Node] = []
        while self._token.text != ")" or self._token.kind != "sign":
            if arguments:
                self._expect(",")
            arguments.append(self._expression(0))
        self._next()
        return Call(folded, tuple(arguments))

    def _tokens(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self.formula):
            match = _TOKEN.match(self.formula, at)
            if match is None:
                raise FormulaError(f"character {at + 1}: '{self.formula[at]}' is unexpected")
            if match.lastgroup is not None:
                tokens.append(_Token(match.lastgroup, match[0], at))
            at = match.end()
        return [*tokens, _Token("end", "", at)]

    @property
    def _token(self) -> _Token:
        return self.tokens[self.at]

    def _next(self) -> _Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def _expect(self, sign: str) -> None:
        if self._token.text != sign or self._token.kind != "sign":
            found = f"'{self._token.text}'" if self._token.kind != "end" else "the end"
            raise self._error(f"'{sign}' is expected instead of {found}")
        self._next()

    def _error(self, reason: str) -> FormulaError:
        return FormulaError(f"character {self._token.position + 1}: {reason}")
