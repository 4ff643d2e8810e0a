"""Starting the console."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from crmdeck.tui.app import CrmdeckApp

if TYPE_CHECKING:
    from crmdeck.workspace import PendingWorkspace


SWITCH_INTERVAL = 0.001
"""Seconds after which a worker lets the event loop have the interpreter; Python's 5 ms are felt,
since a key takes dozens of steps, each of which may wait as long."""


def run_console(opening: PendingWorkspace) -> bool:
    """Show the console over a workspace until the user leaves; return whether for the demo.

    Raises what opening the workspace raises, and what ended the console though it should not have.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = CrmdeckApp(opening)
    app.run()
    if app.failure is not None:
        raise app.failure
    if app.bug is not None:
        raise app.bug
    return app.wants_demo
