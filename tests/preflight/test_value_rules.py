"""HubSpot's property validations, against a second understanding of them.

A value that every reading of HubSpot's documentation accepts or refuses is judged. `value_rules`
takes one reading, so it must agree with each judgment.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from crmdeck.formats.hubspot_properties import parse_rules
from crmdeck.preflight.value_rules import passes
from crmdeck.preflight.values import Unknown, Value
from tests.preflight.value_rules import keeps_rule

NOW = datetime(2026, 5, 16, 12, tzinfo=UTC)
TEXTS = (
    "Acme", "acme", "ACME", "aCME", "Acme Ltd.", "acme ltd", "ACME-1", "Müller", " Acme", "Acme\t",
    "a b", "12345", "１２３", "50$", "100%", "x" * 9, "👍👍👍👍", "(42) 7", "+1 (555) 010-0199",
    "unknown", "acme.com", "www.acme.com", "acme..com", "https://acme.com", "acme.com/a b",
    "http://www.acme.com:8080/a/b?c=d", "https://user@spam.org/@acme.com", "ada@acme.com",
    "ada@mail.acme.com", "ada@spam.org", "a b@acme.com", "ada@acme", "@acme.com", "ada.acme.com",
)  # fmt: skip
NUMBERS = tuple(map(Decimal, ("-1", "0", "0.5", "2.25", "2.125", "99.99", "100", "1e3")))
DAYS = (date(2026, 5, 4), date(2026, 5, 16), date(2026, 5, 24), date(2027, 1, 1))
MOMENTS = (
    datetime(2026, 5, 4, 12), datetime(2026, 5, 4, 23, 59), datetime(2026, 5, 16, 12),
    datetime(2027, 1, 1),
)  # fmt: skip
MAY_5, JUNE_1 = "1777939200000", "1780272000000"
RULES: tuple[tuple[str, tuple[str, ...], tuple[Value, ...]], ...] = (
    ("AFTER_DATETIME_DURATION", ("P1Y",), MOMENTS),
    ("AFTER_DURATION", ("P7D",), DAYS),
    ("ALPHANUMERIC", ("NUMERIC_ONLY",), TEXTS),
    ("ALPHANUMERIC", ("ALPHA_ONLY",), TEXTS),
    ("ALPHANUMERIC", ("ALPHANUMERIC",), TEXTS),
    ("BEFORE_DATETIME_DURATION", ("P1M",), MOMENTS),
    ("BEFORE_DURATION", ("P1M",), DAYS),
    ("DAYS_OF_WEEK", ("MONDAY", "FRIDAY"), DAYS),
    ("DAYS_OF_WEEK", ("MONDAY", "FRIDAY"), MOMENTS),
    ("DECIMAL", ("2",), NUMBERS),
    ("DOMAIN", (), TEXTS),
    ("EMAIL", (), TEXTS),
    ("EMAIL_ALLOWED_DOMAINS", ("acme.com", "b.org"), TEXTS[27:]),
    ("EMAIL_BLOCKED_DOMAINS", ("spam.org",), TEXTS[27:]),
    ("END_DATE", (JUNE_1,), DAYS),
    ("END_DATETIME", (JUNE_1,), MOMENTS),
    ("FORMAT", ("UPPER",), TEXTS),
    ("FORMAT", ("LOWER",), TEXTS),
    ("FORMAT", ("CAPITALIZATION",), TEXTS),
    ("MAX_LENGTH", ("5",), TEXTS),
    ("MAX_NUMBER", ("99.99",), NUMBERS),
    ("MIN_LENGTH", ("5",), TEXTS),
    ("MIN_NUMBER", ("0",), NUMBERS),
    ("PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE", ("us",), TEXTS),
    ("REGEX", ("^[A-Z]+$", "Only capitals"), TEXTS),
    ("REGEX", ("[A-Z]+",), TEXTS),
    ("SPECIAL_CHARACTERS", ("NOT_ALLOWED",), TEXTS),
    ("START_DATE", (MAY_5,), DAYS),
    ("START_DATETIME", (MAY_5,), MOMENTS),
    ("URL", (), TEXTS),
    ("URL_ALLOWED_DOMAINS", ("acme.com",), (*TEXTS[20:27], "http://[acme.com")),
    ("URL_BLOCKED_DOMAINS", ("spam.org", "www.acme.com"), (*TEXTS[20:27], "http://[acme.com")),
    ("WHITESPACE", (), TEXTS),
    ("WHITESPACE", ("TRIM",), TEXTS),
)


def expression(kind: str, *arguments: str, **more: object) -> str:
    """Return a rule as the workspace has it after a refresh."""
    rule = {"ruleType": kind, "ruleArguments": list(arguments), **more}
    (found,) = parse_rules("deals", [{"propertyName": "x", "propertyValidationRules": [rule]}])
    return found.expression


def text_of(value: Value) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}Z"
    return str(value)


def test_a_second_reading_agrees_with_each_judgment() -> None:
    passed: set[str] = set()
    refused: set[str] = set()
    for kind, arguments, values in RULES:
        for value in values:
            answer = passes(expression(kind, *arguments), value)
            if not isinstance(answer, Unknown):
                kept = keeps_rule(kind, arguments, text_of(value), NOW)
                assert answer == kept, (kind, arguments, value)
                (passed if answer else refused).add(kind)
    kinds = {kind for kind, _, _ in RULES}
    assert len(kinds) == 27
    periods = {kind for kind in kinds if kind.endswith("DURATION")}
    assert kinds - passed == periods | {"PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE"}
    assert kinds - refused == periods | {"WHITESPACE"}


@pytest.mark.parametrize(
    "rule",
    [
        "NEW_KIND(x)",
        "START_DATETIME(x)",
        "MIN_NUMBER(x)",
        "FORMAT(x)",
        "DAYS_OF_WEEK(x)",
        "REGEX(()",
    ],
)
def test_a_rule_that_cannot_be_read_is_never_passed(rule: str) -> None:
    assert isinstance(passes(rule, "x"), Unknown)


def test_normalizing_rule_accepts_values() -> None:
    rule = expression("FORMAT", "UPPER", shouldApplyNormalization=True)
    assert passes(rule, "ACME") is True
    assert isinstance(passes(rule, "acme"), Unknown)
    assert isinstance(passes(rule, " ACME"), Unknown)
