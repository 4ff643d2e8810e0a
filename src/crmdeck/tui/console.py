"""Start the console."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from crmdeck.tui.app import CrmdeckApp

if TYPE_CHECKING:
    from crmdeck.workspace import PendingWorkspace


SWITCH_INTERVAL = 0.001
"""Seconds until a worker gives the interpreter to the event loop.

Users feel Python's 5 ms: a key takes dozens of steps, and each can wait that long.
"""


def run_console(opening: PendingWorkspace) -> bool:
    """Run the console until the user quits. True if the user asked for the demo.

    Raises the error of opening the workspace, or the exception that stopped the console.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = CrmdeckApp(opening)
    app.run()
    if app.host.failure is not None:
        raise app.host.failure
    if app.bug is not None:
        raise app.bug
    return app.host.wants_demo
