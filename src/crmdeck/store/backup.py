"""A workspace's history in one file, the same for both engines: a zip of JSON lines with digests.

The docs describe the format: change both together.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import IO, Any

from crmdeck.clock import Clock
from crmdeck.errors import (
    CacheError,
    CacheTooNewError,
    ConflictError,
    NotFoundError,
    SourceError,
    one_line,
)
from crmdeck.files import open_regular
from crmdeck.model import format_utc
from crmdeck.store import migrations
from crmdeck.store.audit import ENTRIES
from crmdeck.store.chain import rehashed
from crmdeck.store.database import Database, Row, quote
from crmdeck.store.duckdb_file import DuckDBFile, wording_failures
from crmdeck.store.store import Store
from crmdeck.store.tables import OUTSIDE, Column, count_on, tables_of

FORMAT = "crmdeck-backup"
FORMAT_VERSION = 1
_MANIFEST = "manifest.json"

# The information schema hides tables and columns that this user can't read; the catalog has all.
_ALL_COLUMNS = """
    SELECT relname, attname
    FROM pg_catalog.pg_attribute
    JOIN pg_catalog.pg_class ON attrelid = pg_class.oid
    JOIN pg_catalog.pg_namespace ON relnamespace = pg_namespace.oid
    WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped AND nspname = current_schema()"""

# Rows that are checked, parsed and written at a time.
_CHUNK = 5_000
_MOST_MANIFEST_BYTES = 1_000_000
_LONGEST_LINE = 64 * 1024 * 1024


@dataclass(frozen=True)
class BackupSummary:
    """The contents of a backup: the version of its tables, and the number of rows of each."""

    schema_version: int
    created_at: str
    rows: dict[str, int]


def write_backup(store: Store, path: Path) -> BackupSummary:
    """Write the whole history to `path`, and read it back.

    The file is private to the user, and complete or absent. Raises SourceError if it can't be
    written, or if this user can't read all of the history.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with store.read() as session:
                migrations.refuse_other_version(session.database, store.place)
                _refuse_partial(session.database, path)
                _write(file, session.database, format_utc(store.now()))
            file.flush()
            # Sync before the rename: after a power loss, the name must not lead to an empty file.
            os.fsync(file.fileno())
        summary = check_backup(draft)
        draft.replace(path)
    except OSError as error:
        raise SourceError(
            f"Can't write the backup {path}.",
            cause=f"{os.strerror(error.errno)}." if error.errno else str(error),
            remedy="Choose another folder, or free some space.",
            code="BACKUP_NOT_WRITTEN",
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink()
    return summary


def check_backup(path: Path) -> BackupSummary:
    """Check every digest of a backup, and return its contents.

    Raises SourceError for a file that isn't a valid backup, CacheTooNewError for a backup of a
    newer crmdeck.
    """
    with _opened(path) as archive:
        manifest = _manifest(archive, path)
        for name, known in manifest["tables"].items():
            digest, rows = hashlib.sha256(), 0
            with archive.open(_member(name)) as lines:
                for line in _lines(lines, path):
                    digest.update(line)
                    rows += 1
            if (digest.hexdigest(), rows) != (known["sha256"], known["rows"]):
                raise damaged_backup(path, f"{_member(name)} doesn't match the manifest.")
    return BackupSummary(
        manifest["schemaVersion"],
        manifest["createdAt"],
        {name: known["rows"] for name, known in manifest["tables"].items()},
    )


def restore_backup(store: Store, path: Path, *, force: bool, clock: Clock) -> BackupSummary:
    """Replace the history by that of a backup or of a DuckDB copy, as a whole or not at all.

    Raises ConflictError if the workspace isn't empty and `force` is False, and what
    `check_backup` raises.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = _archived(path, Path(folder)) if _is_duckdb(path) else path
        summary = check_backup(archive)
        if summary.schema_version < migrations.newest(migrations.shipped()):
            # Migrations know how to upgrade a cache, and there are none for archives.
            cache = Path(folder, "old.duckdb")
            _unpack(archive, summary.schema_version, cache, clock())
            archive = Path(folder, "current.zip")
            write_backup(Store(cache, clock=clock), archive)
        _restore(store, archive, force)
    return summary


def unpack_backup(path: Path, cache: Path, at: datetime) -> None:
    """Create the DuckDB file `cache` from a backup, with each time moved as if it ended at `at`.

    Vendors' dates inside definitions stay, because hashes of their texts identify definitions.
    Raises what `check_backup` raises.
    """
    summary = check_backup(path)
    moved = at - datetime.fromisoformat(summary.created_at)
    _unpack(path, summary.schema_version, cache, at, moved)


def _is_duckdb(path: Path) -> bool:
    with suppress(OSError), open_regular(path) as file:
        return file.read(12)[8:] == b"DUCK"
    return False


def _archived(path: Path, folder: Path) -> Path:
    """Return the contents of a DuckDB file as a backup archive."""
    archive = folder / "copy.zip"
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        file = DuckDBFile.open(path, read_only=True)
        try:
            with wording_failures(path), archive.open("wb") as target:
                _write(target, file, format_utc(written))
        finally:
            file.close()
    except CacheTooNewError:
        raise
    except CacheError as error:
        raise damaged_backup(path, error.cause or error.message) from error
    return archive


def _refuse_partial(database: Database, path: Path) -> None:
    """Raise SourceError if the database hides a part of the history from this user."""
    seen = {
        (table, column.name) for table, columns in tables_of(database).items() for column in columns
    }
    hidden = sorted(
        {
            table
            for table, column in database.rows(_ALL_COLUMNS)
            if table not in OUTSIDE and (table, column) not in seen
        }
    )
    if hidden:
        raise SourceError(
            f"Backup {path} not written: {', '.join(hidden)} would be missing.",
            cause="This database user can't read all of the history.",
            remedy="Use another user, or grant access: GRANT SELECT ON ALL TABLES IN SCHEMA ... "
            "TO ...",
            code="BACKUP_NOT_ALLOWED",
        )


def _write(file: IO[bytes], database: Database, created_at: str) -> None:
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "schemaVersion": database.rows("SELECT max(number) FROM schema_migration")[0][0],
        "createdAt": created_at,
        "tables": {},
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for table, columns in tables_of(database).items():
            digest, count = hashlib.sha256(), 0
            names = [quote(column.name) for column in columns]
            # Tables without an order of events are sorted by all columns, so that a history is
            # always written in the same way.
            order = '"seq"' if '"seq"' in names else ", ".join(names)
            sql = f"SELECT {', '.join(names)} FROM {quote(table)} ORDER BY {order}"
            # An archive can't know the size of a member before it is written; without zip64, one
            # above 2 GiB would fail at its end.
            with archive.open(_member(table), "w", force_zip64=True) as member:
                for row in database.rows(sql):
                    values = {
                        column.name: column.to_json(value)
                        for column, value in zip(columns, row, strict=True)
                    }
                    line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
                    digest.update(line)
                    member.write(line)
                    count += 1
            manifest["tables"][table] = {"rows": count, "sha256": digest.hexdigest()}
        with archive.open(_MANIFEST, "w") as member:
            member.write(json.dumps(manifest, indent=2).encode())


def _restore(store: Store, path: Path, force: bool) -> None:
    # In one transaction: a backup that fails halfway leaves the old history.
    with store.write() as session:
        database = session.database
        migrations.refuse_other_version(database, store.place)
        tables = tables_of(database)
        full = [name for name in tables if database.rows(f"SELECT 1 FROM {quote(name)} LIMIT 1")]
        if full and not force:
            raise ConflictError(
                f"The workspace at {store.place} isn't empty. Nothing was restored.",
                remedy=(
                    "Restore into another workspace with --home, or replace all contents "
                    "with --force."
                ),
                code="WORKSPACE_NOT_EMPTY",
            )
        for name in full:
            database.run(f"DELETE FROM {quote(name)}")
        session.settlements.clear()
        _load(database, path, tables)


def _unpack(
    path: Path, version: int, cache: Path, at: datetime, moved: timedelta = timedelta(0)
) -> None:
    """Create the DuckDB file `cache` with tables of a `version`, and load a backup into it."""
    known = migrations.up_to(version, f"the backup {path}", "Nothing was restored.")
    migrations.create(cache, known, at)
    file = DuckDBFile.open(cache)
    try:
        with file.transaction():
            _load(file, path, tables_of(file), moved)
    finally:
        file.close()


def _load(
    database: Database,
    path: Path,
    tables: dict[str, list[Column]],
    moved: timedelta = timedelta(0),
) -> None:
    last = 0
    with _opened(path) as archive:
        for name in _manifest(archive, path)["tables"]:
            if name not in tables:
                raise damaged_backup(path, f"Table {name!r} doesn't exist in a workspace.")
            columns = tables[name]
            names = [column.name for column in columns]
            chunks = _rows(archive, path, name, columns)
            if moved:
                chunks = (
                    [
                        tuple(v + moved if isinstance(v, datetime) else v for v in row)
                        for row in rows
                    ]
                    for rows in chunks
                )
                # The hashes cover the times.
                if name == ENTRIES.name and "hash" in names:
                    chunks = iter([list(rehashed(chain.from_iterable(chunks), names))])
            for rows in chunks:
                database.insert(name, names, rows)
                if "seq" in names:
                    last = max(last, *(row[names.index("seq")] for row in rows))
    count_on(database, last)


def _lines(member: IO[bytes], path: Path) -> Iterator[bytes]:
    """Yield lines, none longer than a row can be: an archive may unpack to any size."""
    while line := member.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise damaged_backup(path, "A row is larger than crmdeck ever writes.")
        yield line


def _rows(
    archive: zipfile.ZipFile, path: Path, name: str, columns: Sequence[Column]
) -> Iterator[list[Row]]:
    rows: list[Row] = []
    with archive.open(_member(name)) as lines:
        for number, line in enumerate(_lines(lines, path), 1):
            try:
                values = json.loads(line)
                if values.keys() != {column.name for column in columns}:
                    raise ValueError("unexpected columns")
                rows.append(tuple(column.from_json(values[column.name]) for column in columns))
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                raise damaged_backup(path, f"{_member(name)}, line {number}: {error}.") from error
            if len(rows) == _CHUNK:
                yield rows
                rows = []
    if rows:
        yield rows


def _member(table: str) -> str:
    return f"tables/{table}.jsonl"


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except FileNotFoundError as error:
        raise NotFoundError(
            f"No backup at {path}.", remedy="Enter an existing file.", code="BACKUP_UNREADABLE"
        ) from error
    except OSError as error:
        raise SourceError(
            f"Can't read the backup {path}.",
            cause=f"{error.strerror or error}.",
            code="BACKUP_UNREADABLE",
        ) from error
    except UnicodeDecodeError as error:
        raise damaged_backup(path, "A file name in the archive isn't text.") from error
    # An encrypted archive raises RuntimeError, one with impossible numbers ValueError.
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        KeyError,
        OverflowError,
        RuntimeError,
        ValueError,
    ) as error:
        raise damaged_backup(path, f"{one_line(str(error))}.") from error


def _manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    if archive.getinfo(_MANIFEST).file_size > _MOST_MANIFEST_BYTES:
        raise damaged_backup(path, "The manifest is too large.")
    try:
        manifest = json.loads(archive.read(_MANIFEST))
        if manifest["format"] != FORMAT:
            raise ValueError("not a crmdeck backup")
        version, schema = manifest["formatVersion"], manifest["schemaVersion"]
        tables = {
            str(name): {"rows": int(known["rows"]), "sha256": str(known["sha256"])}
            for name, known in manifest["tables"].items()
        }
        migrations.up_to(int(schema), f"the backup {path}", "Nothing was restored.")
        if int(version) != FORMAT_VERSION:
            raise ValueError(f"its format has version {version}")
        return {
            "schemaVersion": int(schema),
            "createdAt": str(manifest["createdAt"]),
            "tables": tables,
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged_backup(path, f"The manifest is invalid: {error}.") from error


def damaged_backup(path: Path, cause: str) -> SourceError:
    return SourceError(
        f"{path} isn't a crmdeck backup, or is damaged. Nothing was restored.",
        cause=cause,
        remedy="Use another backup.",
        code="BACKUP_DAMAGED",
    )
