"""A running sandbox with a clock that stands still, and plain HTTP clients into it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from crmdeck.sandbox import Sandbox

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
DATA = "/services/data/v67.0"


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **parts: float) -> None:
        self.moment += timedelta(**parts)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
def salesforce(sandbox: Sandbox) -> Iterator[httpx.Client]:
    access = sandbox.access("acme-prod")
    with client(access.endpoint, access.access_token) as opened:
        yield opened


@pytest.fixture
def hubspot(sandbox: Sandbox) -> Iterator[httpx.Client]:
    access = sandbox.access("acme-marketing")
    with client(access.endpoint, access.private_app_token) as opened:
        yield opened


def client(endpoint: str, token: str) -> httpx.Client:
    """Return a client of one organization."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=endpoint, headers=headers, timeout=5, trust_env=False)
