from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from crmdeck.errors import CacheError
from crmdeck.model import (
    AuditEntry,
    ChangeGroup,
    Connection,
    Decision,
    DriftEvent,
    ObjectFailure,
    Quota,
    SyncRun,
    WireModel,
)
from crmdeck.store import Store, migrations
from crmdeck.store.automatic_backups import AutomaticBackups
from crmdeck.store.migrations import Migration
from tests.store.build import START, connection

FIRST = migrations.shipped()
ADD = Migration(9001, "add_owner", "ALTER TABLE connection ADD COLUMN owner VARCHAR;")
FILL = Migration(9002, "fill_owner", "UPDATE connection SET owner = 'nobody';")
BROKEN = Migration(9002, "broken", "UPDATE connection SET owner = 'x'; SELECT * FROM missing;")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "cache.duckdb"
    with Store(path).write() as session:
        session.connections.put(connection(), START, "me")
    return path


def use(monkeypatch: pytest.MonkeyPatch, *more: Migration) -> None:
    monkeypatch.setattr(migrations, "shipped", lambda: (*FIRST, *more))


def owners(path: Path) -> list[tuple[object, ...]]:
    with Store(path).read() as session:
        return session.connections._database.rows("SELECT owner FROM connection")


def applied(path: Path) -> list[int]:
    with duckdb.connect(str(path), read_only=True) as raw:
        return [n for (n,) in raw.execute("SELECT number FROM schema_migration").fetchall()]


def test_migrations_are_numbered_from_one_without_a_gap() -> None:
    assert [m.number for m in FIRST] == list(range(1, len(FIRST) + 1))


def test_an_older_cache_is_copied_and_brought_up_to_date_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = path.read_bytes()
    use(monkeypatch, ADD, FILL)
    assert owners(path) == [("nobody",)]
    assert applied(path) == [m.number for m in (*FIRST, ADD, FILL)]
    backups = AutomaticBackups(path.parent / "backups")
    [copy] = backups.all()
    assert copy.version == FIRST[-1].number
    assert copy.path.read_bytes() == old

    copy.path.unlink()
    assert owners(path) == [("nobody",)]
    assert backups.all() == []


def test_a_migration_that_fails_leaves_the_last_good_version(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, ADD, BROKEN)
    with pytest.raises(CacheError):
        owners(path)
    assert applied(path) == [m.number for m in (*FIRST, ADD)]
    use(monkeypatch, ADD)
    assert owners(path) == [(None,)]
    use(monkeypatch, ADD, FILL)
    assert owners(path) == [("nobody",)]


def test_a_reader_does_not_migrate(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    use(monkeypatch, ADD)
    with pytest.raises(CacheError) as caught, Store(path, read_only=True).read():
        pass
    assert caught.value.code == "CACHE_TOO_OLD"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("table", "model"),
    [
        ("connection", Connection),
        ("sync_run", SyncRun),
        ("quota", Quota),
        ("object_failure", ObjectFailure),
        ("acknowledged_drift", DriftEvent),
        ("story", ChangeGroup),
        ("decision", Decision),
        ("audit_entry", AuditEntry),
    ],
)
def test_every_attribute_of_a_record_has_a_column(
    path: Path, table: str, model: type[WireModel]
) -> None:
    with Store(path).read() as session:
        rows = session.connections._database.rows(f"DESCRIBE {table}")
    columns = {{"organisation": "organization"}.get(row[0], row[0]) for row in rows}
    missing = set(model.model_fields) - columns
    assert not missing, "add a numbered migration with a column for each"
