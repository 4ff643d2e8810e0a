"""The subset of SOQL that crmdeck needs for metadata and recent records.

`SELECT fields FROM Type [WHERE ...] [ORDER BY ...] [LIMIT n] [OFFSET n]`, with `COUNT()`,
relationship paths, AND, OR, brackets, NOT, the comparison operators, LIKE and IN.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

Row = Mapping[str, object]
_Literal = str | bool | float | date | None
_Test = Callable[[Row], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:\\.|[^'\\])*')|(?P<op><=|>=|!=|<>|[=<>(),])|(?P<word>[^\s=<>!(),']+))"
)


class SoqlError(Exception):
    """A query that can't be run; `code` is the vendor's errorCode."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Query:
    fields: tuple[str, ...]
    count: bool
    source: str
    test: _Test
    order: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    offset: int = 0

    def run(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows that match, in order, cut to the limit."""
        found = [each for each in rows if self.test(each)]
        for path, descending in reversed(self.order):
            found.sort(key=lambda row: _sort_key(follow(row, path)), reverse=descending)
        end = None if self.limit is None else self.offset + self.limit
        return found[self.offset : end]


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


def parse(text: str) -> Query:
    """Parse a query. Raises SoqlError."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
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
        fields, count = self.selection()
        self.expect("FROM")
        source = self.take()
        order: list[tuple[str, bool]] = []
        limit, offset = None, 0
        test = self.disjunction() if self.accept("WHERE") else lambda _: True
        if self.accept("ORDER"):
            self.expect("BY")
            order = self.ordering()
        if self.accept("LIMIT"):
            limit = self.number()
        if self.accept("OFFSET"):
            offset = self.number()
        if self.peek():
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{self.peek()}'")
        return Query(tuple(fields), count, source, test, tuple(order), limit, offset)

    def selection(self) -> tuple[list[str], bool]:
        if self.peek().upper() == "COUNT":
            for token in ("COUNT", "(", ")"):
                self.expect(token)
            return [], True
        fields = [self.take()]
        while self.accept(","):
            fields.append(self.take())
        return fields, False

    def ordering(self) -> list[tuple[str, bool]]:
        order: list[tuple[str, bool]] = []
        while True:
            path = self.take()
            descending = self.accept("DESC")
            if not descending:
                self.accept("ASC")
            if self.accept("NULLS"):
                self.take()
            order.append((path, descending))
            if not self.accept(","):
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
        if self.accept("NOT"):
            negated = self.condition()
            return lambda row: not negated(row)
        if self.accept("("):
            inner = self.disjunction()
            self.expect(")")
            return inner
        path, sign = self.take(), self.take().upper()
        if sign == "NOT":
            self.expect("IN")
            left_out = self.values()
            return lambda row: not any(_equal(follow(row, path), each) for each in left_out)
        if sign == "IN":
            wanted = self.values()
            return lambda row: any(_equal(follow(row, path), each) for each in wanted)
        return _comparison(path, sign, self.literal())

    def values(self) -> Sequence[_Literal]:
        self.expect("(")
        found = [self.literal()]
        while self.accept(","):
            found.append(self.literal())
        self.expect(")")
        return found

    def literal(self) -> _Literal:
        token = self.take()
        if token.startswith("'"):
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        word = token.lower()
        if word in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[word]
        try:
            return float(token)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(token)
        except ValueError as error:
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{token}'") from error
        return moment if "T" in token.upper() else moment.date()

    def number(self) -> int:
        token = self.take()
        if not token.isdigit():
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{token}'")
        return int(token)

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


def _comparison(path: str, sign: str, wanted: _Literal) -> _Test:
    if sign == "=":
        return lambda row: _equal(follow(row, path), wanted)
    if sign in {"!=", "<>"}:
        return lambda row: not _equal(follow(row, path), wanted)
    if sign == "LIKE":
        pattern = re.escape(str(wanted)).replace("%", ".*").replace("_", ".")
        return lambda row: bool(re.fullmatch(pattern, str(follow(row, path) or ""), re.I | re.S))
    orders: dict[str, Callable[[Any, Any], bool]] = {
        "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    }  # fmt: skip
    if sign not in orders:
        raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{sign}'")
    compare = orders[sign]

    def test(row: Row) -> bool:
        value = follow(row, path)
        if value is None or wanted is None:
            return False
        try:
            return compare(value, wanted)
        except TypeError as error:
            message = f"value of filter criterion for field '{path}' must be of another type"
            raise SoqlError("INVALID_FIELD", message) from error

    return test


def _equal(value: object, wanted: _Literal) -> bool:
    # SOQL compares texts without case.
    if isinstance(value, str) and isinstance(wanted, str):
        return value.lower() == wanted.lower()
    return bool(value == wanted)


def _sort_key(value: object) -> tuple[bool, Any]:
    if isinstance(value, datetime):
        return True, value.timestamp()
    if isinstance(value, date):
        return True, value.toordinal()
    # Without NULLS LAST, empty values come first.
    return value is not None, value if value is not None else 0
