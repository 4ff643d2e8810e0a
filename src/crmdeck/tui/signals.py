"""Signals from and to around the console: it leaves in order, and is suspended as a whole job."""

from __future__ import annotations

import asyncio
import os
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


def suspend_job() -> None:
    """Stop the whole job that the console belongs to; return once it goes on.

    The terminal has to be given back before. Textual stops its own process alone: what started
    it (`uv run`, say) would wait for it, and the shell for that. Its handler of SIGTSTP stays out
    of the way, since it stops the process once more, perhaps after the shell has continued it.
    """
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        os.killpg(0, signal.SIGTSTP)
    finally:
        signal.signal(signal.SIGTSTP, handler)


def has_job_control() -> bool:
    """Return whether a shell would go on if the console were suspended.

    False where the console leads its session: what it was started by knows no jobs.
    """
    return hasattr(os, "killpg") and os.getpgrp() != os.getsid(0)
