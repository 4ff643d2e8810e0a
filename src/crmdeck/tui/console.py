"""Starting the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.tui.app import CrmdeckApp

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace


def run_console(workspace: Workspace) -> bool:
    """Show the console over `workspace` until the user leaves; return whether for the demo."""
    settings = workspace.settings
    app = CrmdeckApp(workspace, keys=settings.keys, theme=settings.theme)
    app.run()
    return app.wants_demo
