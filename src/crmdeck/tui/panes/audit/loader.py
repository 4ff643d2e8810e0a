"""What the audit pane reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.tui.panes.audit.columns import Line

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace


def read_log(workspace: Workspace, ref: str | None) -> tuple[Line, ...]:
    """Return the entries of a connection, or of all, with the names of their connections.

    For a worker.
    """
    names = {connection.id: connection.name for connection in workspace.connections.all()}
    return tuple(
        Line(entry, names.get(entry.connection_id or "", ""))
        for entry in workspace.audit.entries(ref)
    )
