"""crmdeck backup and crmdeck restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.options import DemoOption, ForceOption, HomeOption, JsonOption
from crmdeck.cli.output import emit_json, require_free, say
from crmdeck.cli.session import open_workspace
from crmdeck.text import count

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Backup file (zip).")]


def backup(
    file: FileArgument,
    force: ForceOption = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write connections, schemas, changes, decisions and audit log to one file, without secrets.

    The format: docs/backup.md
    """
    with open_workspace(home, demo, as_json) as ws:
        require_free(file, force=force)
        if not ws.connections.all():
            raise workspace.no_connections(ws.context, "back up")
        _report(f"Backed up to {file}:", ws.backups.write(file), as_json)


def restore(
    file: FileArgument,
    home: HomeOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace everything in the workspace.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Restore a whole backup, into this or another workspace."""
    with open_workspace(home, False, as_json, creates=True) as ws:
        _report("Restored", ws.backups.restore(file, force=force), as_json)


def _report(lead: str, made: workspace.Backup, as_json: bool) -> None:
    if as_json:
        emit_json(made)
        return
    words = {
        "refresh": ("refresh", "refreshes"),
        "object_definition": ("object version", None),
        "drift_event": ("change", None),
        "decision": ("decision", None),
        "audit_entry": ("audit entry", "audit entries"),
    }
    counts = ", ".join(count(made.tables.get(table, 0), *word) for table, word in words.items())
    say(f"{lead} {counts}, as of {made.created_at}.")
