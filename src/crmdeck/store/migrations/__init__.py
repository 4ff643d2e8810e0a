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
TOO_OLD = "CACHE_TOO_OLD"

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
# The first line of a migration that older programs can live with: "-- Oldest writer: 18".
_WINDOW = re.compile(r"-- Oldest writer: (\d+)\n")


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
            f"{path} is a DuckDB file, but not a crmdeck cache. It was left untouched.",
            remedy="Choose another workspace with --home, or move the file away.",
        ) from error


def stored_version(database: Database, place: Path | str) -> int:
    """Return the version in the table of migrations; raises CacheDamagedError if it is empty."""
    number = database.rows("SELECT max(number) FROM schema_migration")[0][0]
    if number is None:
        raise CacheDamagedError(
            f"The cache at {place} has no version. It was left untouched.",
            cause="The table of migrations is empty.",
            remedy="Detect the version from its tables: crmdeck doctor --repair",
            code=VERSION_LOST,
        )
    return int(number)


def reject_unknown(database: Database, version: int, place: Path | str) -> None:
    """Raise CacheError if this crmdeck can neither use nor upgrade tables of a version."""
    newest_known = newest(shipped())
    if version > newest_known:
        oldest = database.rows("SELECT max(oldest_writer) FROM schema_migration")[0][0]
        if oldest <= newest_known:
            return
    if version:
        up_to(version, f"the cache at {place}", "It was left untouched.")


def refuse_other_version(database: Database, place: Path | str) -> None:
    """Raise CacheTooNewError if the tables are newer than this crmdeck, even if it can write."""
    version = stored_version(database, place)
    if version > newest(shipped()):
        up_to(version, f"the cache at {place}", "Nothing was done.")


def up_to(version: int, what: str, untouched: str) -> tuple[Migration, ...]:
    """Return the migrations up to `version`, which `what` has.

    Raises CacheError if this crmdeck doesn't have that version.
    """
    known = shipped()
    if version > newest(known):
        raise CacheTooNewError(
            f"A newer crmdeck wrote {what}. {untouched}",
            cause=f"The version is {version}. This crmdeck supports versions up to "
            f"{newest(known)}.",
            remedy="Upgrade crmdeck, or choose another workspace with --home.",
        )
    if version < known[0].number:
        # No release wrote it.
        raise CacheError(
            f"This crmdeck needs version {known[0].number} of {what}, which has version {version}.",
            remedy="Choose another workspace with --home.",
            code=TOO_OLD,
        )
    return tuple(each for each in known if each.number <= version)


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
        "(number INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL, "
        # The version of the oldest crmdeck that can still write.
        "oldest_writer INTEGER NOT NULL)"
    )


def mark(database: Database, migration: Migration, at: datetime) -> None:
    """Record that a migration ran at `at`."""
    applied_at = to_utc(at).replace(tzinfo=None)
    row = (migration.number, migration.name, applied_at, migration.oldest_writer)
    database.insert("schema_migration", ("number", "name", "applied_at", "oldest_writer"), [row])


def apply(database: DuckDBFile, migrations: tuple[Migration, ...], at: datetime) -> None:
    """Run `migrations`, each in its own transaction."""
    for migration in migrations:
        with database.transaction():
            database.run(migration.sql)
            mark(database, migration, at)
