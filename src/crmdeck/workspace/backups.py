"""Backups: the whole history in one file."""

from __future__ import annotations

from pathlib import Path

from crmdeck.model import WireModel
from crmdeck.store.backup import BackupSummary, damaged_backup, restore_backup, write_backup
from crmdeck.store.integrity import CHECKS
from crmdeck.workspace.context import Context


class Backup(WireModel):
    """The contents of a backup; `tables` has the number of rows of each."""

    path: str
    created_at: str
    schema_version: int
    tables: dict[str, int]


class Backups:
    """Back up and restore the history."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def write(self, path: Path) -> Backup:
        """Write the history to `path`, read it back, and return its contents.

        The file is private to the user and contains no secrets; an existing file is replaced.
        Raises SourceError if it can't be written.
        """
        return _backup(path, write_backup(self._context.store, path))

    def restore(self, path: Path, *, force: bool = False) -> Backup:
        """Replace the history by that of a backup whose parts match, as a whole or not at all.

        Raises ConflictError if the workspace isn't empty and `force` is False, SourceError for a
        file that isn't a valid backup, CacheTooNewError for a backup of a newer crmdeck.
        """
        context = self._context
        # Check first, because reading the backup can take minutes.
        context.require_writable()
        with context.store.write() as session:
            summary = restore_backup(context.store, path, force=force, clock=context.clock)
            for check in CHECKS.values():
                for damage in check(session.database).damage:
                    raise damaged_backup(path, damage.found)
        return _backup(path, summary)


def _backup(path: Path, summary: BackupSummary) -> Backup:
    return Backup(
        path=str(path),
        created_at=summary.created_at,
        schema_version=summary.schema_version,
        tables=summary.rows,
    )
