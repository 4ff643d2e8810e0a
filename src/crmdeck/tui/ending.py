"""The terminal that goes away, and who is told to stop: the console leaves in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

SIGNALS = ("SIGHUP", "SIGTERM")


def on_ending(leave: Callable[[], object]) -> None:
    """Have `leave` called on the running event loop when the process is told to end."""
    loop = asyncio.get_running_loop()
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None:
            try:
                loop.add_signal_handler(number, leave)
            except (NotImplementedError, RuntimeError, ValueError):
                return  # Windows, or a thread that gets no signals: the system's way holds.
