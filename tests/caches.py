"""Caches that cost tests little: copies of one that was made, and queries run as written."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb
import pytest

from crmdeck.store import duckdb_file, duckdb_instance, migrations

_create = migrations.create
_blank = cache(migrations.blank)
_isolated = duckdb_file.isolated
_AT = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def _made(known: tuple[migrations.Migration, ...]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cache.duckdb"
        _create(path, known, _AT)
        return path.read_bytes()


def _copy(path: Path, known: tuple[migrations.Migration, ...], at: datetime) -> None:
    draft = path.with_name(path.name + ".new")
    draft.touch(mode=0o600)
    draft.write_bytes(_made(known))
    draft.replace(path)


@pytest.fixture(autouse=True)
def copied_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy each new cache of a test; how caches are made is what `tests/store` is about."""
    monkeypatch.setattr(migrations, "create", _copy)
    monkeypatch.setattr(migrations, "blank", lambda known, at: _blank(known, _AT))


@cache
def _optimizers() -> str:
    with duckdb.connect() as connection:
        names = connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
    # Without this one, a join of two tables by WHERE becomes all their pairs.
    return ",".join(name for (name,) in names if name != "filter_pushdown")


def _unoptimized(place: str) -> duckdb.DuckDBPyConnection:
    connection = _isolated(place)
    connection.execute("SET disabled_optimizers = ?", [_optimizers()])
    return connection


@pytest.fixture(autouse=True)
def plain_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let DuckDB run queries as they are written.

    To optimize a query over a few rows takes longer than to run it, and to open a console takes
    sixty queries. The tests of `tests/store` and `tests/soak` run them optimized.
    """
    monkeypatch.setattr(duckdb_instance, "isolated", _unoptimized)
