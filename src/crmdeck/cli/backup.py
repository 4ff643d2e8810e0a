"""crmdeck backup and crmdeck restore."""

from __future__ import annotations

from pathlib import Path

from crmdeck import workspace
from crmdeck.cli.output import emit_json, require_free, say
from crmdeck.cli.session import ChangeMode, needs
from crmdeck.text import count


def backup(ws: workspace.Workspace, file: Path, force: bool = False, as_json: bool = False) -> None:
    """Write connections, schemas, changes, decisions and audit log to one file, without secrets."""
    require_free(file, force=force)
    # A backup of nothing would be taken for one of a workspace that was meant.
    if not ws.connections.all():
        raise workspace.no_connections(ws.context, "back up")
    _report(f"Backed up to {file}:", ws.backups.write(file), as_json)


@needs(demo=False, creates=True)
def restore(ws: workspace.Workspace, mode: ChangeMode, file: Path, force: bool = False) -> None:
    """Restore a whole backup, into this or another workspace."""
    mode.carry_out(
        ws,
        lambda: ws.backups.restore(file, force=force),
        lambda made: _report("Restored", made, mode.as_json),
        # Only a forced restore replaces anything.
        lambda made: sum(made.tables.values()) if force else 0,
    )


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
