"""Endpoints are encrypted or on loopback."""

from __future__ import annotations

import pytest

from crmdeck.connectors.http import (
    AnswerTooLargeError,
    Response,
    check_endpoint,
    retry_after,
    split_json,
)
from crmdeck.connectors.limits import Limits
from crmdeck.errors import UsageError
from crmdeck.formats import json_values


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://proxy.example/x",
        "http://127.0.0.1:8080/sf/acme",
        "http://[::1]:1",
        "http://localhost",
    ],
)
def test_good_endpoints(endpoint: str) -> None:
    assert check_endpoint(endpoint + "/") == endpoint


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ("http://example.com", "INSECURE_ENDPOINT"),
        ("http://127.0.0.1.example.com", "INSECURE_ENDPOINT"),
        ("http://10.0.0.1", "INSECURE_ENDPOINT"),
        ("ftp://localhost", "BAD_ENDPOINT"),
        ("example.com", "BAD_ENDPOINT"),
    ],
)
def test_bad_endpoints(endpoint: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_endpoint(endpoint)
    assert caught.value.code == code


def test_retry_after_is_read_in_seconds_only() -> None:
    assert retry_after(Response(429, None, {"retry-after": "7"})) == 7
    assert (
        retry_after(Response(429, None, {"Retry-After": "Wed, 01 Jan 2031 00:00:00 GMT"})) is None
    )
    assert retry_after(Response(429, None)) is None


def test_large_response_is_parsed_in_parts() -> None:
    text = rb'{"a": [1], "fields": [{"x": "\ud800"}, {"x": NaN}, {"x": 1}]}'
    found = split_json(text, "fields", Limits(), "Salesforce")
    assert isinstance(found, dict)
    assert found["a"] == [1]
    first, second, third = (json_values.record(each, "a field") for each in found["fields"])
    assert json_values.clean(first) == {"x": "\ufffd"}
    assert str(second["x"]) == "nan"
    assert third == {"x": 1}


@pytest.mark.parametrize(
    "text",
    [b"[" + b"1," * 4_000_000 + b"1]", b'{"fields": [[' + b"[]," * 500_000 + b"[]]]}"],
)
def test_response_needing_too_much_memory_is_rejected(text: bytes) -> None:
    with pytest.raises(AnswerTooLargeError):
        split_json(text, "fields", Limits(), "Salesforce")
