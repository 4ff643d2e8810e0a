"""Starting the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.tui.app import CrmdeckApp

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace


def run_console(workspace: Workspace) -> None:
    """Show the console over `workspace` until the user leaves."""
    settings = workspace.settings
    CrmdeckApp(workspace, keys=settings.keys, theme=settings.theme).run()
