"""What a CRM field does with one value: take it, change it, or reject it.

The order of checks is that of the CRM: Salesforce checks formats, lengths and restricted
picklists of API writes before flows and triggers run (Apex Developer Guide, "Triggers and Order
of Execution"), so these outcomes are certain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NamedTuple

from crmdeck.model import Field, FieldType, Outcome, WriteRules
from crmdeck.preflight.values import Unknown, Value, plain

Raw = str | int | float | Decimal | bool | list[str] | tuple[str, ...] | None
"""A value as a file or PartnerOS has it."""


class Problem(NamedTuple):
    """One thing that a CRM does with a value or a record, apart from taking it.

    `needs` are the missing facts of an unknown outcome.
    """

    outcome: Outcome
    code: str
    reason: str
    needs: tuple[str, ...] = ()
    crm_field: str | None = None
    partner_field: str | None = None
    rule: str | None = None


class Checked(NamedTuple):
    """The value that the CRM stores, and what it did to get there."""

    value: Value | Unknown
    problems: tuple[Problem, ...] = ()


REFUSED_VALUE = Unknown(("a value that the field rejects",))
"""What rules read from a field that rejected its value."""

TEXTS = frozenset(
    {FieldType.STRING, FieldType.TEXT, FieldType.HTML, FieldType.PHONE, FieldType.URL}
)
NUMBERS = frozenset({FieldType.INTEGER, FieldType.DECIMAL, FieldType.CURRENCY, FieldType.PERCENT})

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?")
# Excel stores a date as a number of days, and some exports show that number.
_EXCEL_DAY = re.compile(r"\d{5}(\.\d+)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[-+]\d{2}:?\d{2})?")
# The form in which HubSpot stores moments.
_MILLISECONDS = re.compile(r"-?\d{11,13}", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_FLAGS = {"true": True, "false": False, "1": True, "0": False}


def check(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    """Return the value that a field stores; a blank is stored as a blank."""
    kind = field.type
    is_text = kind in TEXTS or kind is FieldType.EMAIL
    if rules.refuses_outer_spaces and isinstance(raw, str) and not is_text and raw != raw.strip():
        return _refused("OUTER_SPACES", "spaces at the ends of a value that isn't text")
    if raw is None or (isinstance(raw, str) and not raw.strip()) or raw in ([], ()):
        return Checked(blank(field))
    if is_text:
        return _text(field, raw, rules)
    if kind in NUMBERS:
        return _number(field, raw, rules)
    if kind in _CHECKS:
        return _CHECKS[kind](field, raw, rules)
    reason = f"values of type {field.native_type or kind} can't be judged"
    return Checked(Unknown((field.name,)), (_unknown("TYPE_NOT_JUDGED", reason, field.name),))


def blank(field: Field) -> Value:
    """Return the value that a formula reads from an empty field of this type."""
    if field.type is FieldType.BOOLEAN:
        return False
    if field.type is FieldType.MULTIPICKLIST:
        return ()
    if field.type in NUMBERS | {FieldType.DATE, FieldType.DATETIME, FieldType.TIME}:
        return None
    return ""


def _refused(code: str, reason: str) -> Checked:
    return Checked(REFUSED_VALUE, (Problem(Outcome.REJECTED, code, reason),))


def _unknown(code: str, reason: str, *needs: str) -> Problem:
    return Problem(Outcome.UNKNOWN, code, reason, needs)


def as_written(raw: Raw) -> str:
    """Return a value as text, as a file has it."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float | int | Decimal):
        return plain(Decimal(str(raw)))
    if isinstance(raw, list | tuple):
        return ";".join(raw)
    return raw or ""


def _text(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    text, problems = _trimmed(raw, rules)
    longest = field.length or rules.longest_text
    if longest and len(text) > longest:
        return _refused("TOO_LONG", f"longer than {longest:,} characters")
    # An emoji is one character in Python, and two in Java, in which Salesforce is written.
    if longest and 2 * len(text) > longest and _java_length(text) > longest:
        reason = f"longer than {longest:,} characters if emoji count twice"
        problems = (*problems, _unknown("TOO_LONG", reason, "how the CRM counts emoji"))
    if field.type is FieldType.EMAIL and not _EMAIL.fullmatch(text):
        return _refused("NOT_AN_EMAIL", "not an email address")
    return Checked(text, problems)


def _java_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _trimmed(raw: Raw, rules: WriteRules) -> tuple[str, tuple[Problem, ...]]:
    text = as_written(raw)
    if not rules.trims_text or text == text.strip():
        return text, ()
    reason = "spaces at the ends are removed"
    return text.strip(), (Problem(Outcome.CHANGED, "TRIMMED", reason),)


def _flag(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    flag = raw if isinstance(raw, bool) else _FLAGS.get(as_written(raw).strip().lower())
    return _refused("NOT_A_FLAG", "not true or false") if flag is None else Checked(flag)


def number_of(raw: Raw) -> Decimal | None:
    """Return a number, None if the text isn't one: `1,5` isn't 15 and isn't 1.5."""
    text = as_written(raw).strip()
    if isinstance(raw, bool) or not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _number(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    number = number_of(raw)
    if number is None:
        comma = re.fullmatch(r"[-+]?[\d.,' \u00a0\u202f]*\d", as_written(raw).strip())
        like = "a number with separators, not like 1234.5" if comma else "not a number"
        return _refused("NOT_A_NUMBER", like)
    scale = 0 if field.type is FieldType.INTEGER else field.scale
    problems = []
    rounded = number
    exponent = number.as_tuple().exponent
    # Only a number with too many places: `scaleb` would cut a long number to 28 digits.
    if scale is not None and isinstance(exponent, int) and -exponent > scale:
        rounded = number.scaleb(scale).to_integral_value(ROUND_HALF_UP).scaleb(-scale)
    if number != rounded:
        if not rules.rounds:
            return _refused("NOT_A_WHOLE_NUMBER", f"more than {scale} decimal places")
        reason = f"rounded to {scale} decimal places" if scale else "rounded to a whole number"
        problems.append(Problem(Outcome.CHANGED, "ROUNDED", reason))
        number = rounded
    digits = None if field.precision is None else field.precision - (scale or 0)
    if digits is not None and abs(number) >= Decimal(10) ** digits:
        return _refused("NUMBER_TOO_LARGE", f"more than {digits} digits before the decimal point")
    return Checked(number, tuple(problems))


def _date(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    text = as_written(raw).strip()
    match = _MOMENT.fullmatch(text)
    problems: tuple[Problem, ...] = ()
    if rules.midnights_are_dates and (match or _MILLISECONDS.fullmatch(text)):
        found = _moment(field, raw, rules)
        if not isinstance(found.value, datetime):
            return found
        if found.value.time() != time():
            return _refused("NOT_A_DATE", "a time of day in a date field")
        return Checked(found.value.date())
    if match is not None:
        text = match[1]
        if not rules.cuts_time:
            return _refused("NOT_A_DATE", "a time of day in a date field")
        problems = (Problem(Outcome.CHANGED, "TIME_CUT", "the time of day is dropped"),)
    if _EXCEL_DAY.fullmatch(text):
        return _refused("NOT_A_DATE", "a day number of Excel, not a date like 2026-05-16")
    if not _DAY.fullmatch(text):
        return _refused("NOT_A_DATE", "not a date like 2026-05-16")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _refused("NOT_A_DATE", "a date that doesn't exist")
    return _year_refused(day, rules) or Checked(day, problems)


def _moment(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    text = as_written(raw).strip()
    if rules.midnights_are_dates and _MILLISECONDS.fullmatch(text):
        return Checked(_EPOCH + timedelta(milliseconds=int(text)))
    if _DAY.fullmatch(text):
        reason = "a date without a time"
        problem = _unknown("TIME_MISSING", reason, "the time of day")
        return Checked(Unknown((field.name,)), (problem,))
    if not _MOMENT.fullmatch(text):
        return _refused("NOT_A_DATE", "not a time like 2026-05-16T12:00:00Z")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _refused("NOT_A_DATE", "a time that doesn't exist")
    offset = moment.utcoffset()
    moment = (moment - offset if offset else moment).replace(tzinfo=None)
    return _year_refused(moment, rules) or Checked(moment)


def _year_refused(day: date, rules: WriteRules) -> Checked | None:
    if rules.first_year <= day.year <= rules.last_year:
        return None
    years = f"{rules.first_year} to {rules.last_year}"
    return _refused("DATE_OUT_OF_RANGE", f"a year outside {years}")


def _time(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    try:
        return Checked(time.fromisoformat(as_written(raw).strip()).replace(tzinfo=None))
    except ValueError:
        return _refused("NOT_A_TIME", "not a time of day like 12:00:00")


def _choice(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    text, problems = _trimmed(raw, rules)
    outside = _outside(field, text)
    if outside is None:
        return Checked(text, problems)
    if outside.outcome is Outcome.REJECTED:
        return _refused(outside.code, outside.reason)
    if field.length and len(text) > field.length:
        return _refused("TOO_LONG", f"longer than {field.length:,} characters")
    return Checked(text, (*problems, outside))


def _choices(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    parts = raw if isinstance(raw, list | tuple) else as_written(raw).split(";")
    chosen = tuple(part.strip() for part in parts if part.strip())
    problems = tuple(filter(None, (_outside(field, each) for each in chosen)))
    for problem in problems:
        if problem.outcome is Outcome.REJECTED:
            return _refused(problem.code, problem.reason)
    if field.length and len(";".join(chosen)) > field.length:
        return _refused("TOO_LONG", f"longer than {field.length:,} characters")
    return Checked(chosen, tuple(dict.fromkeys(problems)))


def _outside(field: Field, value: str) -> Problem | None:
    """Return the problem of a value that isn't an active one of a picklist."""
    if not field.picklist:
        reason = "the picklist's values are unknown"
        return _unknown("VALUES_UNKNOWN", reason, f"the values of {field.name}")
    if any(each.active and each.value == value for each in field.picklist):
        return None
    reason = "not a value of the picklist"
    if field.restricted:
        return Problem(Outcome.REJECTED, "NOT_A_PICKLIST_VALUE", reason)
    # An unrestricted picklist limits what users can choose, not what the API stores.
    if field.restricted is False:
        return Problem(Outcome.CHANGED, "NEW_PICKLIST_VALUE", "stored outside the picklist")
    return _unknown("NOT_A_PICKLIST_VALUE", reason, f"whether {field.name} is restricted")


def _reference(field: Field, raw: Raw, rules: WriteRules) -> Checked:
    text = as_written(raw).strip()
    if rules.id_pattern is None:
        return Checked(text)
    if not re.fullmatch(rules.id_pattern, text):
        return _refused("FOREIGN_ID", "an ID of another system")
    # Formulas read IDs with 15 characters.
    return Checked(text[:15])


_CHECKS: Mapping[FieldType, Callable[[Field, Raw, WriteRules], Checked]] = {
    FieldType.BOOLEAN: _flag,
    FieldType.DATE: _date,
    FieldType.DATETIME: _moment,
    FieldType.TIME: _time,
    FieldType.PICKLIST: _choice,
    FieldType.MULTIPICKLIST: _choices,
    FieldType.REFERENCE: _reference,
    FieldType.ID: _reference,
}
