"""crmdeck backup and crmdeck restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.options import ForceOption, JsonOption
from crmdeck.cli.output import emit_json, require_free, say
from crmdeck.cli.session import in_workspace
from crmdeck.text import count

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Backup file (zip).")]


@in_workspace()
def backup(
    ws: workspace.Workspace,
    file: FileArgument,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write connections, schemas, changes, decisions and audit log to one file, without secrets."""
    require_free(file, force=force)
    # A backup of nothing would be taken for one of a workspace that was meant.
    if not ws.connections.all():
        raise workspace.no_connections(ws.context, "back up")
    _report(f"Backed up to {file}:", ws.backups.write(file), as_json)


@in_workspace(demo=False, creates=True)
def restore(
    ws: workspace.Workspace,
    file: FileArgument,
    force: Annotated[
        bool, typer.Option("--force", help="Replace everything in the workspace.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Restore a whole backup, into this or another workspace."""
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
