"""Values of a formula: what a field can contain, and what isn't known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

DIGITS = 40
"""Digits of a calculation; Salesforce's engine calculates with as many."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A result that can't be computed; each reason names a missing fact.

    `is_error` is true if a formula certainly fails here, so that IFERROR takes its other value.
    """

    reasons: tuple[str, ...]
    is_error: bool = False

    @classmethod
    def of(cls, *unknown: Unknown) -> Unknown:
        """Return one unknown with the reasons of several that are all needed, each once."""
        if len(unknown) == 1:
            return unknown[0]
        reasons = tuple(dict.fromkeys(reason for each in unknown for reason in each.reasons))
        return cls(reasons, is_error=any(each.is_error for each in unknown))

    @classmethod
    def either(cls, *unknown: Unknown) -> Unknown:
        """Return one unknown with the reasons of several; one of them may suffice."""
        if len(unknown) == 1:
            return unknown[0]
        return cls(cls.of(*unknown).reasons, is_error=all(each.is_error for each in unknown))


Value = str | Decimal | bool | date | datetime | time | tuple[str, ...] | None
"""A text, number, checkbox, date, moment (UTC), time, multi-select picklist, or blank."""


class EvaluationError(ValueError):
    """An error inside a formula, such as a division by zero."""


def is_blank(value: Value) -> bool:
    """True if a field with this value is blank."""
    return value is None or value in ("", ())


def as_text(value: Value) -> str:
    """Return a value as a formula joins it with text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    # Salesforce can't join a checkbox with text.
    if isinstance(value, bool):
        raise EvaluationError("a checkbox isn't text")
    if isinstance(value, Decimal):
        return plain(value)
    # Before the date: a datetime is a date, too.
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}"
    return ";".join(value)


def plain(number: Decimal) -> str:
    """Return a number without an exponent and without trailing zeros."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
