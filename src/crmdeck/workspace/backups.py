"""Backups: the whole history in one file, from a laptop to the team's database and back."""

from __future__ import annotations

from pathlib import Path

from crmdeck.model import WireModel
from crmdeck.store.backup import BackupSummary, restore_backup, write_backup
from crmdeck.workspace.context import Context


class Backup(WireModel):
    """What a backup holds; `tables` counts the rows of each."""

    path: str
    created_at: str
    schema_version: int
    tables: dict[str, int]


class Backups:
    """Writing the history to a file, and putting it back."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def write(self, path: Path) -> Backup:
        """Write all that the workspace holds to `path`, read it back, and say what it is.

        It is private to the user and holds no secret; a file of that name is replaced. Raises
        SourceError where it can't be written.
        """
        return _backup(path, write_backup(self._context.store, path))

    def restore(self, path: Path, *, force: bool = False) -> Backup:
        """Put what a backup holds in place of what the workspace holds; all of it or nothing.

        Raises ConflictError where the workspace is not empty, unless `force`; SourceError for a
        file that is no backup, or damaged; CacheTooNewError for one of a newer crmdeck.
        """
        context = self._context
        context.require_writable()
        return _backup(path, restore_backup(context.store, path, force=force, clock=context.clock))


def _backup(path: Path, summary: BackupSummary) -> Backup:
    return Backup(
        path=str(path),
        created_at=summary.created_at,
        schema_version=summary.schema_version,
        tables=summary.rows,
    )
