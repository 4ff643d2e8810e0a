"""Numbered SQL files that bring a cache up to date: each runs once, in one transaction."""

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
    """One numbered SQL file, and what PostgreSQL needs beside it: indexes."""

    number: int
    name: str
    sql: str
    postgresql_sql: str = ""


@cache
def shipped() -> tuple[Migration, ...]:
    """Return the migrations that this crmdeck knows, in order."""
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
    """Return the number of the last migration that the cache has seen.

    Raises CacheError where the file is a DuckDB file of somebody else's, or does not say.
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
    """Return what the table of migrations says; raise CacheDamagedError where it is empty."""
    number = database.rows("SELECT max(number) FROM schema_migration")[0][0]
    if number is None:
        raise CacheDamagedError(
            f"The cache {place} does not say which version it has. It was left untouched.",
            cause="Its table of migrations is empty.",
            remedy="Let its tables tell: crmdeck doctor --repair",
            code=VERSION_LOST,
        )
    return int(number)


def refuse_newer(version: int, newest_known: int, place: Path | str) -> None:
    """Raise CacheTooNewError where a newer crmdeck wrote the cache."""
    if version > newest_known:
        raise CacheTooNewError(
            f"The cache {place} was written by a newer crmdeck. It was left untouched.",
            cause=f"It has version {version}; this crmdeck knows versions up to {newest_known}.",
            remedy="Upgrade crmdeck, or choose another workspace with --home.",
        )


def create(path: Path, migrations: tuple[Migration, ...], at: datetime) -> None:
    """Make a new cache at `path`: it is there whole or not at all."""
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
    """Make the table that says which migrations were run."""
    database.run(
        "CREATE TABLE schema_migration "
        "(number INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
    )


def mark(database: Database, migration: Migration, at: datetime) -> None:
    """Note that a migration was run at `at`."""
    row = (migration.number, migration.name, to_utc(at).replace(tzinfo=None))
    database.insert("schema_migration", ("number", "name", "applied_at"), [row])


def apply(database: DuckDBFile, migrations: tuple[Migration, ...], at: datetime) -> None:
    """Run `migrations`, each in its own transaction."""
    for migration in migrations:
        with database.transaction():
            database.run(migration.sql)
            mark(database, migration, at)
