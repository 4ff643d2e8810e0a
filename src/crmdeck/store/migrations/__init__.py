"""Numbered SQL files that upgrade a cache: each runs once, in one transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path

from crmdeck.errors import CacheDamagedError, CacheError, CacheTooNewError
from crmdeck.model import to_utc
from crmdeck.store.database import Database
from crmdeck.store.duckdb_file import DuckDBFile, make_private, wal_of

VERSION_LOST = "CACHE_VERSION_LOST"

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
# The first line of a migration that older programs can live with: "-- Oldest writer: 15".
_WINDOW = re.compile(r"-- Oldest writer: (\d+)\n")
_FIRST_WITH_WINDOW = 15


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file, and its indexes for PostgreSQL."""

    number: int
    name: str
    sql: str
    postgresql_sql: str = ""

    @property
    def oldest_writer(self) -> int:
        """The version of the oldest program that can still write after it; by default its own."""
        named = _WINDOW.match(self.sql)
        return int(named[1]) if named else self.number


@cache
def shipped() -> tuple[Migration, ...]:
    """Return the migrations of this crmdeck, in order."""
    found = []
    folder = resources.files(__name__)
    for entry in folder.iterdir():
        if match := _NAME.fullmatch(entry.name):
            beside = folder.joinpath(f"{match[1]}_{match[2]}.postgresql.sql")
            found.append(
                Migration(
                    int(match[1]),
                    match[2],
                    entry.read_text("utf-8"),
                    beside.read_text("utf-8") if beside.is_file() else "",
                )
            )
    return tuple(sorted(found, key=lambda migration: migration.number))


def newest(migrations: tuple[Migration, ...]) -> int:
    """Return the number of the last migration."""
    return max(migration.number for migration in migrations)


def version_of(database: Database, path: Path) -> int:
    """Return the number of the cache's last migration.

    Raises CacheError if the DuckDB file belongs to another program, or has no version.
    """
    import duckdb

    try:
        return stored_version(database, path)
    except duckdb.CatalogException as error:
        raise CacheError(
            f"{path} is a DuckDB file, but not a cache of crmdeck. It was left untouched.",
            remedy="Choose another workspace with --home, or move the file away.",
        ) from error


def stored_version(database: Database, place: Path | str) -> int:
    """Return the version in the table of migrations; raises CacheDamagedError if it is empty."""
    number = database.rows("SELECT max(number) FROM schema_migration")[0][0]
    if number is None:
        raise CacheDamagedError(
            f"The cache {place} has no version. It was left untouched.",
            cause="The table of migrations is empty.",
            remedy="Detect the version from its tables: crmdeck doctor --repair",
            code=VERSION_LOST,
        )
    return int(number)


def refuse_newer(database: Database, version: int, place: Path | str) -> None:
    """Raise CacheTooNewError if a newer crmdeck's tables leave no room for this one."""
    newest_known = newest(shipped())
    if version <= newest_known:
        return
    oldest = database.rows("SELECT max(coalesce(oldest_writer, number)) FROM schema_migration")
    if oldest[0][0] > newest_known:
        raise too_new(f"the cache {place}", "It was left untouched.", version)


def refuse_other_version(database: Database, place: Path | str) -> None:
    """Raise CacheTooNewError if the tables are newer than this crmdeck, even if it can write."""
    version = stored_version(database, place)
    if version > newest(shipped()):
        raise too_new(f"the cache {place}", "Nothing was done.", version)


def too_new(what: str, untouched: str, version: int) -> CacheTooNewError:
    """Return the error for something that a newer crmdeck wrote."""
    return CacheTooNewError(
        f"A newer crmdeck wrote {what}. {untouched}",
        cause=f"The version is {version}. This crmdeck supports versions up to "
        f"{newest(shipped())}.",
        remedy="Upgrade crmdeck, or choose another workspace with --home.",
    )


def create(path: Path, migrations: tuple[Migration, ...], at: datetime) -> None:
    """Create a new cache at `path`, complete or not at all."""
    draft = path.with_name(path.name + ".new")
    for leftover in (draft, wal_of(draft)):
        leftover.unlink(missing_ok=True)
    database = DuckDBFile.open(draft)
    make_private(draft)
    try:
        with database.transaction():
            begin(database)
        apply(database, migrations, at)
    finally:
        database.close()
    # Only now does the cache exist: a process that dies before leaves a draft.
    draft.replace(path)


def blank(migrations: tuple[Migration, ...], at: datetime) -> DuckDBFile:
    """Return the empty tables of a new cache, in memory."""
    database = DuckDBFile.open(Path(":memory:"))
    begin(database)
    apply(database, migrations, at)
    return database


def begin(database: Database) -> None:
    """Create the table of migrations."""
    database.run(
        "CREATE TABLE schema_migration "
        "(number INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
    )


def mark(database: Database, migration: Migration, at: datetime) -> None:
    """Record that a migration ran at `at`."""
    row = (migration.number, migration.name, to_utc(at).replace(tzinfo=None))
    columns = ("number", "name", "applied_at")
    if migration.number < _FIRST_WITH_WINDOW:
        database.insert("schema_migration", columns, [row])
    else:
        row_with_window = (*row, migration.oldest_writer)
        database.insert("schema_migration", (*columns, "oldest_writer"), [row_with_window])


def apply(database: DuckDBFile, migrations: tuple[Migration, ...], at: datetime) -> None:
    """Run `migrations`, each in its own transaction."""
    for migration in migrations:
        with database.transaction():
            database.run(migration.sql)
            mark(database, migration, at)
