"""Signals: the console quits properly, and is suspended with its whole job."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

SIGNALS = ("SIGHUP", "SIGTERM")


def on_ending(leave: Callable[[], object]) -> None:
    """Call `leave` on the running event loop when a signal ends the process."""
    loop = asyncio.get_running_loop()
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None:
            try:
                loop.add_signal_handler(number, leave)
            except (NotImplementedError, RuntimeError, ValueError):
                return  # Windows, or a thread without signals: the default applies.


def suspend_job() -> None:
    """Suspend the whole job of the console; return when it continues.

    Release the terminal first. Textual would stop only its own process: its parent (`uv run`)
    would wait for it, and the shell for the parent. Textual's SIGTSTP handler is off in the
    meantime, because it stops the process again, possibly after the shell continued it.
    """
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        os.killpg(0, signal.SIGTSTP)
    finally:
        signal.signal(signal.SIGTSTP, handler)


def has_job_control() -> bool:
    """True if a shell continues when the console is suspended.

    False if the console leads its session: its parent has no job control.
    """
    return hasattr(os, "killpg") and os.getpgrp() != os.getsid(0)
