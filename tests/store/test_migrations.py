"""The machinery of migrations, with a pair of made-up versions on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmdeck.clock import utc_now
from crmdeck.errors import CacheError, CacheTooNewError
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
from crmdeck.store.backup import restore_backup, write_backup
from crmdeck.store.migrations import Migration
from tests.store.build import START, connection

KNOWN = migrations.shipped()
NOW = KNOWN[-1].number
EXPAND = Migration(
    9001, "expand", f"-- Oldest writer: {NOW}\nALTER TABLE connection ADD COLUMN owner VARCHAR;"
)
CONTRACT = Migration(9002, "contract", "ALTER TABLE quota DROP COLUMN observed_at;")
BROKEN = Migration(9002, "broken", "UPDATE connection SET owner = 'x'; SELECT * FROM missing;")


@pytest.fixture(params=["duckdb", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "duckdb":
        return tmp_path / "cache.duckdb"
    return str(request.getfixturevalue("postgres_url"))


def use(monkeypatch: pytest.MonkeyPatch, *known: Migration) -> None:
    monkeypatch.setattr(migrations, "shipped", lambda: known)


def put(store: Store, name: str) -> None:
    with store.write() as session:
        session.connections.put(connection(name), START, "me")


def names(store: Store) -> list[str]:
    with store.read() as session:
        return sorted(each.name for each in session.connections.all())


def applied(store: Store) -> list[int]:
    with store.read() as session:
        rows = session.database.rows("SELECT number FROM schema_migration ORDER BY number")
    return [number for (number,) in rows]


def test_older_crmdeck_works_until_its_tables_go(
    place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Store(place)
    put(old, "before")
    write_backup(old, tmp_path / "before.zip")
    use(monkeypatch, *KNOWN, EXPAND)
    new = Store(place)
    put(new, "newer")
    use(monkeypatch, *KNOWN)
    for store in (old, Store(place)):
        put(store, f"older-{id(store)}")
        assert len(names(store)) >= 3
        store.probe()
    with pytest.raises(CacheTooNewError, match="Nothing was done"):
        write_backup(old, tmp_path / "old.zip")
    use(monkeypatch, *KNOWN, EXPAND)
    assert len(names(new)) == 4
    write_backup(new, tmp_path / "new.zip")
    restore_backup(new, tmp_path / "before.zip", force=True, clock=utc_now)
    assert names(new) == ["before"]

    use(monkeypatch, *KNOWN, EXPAND, CONTRACT)
    put(Store(place), "newest")
    use(monkeypatch, *KNOWN)
    for store in (old, Store(place)):
        with pytest.raises(CacheTooNewError) as caught:
            put(store, "too old")
        assert f"up to {NOW}" in (caught.value.cause or "")


def test_failed_migration_leaves_last_good_version(
    place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(Store(place), "acme")
    use(monkeypatch, *KNOWN, EXPAND)
    with pytest.raises(CacheError) as caught:
        names(Store(place, read_only=True))
    assert caught.value.code == "CACHE_TOO_OLD"
    use(monkeypatch, *KNOWN, EXPAND, BROKEN)
    with pytest.raises(CacheError):
        names(Store(place))
    use(monkeypatch, *KNOWN, EXPAND)
    assert applied(Store(place)) == [NOW, 9001]
    assert names(Store(place)) == ["acme"]


def test_workspace_of_another_number_is_rejected(
    place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(place)
    put(store, "acme")
    file = tmp_path / "acme.zip"
    write_backup(store, file)
    use(monkeypatch, Migration(NOW + 1, "baseline", KNOWN[0].sql, KNOWN[0].postgresql_sql))
    rejected = f"needs version {NOW + 1} .* has version {NOW}"
    for again in (store, Store(place)):
        with pytest.raises(CacheError, match=rejected):
            put(again, "beta")
    with pytest.raises(CacheError, match=rejected):
        names(Store(place, read_only=True))
    with pytest.raises(CacheError, match=f"needs version {NOW + 1} of the backup"):
        restore_backup(Store(tmp_path / "new"), file, force=False, clock=utc_now)
    use(monkeypatch, *KNOWN)
    assert names(Store(place)) == ["acme"]


def test_upgrade_keeps_copy_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cache.duckdb"
    put(Store(path), "acme")
    old = path.read_bytes()
    use(monkeypatch, *KNOWN, EXPAND)
    for _ in range(2):
        assert names(Store(path)) == ["acme"]
        [copy] = AutomaticBackups(tmp_path / "backups").all()
        assert copy.version == NOW
        assert copy.path.read_bytes() == old


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
def test_each_attribute_has_a_column(tmp_path: Path, table: str, model: type[WireModel]) -> None:
    with Store(tmp_path / "new.duckdb").read() as session:
        columns = {row[0] for row in session.database.rows(f"DESCRIBE {table}")}
    assert not set(model.model_fields) - columns
