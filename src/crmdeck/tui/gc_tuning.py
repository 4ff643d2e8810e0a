"""Keeps Python's garbage collector from stopping the console.

A full collection walks every object alive: with all modules imported that is thirty
milliseconds at the start, and with 50,000 rows loaded a tenth of a second in the middle of a
key press. Modules and rows hold no cycles, so there is nothing to find.
"""

from __future__ import annotations

import gc

STARTING = (50_000, 50, 1_000)
RUNNING = (2_000, 10, 1_000)


def relax() -> None:
    """Collect next to nothing while modules are imported; until `calm`."""
    gc.set_threshold(*STARTING)


def calm() -> None:
    """Set what is alive now aside for good, and make full collections rare."""
    gc.set_threshold(*RUNNING)
    gc.freeze()
