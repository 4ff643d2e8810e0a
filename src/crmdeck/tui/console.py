"""Starting the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.tui.app import CrmdeckApp

if TYPE_CHECKING:
    from crmdeck.workspace import PendingWorkspace


def run_console(opening: PendingWorkspace) -> bool:
    """Show the console over a workspace until the user leaves; return whether for the demo.

    Raises what opening the workspace raises.
    """
    app = CrmdeckApp(opening)
    app.run()
    if app.failure is not None:
        raise app.failure
    return app.wants_demo
