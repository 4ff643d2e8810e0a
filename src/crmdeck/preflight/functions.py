"""The functions of Salesforce formulas that need nothing but their arguments.

Each function gets known values. A blank number or date makes the result blank; a blank text is
the empty text. Semantics: Salesforce help, "Formula Operators and Functions".
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import re2

from crmdeck.preflight.values import EvaluationError, Value, as_text

_DAY_MS = 86_400_000
_LONGEST_TEXT = 100_000
# Places that rounding functions look at: a division leaves the last of 40 digits inexact.
_INEXACT = Decimal(1).scaleb(-18)
_EXACT_BELOW = Decimal(10) ** 20
_MOST_PLACES = 30


class Function(NamedTuple):
    """A function with the numbers of arguments that it takes; `most` None is any number.

    A function that takes `blanks` is called with blank arguments too.
    """

    run: Callable[..., Value]
    least: int
    most: int | None
    blanks: bool = False


def call(function: Function, arguments: Sequence[Value]) -> Value:
    """Run a function over known values. Raise EvaluationError if it can't answer."""
    if len(arguments) < function.least or (
        function.most is not None and len(arguments) > function.most
    ):
        raise EvaluationError(f"{len(arguments)} arguments")
    if not function.blanks and None in arguments:
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


def _ceiling(number: Value) -> Value:
    """Round away from zero, as CEILING does for negative numbers."""
    value = _settled(number)
    return value.to_integral_value(ROUND_CEILING if value >= 0 else ROUND_FLOOR)


def _floor(number: Value) -> Value:
    """Round toward zero, as FLOOR does for negative numbers."""
    return _settled(number).to_integral_value(ROUND_DOWN)


def _to_scale(number: Value, digits: Value, rounding: str) -> Decimal:
    # Beyond this many places a number keeps all of its digits, or loses all.
    places = _whole(digits)
    if abs(places) > _MOST_PLACES:
        return _number(number) if places > 0 else Decimal(0)
    return _number(number).scaleb(places).to_integral_value(rounding).scaleb(-places)


def _above_zero(number: Value) -> Decimal:
    if _number(number) <= 0:
        raise EvaluationError("the logarithm of a number below or equal to zero")
    return _number(number)


def _divisor(number: Value) -> Decimal:
    if _number(number) == 0:
        raise EvaluationError("a division by zero")
    return _number(number)


def _sqrt(number: Value) -> Value:
    if _number(number) < 0:
        raise EvaluationError("the root of a negative number")
    return _number(number).sqrt()


def _exp(number: Value) -> Value:
    # as_text writes all digits of a result: this limit keeps them to a few thousand.
    if abs(_number(number)) > 5_000:
        raise EvaluationError("the number is out of range")
    return _number(number).exp()


# -- text -------------------------------------------------------------------------------------


def _left(text: Value, count: Value) -> Value:
    return None if count is None else _text(text)[: max(_whole(count), 0)]


def _right(text: Value, count: Value) -> Value:
    if count is None:
        return None
    size = max(_whole(count), 0)
    return _text(text)[-size:] if size else ""


def _mid(text: Value, start: Value, count: Value) -> Value:
    if start is None or count is None:
        return None
    first = max(_whole(start), 1) - 1
    return _text(text)[first : first + max(_whole(count), 0)]


def _text_in(text: Value, locale: Value) -> str:
    # In these languages, Java turns I and i into other letters than Python.
    if _text(locale)[:2] in ("tr", "az", "lt"):
        raise EvaluationError("a language with letters of its own")
    return _text(text)


def _initcap(text: Value) -> Value:
    return re.sub(r"[^\W_]+", lambda match: match[0].capitalize(), _text(text))


def _chr(code: Value) -> Value:
    number = _whole(code)
    if not 0 < number < 0x110000:
        raise EvaluationError(f"{number} isn't a character code")
    return chr(number)


def _substitute(text: Value, old: Value, new: Value) -> Value:
    # Python would put the new text between all characters in place of an empty old one.
    return _text(text).replace(_text(old), _text(new)) if _text(old) else _text(text)


def _find(search: Value, text: Value, start: Value = Decimal(1)) -> Value:
    if start is None:
        return None
    if not _text(search) or not _text(text) or _whole(start) < 1:
        return Decimal(0)
    return Decimal(_text(text).find(_text(search), _whole(start) - 1) + 1)


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


def _contains(text: Value, search: Value) -> Value:
    if not _text(search):
        return True
    return _text(search) in _text(text) if _text(text) else None


def _begins(text: Value, search: Value) -> Value:
    if not _text(search):
        return True
    return _text(text).startswith(_text(search)) if _text(text) else None


def _includes(chosen: Value, value: Value) -> Value:
    values = chosen if isinstance(chosen, tuple) else tuple(filter(None, _text(chosen).split(";")))
    return _text(value) in values if _text(value) else not values


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


def _value(text: Value) -> Value:
    if not _text(text).strip():
        return None
    try:
        number = Decimal(_text(text).strip())
    except ArithmeticError as error:
        raise EvaluationError("a text that isn't a number") from error
    # Decimal also reads NaN and Infinity.
    if not number.is_finite():
        raise EvaluationError("a text that isn't a number")
    return number


def _isnumber(text: Value) -> Value:
    if isinstance(text, Decimal):
        return True
    return re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", _text(text)) is not None


_SAFE_ID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


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


def _date(year: Value, month: Value, day: Value) -> Value:
    try:
        return date(_whole(year), _whole(month), _whole(day))
    except (ValueError, OverflowError) as error:
        raise EvaluationError("a date that doesn't exist") from error


def _datevalue(value: Value) -> Value:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not _text(value).strip():
        return None
    # Months and days may have one digit, which `fromisoformat` rejects.
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", _text(value).strip())
    if match is None:
        raise EvaluationError("a text that isn't a date")
    return _date(*(Decimal(part) for part in match.groups()))


_MOMENT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?Z?")


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


def _unixtimestamp(value: Value) -> Value:
    if isinstance(value, time):
        return Decimal(value.hour * 3600 + value.minute * 60 + value.second)
    if isinstance(value, datetime):
        return Decimal(int(value.replace(tzinfo=UTC).timestamp()))
    return Decimal(calendar.timegm(_day(value).timetuple()))


def _fromunixtime(seconds: Value) -> Value:
    try:
        return datetime(1970, 1, 1) + timedelta(seconds=_whole(seconds))
    except OverflowError as error:
        raise EvaluationError("a date that is out of range") from error


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


def _add(left: Value, right: Value) -> Value:
    if isinstance(left, str) or isinstance(right, str):
        return as_text(left) + as_text(right)
    if left is None or right is None:
        return None
    # A number may be on either side of a date or time.
    if isinstance(left, Decimal) and not isinstance(right, Decimal):
        left, right = right, left
    return _shifted(left, _number(right))


def _subtract(left: Value, right: Value) -> Value:
    if isinstance(right, Decimal):
        return _shifted(left, -right)
    if isinstance(left, time) and isinstance(right, time):
        return Decimal((_milliseconds(left) - _milliseconds(right)) % _DAY_MS)
    if isinstance(left, datetime) and isinstance(right, datetime):
        # The difference of two moments is a number of days, with a fraction.
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


def _power(left: Value, right: Value) -> Value:
    base, exponent = _number(left), _number(right)
    if exponent == 0:
        return Decimal(1)
    # As for EXP: the digits of a larger power would fill the memory.
    if abs(exponent) > 10_000 or (base == 0 and exponent < 0) or (base < 0 and exponent % 1):
        raise EvaluationError("the number is out of range")
    return base**exponent


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


FUNCTIONS: Mapping[str, Function] = {
    "ABS": Function(lambda number: abs(_number(number)), 1, 1),
    "CEILING": Function(_ceiling, 1, 1),
    "FLOOR": Function(_floor, 1, 1),
    "MCEILING": Function(lambda number: _settled(number).to_integral_value(ROUND_CEILING), 1, 1),
    "MFLOOR": Function(lambda number: _settled(number).to_integral_value(ROUND_FLOOR), 1, 1),
    "ROUND": Function(lambda number, digits: _to_scale(number, digits, ROUND_HALF_UP), 2, 2),
    "TRUNC": Function(
        lambda number, digits=Decimal(0): _to_scale(number, digits, ROUND_DOWN), 1, 2
    ),
    # The remainder has the sign of the dividend, as `%` has for a Decimal.
    "MOD": Function(lambda number, divisor: _number(number) % _divisor(divisor), 2, 2),
    "SQRT": Function(_sqrt, 1, 1),
    "EXP": Function(_exp, 1, 1),
    "LN": Function(lambda number: _above_zero(number).ln(), 1, 1),
    "LOG": Function(lambda number: _above_zero(number).log10(), 1, 1),
    "MAX": Function(lambda *numbers: max(map(_number, numbers)), 1, None),
    "MIN": Function(lambda *numbers: min(map(_number, numbers)), 1, None),
    "PI": Function(lambda: Decimal("3.141592653589793238462643383279502884197"), 0, 0),
    "SIN": Function(lambda number: _float(math.sin, number), 1, 1),
    "COS": Function(lambda number: _float(math.cos, number), 1, 1),
    "TAN": Function(lambda number: _float(math.tan, number), 1, 1),
    "ASIN": Function(lambda number: _float(math.asin, number), 1, 1),
    "ACOS": Function(lambda number: _float(math.acos, number), 1, 1),
    "ATAN": Function(lambda number: _float(math.atan, number), 1, 1),
    "ATAN2": Function(lambda y, x: _float(math.atan2, y, x), 2, 2),
    "LEN": Function(lambda text: Decimal(len(_text(text))), 1, 1, blanks=True),
    "LEFT": Function(_left, 2, 2, blanks=True),
    "RIGHT": Function(_right, 2, 2, blanks=True),
    "MID": Function(_mid, 3, 3, blanks=True),
    "TRIM": Function(lambda text: _text(text).strip(), 1, 1, blanks=True),
    "UPPER": Function(lambda text, locale=None: _text_in(text, locale).upper(), 1, 2, blanks=True),
    "LOWER": Function(lambda text, locale=None: _text_in(text, locale).lower(), 1, 2, blanks=True),
    "INITCAP": Function(_initcap, 1, 1, blanks=True),
    "REVERSE": Function(lambda text: _text(text)[::-1], 1, 1, blanks=True),
    "ASCII": Function(lambda text: Decimal(ord(_text(text)[0])) if _text(text) else None, 1, 1),
    "CHR": Function(_chr, 1, 1),
    "SUBSTITUTE": Function(_substitute, 3, 3, blanks=True),
    "FIND": Function(_find, 2, 3, blanks=True),
    "LPAD": Function(
        lambda text, size, pad=" ": _padded(text, size, pad, at_left=True), 2, 3, blanks=True
    ),
    "RPAD": Function(
        lambda text, size, pad=" ": _padded(text, size, pad, at_left=False), 2, 3, blanks=True
    ),
    "CONTAINS": Function(_contains, 2, 2, blanks=True),
    "BEGINS": Function(_begins, 2, 2, blanks=True),
    "INCLUDES": Function(_includes, 2, 2, blanks=True),
    "ISPICKVAL": Function(lambda chosen, value: _text(chosen) == _text(value), 2, 2, blanks=True),
    "REGEX": Function(_regex, 2, 2, blanks=True),
    "TEXT": Function(as_text, 1, 1, blanks=True),
    "VALUE": Function(_value, 1, 1),
    "ISNUMBER": Function(_isnumber, 1, 1, blanks=True),
    "BR": Function(lambda: "\n", 0, 0),
    "HYPERLINK": Function(lambda address, name, target=None: _text(name), 2, 3, blanks=True),
    "CASESAFEID": Function(_casesafeid, 1, 1, blanks=True),
    "DATE": Function(_date, 3, 3),
    "DATEVALUE": Function(_datevalue, 1, 1),
    "DATETIMEVALUE": Function(_datetimevalue, 1, 1),
    "TIMEVALUE": Function(_timevalue, 1, 1),
    "YEAR": Function(lambda day: Decimal(_day(day).year), 1, 1),
    "MONTH": Function(lambda day: Decimal(_day(day).month), 1, 1),
    "DAY": Function(lambda day: Decimal(_day(day).day), 1, 1),
    # Sunday is 1 in Salesforce, and 7 in Python.
    "WEEKDAY": Function(lambda day: Decimal(_day(day).isoweekday() % 7 + 1), 1, 1),
    "DAYOFYEAR": Function(lambda day: Decimal(_day(day).timetuple().tm_yday), 1, 1),
    "ISOWEEK": Function(lambda day: Decimal(_day(_datevalue(day)).isocalendar().week), 1, 1),
    "ISOYEAR": Function(lambda day: Decimal(_day(_datevalue(day)).isocalendar().year), 1, 1),
    "HOUR": Function(lambda value: Decimal(_time(value).hour), 1, 1),
    "MINUTE": Function(lambda value: Decimal(_time(value).minute), 1, 1),
    "SECOND": Function(lambda value: Decimal(_time(value).second), 1, 1),
    "MILLISECOND": Function(lambda value: Decimal(_time(value).microsecond // 1000), 1, 1),
    "ADDMONTHS": Function(_addmonths, 2, 2),
    "UNIXTIMESTAMP": Function(_unixtimestamp, 1, 1),
    "FROMUNIXTIME": Function(_fromunixtime, 1, 1),
    "FORMATDURATION": Function(_formatduration, 1, 2),
    "+": Function(_add, 2, 2, blanks=True),
    "-": Function(_subtract, 2, 2),
    "*": Function(lambda left, right: _number(left) * _number(right), 2, 2),
    "/": Function(lambda left, right: _number(left) / _divisor(right), 2, 2),
    "^": Function(_power, 2, 2),
    "&": Function(lambda left, right: as_text(left) + as_text(right), 2, 2, blanks=True),
    "prefix -": Function(lambda number: -_number(number), 1, 1),
    "prefix +": Function(_number, 1, 1),
    "=": Function(_equal, 2, 2, blanks=True),
    "<>": Function(_different, 2, 2, blanks=True),
    "<": Function(lambda left, right: _ordered(left, right, "<"), 2, 2),
    ">": Function(lambda left, right: _ordered(left, right, ">"), 2, 2),
    "<=": Function(lambda left, right: _ordered(left, right, "<="), 2, 2),
    ">=": Function(lambda left, right: _ordered(left, right, ">="), 2, 2),
}
"""Functions by upper-case name."""
