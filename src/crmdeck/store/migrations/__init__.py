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


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file, and its indexes for PostgreSQL."""

    number: int
    name: str
    sql: str
    postgresql_sql: str = ""


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
        return told_version(database, path)
    except duckdb.CatalogException as error:
        raise CacheError(
            f"{path} is a DuckDB file, but not a cache of crmdeck. It was left untouched.",
            remedy="Choose another workspace with --home, or move the file away.",
        ) from error


def told_version(database: Database, place: Path | str) -> int:
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


def refuse_newer(version: int, newest_known: int, place: Path | str) -> None:
    """Raise CacheTooNewError if a newer crmdeck wrote the cache."""
    if version > newest_known:
        raise CacheTooNewError(
            f"A newer crmdeck wrote the cache {place}. It was left untouched.",
            cause=f"The cache has version {version}; this crmdeck supports versions up to "
            f"{newest_known}.",
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
    draft.replace(path)


def begin(database: Database) -> None:
    """Create the table of migrations."""
    database.run(
        "CREATE TABLE schema_migration "
        "(number INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
    )


def mark(database: Database, migration: Migration, at: datetime) -> None:
    """Record that a migration ran at `at`."""
    row = (migration.number, migration.name, to_utc(at).replace(tzinfo=None))
    database.insert("schema_migration", ("number", "name", "applied_at"), [row])


def apply(database: DuckDBFile, migrations: tuple[Migration, ...], at: datetime) -> None:
    """Run `migrations`, each in its own transaction."""
    for migration in migrations:
        with database.transaction():
            database.run(migration.sql)
            mark(database, migration, at)
