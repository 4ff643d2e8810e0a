"""New caches as copies of one that was made: the migrations take most of a test's start."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from crmdeck.store import migrations

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


@pytest.fixture(autouse=True)
def copied_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy each new cache of a test; how caches are made is what `tests/store` is about."""
    monkeypatch.setattr(migrations, "create", _copy)
    monkeypatch.setattr(migrations, "blank", lambda known, at: _blank(known, _AT))
