"""Two versions side by side on one database, while the tables have what the older one needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmdeck.errors import CacheTooNewError
from crmdeck.store import Store, migrations
from crmdeck.store.backup import write_backup
from crmdeck.store.migrations import Migration
from tests.store.build import START, connection

KNOWN = migrations.shipped()
NOW = KNOWN[-1].number
EXPAND = Migration(
    9001, "expand", f"-- Oldest writer: {NOW}\nALTER TABLE connection ADD COLUMN owner VARCHAR;"
)
CONTRACT = Migration(9002, "contract", "ALTER TABLE quota DROP COLUMN observed_at;")
STATEMENTS = sorted((Path(__file__).parent / "statements").glob("v*.json"))
# Functions and types of DuckDB, in its own engine and checks of its files.
DUCKDB_ONLY = ("bit_xor(", "duckdb_", "list_", "rowid")


@pytest.fixture(params=["duckdb", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "duckdb":
        return tmp_path / "cache.duckdb"
    return str(request.getfixturevalue("postgres_url"))


def put(store: Store, name: str) -> None:
    with store.write() as session:
        session.connections.put(connection(name), START, "me")


def names(store: Store) -> list[str]:
    with store.read() as session:
        return sorted(each.name for each in session.connections.all())


def test_an_older_program_works_until_its_tables_are_gone(
    place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*more: Migration) -> None:
        monkeypatch.setattr(migrations, "shipped", lambda: (*KNOWN, *more))

    old = Store(place)
    put(old, "before")
    run(EXPAND)
    new = Store(place)
    put(new, "newer")
    run()
    for store in (old, Store(place)):
        put(store, f"older {id(store)}")
        assert len(names(store)) >= 3
        store.probe()
    with pytest.raises(CacheTooNewError, match="Nothing was done"):
        write_backup(old, tmp_path / "old.zip")
    run(EXPAND)
    assert len(names(new)) == 4
    write_backup(new, tmp_path / "new.zip")

    run(EXPAND, CONTRACT)
    put(Store(place), "newest")
    run()
    for store in (old, Store(place)):
        with pytest.raises(CacheTooNewError) as caught:
            put(store, "too old")
        assert f"up to {NOW}" in (caught.value.cause or "")


@pytest.mark.parametrize("recorded", STATEMENTS, ids=lambda path: path.stem)
def test_the_newest_tables_take_the_statements_of_earlier_versions(
    place: Path | str, recorded: Path
) -> None:
    oldest = max(each.oldest_writer for each in KNOWN if each.number >= 15)
    version = int(recorded.stem.removeprefix("v"))
    if version < oldest and version != NOW - 1:
        pytest.skip("This version is locked out.")
    found = json.loads(recorded.read_text("utf-8"))
    with Store(place).write() as session:
        database = session.database
        for sql in found["statements"]:
            if isinstance(place, Path) or not any(each in sql for each in DUCKDB_ONLY):
                database.rows(f"EXPLAIN {sql}", [None] * sql.count("?"))
        required: dict[str, set[str]] = {}
        for table, column in database.rows(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND is_nullable = 'NO' "
            "AND column_default IS NULL"
        ):
            required.setdefault(table, set()).add(column)
        for table, *columns in found["inserts"]:
            assert required.get(table, set()) <= set(columns), table


def test_each_version_in_the_window_has_its_statements() -> None:
    oldest = max(each.oldest_writer for each in KNOWN if each.number >= 15)
    needed = {f"v{version:02}" for version in range(oldest, NOW)}
    assert needed <= {path.stem for path in STATEMENTS}, "python -m tests.store.record_statements"
