"""crmdeck backup and restore: the whole history in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmdeck.cli.options import DemoOption, HomeOption, JsonOption
from crmdeck.cli.output import emit_json, say
from crmdeck.cli.session import workspace

if TYPE_CHECKING:
    from crmdeck.workspace import Backup

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, a zip.")]


def backup(
    file: FileArgument,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the whole history to one file: connections, schemas, drift, decisions, audit.

    It holds no secrets. docs/backup.md describes the format.
    """
    with workspace(home, demo, as_json) as ws:
        _tell(f"{file} holds", ws.backups.write(file), as_json)


def restore(
    file: FileArgument,
    home: HomeOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what the workspace holds, all of it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put back what a backup holds, here or in another workspace, all of it or nothing."""
    with workspace(home, False, as_json) as ws:
        _tell("Restored", ws.backups.restore(file, force=force), as_json)


def _tell(lead: str, made: Backup, as_json: bool) -> None:
    if as_json:
        emit_json(made)
        return
    words = {
        "refresh": "refreshes",
        "object_definition": "object definitions",
        "drift_event": "drift events",
        "decision": "decisions",
        "audit_entry": "audit entries",
    }
    counts = ", ".join(f"{made.tables.get(table, 0):,} {word}" for table, word in words.items())
    say(f"{lead} {counts}, as of {made.created_at}.")
