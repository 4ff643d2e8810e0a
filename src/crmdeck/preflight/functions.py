"""The functions of Salesforce formulas that need nothing but their arguments.

Each function gets known values. A blank number or date makes the answer blank; a blank text is
the empty text. Semantics: Salesforce help, "Formula Operators and Functions".
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

import re2

from crmdeck.preflight.values import EvaluationError, Value, as_text

_DAY_MS = 86_400_000
_LONGEST_TEXT = 100_000
# Places that rounding functions look at: a division leaves the last of 40 digits inexact.
_INEXACT = Decimal(1).scaleb(-18)
_EXACT_BELOW = Decimal(10) ** 20
_MOST_PLACES = 30


@dataclass(frozen=True)
class Function:
    """A function with the numbers of arguments that it takes; `most` None is any number."""

    run: Callable[..., Value]
    least: int
    most: int | None
    takes_blanks: bool


FUNCTIONS: dict[str, Function] = {}
"""Functions by upper-case name."""


def _function(
    *names: str, takes: tuple[int, int | None], blanks: bool = False
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    def add(run: Callable[..., Value]) -> Callable[..., Value]:
        for name in names:
            FUNCTIONS[name] = Function(run, *takes, blanks)
        return run

    return add


def call(name: str, arguments: list[Value]) -> Value:
    """Run a function over known values. Raise EvaluationError if it can't answer."""
    function = FUNCTIONS[name]
    if len(arguments) < function.least or (
        function.most is not None and len(arguments) > function.most
    ):
        raise EvaluationError(f"{len(arguments)} arguments")
    if not function.takes_blanks and None in arguments:
        return None
    return function.run(*arguments)


def _number(value: Value) -> Decimal:
    if not isinstance(value, Decimal):
        raise EvaluationError(
            f"'{as_text(value)}' isn't a number"
            if value is not True
            else "a checkbox isn't a number"
        )
    return value


def _whole(value: Value) -> int:
    return int(_number(value).to_integral_value(ROUND_DOWN))


def _text(value: Value) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EvaluationError("a value that isn't text")
    return value


def _day(value: Value) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise EvaluationError("a value that isn't a date")
    return value


def _time(value: Value) -> time:
    if not isinstance(value, time):
        raise EvaluationError("a value that isn't a time")
    return value


def _float(function: Callable[..., float], *numbers: Value) -> Decimal:
    try:
        # `repr` has the digits that a float is precise to; Decimal would show its binary value.
        return Decimal(repr(function(*(float(_number(each)) for each in numbers))))
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        raise EvaluationError("the number is out of range") from error


def _settled(number: Value) -> Decimal:
    """Return a number without the last digits, which a division leaves inexact: 1 / 9 * 9."""
    value = _number(number)
    return value.quantize(_INEXACT) if abs(value) < _EXACT_BELOW else value


# -- numbers ----------------------------------------------------------------------------------


@_function("ABS", takes=(1, 1))
def _abs(number: Value) -> Value:
    return abs(_number(number))


@_function("CEILING", takes=(1, 1))
def _ceiling(number: Value) -> Value:
    """Round away from zero, as CEILING does for negative numbers."""
    value = _settled(number)
    return value.to_integral_value(ROUND_CEILING if value >= 0 else ROUND_FLOOR)


@_function("FLOOR", takes=(1, 1))
def _floor(number: Value) -> Value:
    """Round toward zero, as FLOOR does for negative numbers."""
    return _settled(number).to_integral_value(ROUND_DOWN)


@_function("MCEILING", takes=(1, 1))
def _mceiling(number: Value) -> Value:
    return _settled(number).to_integral_value(ROUND_CEILING)


@_function("MFLOOR", takes=(1, 1))
def _mfloor(number: Value) -> Value:
    return _settled(number).to_integral_value(ROUND_FLOOR)


@_function("ROUND", takes=(2, 2))
def _round(number: Value, digits: Value) -> Value:
    return _to_scale(number, digits, ROUND_HALF_UP)


@_function("TRUNC", takes=(1, 2))
def _trunc(number: Value, digits: Value = Decimal(0)) -> Value:
    return _to_scale(number, digits, ROUND_DOWN)


def _to_scale(number: Value, digits: Value, rounding: str) -> Decimal:
    places = _whole(digits)
    if abs(places) > _MOST_PLACES:
        return _number(number) if places > 0 else Decimal(0)
    return _number(number).scaleb(places).to_integral_value(rounding).scaleb(-places)


@_function("MOD", takes=(2, 2))
def _mod(number: Value, divisor: Value) -> Value:
    """Return the remainder with the sign of the dividend."""
    if _number(divisor) == 0:
        raise EvaluationError("a division by zero")
    return _number(number) % _number(divisor)


@_function("SQRT", takes=(1, 1))
def _sqrt(number: Value) -> Value:
    if _number(number) < 0:
        raise EvaluationError("the root of a negative number")
    return _number(number).sqrt()


@_function("EXP", takes=(1, 1))
def _exp(number: Value) -> Value:
    if abs(_number(number)) > 5_000:
        raise EvaluationError("the number is out of range")
    return _number(number).exp()


@_function("LN", takes=(1, 1))
def _ln(number: Value) -> Value:
    if _number(number) <= 0:
        raise EvaluationError("the logarithm of a number below or equal to zero")
    return _number(number).ln()


@_function("LOG", takes=(1, 1))
def _log(number: Value) -> Value:
    if _number(number) <= 0:
        raise EvaluationError("the logarithm of a number below or equal to zero")
    return _number(number).log10()


@_function("MAX", takes=(1, None))
def _max(*numbers: Value) -> Value:
    return max(map(_number, numbers))


@_function("MIN", takes=(1, None))
def _min(*numbers: Value) -> Value:
    return min(map(_number, numbers))


@_function("PI", takes=(0, 0))
def _pi() -> Value:
    return Decimal("3.141592653589793238462643383279502884197")


for _name, _of in (
    ("SIN", math.sin), ("COS", math.cos), ("TAN", math.tan),
    ("ASIN", math.asin), ("ACOS", math.acos), ("ATAN", math.atan),
):  # fmt: skip
    _function(_name, takes=(1, 1))(lambda number, of=_of: _float(of, number))


@_function("ATAN2", takes=(2, 2))
def _atan2(y: Value, x: Value) -> Value:
    return _float(math.atan2, y, x)


# -- text -------------------------------------------------------------------------------------


@_function("LEN", takes=(1, 1), blanks=True)
def _len(text: Value) -> Value:
    return Decimal(len(_text(text)))


@_function("LEFT", takes=(2, 2), blanks=True)
def _left(text: Value, count: Value) -> Value:
    return None if count is None else _text(text)[: max(_whole(count), 0)]


@_function("RIGHT", takes=(2, 2), blanks=True)
def _right(text: Value, count: Value) -> Value:
    if count is None:
        return None
    size = max(_whole(count), 0)
    return _text(text)[-size:] if size else ""


@_function("MID", takes=(3, 3), blanks=True)
def _mid(text: Value, start: Value, count: Value) -> Value:
    if start is None or count is None:
        return None
    first = max(_whole(start), 1) - 1
    return _text(text)[first : first + max(_whole(count), 0)]


@_function("TRIM", takes=(1, 1), blanks=True)
def _trim(text: Value) -> Value:
    return _text(text).strip()


@_function("UPPER", takes=(1, 2), blanks=True)
def _upper(text: Value, locale: Value = None) -> Value:
    _require_plain_letters(locale)
    return _text(text).upper()


@_function("LOWER", takes=(1, 2), blanks=True)
def _lower(text: Value, locale: Value = None) -> Value:
    _require_plain_letters(locale)
    return _text(text).lower()


def _require_plain_letters(locale: Value) -> None:
    # In these languages, Java turns I and i into other letters than Python.
    if _text(locale)[:2] in ("tr", "az", "lt"):
        raise EvaluationError("a language with letters of its own")


@_function("INITCAP", takes=(1, 1), blanks=True)
def _initcap(text: Value) -> Value:
    return re.sub(r"[^\W_]+", lambda match: match[0].capitalize(), _text(text))


@_function("REVERSE", takes=(1, 1), blanks=True)
def _reverse(text: Value) -> Value:
    return _text(text)[::-1]


@_function("ASCII", takes=(1, 1))
def _ascii(text: Value) -> Value:
    return Decimal(ord(_text(text)[0])) if _text(text) else None


@_function("CHR", takes=(1, 1))
def _chr(code: Value) -> Value:
    number = _whole(code)
    if not 0 < number < 0x110000:
        raise EvaluationError(f"{number} isn't a character code")
    return chr(number)


@_function("SUBSTITUTE", takes=(3, 3), blanks=True)
def _substitute(text: Value, old: Value, new: Value) -> Value:
    return _text(text).replace(_text(old), _text(new)) if _text(old) else _text(text)


@_function("FIND", takes=(2, 3), blanks=True)
def _find(search: Value, text: Value, start: Value = Decimal(1)) -> Value:
    if start is None:
        return None
    if not _text(search) or not _text(text) or _whole(start) < 1:
        return Decimal(0)
    return Decimal(_text(text).find(_text(search), _whole(start) - 1) + 1)


@_function("LPAD", takes=(2, 3), blanks=True)
def _lpad(text: Value, size: Value, pad: Value = " ") -> Value:
    return _padded(text, size, pad, at_left=True)


@_function("RPAD", takes=(2, 3), blanks=True)
def _rpad(text: Value, size: Value, pad: Value = " ") -> Value:
    return _padded(text, size, pad, at_left=False)


def _padded(text: Value, size: Value, pad: Value, *, at_left: bool) -> Value:
    if size is None or not _text(text) or _whole(size) < 0:
        return None
    if _whole(size) > _LONGEST_TEXT:
        raise EvaluationError("the text is too long")
    missing = _whole(size) - len(_text(text))
    if missing <= 0 or not _text(pad):
        return _text(text)[: _whole(size)]
    filling = (_text(pad) * missing)[:missing]
    return filling + _text(text) if at_left else _text(text) + filling


@_function("CONTAINS", takes=(2, 2), blanks=True)
def _contains(text: Value, search: Value) -> Value:
    if not _text(search):
        return True
    return _text(search) in _text(text) if _text(text) else None


@_function("BEGINS", takes=(2, 2), blanks=True)
def _begins(text: Value, search: Value) -> Value:
    if not _text(search):
        return True
    return _text(text).startswith(_text(search)) if _text(text) else None


@_function("INCLUDES", takes=(2, 2), blanks=True)
def _includes(chosen: Value, value: Value) -> Value:
    values = chosen if isinstance(chosen, tuple) else tuple(filter(None, _text(chosen).split(";")))
    return _text(value) in values if _text(value) else not values


@_function("ISPICKVAL", takes=(2, 2), blanks=True)
def _ispickval(chosen: Value, value: Value) -> Value:
    return _text(chosen) == _text(value)


@_function("REGEX", takes=(2, 2), blanks=True)
def _regex(text: Value, pattern: Value) -> Value:
    """Match the whole text. RE2 ends in linear time, whatever an admin's pattern."""
    if _differs_in_java(_text(pattern)):
        raise EvaluationError(f"the pattern {_text(pattern)!r} has Java syntax of its own")
    return matches(_text(pattern), _text(text), whole=True)


def _differs_in_java(pattern: str) -> bool:
    """True if a class of characters contains another one, which RE2 reads as plain characters."""
    inside = False
    for part in re.findall(r"\\.|\[\^?\]?|\]|&&", pattern, re.DOTALL):
        if inside and (part[0] == "[" or part == "&&"):
            return True
        inside = part[0] == "[" or (inside and part != "]")
    return False


def matches(pattern: str, text: str, *, whole: bool) -> bool:
    """True if a pattern matches a text. Raise EvaluationError if RE2 can't run it."""
    try:
        compiled = _compiled(pattern)
        return (compiled.fullmatch(text) if whole else compiled.search(text)) is not None
    except re2.error as error:
        raise EvaluationError(f"the pattern {pattern!r} can't be run safely") from error


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    # An invalid pattern of an admin becomes an unknown verdict; RE2 would also print it.
    options.log_errors = False
    return re2.compile(pattern, options)


@_function("TEXT", takes=(1, 1), blanks=True)
def _as_text(value: Value) -> Value:
    return as_text(value)


@_function("VALUE", takes=(1, 1))
def _value(text: Value) -> Value:
    if not _text(text).strip():
        return None
    try:
        number = Decimal(_text(text).strip())
    except ArithmeticError as error:
        raise EvaluationError("a text that isn't a number") from error
    if not number.is_finite():
        raise EvaluationError("a text that isn't a number")
    return number


@_function("ISNUMBER", takes=(1, 1), blanks=True)
def _isnumber(text: Value) -> Value:
    if isinstance(text, Decimal):
        return True
    return re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", _text(text)) is not None


@_function("BR", takes=(0, 0))
def _br() -> Value:
    return "\n"


@_function("HYPERLINK", takes=(2, 3), blanks=True)
def _hyperlink(_address: Value, name: Value, _target: Value = None) -> Value:
    return _text(name)


_SAFE_ID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@_function("CASESAFEID", takes=(1, 1), blanks=True)
def _casesafeid(text: Value) -> Value:
    """Return the 18 characters of an ID with 15; Salesforce help, "What are the differences"."""
    short = _text(text)
    if len(short) != 15:
        return short
    return short + "".join(
        _SAFE_ID[sum(1 << i for i, char in enumerate(short[at : at + 5]) if "A" <= char <= "Z")]
        for at in (0, 5, 10)
    )


# -- dates and times --------------------------------------------------------------------------


@_function("DATE", takes=(3, 3))
def _date(year: Value, month: Value, day: Value) -> Value:
    try:
        return date(_whole(year), _whole(month), _whole(day))
    except (ValueError, OverflowError) as error:
        raise EvaluationError("a date that doesn't exist") from error


@_function("DATEVALUE", takes=(1, 1))
def _datevalue(value: Value) -> Value:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not _text(value).strip():
        return None
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", _text(value).strip())
    if match is None:
        raise EvaluationError("a text that isn't a date")
    return _date(*(Decimal(part) for part in match.groups()))


_MOMENT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?Z?")


@_function("DATETIMEVALUE", takes=(1, 1))
def _datetimevalue(value: Value) -> Value:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if not _text(value).strip():
        return None
    match = _MOMENT.fullmatch(_text(value).strip())
    if match is None:
        raise EvaluationError("a text that isn't a date and time")
    try:
        return datetime(*map(int, match.groups()))  # type: ignore[arg-type]
    except ValueError as error:
        raise EvaluationError("a date that doesn't exist") from error


@_function("TIMEVALUE", takes=(1, 1))
def _timevalue(value: Value) -> Value:
    if isinstance(value, datetime):
        return value.time()
    if isinstance(value, time):
        return value
    if not _text(value).strip():
        return None
    match = re.fullmatch(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,3}))?", _text(value).strip())
    if match is None:
        raise EvaluationError("a text that isn't a time")
    hour, minute, second, milli = (int(part or 0) for part in match.groups())
    try:
        return time(hour, minute, second, milli * 1000)
    except ValueError as error:
        raise EvaluationError("a time that doesn't exist") from error


@_function("YEAR", takes=(1, 1))
def _year(day: Value) -> Value:
    return Decimal(_day(day).year)


@_function("MONTH", takes=(1, 1))
def _month(day: Value) -> Value:
    return Decimal(_day(day).month)


@_function("DAY", takes=(1, 1))
def _day_of_month(day: Value) -> Value:
    return Decimal(_day(day).day)


@_function("WEEKDAY", takes=(1, 1))
def _weekday(day: Value) -> Value:
    """Return 1 for Sunday to 7 for Saturday."""
    return Decimal(_day(day).isoweekday() % 7 + 1)


@_function("DAYOFYEAR", takes=(1, 1))
def _dayofyear(day: Value) -> Value:
    return Decimal(_day(day).timetuple().tm_yday)


@_function("ISOWEEK", takes=(1, 1))
def _isoweek(day: Value) -> Value:
    return Decimal(_day(_datevalue(day)).isocalendar().week)


@_function("ISOYEAR", takes=(1, 1))
def _isoyear(day: Value) -> Value:
    return Decimal(_day(_datevalue(day)).isocalendar().year)


@_function("HOUR", takes=(1, 1))
def _hour(value: Value) -> Value:
    return Decimal(_time(value).hour)


@_function("MINUTE", takes=(1, 1))
def _minute(value: Value) -> Value:
    return Decimal(_time(value).minute)


@_function("SECOND", takes=(1, 1))
def _second(value: Value) -> Value:
    return Decimal(_time(value).second)


@_function("MILLISECOND", takes=(1, 1))
def _millisecond(value: Value) -> Value:
    return Decimal(_time(value).microsecond // 1000)


@_function("ADDMONTHS", takes=(2, 2))
def _addmonths(value: Value, months: Value) -> Value:
    """Add months; the last day of a month stays the last day."""
    if not isinstance(value, date):
        raise EvaluationError("a value that isn't a date")
    count = value.year * 12 + value.month - 1 + _whole(months)
    year, month = divmod(count, 12)
    if not 1 <= year <= 9999:
        raise EvaluationError("a date that is out of range")
    last = calendar.monthrange(year, month + 1)[1]
    was_last = value.day == calendar.monthrange(value.year, value.month)[1]
    return value.replace(year=year, month=month + 1, day=last if was_last else min(value.day, last))


@_function("UNIXTIMESTAMP", takes=(1, 1))
def _unixtimestamp(value: Value) -> Value:
    if isinstance(value, time):
        return Decimal(value.hour * 3600 + value.minute * 60 + value.second)
    if isinstance(value, datetime):
        return Decimal(int(value.replace(tzinfo=UTC).timestamp()))
    return Decimal(calendar.timegm(_day(value).timetuple()))


@_function("FROMUNIXTIME", takes=(1, 1))
def _fromunixtime(seconds: Value) -> Value:
    try:
        return datetime(1970, 1, 1) + timedelta(seconds=_whole(seconds))
    except OverflowError as error:
        raise EvaluationError("a date that is out of range") from error


@_function("FORMATDURATION", takes=(1, 2))
def _formatduration(first: Value, second: Value = None) -> Value:
    """Return HH:MM:SS; with days on request, and always between two moments."""
    days_asked = second is True
    if isinstance(first, Decimal):
        seconds = abs(_whole(first))
    elif isinstance(first, datetime) and isinstance(second, datetime):
        seconds, days_asked = abs(int((first - second).total_seconds())), True
    elif isinstance(first, time) and isinstance(second, time):
        seconds = abs(_milliseconds(first) - _milliseconds(second)) // 1000
    else:
        raise EvaluationError("FORMATDURATION has arguments of other types")
    minutes, second_left = divmod(seconds, 60)
    hours, minute_left = divmod(minutes, 60)
    if days_asked:
        days, hours = divmod(hours, 24)
        return f"{days}:{hours:02d}:{minute_left:02d}:{second_left:02d}"
    return f"{hours:02d}:{minute_left:02d}:{second_left:02d}"


# -- operators --------------------------------------------------------------------------------


@_function("+", takes=(2, 2), blanks=True)
def _add(left: Value, right: Value) -> Value:
    if isinstance(left, str) or isinstance(right, str):
        return as_text(left) + as_text(right)
    if left is None or right is None:
        return None
    if isinstance(left, Decimal) and not isinstance(right, Decimal):
        left, right = right, left
    return _shifted(left, _number(right))


@_function("-", takes=(2, 2))
def _subtract(left: Value, right: Value) -> Value:
    if isinstance(right, Decimal):
        return _shifted(left, -right)
    if isinstance(left, time) and isinstance(right, time):
        return Decimal((_milliseconds(left) - _milliseconds(right)) % _DAY_MS)
    if isinstance(left, datetime) and isinstance(right, datetime):
        distance = left - right
        return Decimal(distance.days) + Decimal(distance.seconds) / 86_400
    return Decimal((_day(left) - _day(right)).days)


def _shifted(value: Value, number: Decimal) -> Value:
    """Add days to a date (whole ones) or a moment, milliseconds to a time, or two numbers."""
    try:
        if isinstance(value, time):
            shifted = (_milliseconds(value) + int(number)) % _DAY_MS
            return (datetime.min + timedelta(milliseconds=shifted)).time()
        if isinstance(value, datetime):
            seconds = (number * 86_400).to_integral_value(ROUND_HALF_UP)
            return value + timedelta(seconds=int(seconds))
        if isinstance(value, date):
            return value + timedelta(days=int(number.to_integral_value(ROUND_DOWN)))
    except OverflowError as error:
        raise EvaluationError("a date that is out of range") from error
    return _number(value) + number


def _milliseconds(value: time) -> int:
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return seconds * 1000 + value.microsecond // 1000


@_function("*", takes=(2, 2))
def _multiply(left: Value, right: Value) -> Value:
    return _number(left) * _number(right)


@_function("/", takes=(2, 2))
def _divide(left: Value, right: Value) -> Value:
    if _number(right) == 0:
        raise EvaluationError("a division by zero")
    return _number(left) / _number(right)


@_function("^", takes=(2, 2))
def _power(left: Value, right: Value) -> Value:
    base, exponent = _number(left), _number(right)
    if exponent == 0:
        return Decimal(1)
    if abs(exponent) > 10_000 or (base == 0 and exponent < 0) or (base < 0 and exponent % 1):
        raise EvaluationError("the number is out of range")
    return base**exponent


@_function("&", takes=(2, 2), blanks=True)
def _join(left: Value, right: Value) -> Value:
    return as_text(left) + as_text(right)


@_function("prefix -", takes=(1, 1))
def _negative(number: Value) -> Value:
    return -_number(number)


@_function("prefix +", takes=(1, 1))
def _positive(number: Value) -> Value:
    return _number(number)


@_function("=", takes=(2, 2), blanks=True)
def _equal(left: Value, right: Value) -> Value:
    """Compare exactly. A blank text is the empty text; another blank equals only a blank."""
    if isinstance(left, str | tuple) or isinstance(right, str | tuple):
        left, right = (_joined(each) for each in (left, right))
        if not (isinstance(left, str) and isinstance(right, str)):
            raise EvaluationError("a comparison of different types")
        return left == right
    if left is None or right is None:
        return True if left is right else None
    _require_same(left, right)
    return left == right


@_function("<>", takes=(2, 2), blanks=True)
def _different(left: Value, right: Value) -> Value:
    equal = _equal(left, right)
    return None if equal is None else not equal


def _joined(value: Value) -> Value:
    if value is None:
        return ""
    return ";".join(value) if isinstance(value, tuple) else value


def _require_same(left: Value, right: Value) -> None:
    if type(left) is not type(right):
        raise EvaluationError("a comparison of different types")


def _ordered(left: Value, right: Value, sign: str) -> Value:
    if "" in (left, right):
        return None
    _require_same(left, right)
    if isinstance(left, bool | tuple):
        raise EvaluationError("a comparison of different types")
    below, above = left < right, left > right  # type: ignore[operator]
    return {"<": below, ">": above, "<=": not above, ">=": not below}[sign]


for _sign in ("<", ">", "<=", ">="):
    _function(_sign, takes=(2, 2))(lambda left, right, sign=_sign: _ordered(left, right, sign))
