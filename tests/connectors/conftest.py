"""A sandbox on loopback for the tests of the CRM sources."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crmdeck.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running
