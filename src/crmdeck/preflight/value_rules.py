"""HubSpot's property validations: what each kind requires of a value.

Source: HubSpot API reference, "Property validations", which has 27 kinds but defines some of them
only in part. A value is judged if each reading of a definition agrees about it, else unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from crmdeck.preflight.functions import matches
from crmdeck.preflight.values import EvaluationError, Unknown, Value, as_text
from crmdeck.text import split_url

Passes = bool | Unknown

_RULE = re.compile(r"([A-Z_]+)(?:\((.*?)\))?( after normalization)?", re.DOTALL)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}\.)+[A-Za-z]{{2,63}}"
# Values that every reading of the definitions accepts.
_CLEAR_EMAIL = re.compile(rf"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@{_HOST}", re.ASCII)
_CLEAR_DOMAIN = re.compile(_HOST, re.ASCII)
_CLEAR_URL = re.compile(rf"https?://{_HOST}(?::\d{{1,5}})?(?:/[\w./~%+?&=-]*)?", re.ASCII)
_DAYS = (
    "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"
)  # fmt: skip


def passes(expression: str, value: Value) -> Passes:
    """True if a value passes a rule such as `MIN_NUMBER(0)`; unknown for other kinds."""
    match = _RULE.fullmatch(expression)
    judge = _KINDS.get(match[1]) if match is not None else None
    if match is None or judge is None:
        return Unknown((f"the rule {expression}",))
    try:
        answer = judge(value, match[2] or "")
        text = as_text(value)
    except (ArithmeticError, ValueError, TypeError) as error:
        reason = str(error) if isinstance(error, EvaluationError) else expression
        return Unknown((f"the rule {reason}",))
    # HubSpot may change such a value before it checks it, in ways that aren't documented.
    if match[3] and (answer is False or text != text.strip()):
        return Unknown((f"how HubSpot normalizes a value before {match[1]}",))
    return answer


def _clear(*, good: bool, bad: bool, needs: str) -> Passes:
    if good or bad:
        return good
    return Unknown((needs,))


# -- numbers and lengths --------------------------------------------------------------------------


def _number(value: Value) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(as_text(value))


def _length(value: Value, fits: Callable[[int], bool]) -> Passes:
    text = as_text(value)
    # An emoji is one character in Python, and two in Java and JavaScript.
    counts = {len(text), len(text.encode("utf-16-le", "surrogatepass")) // 2}
    answers = {fits(count) for count in counts}
    return answers.pop() if len(answers) == 1 else Unknown(("how HubSpot counts emoji",))


# -- dates ----------------------------------------------------------------------------------------


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


def _weekday(value: Value, names: str) -> Passes:
    allowed = _list(names)
    if not allowed or not allowed <= set(_DAYS):
        return Unknown((f"the rule DAYS_OF_WEEK({names})",))
    days = {_day(value)}
    if isinstance(value, datetime):
        # A moment is on one of these days in any time zone.
        days = {(value + timedelta(hours=hours)).date() for hours in (-12, 0, 14)}
    answers = {_DAYS[day.weekday()] in allowed for day in days}
    return answers.pop() if len(answers) == 1 else Unknown(("the time zone of the account",))


def _period(kind: str) -> Callable[[Value, str], Passes]:
    needs = f"whether {kind} is the first or the last allowed date"
    return lambda value, period: Unknown((needs,))


# -- texts ----------------------------------------------------------------------------------------


def _alphanumeric(value: Value, kind: str) -> Passes:
    text = as_text(value)
    allowed = {
        "NUMERIC_ONLY": str.isdigit,
        "ALPHA_ONLY": str.isalpha,
        "ALPHANUMERIC": str.isalnum,
    }.get(kind)
    if allowed is None:
        return Unknown((f"the rule ALPHANUMERIC({kind})",))
    plain = [char for char in text if char.isascii() and char != " "]
    fits = all(map(allowed, plain))
    return _clear(
        good=fits and len(plain) == len(text),
        bad=not fits,
        needs=f"whether {kind} allows spaces, and letters such as é",
    )


def _case(value: Value, kind: str) -> Passes:
    text = as_text(value)
    if kind in ("UPPER", "LOWER"):
        return text == (text.upper() if kind == "UPPER" else text.lower())
    if kind != "CAPITALIZATION":
        return Unknown((f"the rule FORMAT({kind})",))
    first = text.lstrip()[:1]
    return _clear(
        good=text.isalpha() and text == text.capitalize(),
        bad=first != first.upper(),
        needs="which letters of a name CAPITALIZATION requires",
    )


def _special(value: Value, kind: str) -> Passes:
    text = as_text(value)
    return _clear(
        good=kind == "NOT_ALLOWED" and text.isascii() and text.isalnum(),
        bad=kind == "NOT_ALLOWED" and ("$" in text or "%" in text),
        needs="which characters HubSpot calls special",
    )


def _whitespace(value: Value, kind: str) -> Passes:
    text = as_text(value)
    clean = text == text.strip() if kind == "TRIM" else not re.search(r"\s", text)
    good = clean and kind in ("", "ALL", "TRIM")
    return _clear(good=good, bad=False, needs="whether HubSpot rejects or removes the spaces")


def _regex(value: Value, pattern: str) -> Passes:
    text = as_text(value)
    return _clear(
        good=matches(pattern, text, whole=True),
        bad=not matches(pattern, text, whole=False),
        needs=f"whether {pattern} must match the whole value",
    )


def _email(value: Value, _: str) -> Passes:
    text = as_text(value)
    name, at, host = text.strip().rpartition("@")
    return _clear(
        good=_CLEAR_EMAIL.fullmatch(text) is not None and len(name) <= 64 and len(text) <= 254,
        bad=not (name and at and host) or ".." in host or bool(re.search(r"\s", text.strip())),
        needs="what HubSpot calls an email address",
    )


def _domain(value: Value, _: str) -> Passes:
    text = as_text(value)
    return _clear(
        good=_CLEAR_DOMAIN.fullmatch(text) is not None and len(text) <= 253,
        bad=re.search(r"\s|@|\.\.", text.strip()) is not None,
        needs="what HubSpot calls a domain",
    )


def _url(value: Value, _: str) -> Passes:
    text = as_text(value)
    return _clear(
        good=_CLEAR_URL.fullmatch(text) is not None,
        bad=re.search(r"\s", text.strip()) is not None or not re.search("[.:]", text),
        needs="what HubSpot calls a URL",
    )


def _phone(value: Value, country: str) -> Passes:
    needs = f"the phone numbers of {country.upper() or 'each country'}"
    return _clear(good=False, bad=not re.search(r"\d", as_text(value)), needs=needs)


def _list(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _host_of(value: Value) -> str:
    text = as_text(value).strip().lower()
    return split_url(text if "://" in text else f"//{text}").hostname or ""


def _mail_host_of(value: Value) -> str:
    return as_text(value).strip().lower().rpartition("@")[2]


def _is_listed(host: str, domains: str) -> Passes:
    known = _list(domains.lower())
    near = any(host.endswith(f".{each}") or each.endswith(f".{host}") for each in known)
    listed = host in known
    return _clear(good=listed, bad=not near, needs=f"whether a rule for {domains} covers {host}")


def _allowed(host_of: Callable[[Value], str]) -> Callable[[Value, str], Passes]:
    return lambda value, domains: _is_listed(host_of(value), domains)


def _blocked(host_of: Callable[[Value], str]) -> Callable[[Value, str], Passes]:
    def judge(value: Value, domains: str) -> Passes:
        listed = _is_listed(host_of(value), domains)
        return listed if isinstance(listed, Unknown) else not listed

    return judge


_KINDS: Mapping[str, Callable[[Value, str], Passes]] = {
    "AFTER_DATETIME_DURATION": _period("AFTER_DATETIME_DURATION"),
    "AFTER_DURATION": _period("AFTER_DURATION"),
    "ALPHANUMERIC": _alphanumeric,
    "BEFORE_DATETIME_DURATION": _period("BEFORE_DATETIME_DURATION"),
    "BEFORE_DURATION": _period("BEFORE_DURATION"),
    "DAYS_OF_WEEK": _weekday,
    "DECIMAL": lambda value, most: _number(value) == round(_number(value), int(most)),
    "DOMAIN": _domain,
    "EMAIL": _email,
    "EMAIL_ALLOWED_DOMAINS": _allowed(_mail_host_of),
    "EMAIL_BLOCKED_DOMAINS": _blocked(_mail_host_of),
    "END_DATE": lambda value, last: _day(value) <= _limit(last),
    "END_DATETIME": lambda value, last: _moment(value) <= _moment(last),
    "FORMAT": _case,
    "MAX_LENGTH": lambda value, most: _length(value, lambda count: count <= int(most)),
    "MAX_NUMBER": lambda value, most: _number(value) <= Decimal(most),
    "MIN_LENGTH": lambda value, least: _length(value, lambda count: count >= int(least)),
    "MIN_NUMBER": lambda value, least: _number(value) >= Decimal(least),
    "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE": _phone,
    "REGEX": _regex,
    "SPECIAL_CHARACTERS": _special,
    "START_DATE": lambda value, first: _day(value) >= _limit(first),
    "START_DATETIME": lambda value, first: _moment(value) >= _moment(first),
    "URL": _url,
    "URL_ALLOWED_DOMAINS": _allowed(_host_of),
    "URL_BLOCKED_DOMAINS": _blocked(_host_of),
    "WHITESPACE": _whitespace,
}
