"""Validation rules of the sandbox's own org, evaluated on one record.

The end-to-end test of preflight compares this evaluator with crmdeck's own. It has the functions
that the sandbox's rules use. A formula that it can't read is a mistake in the sandbox.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from crmdeck.formats.formula_syntax import Call, Literal, Name, Node, parse_formula

FieldValue: TypeAlias = str | bool | Decimal | date | None
"""What a field of a record stores; a datetime is a date."""

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne,
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Write:
    """A record at a write. `before` is the stored record, None for a new one.

    `facts` has what formulas read besides fields, such as `$permission.deal_desk`. All names are in
    lower case.
    """

    values: Mapping[str, FieldValue]
    before: Mapping[str, FieldValue] | None
    now: datetime
    facts: Mapping[str, FieldValue]


def is_broken(formula: str, write: Write) -> bool:
    """Return True if a record breaks the rule with this formula.

    Raises FormulaError for an unreadable formula, and KeyError for an unknown name.
    """
    return _value(parse_formula(formula), write) is True


def _value(tree: Node, write: Write) -> FieldValue:
    match tree:
        case Literal(value):
            return value
        case Name():
            key = str(tree).lower()
            return write.facts[key] if key in write.facts else write.values[key]
        case Call("ISNEW"):
            return write.before is None
        case Call("ISCHANGED" | "PRIORVALUE", (field,)):
            now = before = _value(field, write)
            if write.before is not None:
                before = write.before.get(str(field).lower())
            return before if tree.function == "PRIORVALUE" else now != before
        case Call("IF", (condition, then, otherwise)):
            return _value(then if _value(condition, write) is True else otherwise, write)
        case Call("CASE", (subject, *branches, otherwise)):
            wanted = _value(subject, write)
            for case, answer in zip(branches[::2], branches[1::2], strict=True):
                if _value(case, write) == wanted:
                    return _value(answer, write)
            return _value(otherwise, write)
        case Call(function, arguments):
            values = [_value(each, write) for each in arguments]
            if function == "TODAY":
                return write.now.date()
            if function in _COMPARISONS:
                return _compare(function, *values)
            return _FUNCTIONS[function](*values)


def _compare(sign: str, left: FieldValue, right: FieldValue) -> bool | None:
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


def _sum(left: Any, right: Any) -> FieldValue:
    if isinstance(left, date):
        return date.fromordinal(left.toordinal() + int(right))
    return Decimal(left + right)


_FUNCTIONS: Mapping[str, Callable[..., FieldValue]] = {
    "AND": lambda *values: all(each is True for each in values),
    "OR": lambda *values: any(each is True for each in values),
    "NOT": lambda value: None if value is None else not value,
    "ISBLANK": lambda value: value in (None, ""),
    "ISPICKVAL": lambda value, wanted: (value or "") == wanted,
    "CONTAINS": _unless_blank(lambda value, part: part in value),
    "BEGINS": _unless_blank(lambda value, part: value.startswith(part)),
    "LEN": lambda value: Decimal(len(value or "")),
    "TEXT": lambda value: "" if value is None else str(value),
    "LOWER": lambda value: (value or "").lower(),
    "LEFT": lambda value, count: (value or "")[: int(count)],
    "REGEX": lambda value, pattern: re.fullmatch(pattern, value or "") is not None,
    "+": _unless_blank(_sum),
    "-": _unless_blank(operator.sub),
    "*": _unless_blank(operator.mul),
}
