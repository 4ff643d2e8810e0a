"""HubSpot's property validations: what each kind requires of a value.

Source: HubSpot API reference, "Property validations", which has 27 kinds. Those whose arguments it
doesn't define exactly stay unknown, and so does any kind that is newer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from crmdeck.preflight.functions import matches_whole
from crmdeck.preflight.values import EvaluationError, Unknown, Value, as_text

_RULE = re.compile(r"([A-Z_]+)(?:\((.*)\))?", re.DOTALL)


def passes(expression: str, value: Value) -> bool | Unknown:
    """True if a value passes a rule such as `MIN_NUMBER(0)`; unknown for other kinds."""
    match = _RULE.fullmatch(expression)
    judge = _KINDS.get(match[1]) if match is not None else None
    if match is None or judge is None:
        return Unknown((f"the rule {expression}",))
    try:
        return judge(value, match[2] or "")
    except (ArithmeticError, ValueError, TypeError) as error:
        reason = str(error) if isinstance(error, EvaluationError) else expression
        return Unknown((f"the rule {reason}",))


def _number(value: Value) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(as_text(value))


def _day(value: Value) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(as_text(value)[:10])


def _limit(text: str) -> date:
    if re.fullmatch(r"-?\d{11,14}", text):
        return datetime.fromtimestamp(int(text) / 1000, UTC).date()
    return date.fromisoformat(text[:10])


def _moment(value: Value) -> datetime:
    """Return a moment in UTC, from milliseconds as HubSpot writes them, or from text."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC)
    text = as_text(value)
    if re.fullmatch(r"-?\d{11,14}", text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise EvaluationError(f"{text} has no time zone")
    return moment


def _alphanumeric(value: Value, kind: str) -> bool | Unknown:
    text = as_text(value)
    allowed = {
        "NUMERIC_ONLY": str.isdigit,
        "ALPHA_ONLY": str.isalpha,
        "ALPHANUMERIC": str.isalnum,
    }.get(kind)
    if allowed is None:
        return Unknown((f"the rule ALPHANUMERIC({kind})",))
    return all(allowed(char) for char in text)


def _domain_of(value: Value) -> str:
    text = as_text(value).lower()
    if "@" in text:
        return text.rpartition("@")[2]
    return re.sub(r"^[a-z][a-z0-9+.-]*://", "", text).partition("/")[0].partition(":")[0]


def _domains(text: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in text.split(",") if part.strip())


_KINDS: Mapping[str, Callable[[Value, str], bool | Unknown]] = {
    "MIN_NUMBER": lambda value, least: _number(value) >= Decimal(least),
    "MAX_NUMBER": lambda value, most: _number(value) <= Decimal(most),
    "MIN_LENGTH": lambda value, least: len(as_text(value)) >= int(least),
    "MAX_LENGTH": lambda value, most: len(as_text(value)) <= int(most),
    "DECIMAL": lambda value, most: _number(value) == round(_number(value), int(most)),
    "REGEX": lambda value, pattern: matches_whole(pattern, as_text(value)),
    "ALPHANUMERIC": _alphanumeric,
    "START_DATE": lambda value, first: _day(value) >= _limit(first),
    "END_DATE": lambda value, last: _day(value) <= _limit(last),
    "START_DATETIME": lambda value, first: _moment(value) >= _moment(first),
    "END_DATETIME": lambda value, last: _moment(value) <= _moment(last),
    "EMAIL_ALLOWED_DOMAINS": lambda value, known: _domain_of(value) in _domains(known),
    "EMAIL_BLOCKED_DOMAINS": lambda value, known: _domain_of(value) not in _domains(known),
    "URL_ALLOWED_DOMAINS": lambda value, known: _domain_of(value) in _domains(known),
    "URL_BLOCKED_DOMAINS": lambda value, known: _domain_of(value) not in _domains(known),
}
