"""Endpoints are encrypted or on loopback."""

from __future__ import annotations

import pytest

from crmdeck.connectors.http import Reply, check_endpoint, retry_after
from crmdeck.errors import UsageError


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
    assert retry_after(Reply(429, None, {"retry-after": "7"})) == 7
    assert retry_after(Reply(429, None, {"Retry-After": "Wed, 01 Jan 2031 00:00:00 GMT"})) is None
    assert retry_after(Reply(429, None)) is None
