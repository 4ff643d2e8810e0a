"""Caches that cost tests little: copies of one that was made, in DuckDBs that many tests share."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb
import pytest

from crmdeck.store import duckdb_instance, migrations

_create = migrations.create
_blank = cache(migrations.blank)
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


# By process, because a DuckDB's threads don't exist in the child of a fork.
_idle: dict[int, list[duckdb.DuckDBPyConnection]] = {}


def _lent(place: str) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB without an attached file: to start one takes 14 ms."""
    idle = _idle.setdefault(os.getpid(), [])
    whole = idle.pop() if idle else _unoptimized()
    lent = whole.cursor()
    if lent.execute("SELECT 1 FROM duckdb_databases() WHERE database_name = 'cache'").fetchall():
        # Its last user left the file open.
        return _lent(place)
    weakref.finalize(lent, idle.append, whole)
    return lent


def _unoptimized() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    names = connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
    # Without this one, a join of two tables by WHERE becomes all their pairs.
    disabled = ",".join(name for (name,) in names if name != "filter_pushdown")
    connection.execute("SET disabled_optimizers = ?", [disabled])
    return connection


@pytest.fixture(autouse=True)
def copied_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy each new cache of a test; how caches are made is what `tests/store` is about."""
    monkeypatch.setattr(migrations, "create", _copy)
    monkeypatch.setattr(migrations, "blank", lambda known, at: _blank(known, _AT))


@pytest.fixture(autouse=True, scope="module")
def plain_plans() -> Iterator[None]:
    """Run queries as they are written, in a DuckDB that many tests use.

    To optimize a query over a few rows takes longer than to run it, and to open a console takes
    sixty queries. The tests of `tests/store` and `tests/soak` run them optimized.
    """
    # For a whole module, because its own fixtures make workspaces too.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb_instance, "isolated", _lent)
        yield
