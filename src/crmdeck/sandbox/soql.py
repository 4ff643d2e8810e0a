"""The subset of SOQL that crmdeck uses for metadata and recent records.

`SELECT fields FROM Type [WHERE ...] [ORDER BY ...] [LIMIT n]`, with relationship paths, AND, OR,
brackets, `=`, `<` and `>=`, IN with values or a query, and COUNT and MAX
with an alias.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = Mapping[str, object]
_Literal = str | bool | datetime | None
_Test = Callable[[Row], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:\\.|[^'\\])*')|(?P<op>>=|[=(),<])|(?P<word>[^\s=(),'<>]+))"
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {"<": operator.lt, ">=": operator.ge}
_WORDS = {"true": True, "false": False, "null": None}


class SoqlError(Exception):
    """A query that can't be run; `code` is the vendor's errorCode."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Query:
    fields: tuple[str, ...]
    source: str
    test: _Test
    order: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None

    def run(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows that match, in order, cut to the limit."""
        found = [each for each in rows if self.test(each)]
        if any("(" in each for each in self.fields):
            return [dict(_aggregate(each, found) for each in self.fields)]
        # From the last column to the first, because a sort keeps the order of equal rows.
        for path, descending in reversed(self.order):
            found.sort(key=lambda row: _sort_key(follow(row, path)), reverse=descending)
        return found[: self.limit]


def follow(row: Row, path: str) -> object:
    """Return the value at a path such as `CreatedBy.Name`, or None.

    Raises SoqlError for an unknown column.
    """
    value: object = row
    for part in path.split("."):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise SoqlError("INVALID_FIELD", f"No such column '{path}' on entity.")
        matches = [key for key in value if key.lower() == part.lower()]
        if not matches:
            raise SoqlError("INVALID_FIELD", f"No such column '{path}' on entity.")
        value = value[matches[0]]
    return value


def _aggregate(field: str, rows: list[Row]) -> tuple[str, object]:
    call, _, alias = field.partition(" ")
    name, _, path = call.rstrip(")").partition("(")
    values = [value for row in rows if (value := follow(row, path)) is not None]
    return alias, len(values) if name.upper() == "COUNT" else max(values, default=None)  # type: ignore[type-var]


def parse(text: str, rows_of: Callable[[str], Iterable[Row]] = lambda _: ()) -> Query:
    """Parse a query; `rows_of` returns the rows of a type for a query in IN. Raises SoqlError."""
    parser = _Parser(text, rows_of)
    query = parser.query()
    if parser.peek():
        raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{parser.peek()}'")
    return query


class _Parser:
    def __init__(self, text: str, rows_of: Callable[[str], Iterable[Row]]) -> None:
        self.tokens: list[str] = []
        self.rows_of = rows_of
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise SoqlError("MALFORMED_QUERY", f"unexpected token at position {position}")
            self.tokens.append(match[0].strip())
            position = match.end()
        self.index = 0

    def query(self) -> Query:
        self.expect("SELECT")
        fields = [self.column()]
        while self.accept(","):
            fields.append(self.column())
        self.expect("FROM")
        source = self.take()
        test = self.disjunction() if self.accept("WHERE") else lambda _: True
        order = self.ordering() if self.accept("ORDER") else []
        limit = None
        if self.accept("LIMIT"):
            token = self.take()
            if not token.isdigit():
                raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{token}'")
            limit = int(token)
        return Query(tuple(fields), source, test, tuple(order), limit)

    def column(self) -> str:
        name = self.take()
        if not self.accept("("):
            return name
        path = self.take()
        self.expect(")")
        return f"{name}({path}) {self.take()}"

    def ordering(self) -> list[tuple[str, bool]]:
        self.expect("BY")
        order: list[tuple[str, bool]] = []
        while not order or self.accept(","):
            path = self.take()
            order.append((path, self.accept("DESC")))
        return order

    def disjunction(self) -> _Test:
        tests = [self.conjunction()]
        while self.accept("OR"):
            tests.append(self.conjunction())
        return lambda row: any(test(row) for test in tests)

    def conjunction(self) -> _Test:
        tests = [self.condition()]
        while self.accept("AND"):
            tests.append(self.condition())
        return lambda row: all(test(row) for test in tests)

    def condition(self) -> _Test:
        if self.accept("("):
            inner = self.disjunction()
            self.expect(")")
            return inner
        path = self.take()
        if self.accept("IN"):
            self.expect("(")
            if self.peek().upper() == "SELECT":
                query = self.query()
                rows = query.run(self.rows_of(query.source))
                wanted: list[Any] = [follow(row, query.fields[0]) for row in rows]
            else:
                wanted = [self.literal()]
                while self.accept(","):
                    wanted.append(self.literal())
            self.expect(")")
        elif (sign := self.peek()) in _COMPARISONS:
            self.take()
            bound, compare = self.literal(), _COMPARISONS[sign]
            return lambda row: (value := follow(row, path)) is not None and compare(value, bound)
        else:
            self.expect("=")
            wanted = [self.literal()]
        return lambda row: any(_equal(follow(row, path), each) for each in wanted)

    def literal(self) -> _Literal:
        token = self.take()
        if token.startswith("'"):
            return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)
        if re.match(r"\d{4}-", token):
            return datetime.fromisoformat(token)
        if token.lower() not in _WORDS:
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{token}'")
        return _WORDS[token.lower()]

    def peek(self) -> str:
        return self.tokens[self.index] if self.index < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise SoqlError("MALFORMED_QUERY", "unexpected token: '<EOF>'")
        self.index += 1
        return token

    def accept(self, word: str) -> bool:
        if self.peek().upper() == word:
            self.index += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{self.peek() or '<EOF>'}'")


def _equal(value: object, wanted: _Literal) -> bool:
    # SOQL compares texts without case ("Comparison Operators", SOQL and SOSL Reference).
    if isinstance(value, str) and isinstance(wanted, str):
        return value.lower() == wanted.lower()
    return bool(value == wanted)


def _sort_key(value: object) -> tuple[bool, Any]:
    # Without NULLS LAST, empty values come first ("ORDER BY", SOQL and SOSL Reference).
    return value is not None, value
