from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.store import Session, Store
from tests.postgres import postgres_url, ready_postgres_url

__all__ = ["postgres_url", "ready_postgres_url"]


@pytest.fixture(params=["duckdb", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a log may be: what holds of one engine has to hold of the other."""
    if request.param == "duckdb":
        return tmp_path / "cache.duckdb"
    return str(request.getfixturevalue("ready_postgres_url"))


@pytest.fixture
def store(place: Path | str) -> Iterator[Store]:
    store = Store(place)
    yield store
    store.close()


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.write() as session:
        yield session
