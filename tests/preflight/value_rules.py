"""HubSpot's property validations, written a second time for the comparison with preflight.

Source: HubSpot API reference, "Property validations". If it leaves a choice, such as whether a
rule about a domain covers its subdomains, this module takes one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_ALPHABETS = {"NUMERIC_ONLY": str.isdigit, "ALPHA_ONLY": str.isalpha, "ALPHANUMERIC": str.isalnum}
_CASES = {"UPPER": str.upper, "LOWER": str.lower, "CAPITALIZATION": str.title}
_EMAIL = re.compile(r"[^\s@]+@([\w-]+\.)+\w{2,}")
_DOMAIN = re.compile(r"([\w-]+\.)+\w{2,}")
_URL = re.compile(r"(https?://)?([\w-]+\.)+\w{2,}(:\d+)?(/\S*)?")
_PHONE = re.compile(r"\+?[\d ().-]{7,20}")
_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")


def keeps_rule(kind: str, arguments: Sequence[str], value: str, now: datetime) -> bool:
    """True if a value that isn't blank passes a rule. Raises ValueError for an unknown kind."""
    first = arguments[0] if arguments else ""
    match kind:
        case "MIN_NUMBER" | "MAX_NUMBER":
            number, limit = float(value), float(first)
            return number >= limit if kind == "MIN_NUMBER" else number <= limit
        case "MIN_LENGTH":
            return len(value) >= int(first)
        case "MAX_LENGTH":
            return len(value) <= int(first)
        case "DECIMAL":
            # Trailing zeros do not count: 1.50 has one decimal place.
            return len(value.partition(".")[2].rstrip("0")) <= int(first)
        case "REGEX":
            return re.fullmatch(first, value) is not None
        case "ALPHANUMERIC":
            return all(map(_ALPHABETS[first], value))
        case "FORMAT":
            return value == _CASES[first](value)
        case "SPECIAL_CHARACTERS":
            return all(char.isalnum() or char == " " for char in value)
        case "WHITESPACE":
            return value == (value.strip() if first == "TRIM" else re.sub(r"\s", "", value))
        case "EMAIL":
            return _EMAIL.fullmatch(value) is not None
        case "DOMAIN":
            return _DOMAIN.fullmatch(value) is not None
        case "URL":
            return _URL.fullmatch(value) is not None
        case "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE":
            return _PHONE.fullmatch(value) is not None
        case "EMAIL_ALLOWED_DOMAINS" | "URL_ALLOWED_DOMAINS":
            return _is_under(_host(value), arguments)
        case "EMAIL_BLOCKED_DOMAINS" | "URL_BLOCKED_DOMAINS":
            return not _is_under(_host(value), arguments)
        case _:
            return _keeps_dates(kind, arguments, _moment(value), now)


def _keeps_dates(kind: str, arguments: Sequence[str], value: datetime, now: datetime) -> bool:
    match kind:
        case "START_DATE" | "START_DATETIME":
            return value >= _moment(arguments[0])
        case "END_DATE" | "END_DATETIME":
            return value <= _moment(arguments[0])
        case "DAYS_OF_WEEK":
            return f"{value:%A}".upper() in arguments
        case "AFTER_DURATION" | "AFTER_DATETIME_DURATION":
            return value.date() >= now.date() + _period(arguments[0])
        case "BEFORE_DURATION" | "BEFORE_DATETIME_DURATION":
            return value.date() <= now.date() - _period(arguments[0])
    raise ValueError(f"unknown rule {kind}")


def _moment(text: str) -> datetime:
    if re.fullmatch(r"-?\d{10,14}", text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _period(text: str) -> timedelta:
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} isn't a period of days")
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    return timedelta(days=365 * years + 30 * months + 7 * weeks + days)


def _host(address: str) -> str:
    """Return the host of a URL or an email address."""
    start = re.split(r"[/?#]", address.lower().partition("://")[2] or address.lower())[0]
    return start.rpartition("@")[2].partition(":")[0]


def _is_under(host: str, domains: Sequence[str]) -> bool:
    return any(host == each or host.endswith(f".{each}") for each in domains)
