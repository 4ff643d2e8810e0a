"""crmdeck backup and restore: the whole history in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.options import DemoOption, HomeOption, JsonOption
from crmdeck.cli.output import emit_json, require_free, say
from crmdeck.cli.session import open_workspace
from crmdeck.errors import UsageError
from crmdeck.text import count

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, a zip.")]


def backup(
    file: FileArgument,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the whole history to one file: connections, schemas, drift, decisions, audit.

    It holds no secrets. docs/backup.md describes the format.
    """
    with open_workspace(home, demo, as_json) as ws:
        require_free(file, force=force)
        if not ws.connections.all():
            raise UsageError(
                f"There is nothing to back up in {ws.home}: it has no connection.",
                remedy="Name the workspace that is meant: --home, or CRMDECK_HOME.",
                code="NO_CONNECTIONS",
            )
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
    with open_workspace(home, False, as_json) as ws:
        _tell("Restored", ws.backups.restore(file, force=force), as_json)


def _tell(lead: str, made: workspace.Backup, as_json: bool) -> None:
    if as_json:
        emit_json(made)
        return
    words = {
        "refresh": ("refresh", "refreshes"),
        "object_definition": ("object definition", None),
        "drift_event": ("drift event", None),
        "decision": ("decision", None),
        "audit_entry": ("audit entry", "audit entries"),
    }
    counts = ", ".join(count(made.tables.get(table, 0), *word) for table, word in words.items())
    say(f"{lead} {counts}, as of {made.created_at}.")
